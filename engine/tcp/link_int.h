/*
 * link_int.h - intrusive FIFO lists, linked both ways so that a dying connection leaves whichever
 * list it stands in without knowing which.
 */
#ifndef WEIR_TCP_LINK_INT_H
#define WEIR_TCP_LINK_INT_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *next; /* NULL: in no list */
	struct link *prev;
};

/* The object of type `type` whose member `member` is at `at`. */
#define OBJECT_OF(at, type, member) ((type *)((char *)(at) - offsetof(type, member)))

static inline void link_init(struct link *list)
{
	list->next = list->prev = list;
}

static inline bool link_empty(const struct link *list)
{
	return list->next == list;
}

static inline bool link_is_in(const struct link *l)
{
	return l->next != NULL;
}

static inline void link_push(struct link *list, struct link *l)
{
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}

static inline void link_remove(struct link *l)
{
	if (!link_is_in(l))
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->next = l->prev = NULL;
}

/* The first of a list that is not empty. */
static inline struct link *link_first(const struct link *list)
{
	return list->next;
}

#endif
