/*
 * output.c - what is to be sent next.
 *
 * tcp_output() takes turns between frames without a connection and the ready connections; a
 * connection gets TCP_VISIT_FRAMES frames, then the next one has its turn. For one connection the
 * choice is a ladder: the first rung that has something wins, and any segment carries the ACK that
 * is due.
 *
 *   SYN or SYN-ACK - what is lost, again - tail loss probe - duplicate ACKs, one by one - new data
 *   (with FIN behind the last byte) - FIN alone - window probe - keep-alive - ACK alone.
 *
 * Nagle's rule holds only where tcp_nagle_set() asks for it (callers write whole replies and
 * records), but there are no silly windows either: less than a full segment goes out only if it is
 * all there is, or half of the largest window the peer ever had (RFC 9293 3.8.6.2.1). PSH stands on
 * the last segment of what was written.
 */
#include "tcp/stack_int.h"
#include "wire/eth.h"

/* A rung's answer: is there a segment to send? Only then has it touched the plan. */
typedef bool rung(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                  struct instant now);

static bool rung_syn(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                     struct instant now)
{
	(void)now;
	if ((c->flags & CONN_SEND_SYN) == 0)
		return false;
	c->flags &= ~(uint32_t)CONN_SEND_SYN;
	plan->seq = c->iss;
	plan->flags = c->state == CONN_SYN_SENT ? TCP_SYN : TCP_SYN | TCP_ACK;
	plan->again = !seq_eq(c->snd_nxt, c->iss);
	plan->flags |= ecn_syn_flags(s, c, plan->again);
	return true;
}

/* A segment out of [begin, end) of the record, one full one at most; FIN counts as its last byte. */
static void plan_again(const struct conn *c, struct segment_plan *plan, struct seq begin,
                       struct seq end)
{
	bool with_fin = (c->flags & CONN_SHUT) != 0 && seq_gt(end, c->tx_end);
	uint32_t data = seq_span(begin, end) - (with_fin ? 1 : 0);
	plan->seq = begin;
	plan->bytes = data < c->mss ? data : c->mss;
	plan->flags = TCP_ACK;
	plan->again = true;
	if (seq_eq(seq_add(begin, plan->bytes), c->tx_end))
		plan->flags |= with_fin ? TCP_FIN : TCP_PSH;
}

/* What network (and not the peer) leaves room for beyond what is under way. */
static uint32_t network_room(const struct conn *c)
{
	uint32_t window = c->congestion.window;
	uint32_t pipe = conn_pipe(c);
	bool open = (c->flags & (CONN_RECOVERY | CONN_LOSS | CONN_SACK)) == 0;
	if (open && c->duplicates < TCP_DUPLICATES) /* limited transmit, RFC 3042; reports shorten pipe */
		window += c->duplicates * (uint32_t)c->mss;
	return window > pipe ? window - pipe : 0;
}

/* The first lost bytes, as far as the peer's window goes; the very first are sent in any case, as the
 * window may have been taken back under them (RFC 9293 3.8.6, SHLD-16). */
static bool rung_retransmit(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                            struct instant now)
{
	struct seq begin, end;
	(void)s;
	(void)now;
	bool forced = (c->flags & CONN_RETRANSMIT) != 0;
	if (!sent_first_lost(&c->sent, &begin, &end)) {
		c->flags &= ~(uint32_t)CONN_RETRANSMIT;
		return false;
	}
	struct seq edge = seq_add(c->snd_una, c->snd_wnd);
	if (!seq_eq(begin, c->snd_una) && seq_ge(begin, edge))
		return false;
	if (seq_gt(end, edge) && !seq_eq(begin, c->snd_una))
		end = edge;
	uint32_t bytes = seq_span(begin, end) < c->mss ? seq_span(begin, end) : c->mss;
	if (!forced && conn_pipe(c) > 0 && network_room(c) < bytes)
		return false;
	plan_again(c, plan, begin, end);
	c->flags &= ~(uint32_t)CONN_RETRANSMIT;
	return true;
}

/* RFC 8985 7.3: a new segment if the peer has room for it, else the last one again. */
static bool rung_tail(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                      struct instant now)
{
	(void)now;
	if ((c->flags & CONN_TAIL_DUE) == 0)
		return false;
	c->flags &= ~(uint32_t)CONN_TAIL_DUE;
	if (!tail_wanted(c))
		return false;
	uint32_t flight = conn_flight(c);
	uint32_t room = c->snd_wnd > flight ? c->snd_wnd - flight : 0;
	uint32_t unsent = conn_unsent(c);
	uint32_t bytes = unsent < c->mss ? unsent : c->mss;
	if (bytes > 0 && room >= bytes) {
		*plan = (struct segment_plan){ .seq = c->snd_nxt, .bytes = bytes, .flags = TCP_ACK | TCP_PSH };
	} else {
		uint32_t full = c->mss + (seq_gt(c->snd_nxt, c->tx_end) ? 1u : 0u); /* with FIN */
		uint32_t last = flight < full ? flight : full;
		plan_again(c, plan, seq_add(c->snd_nxt, (uint32_t)-last), c->snd_nxt);
		c->flags |= CONN_TAIL_AGAIN;
	}
	c->flags |= CONN_TAIL;
	c->tail_end = seq_max(c->snd_nxt, seq_add(plan->seq, plan->bytes));
	s->counters.tail_probes++;
	return true;
}

