/*
 * neigh.c - see neigh_int.h.
 */
#include "tcp/neigh_int.h"

#include "tcp/stack_int.h"

void neigh_init(struct neighbours *t, struct neigh *entries, uint16_t *buckets)
{
	*t = (struct neighbours){ .entries = entries, .buckets = buckets };
	for (uint32_t i = TCP_NEIGHBOURS_MAX; i > 0; i--) {
		entries[i - 1].next = t->free;
		entries[i - 1].timer.kind = STACK_TIMER_NEIGH;
		link_init(&entries[i - 1].waiting);
		t->free = (uint16_t)i;
	}
}

/* VLANs that share addresses share buckets: rare, and the lists are short. */
static uint16_t *bucket_of(const struct tcp_stack *s, struct ip_addr addr)
{
	uint64_t hash = siphash(s->config.secret, span_of(addr.bytes, ip_addr_bytes(addr)));
	return &s->neighbours.buckets[hash & (NEIGH_BUCKETS - 1)];
}

static struct neigh *neigh_find(const struct tcp_stack *s, uint16_t vlan, struct ip_addr addr)
{
	for (uint16_t at = *bucket_of(s, addr); at != 0;) {
		struct neigh *n = &s->neighbours.entries[at - 1];
		if (n->vlan == vlan && ip_addr_equal(n->addr, addr))
			return n;
		at = n->next;
	}
	return NULL;
}

static void set_state(struct tcp_stack *s, struct neigh *n, enum neigh_state state)
{
	if (n->state == NEIGH_UNRESOLVED)
		s->neighbours.unresolved--;
	if (state == NEIGH_UNRESOLVED)
		s->neighbours.unresolved++;
	n->state = (uint8_t)state;
}

static uint16_t slot_of(const struct tcp_stack *s, const struct neigh *n)
{
	return (uint16_t)(n - s->neighbours.entries);
}

/* Takes the entry out of its bucket and gives it back. Nobody waits for it any more. */
static void neigh_give(struct tcp_stack *s, struct neigh *n)
{
	CHECK(link_empty(&n->waiting));
	uint16_t number = (uint16_t)(slot_of(s, n) + 1);
	uint16_t *at = bucket_of(s, n->addr);
	while (*at != number)
		at = &s->neighbours.entries[*at - 1].next;
	*at = n->next;
	wheel_stop(&s->wheel, &n->timer);
	set_state(s, n, NEIGH_FREE);
	n->generation++;
	n->next = s->neighbours.free;
	s->neighbours.free = number;
	s->neighbours.used--;
}

/* A resolved entry that nobody has used for a while; the hand goes round, so it is not always the
 * same. */
static bool evict_one(struct tcp_stack *s, struct instant now)
{
	struct neighbours *t = &s->neighbours;
	struct neigh *second_best = NULL;
	for (unsigned i = 0; i < TCP_NEIGHBOURS_UNRESOLVED_MAX + 64; i++) {
		struct neigh *n = &t->entries[t->hand];
		t->hand = (uint16_t)((t->hand + 1) % TCP_NEIGHBOURS_MAX);
		if (n->state != NEIGH_FRESH)
			continue;
		if (second_best == NULL)
			second_best = n;
		if (instant_reached(n->fresh_until, now)) {
			neigh_give(s, n);
			return true;
		}
	}
	if (second_best == NULL)
		return false;
	neigh_give(s, second_best);
	return true;
}

static struct neigh *neigh_take(struct tcp_stack *s, uint16_t vlan, struct ip_addr addr,
                                struct instant now)
{
	struct neighbours *t = &s->neighbours;
	if (t->free == 0 && !evict_one(s, now))
		return NULL;
	struct neigh *n = &t->entries[t->free - 1];
	t->free = n->next;
	t->used++;
	n->vlan = vlan;
	n->addr = addr;
	n->tries = 0;
	uint16_t *bucket = bucket_of(s, addr);
	n->next = *bucket;
	*bucket = (uint16_t)(slot_of(s, n) + 1);
	return n;
}

static void ask(struct tcp_stack *s, struct neigh *n, struct instant now)
{
	n->tries++;
	host_solicit(s, n->vlan, n->addr, n->state == NEIGH_PROBED ? n->mac : NULL, now);
	wheel_set(&s->wheel, &n->timer, instant_add(now, TCP_NEIGHBOUR_RETRY_US));
}

static struct neigh *begin_resolving(struct tcp_stack *s, uint16_t vlan, struct ip_addr addr,
                                     struct instant now)
{
	if (s->neighbours.unresolved >= TCP_NEIGHBOURS_UNRESOLVED_MAX)
		return NULL;
	struct neigh *n = neigh_take(s, vlan, addr, now);
	if (n == NULL)
		return NULL;
	set_state(s, n, NEIGH_UNRESOLVED);
	ask(s, n, now);
	return n;
}

