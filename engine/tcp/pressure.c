/*
 * pressure.c - who gives way when memory is short: peers that keep their window closed over bytes of
 * ours (RFC 6429: to probe for ever is not to be held to ransom; CVE-2008-4609).
 *
 * Connections whose timer is the persist timer stand in a list in the order in which they came to a
 * standstill. While blocks are low the oldest ones are reset, a few at a time and none before
 * TCP_STALL_US: a peer that is only slow opens its window sooner.
 */
#include "tcp/stack_int.h"

void pressure_stalled(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (link_is_in(&c->stalled))
		return;
	c->stalled_ms = (uint32_t)(now.us / MS_US);
	link_push(&s->stalled, &c->stalled);
}

void pressure_moves(struct conn *c)
{
	link_remove(&c->stalled);
}

static bool oldest_gives_way(struct tcp_stack *s, struct instant now)
{
	if (link_empty(&s->stalled) || !stack_blocks_low(s))
		return false;
	struct conn *c = OBJECT_OF(link_first(&s->stalled), struct conn, stalled);
	uint32_t ms = (uint32_t)(now.us / MS_US) - c->stalled_ms;
	if (ms < TCP_STALL_US / MS_US)
		return false;
	stack_drop(s, TCP_DROP_STALLED_EVICTED);
	segment_reset(s, c, now);
	conn_close(s, c, TCP_CLOSE_TIMEOUT, now);
	return true;
}

void pressure_relieve(struct tcp_stack *s, struct instant now)
{
	for (unsigned i = 0; i < TCP_STALL_EVICTIONS; i++)
		if (!oldest_gives_way(s, now))
			break;
}