static bool rung_duplicate_ack(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                               struct instant now)
{
	(void)s;
	(void)now;
	if (c->acks_owed == 0)
		return false;
	c->acks_owed--;
	plan->seq = segment_bare_seq(c);
	plan->flags = TCP_ACK;
	return true;
}

/* What peer and network let us send beyond snd_nxt; whether it is the network that stops us is noted. */
static uint32_t usable_window(struct conn *c, uint32_t wanted)
{
	uint32_t flight = conn_flight(c);
	uint32_t peer = c->snd_wnd > flight ? c->snd_wnd - flight : 0;
	uint32_t network = network_room(c);
	if (network < wanted && network < peer)
		c->flags |= CONN_LIMITED;
	return peer < network ? peer : network;
}

static bool worth_sending(const struct conn *c, uint32_t bytes, uint32_t unsent)
{
	bool waits = (c->flags & CONN_NAGLE) != 0 && conn_flight(c) > 0;
	return bytes >= c->mss || (bytes == unsent && !waits) ||
	       (bytes >= c->snd_wnd_max / 2 && conn_flight(c) == 0);
}

static void rest(struct tcp_stack *s, struct conn *c, struct instant now)
{
	bool idle = seq_eq(c->snd_una, c->snd_max);
	uint32_t since_ms = (uint32_t)(now.us / MS_US) - c->last_send_ms;
	if (idle && since_ms > c->rtt.timeout_us / MS_US)
		s->congestion->rested(&c->congestion, c->mss);
}

/* The most bytes of one frame: several full segments where the port cuts them. Not while the window was reduced for a
 * mark: what says so must stand on one segment only (RFC 3168 6.1.2). */
static uint32_t frame_bytes_max(const struct tcp_stack *s, const struct conn *c)
{
	bool whole = (c->flags & CONN_ECN_REACTED) != 0 || c->mss < TCP_CUT_MSS_MIN;
	uint32_t segments = whole ? 0 : at_most(s->cut_bytes_max / c->mss, TCP_CUT_SEGMENTS_MAX);
	return segments > 1 ? segments * c->mss : c->mss;
}

/* Whole segments, unless it is the end of all there is and need not wait for more (Nagle). */
static uint32_t frame_bytes(const struct conn *c, uint32_t bytes, uint32_t unsent)
{
	bool end = bytes == unsent && (c->flags & CONN_NAGLE) == 0;
	return bytes > c->mss && !end ? bytes - bytes % c->mss : bytes;
}

/* It waits for room as large as it is, which ACKs of what is under way make; with nothing under way there is. */
static bool plan_size_probe(struct tcp_stack *s, struct conn *c, struct segment_plan *plan, uint32_t bytes,
                            struct instant now)
{
	if (usable_window(c, bytes) < bytes)
		return false;
	*plan = (struct segment_plan){ .seq = c->snd_nxt, .bytes = bytes, .flags = TCP_ACK, .fresh = true, .whole = true };
	path_mtu_probed(s, c, bytes, now);
	return true;
}

static bool rung_data(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                      struct instant now)
{
	uint32_t unsent = conn_unsent(c);
	if (unsent == 0) {
		c->flags &= ~(uint32_t)(CONN_LIMITED | CONN_PACED);
		return false;
	}
	rest(s, c, now);
	uint32_t segments = pacing_segments(s, c, now);
	uint32_t probe = c->search != 0 && segments > 0 ? path_mtu_probe_bytes(s, c, now) : 0;
	if (probe > 0)
		return plan_size_probe(s, c, plan, probe, now);
	uint32_t bytes = at_most(unsent, at_most(frame_bytes_max(s, c), segments * c->mss));
	uint32_t usable = usable_window(c, bytes);
	bytes = frame_bytes(c, at_most(bytes, usable), unsent);
	if (bytes == 0 || !worth_sending(c, bytes, unsent))
		return false;
	plan->seq = c->snd_nxt;
	plan->bytes = bytes;
	plan->fresh = true;
	plan->flags = TCP_ACK;
	if (bytes == unsent)
		plan->flags |= TCP_PSH;
	if (bytes == unsent && (c->flags & CONN_SHUT) != 0 && usable > bytes)
		plan->flags |= TCP_FIN;
	return true;
}

static bool rung_fin(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                     struct instant now)
{
	(void)s;
	(void)now;
	if (!conn_fin_due(c) || (c->snd_wnd <= conn_flight(c)))
		return false;
	plan->seq = c->snd_nxt;
	plan->flags = TCP_ACK | TCP_FIN;
	return true;
}

/* The persist timer has fired. Into a closed window goes one byte of what is waiting, or the FIN,
 * and snd_nxt stays (RFC 9293 3.8.6.1); a window that is open but too small to be worth a segment
 * has been waited for long enough and is filled (3.8.6.2.1, the override timeout). */
