/*
 * spurious.c - was a recovery for nothing? Two witnesses: the echo of a timestamp older than our
 * first repetition, so that the original arrived after all (Eifel, RFC 3522), and D-SACKs for every
 * repeated byte (RFC 3708). Then the congestion state comes back as it was (RFC 4015), and what was
 * held for lost counts as under way.
 *
 * A peer that lies about either gains no more than the window that it had before.
 */
#include "tcp/stack_int.h"

void spurious_begin(struct conn *c)
{
	c->flags |= CONN_UNDO;
	c->flags &= ~(uint32_t)(CONN_UNDO_STAMP | CONN_UNDO_TOLD);
	c->undo_bytes = 0;
	c->undo_una = c->snd_una;
}

void spurious_sent_again(struct conn *c, uint32_t bytes, struct instant now)
{
	if ((c->flags & CONN_UNDO) == 0)
		return;
	if ((c->flags & (CONN_UNDO_STAMP | CONN_UNDO_TOLD)) == 0) {
		c->flags |= CONN_UNDO_STAMP;
		c->undo_ms = (uint32_t)(now.us / MS_US);
	}
	c->undo_bytes += bytes;
}

/* The first ACK that moves on answers the first repetition, or its original. */
static bool original_arrived(const struct conn *c, const struct sent_news *news)
{
	return (c->flags & (CONN_RECOVERY | CONN_LOSS)) != 0 && news->acked_bytes > 0 &&
	       (c->flags & CONN_UNDO_STAMP) != 0 && news->echo_known &&
	       (int32_t)(news->echo_ms - c->undo_ms) < 0;
}

static bool all_were_doubled(struct conn *c, const struct recovery_ack *ack)
{
	uint32_t bytes = ack->doubled_bytes;
	if (bytes == 0 || c->undo_bytes == 0 || seq_lt(ack->doubled_begin, c->undo_una))
		return false;
	c->undo_bytes -= bytes < c->undo_bytes ? bytes : c->undo_bytes;
	return c->undo_bytes == 0 && c->sent.lost_bytes == 0;
}

bool spurious_acked(struct tcp_stack *s, struct conn *c, const struct sent_news *news,
                    const struct recovery_ack *ack)
{
	if ((c->flags & CONN_UNDO) == 0)
		return false;
	bool doubled = all_were_doubled(c, ack);
	if (!original_arrived(c, news) && !doubled) {
		if (news->acked_bytes > 0 && (c->flags & CONN_UNDO_STAMP) != 0) {
			c->flags &= ~(uint32_t)CONN_UNDO_STAMP;
			c->flags |= CONN_UNDO_TOLD;
		}
		return false;
	}
	s->counters.spurious++;
	s->congestion->undone(&c->congestion);
	sent_find_again(&c->sent, news->now);
	c->flags &= ~(uint32_t)(CONN_UNDO | CONN_RECOVERY | CONN_LOSS | CONN_RETRANSMIT);
	c->duplicates = 0;
	return true;
}
