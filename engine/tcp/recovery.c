/*
 * recovery.c - what to do about loss. Three conditions of a connection:
 *
 *   open      nothing known to be lost; ACKs grow the congestion window
 *   RECOVERY  fast recovery up to `recover`: RACK (or the third duplicate) found a loss
 *   LOSS      a timeout came; slow start from one segment until `recover` is acknowledged
 *
 * With SACK, RACK marks losses (rack.c) and PRR meters what leaves (prr.c). Without, this is NewReno
 * (RFC 5681 3.2, RFC 6582): the third duplicate and each partial ACK lose one segment at the front, and
 * the window is inflated by duplicates. Either way output.c's ladder sends again what is marked
 * lost. One timer serves RACK's reordering window, the tail loss probe and RTO: whichever is
 * due first.
 */
#include "tcp/stack_int.h"

static void grow_by(struct conn *c, uint32_t bytes)
{
	congestion_grow(&c->congestion, bytes);
}

/* One segment at the front is lost, and goes out whatever the window says. */
static void lose_first(struct tcp_stack *s, struct conn *c)
{
	struct seq end = seq_min(seq_add(c->snd_una, c->mss), c->snd_nxt);
	(void)sent_lose(&c->sent, s->pool, c->snd_una, end);
	c->flags |= CONN_RETRANSMIT;
}

/* The segment at the front goes again: RTO counts from its new copy, else it would often come before the
 * ACK of that can. */
static void restart_timeout(struct tcp_stack *s, struct conn *c, struct instant now)
{
	c->rto_at = instant_add(now, c->rtt.timeout_us);
	conn_timer_set(s, c, CONN_TIMER_RETRANSMIT, c->rto_at);
}

/* While losses are mended the window is PRR's, of the moment, or has just begun with a segment: what was aimed at is
 * the measure of the path. */
static void restore_aim(struct conn *c)
{
	if ((c->flags & (CONN_RECOVERY | CONN_LOSS)) != 0)
		c->congestion.window = at_least(c->congestion.window, c->congestion.threshold);
}

static void enter_recovery(struct tcp_stack *s, struct conn *c, const struct sent_news *news)
{
	uint32_t flight = conn_flight(c) + news->acked_bytes;
	uint32_t reported = c->sent.sacked_bytes - news->sacked_bytes; /* before */
	if (c->search != 0 && path_mtu_lost(s, c, news->now))
		return;
	spurious_begin(c);
	s->congestion->reduced(&c->congestion, c->mss, flight);
	ecn_reduced(c);
	prr_begin(c, flight - reported);
	c->reduced_us = (uint32_t)news->now.us;
	restart_timeout(s, c, news->now);
	c->recover = c->snd_nxt;
	c->flags |= CONN_RECOVERY | CONN_RETRANSMIT;
	c->flags &= ~(uint32_t)(CONN_TAIL | CONN_TAIL_AGAIN | CONN_TAIL_DUE | CONN_REDUCED_TWICE);
	s->counters.fast_retransmits++;
}

/* The loss of a repetition is a second sign of congestion (RFC 5681 4.3), and proof that the first was one.
 * Twice is enough for one window: a receiver short of room for what is out of order drops many. */
static void reduce_again(struct tcp_stack *s, struct conn *c, struct instant now)
{
	restore_aim(c);
	s->congestion->reduced(&c->congestion, c->mss, conn_flight(c));
	prr_begin(c, conn_flight(c) - c->sent.sacked_bytes);
	c->reduced_us = (uint32_t)now.us;
	restart_timeout(s, c, now);
	c->flags |= CONN_RETRANSMIT | CONN_REDUCED_TWICE;
	c->flags &= ~(uint32_t)CONN_UNDO;
}

/* What RACK has found decides: a recovery begins, or one under way turns out to be worse. */
static void take_loss(struct tcp_stack *s, struct conn *c, const struct rack_found *found,
                      const struct sent_news *news)
{
	if (found->lost_bytes > 0 && (c->flags & (CONN_RECOVERY | CONN_LOSS)) == 0)
		enter_recovery(s, c, news);
	else if (found->again && (c->flags & (CONN_RECOVERY | CONN_REDUCED_TWICE)) == CONN_RECOVERY)
		reduce_again(s, c, news->now);
}

