/*
 * wheel.c - the hierarchical timer wheel. See wheel.h for the contract.
 *
 * Level 0 has one slot for each of the next 256 ticks; a slot of level n stands for 256^n ticks and is spread
 * over the lower levels when the wheel turns into it. An instant is rounded up to a tick, so that no timer
 * fires early. A bitmap per level finds the next busy slot without looking at empty ones.
 */
#include "base/wheel.h"

#include <stddef.h>

#include "base/check.h"

#define SLOT_BITS 8u
#define LEVEL_DUE WHEEL_LEVELS /* timers on the due list */

static uint64_t tick_of(struct instant at)
{
	return at.us / WHEEL_TICK_US + (at.us % WHEEL_TICK_US != 0);
}

static void list_reset(struct timer *list)
{
	list->next = list;
	list->prev = list;
}

static bool list_is_empty(const struct timer *list)
{
	return list->next == list;
}

static void list_append(struct timer *list, struct timer *t)
{
	t->prev = list->prev;
	t->next = list;
	list->prev->next = t;
	list->prev = t;
}

void wheel_init(struct wheel *w, struct instant now)
{
	w->tick = now.us / WHEEL_TICK_US;
	w->count = 0;
	list_reset(&w->due);
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
			list_reset(&w->slots[level][slot]);
		for (unsigned word = 0; word < WHEEL_SLOTS / 64; word++)
			w->busy[level][word] = 0;
	}
}

static void wheel_place(struct wheel *w, struct timer *t)
{
	uint64_t due = tick_of(t->at);
	if (due <= w->tick) {
		t->level = LEVEL_DUE;
		list_append(&w->due, t);
		return;
	}
	uint64_t distance = due - w->tick;
	unsigned level = 0;
	while (level < WHEEL_LEVELS - 1 && distance >= (uint64_t)1 << (SLOT_BITS * (level + 1)))
		level++;
	uint64_t farthest = ((uint64_t)1 << (SLOT_BITS * WHEEL_LEVELS)) - 1;
	if (distance > farthest)
		due = w->tick + farthest; /* waits there and is placed anew */
	unsigned slot = (unsigned)(due >> (SLOT_BITS * level)) & (WHEEL_SLOTS - 1);
	t->level = (uint16_t)level;
	t->slot = (uint16_t)slot;
	list_append(&w->slots[level][slot], t);
	w->busy[level][slot / 64] |= (uint64_t)1 << (slot % 64);
}

/* Takes a timer off its list, keeping the count. */
static void wheel_unlink(struct wheel *w, struct timer *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
	if (t->level < WHEEL_LEVELS && list_is_empty(&w->slots[t->level][t->slot]))
		w->busy[t->level][t->slot / 64] &= ~((uint64_t)1 << (t->slot % 64));
}

void wheel_stop(struct wheel *w, struct timer *t)
{
	if (!timer_is_set(t))
		return;
	wheel_unlink(w, t);
	w->count--;
}

void wheel_set(struct wheel *w, struct timer *t, struct instant at)
{
	wheel_stop(w, t);
	if (at.us == UINT64_MAX)
		return;
	t->at = at;
	w->count++;
	wheel_place(w, t);
}

/* Spreads one slot over the levels below (or onto the due list). */
static void wheel_spread(struct wheel *w, unsigned level, unsigned slot)
{
	struct timer *list = &w->slots[level][slot];
	struct timer moved;
	if (list_is_empty(list))
		return;
	moved.next = list->next; /* detach first: a timer may be placed into the same slot again */
	moved.prev = list->prev;
	moved.next->prev = &moved;
	moved.prev->next = &moved;
	list_reset(list);
	w->busy[level][slot / 64] &= ~((uint64_t)1 << (slot % 64));
	while (!list_is_empty(&moved)) {
		struct timer *t = moved.next;
		moved.next = t->next;
		t->next->prev = &moved;
		wheel_place(w, t);
	}
}

/* Index of the first busy slot of a level strictly after `from`, or WHEEL_SLOTS. */
static unsigned busy_after(const struct wheel *w, unsigned level, unsigned from)
{
	for (unsigned slot = from + 1; slot < WHEEL_SLOTS; slot = (slot / 64 + 1) * 64) {
		uint64_t word = w->busy[level][slot / 64] >> (slot % 64);
		if (word != 0)
			return slot + (unsigned)__builtin_ctzll(word);
	}
	return WHEEL_SLOTS;
}

static bool any_busy(const struct wheel *w, unsigned level)
{
	uint64_t any = 0;
	for (unsigned word = 0; word < WHEEL_SLOTS / 64; word++)
		any |= w->busy[level][word];
	return any != 0;
}

/* The next tick at which a slot has to be looked at; UINT64_MAX when the wheel is empty. A slot of level n is
 * looked at when the ticks below it are all zero; a busy slot at or before the present index is a turn away. */
static uint64_t next_stop(const struct wheel *w)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		if (!any_busy(w, level))
			continue;
		unsigned shift = SLOT_BITS * level;
		unsigned index = (unsigned)(w->tick >> shift) & (WHEEL_SLOTS - 1);
		unsigned slot = busy_after(w, level, index);
		uint64_t base = w->tick >> (shift + SLOT_BITS) << (shift + SLOT_BITS);
		/* At WHEEL_SLOTS this is the turn's end. No level above has to be looked at sooner: its next slot
		 * begins there or later. */
		return base + ((uint64_t)slot << shift);
	}
	return UINT64_MAX;
}

/* Turns the wheel to `tick`, spreading every slot it comes into, upper levels first. */
static void wheel_turn(struct wheel *w, uint64_t tick)
{
	w->tick = tick;
	for (unsigned level = WHEEL_LEVELS; level > 0; level--) {
		unsigned shift = SLOT_BITS * (level - 1);
		if ((tick & (((uint64_t)1 << shift) - 1)) == 0)
			wheel_spread(w, level - 1, (unsigned)(tick >> shift) & (WHEEL_SLOTS - 1));
	}
}

struct timer *wheel_pop(struct wheel *w, struct instant now)
{
	uint64_t until = now.us / WHEEL_TICK_US;
	while (list_is_empty(&w->due) && w->tick < until) {
		uint64_t stop = next_stop(w);
		if (stop > until) {
			w->tick = until;
			break;
		}
		wheel_turn(w, stop);
	}
	if (list_is_empty(&w->due))
		return NULL;
	struct timer *t = w->due.next;
	wheel_stop(w, t);
	return t;
}

struct instant wheel_deadline(const struct wheel *w)
{
	if (!list_is_empty(&w->due))
		return (struct instant){ .us = w->tick * WHEEL_TICK_US };
	uint64_t stop = next_stop(w);
	if (stop == UINT64_MAX)
		return INSTANT_NEVER;
	return (struct instant){ .us = stop * WHEEL_TICK_US };
}