static bool rung_probe(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                       struct instant now)
{
	(void)s;
	(void)now;
	if ((c->flags & CONN_PROBE) == 0)
		return false;
	c->flags &= ~(uint32_t)CONN_PROBE;
	uint32_t unsent = conn_unsent(c);
	if (conn_flight(c) > 0 || (unsent == 0 && !conn_fin_due(c)))
		return false;
	plan->seq = c->snd_una;
	plan->probe = c->snd_wnd == 0;
	uint32_t most = plan->probe ? 1 : c->snd_wnd;
	most = most < c->mss ? most : c->mss;
	plan->bytes = unsent < most ? unsent : most;
	plan->flags = unsent > 0 ? TCP_ACK : TCP_ACK | TCP_FIN;
	return true;
}

/* The last number already acknowledged, without data (RFC 9293 3.8.4). */
static bool rung_keepalive(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                           struct instant now)
{
	(void)s;
	(void)now;
	if ((c->flags & CONN_KEEP_DUE) == 0)
		return false;
	c->flags &= ~(uint32_t)CONN_KEEP_DUE;
	plan->seq = seq_add(c->snd_una, (uint32_t)-1);
	plan->flags = TCP_ACK;
	return true;
}

static bool rung_ack(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                     struct instant now)
{
	(void)s;
	(void)now;
	if ((c->flags & CONN_ACK_NOW) == 0)
		return false;
	plan->seq = segment_bare_seq(c);
	plan->flags = TCP_ACK;
	return true;
}

/* Something waits, nothing is under way, and no rung could send it: the window is closed. */
static void arm_persist(struct tcp_stack *s, struct conn *c, struct instant now)
{
	bool waiting = (conn_unsent(c) > 0 || conn_fin_due(c)) && (c->flags & CONN_PACED) == 0;
	if (!waiting || conn_flight(c) > 0 || c->timer_kind == CONN_TIMER_PERSIST)
		return;
	conn_timer_set(s, c, CONN_TIMER_PERSIST, instant_add(now, c->rtt.timeout_us));
	c->progress_ms = (uint32_t)(now.us / MS_US);
	pressure_stalled(s, c, now);
}

static bool plan_next(struct tcp_stack *s, struct conn *c, struct segment_plan *plan,
                      struct instant now)
{
	static rung *const ladder[] = { rung_retransmit, rung_tail, rung_duplicate_ack, rung_data,
		                        rung_fin,        rung_probe, rung_keepalive,     rung_ack };
	if (rung_syn(s, c, plan, now))
		return true;
	if (!conn_synchronised(c))
		return c->state == CONN_SYN_RECEIVED && rung_ack(s, c, plan, now);
	for (unsigned i = 0; i < COUNT_OF(ladder); i++)
		if (ladder[i](s, c, plan, now))
			return true;
	arm_persist(s, c, now);
	return false;
}

static size_t conn_output(struct tcp_stack *s, struct conn *c, struct room room,
                          struct tcp_frame_meta *meta, struct instant now)
{
	const uint8_t *mac = neigh_use(s, c, now);
	if (mac == NULL)
		return 0;
	struct segment_plan plan = { 0 };
	if (!plan_next(s, c, &plan, now)) {
		link_remove(&c->output);
		c->visit = 0;
		if ((c->flags & CONN_PACED) != 0)
			pacing_wait(s, c, now);
		return 0;
	}
	size_t bytes = segment_emit(s, c, &plan, mac, room, meta, now);
	c->visit = (uint8_t)(c->visit + segment_count(c, &plan));
	if (c->visit >= TCP_VISIT_FRAMES) {
		c->visit = 0;
		link_remove(&c->output);
		link_push(&s->ready, &c->output);
	}
	return bytes;
}

static size_t ready_output(struct tcp_stack *s, struct room room, struct tcp_frame_meta *meta,
                           struct instant now)
{
	/* A connection that has nothing leaves the list, so this ends. */
	while (!link_empty(&s->ready)) {
		struct conn *c = OBJECT_OF(link_first(&s->ready), struct conn, output);
		size_t bytes = conn_output(s, c, room, meta, now);
		if (bytes > 0)
			return bytes;
	}
	return 0;
}

size_t tcp_output(struct tcp_stack *s, struct room room, struct tcp_frame_meta *meta,
                  struct instant now)
{
	CHECK(room.bytes >= s->config.mtu + (size_t)ETH_HEADER_BYTES_MAX);
	s->now = now;
	size_t bytes = 0;
	s->control_turn = !s->control_turn;
	if (s->control_turn && s->controls.count > 0)
		bytes = control_output(s, room, meta);
	if (bytes == 0)
		bytes = ready_output(s, room, meta, now);
	if (bytes == 0 && s->controls.count > 0) /* perhaps a question that a connection just had */
		bytes = control_output(s, room, meta);
	if (bytes > 0) {
		s->counters.frames_out++;
		s->counters.bytes_out += bytes;
	}
	return bytes;
}