/* PRR has brought the flight to the threshold; RFC 6582 3.2 step 3 (1) avoids a burst without it. */
static void leave_recovery(struct conn *c)
{
	uint32_t window = c->congestion.threshold;
	uint32_t flight = conn_flight(c) > c->mss ? conn_flight(c) : c->mss;
	if ((c->flags & CONN_SACK) == 0 && flight + c->mss < window)
		window = flight + c->mss;
	c->congestion.window = window;
	c->flags &= ~(uint32_t)(CONN_RECOVERY | CONN_RETRANSMIT);
	rack_recovered(&c->rack);
}

/* ---- NewReno ---- */

static void reno_duplicate(struct tcp_stack *s, struct conn *c, const struct sent_news *news)
{
	if ((c->flags & CONN_RECOVERY) != 0) {
		grow_by(c, c->mss); /* RFC 6582 3.2 step 3 */
		return;
	}
	if (c->duplicates != TCP_DUPLICATES || seq_lt(c->snd_una, c->recover))
		return; /* step 1: not again for the same window */
	enter_recovery(s, c, news);
	lose_first(s, c);
	c->congestion.window = c->congestion.threshold;
	grow_by(c, TCP_DUPLICATES * c->mss); /* step 2 */
}

static void reno_partial(struct tcp_stack *s, struct conn *c, uint32_t bytes)
{
	uint32_t window = c->congestion.window;
	window -= bytes < window ? bytes : window; /* step 5: deflate, then one segment back */
	window += bytes >= c->mss ? c->mss : 0;
	c->congestion.window = window > c->mss ? window : c->mss;
	lose_first(s, c);
}

/* ---- all ---- */

/* The window is not grown by who does not use it (RFC 7661's concern, as Linux answers it). */
static void grow(struct tcp_stack *s, struct conn *c, const struct sent_news *news)
{
	uint32_t before = conn_flight(c) + news->acked_bytes;
	bool starting = c->congestion.window < c->congestion.threshold;
	bool used = (c->flags & CONN_LIMITED) != 0 || (starting && c->congestion.window / 2 < before);
	bool cautious = starting && hystart_acked(c, news);
	if (!used)
		return;
	struct congestion_ack ack = { .mss = c->mss,
		                      .bytes = news->acked_bytes,
		                      .rtt_us = c->rtt.smoothed_us,
		                      .now_ms = (uint32_t)(news->now.us / MS_US),
		                      .cautious = cautious,
		                      .after_timeout = (c->flags & CONN_LOSS) != 0 };
	s->congestion->acked(&c->congestion, &ack);
}

static void in_recovery(struct tcp_stack *s, struct conn *c, const struct sent_news *news)
{
	if (news->acked_bytes > 0 && seq_ge(c->snd_una, c->recover)) {
		leave_recovery(c);
		return;
	}
	if ((c->flags & CONN_SACK) != 0)
		prr_acked(c, news->delivered_bytes);
	else if (news->acked_bytes > 0)
		reno_partial(s, c, news->acked_bytes);
}

static void count_duplicate(struct conn *c, const struct sent_news *news, bool duplicate)
{
	bool counts = (c->flags & CONN_SACK) != 0 ? news->sacked_bytes > 0 : duplicate;
	if (news->acked_bytes > 0)
		c->duplicates = 0;
	else if (counts && c->duplicates < UINT8_MAX)
		c->duplicates++;
}

/* Without reports and repetitions the record is in the order of time: nothing can be missing before
 * what was delivered. */
static bool may_have_lost(const struct conn *c)
{
	return c->sent.sacked_bytes > 0 || (c->flags & (CONN_RECOVERY | CONN_LOSS | CONN_TAIL)) != 0;
}

