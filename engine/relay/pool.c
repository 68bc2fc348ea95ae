/*
 * pool.c - idle next legs and waiting sessions, by group key.
 *
 * A session that wants a next leg gets the most recently used idle one of its group, else a new one as long as the group
 * may have more, else a place in the group's line. Who comes back from a transaction goes to the first in line. A leg
 * is handed over in its own visit (pool_serve), so that no chain of refusals can recurse.
 */
#include "relay/relay_int.h"

static struct group **bucket_of(struct relay *r, uint64_t key)
{
	return &r->buckets[(key ^ key >> 32) & (r->bucket_count - 1)];
}

static struct group *group_find(struct relay *r, uint64_t key)
{
	struct group *g = *bucket_of(r, key);
	while (g != NULL && g->key != key)
		g = g->same_bucket;
	return g;
}

struct group *pool_group(struct relay *r, uint64_t key)
{
	struct group *g = group_find(r, key);
	if (g != NULL)
		return g;
	g = slab_take(&r->groups);
	if (g == NULL)
		return NULL;
	struct group **bucket = bucket_of(r, key);
	g->key = key;
	g->same_bucket = *bucket;
	*bucket = g;
	return g;
}

static void group_free_if_empty(struct relay *r, struct group *g)
{
	if (g->nexts > 0 || g->line != NULL)
		return;
	struct group **at = bucket_of(r, g->key);
	while (*at != g)
		at = &(*at)->same_bucket;
	*at = g->same_bucket;
	slab_give(&r->groups, g);
}

/* ---- idle legs ---- */

static void idle_push(struct group *g, struct next *x)
{
	x->idle_before = NULL;
	x->idle_behind = g->idle;
	if (g->idle != NULL)
		g->idle->idle_before = x;
	g->idle = x;
}

static void idle_remove(struct group *g, struct next *x)
{
	if (x->idle_before == NULL && g->idle != x)
		return; /* not in the list */
	if (x->idle_before != NULL)
		x->idle_before->idle_behind = x->idle_behind;
	else
		g->idle = x->idle_behind;
	if (x->idle_behind != NULL)
		x->idle_behind->idle_before = x->idle_before;
	x->idle_before = NULL;
	x->idle_behind = NULL;
}

/* An idle leg that is still alive, as far as we know. */
static struct next *idle_usable(struct group *g)
{
	struct next *x = g->idle;
	while (x != NULL && (x->phase != NEXT_IDLE || x->leg.eof || x->leg.closed))
		x = x->idle_behind;
	return x;
}

static void hand_over(struct relay *r, struct near *n, struct next *x)
{
	idle_remove(x->group, x);
	x->phase = NEXT_BUSY;
	x->near = slab_handle(&r->nears, n);
	session_next_ready(r, n, x);
	visit_next(r, x);
}

/* ---- the line ---- */

static void line_append(struct group *g, struct near *n)
{
	struct transaction *t = n->t;
	t->waiting = true;
	t->line_behind = NULL;
	t->line_before = g->line_end;
	if (g->line_end != NULL)
		g->line_end->t->line_behind = n;
	else
		g->line = n;
	g->line_end = n;
}

static void line_remove(struct group *g, struct near *n)
{
	struct transaction *t = n->t;
	if (t->line_before != NULL)
		t->line_before->t->line_behind = t->line_behind;
	else
		g->line = t->line_behind;
	if (t->line_behind != NULL)
		t->line_behind->t->line_before = t->line_before;
	else
		g->line_end = t->line_before;
	t->waiting = false;
	t->line_before = NULL;
	t->line_behind = NULL;
}

void pool_leave_line(struct relay *r, struct near *n)
{
	if (!n->t->waiting)
		return;
	struct group *g = group_find(r, n->t->group_key);
	CHECK(g != NULL);
	line_remove(g, n);
	group_free_if_empty(r, g);
}

/* No leg is free for anybody: the idle legs of other groups make room for the next one who asks. */
static void evict_some(struct relay *r)
{
	uint32_t slot = 0;
	struct next *x;
	for (uint32_t i = 0; i < 64 && (x = slab_next(&r->nexts, &slot)) != NULL; i++)
		if (x->phase == NEXT_IDLE)
			next_quit(r, x);
}

/* ---- the verbs ---- */

void pool_want(struct relay *r, struct near *n)
{
	struct group *g = pool_group(r, n->t->group_key);
	CHECK(g != NULL); /* as many groups as legs and sessions together */
	struct next *x = n->t->attempt.fresh ? NULL : idle_usable(g);
	if (x != NULL) {
		count(r, RELAY_NEXT_REUSED);
		hand_over(r, n, x);
		return;
	}
	if (g->nexts < r->config.settings->limits.next_connections_max) {
		if (r->nexts.used == r->nexts.count)
			evict_some(r);
		next_open(r, n);
		g = group_find(r, n->t != NULL ? n->t->group_key : 0);
		if (g != NULL)
			group_free_if_empty(r, g);
		return;
	}
	count(r, RELAY_NEXT_WAITS);
	line_append(g, n);
}

void pool_give(struct relay *r, struct next *x)
{
	if (r->draining && x->group->line == NULL) {
		next_quit(r, x);
		return;
	}
	x->phase = NEXT_IDLE;
	x->near = HANDLE_NONE;
	x->deadline = instant_add(r->now, r->config.settings->limits.next_idle_seconds * SECOND_US);
	idle_push(x->group, x);
	visit_next(r, x);
}

void pool_serve(struct relay *r, struct next *x)
{
	struct group *g = x->group;
	struct near *n = g->line;
	if (n == NULL || x->leg.eof || x->leg.closed)
		return;
	line_remove(g, n);
	count(r, RELAY_NEXT_REUSED);
	hand_over(r, n, x);
}

void pool_forget(struct relay *r, struct next *x)
{
	struct group *g = x->group;
	idle_remove(g, x);
	x->group = NULL;
	g->nexts--;
	struct near *n = g->line;
	if (n != NULL) {
		line_remove(g, n);
		g->nexts++; /* keeps the group while the leg's place is passed on */
		next_open(r, n);
		g->nexts--;
	}
	group_free_if_empty(r, g);
}