/* The entry this connection used last, if it still is that neighbour's. */
static struct neigh *remembered(const struct tcp_stack *s, const struct conn *c)
{
	struct neigh *n = &s->neighbours.entries[c->neigh_slot];
	bool same = n->state != NEIGH_FREE && n->generation + 1 == c->neigh_generation;
	return same ? n : NULL;
}

static struct neigh *neigh_of(struct tcp_stack *s, struct conn *c, struct instant now)
{
	struct neigh *n = remembered(s, c);
	if (n != NULL)
		return n;
	struct ip_addr hop;
	uint8_t local;
	uint16_t vlan = stack_vlan(s, c->local);
	if (!route_find(s, vlan, c->remote, &hop, &local))
		return NULL;
	n = neigh_find(s, vlan, hop);
	if (n == NULL)
		n = begin_resolving(s, vlan, hop, now);
	if (n == NULL) {
		stack_drop(s, TCP_DROP_NEIGHBOUR_FULL);
		return NULL;
	}
	c->neigh_slot = slot_of(s, n);
	c->neigh_generation = n->generation + 1; /* so that zeroed memory remembers nobody */
	return n;
}

/* Without a neighbour the timer is what comes back to a connection. */
static void fall_back_on_timer(struct tcp_stack *s, struct conn *c, struct instant now)
{
	link_remove(&c->output);
	if (c->timer_kind != CONN_TIMER_NONE && c->timer_kind != CONN_TIMER_KEEPALIVE)
		return;
	c->rto_at = instant_add(now, c->rtt.timeout_us);
	conn_timer_set(s, c, CONN_TIMER_RETRANSMIT, c->rto_at);
}

const uint8_t *neigh_use(struct tcp_stack *s, struct conn *c, struct instant now)
{
	struct neigh *n = neigh_of(s, c, now);
	if (n == NULL) {
		fall_back_on_timer(s, c, now);
		return NULL;
	}
	if (n->state == NEIGH_UNRESOLVED) {
		link_remove(&c->output);
		link_push(&n->waiting, &c->output);
		return NULL;
	}
	if (n->state == NEIGH_FRESH && instant_reached(n->fresh_until, now)) {
		set_state(s, n, NEIGH_PROBED);
		n->tries = 0;
		ask(s, n, now);
	}
	return n->mac;
}

const uint8_t *neigh_peek(struct tcp_stack *s, const struct conn *c)
{
	struct neigh *n = remembered(s, c);
	return n != NULL && n->state != NEIGH_UNRESOLVED ? n->mac : NULL;
}

static void freshen(struct tcp_stack *s, struct neigh *n, struct instant now)
{
	if (n->state != NEIGH_FRESH)
		wheel_stop(&s->wheel, &n->timer);
	set_state(s, n, NEIGH_FRESH);
	n->fresh_until = instant_add(now, TCP_NEIGHBOUR_FRESH_US);
	while (!link_empty(&n->waiting)) {
		struct link *l = link_first(&n->waiting);
		link_remove(l);
		link_push(&s->ready, l);
	}
}

void neigh_learn(struct tcp_stack *s, uint16_t vlan, struct ip_addr addr, const uint8_t *mac,
                 bool create, bool replace, struct instant now)
{
	struct neigh *n = neigh_find(s, vlan, addr);
	bool known = n != NULL && n->state != NEIGH_UNRESOLVED;
	if (n == NULL && create)
		n = neigh_take(s, vlan, addr, now);
	if (n == NULL)
		return;
	bool same = known && span_equal(span_of(n->mac, 6), span_of(mac, 6));
	if (known && !same && !replace)
		return; /* RFC 4861 7.2.5: without the override flag a known address stays */
	memcpy(n->mac, mac, sizeof(n->mac));
	freshen(s, n, now);
}

void neigh_confirm(struct tcp_stack *s, const struct conn *c, struct instant now)
{
	struct neigh *n = remembered(s, c);
	if (n != NULL && n->state != NEIGH_UNRESOLVED)
		freshen(s, n, now);
}

static void give_up(struct tcp_stack *s, struct neigh *n, struct instant now)
{
	while (!link_empty(&n->waiting)) {
		struct conn *c = OBJECT_OF(link_first(&n->waiting), struct conn, output);
		if (c->state == CONN_SYN_SENT || c->state == CONN_SYN_RECEIVED)
			conn_close(s, c, TCP_CLOSE_UNREACHABLE, now);
		else
			fall_back_on_timer(s, c, now);
	}
	neigh_give(s, n);
}

void neigh_expire(struct tcp_stack *s, struct neigh *n, struct instant now)
{
	if (n->tries < TCP_NEIGHBOUR_TRIES) {
		ask(s, n, now);
	} else if (n->state == NEIGH_PROBED) {
		set_state(s, n, NEIGH_UNRESOLVED);
		n->tries = 0;
		ask(s, n, now);
	} else {
		give_up(s, n, now);
	}
}