void recovery_acked(struct tcp_stack *s, struct conn *c, const struct sent_news *news,
                    const struct recovery_ack *ack)
{
	struct rack_found found = { 0 };
	bool sack = (c->flags & CONN_SACK) != 0;
	count_duplicate(c, news, ack->duplicate);
	if (sack) {
		rack_learn(c, news);
		tail_acked(s, c, ack->ack, news, ack->bare);
	}
	bool undone = spurious_acked(s, c, news, ack);
	if (sack && may_have_lost(c) && !undone)
		found = rack_detect(s, c, news->now);
	take_loss(s, c, &found, news);
	if (!sack && ack->duplicate)
		reno_duplicate(s, c, news);
	if ((c->flags & CONN_LOSS) != 0 && seq_ge(c->snd_una, c->recover))
		c->flags &= ~(uint32_t)CONN_LOSS;
	if ((c->flags & CONN_RECOVERY) != 0)
		in_recovery(s, c, news);
	else if (news->acked_bytes > 0)
		grow(s, c, news);
	if (news->acked_bytes > 0 || found.wait_us > 0 || c->timer_kind == CONN_TIMER_REORDER)
		recovery_arm(s, c, news->acked_bytes > 0, found.wait_us, news->now);
}

/* RFC 6298 (5.2), (5.3); RFC 8985 7.2, 8. */
void recovery_arm(struct tcp_stack *s, struct conn *c, bool restart, uint32_t wait_us,
                  struct instant now)
{
	if (c->sent.count == 0) {
		keepalive_arm(s, c, now);
		return;
	}
	if (restart)
		c->rto_at = instant_add(now, c->rtt.timeout_us);
	struct instant look = instant_add(now, wait_us);
	if (wait_us > 0 && instant_before(look, c->rto_at)) {
		conn_timer_set(s, c, CONN_TIMER_REORDER, look);
		return;
	}
	struct instant tail = INSTANT_NEVER;
	if (tail_wanted(c))
		tail = instant_add(now, tail_timeout_us(c));
	if (instant_before(tail, c->rto_at))
		conn_timer_set(s, c, CONN_TIMER_TAIL, tail);
	else
		conn_timer_set(s, c, CONN_TIMER_RETRANSMIT, c->rto_at);
}

void recovery_sent(struct tcp_stack *s, struct conn *c, uint32_t bytes, bool again,
                   struct instant now)
{
	bool armed = c->timer_kind == CONN_TIMER_RETRANSMIT || c->timer_kind == CONN_TIMER_TAIL ||
	             c->timer_kind == CONN_TIMER_REORDER;
	c->prr_out += bytes;
	if (!armed)
		c->progress_ms = (uint32_t)(now.us / MS_US);
	if (again)
		spurious_sent_again(c, bytes, now);
	if (c->timer_kind == CONN_TIMER_REORDER)
		return;
	if (!armed || c->timer_kind == CONN_TIMER_TAIL || (!again && tail_wanted(c)))
		recovery_arm(s, c, !armed, 0, now);
}

void recovery_reorder_due(struct tcp_stack *s, struct conn *c, struct instant now)
{
	struct rack_found found = rack_detect(s, c, now);
	struct sent_news nothing = { .now = now };
	take_loss(s, c, &found, &nothing);
	if ((c->flags & CONN_RECOVERY) != 0)
		prr_acked(c, 0);
	recovery_arm(s, c, instant_reached(c->rto_at, now), found.wait_us, now);
	conn_ready(s, c);
}

void recovery_timed_out(struct tcp_stack *s, struct conn *c, struct instant now)
{
	/* In a recovery there is loss in any case, and ACKs of its repetitions are on their way: they would look
	 * like originals beside the one that leaves now. */
	if ((c->flags & (CONN_LOSS | CONN_RECOVERY)) == 0)
		spurious_begin(c);
	else
		c->flags &= ~(uint32_t)CONN_UNDO;
	restore_aim(c);
	s->congestion->timed_out(&c->congestion, c->mss, conn_flight(c), c->retries);
	ecn_reduced(c);
	c->recover = c->snd_nxt; /* RFC 6582 3.2 step 6 */
	c->flags &= ~(uint32_t)(CONN_RECOVERY | CONN_TAIL | CONN_TAIL_AGAIN | CONN_TAIL_DUE);
	c->flags |= CONN_LOSS | CONN_RETRANSMIT;
	c->duplicates = 0;
	bool reneged = c->sent.count > 0 && (sent_ranges(&c->sent)[0].flags & SENT_SACKED) != 0;
	if (reneged || (c->flags & CONN_SACK) == 0)
		sent_forget(&c->sent); /* RFC 2018 8 */
	else
		rack_timed_out(s, c, now);
	if (reneged)
		s->counters.reneged++;
}
