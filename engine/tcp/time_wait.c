/*
 * time_wait.c - see time_wait_int.h.
 */
#include "tcp/time_wait_int.h"

#include "tcp/stack_int.h"

#define TIME_WAIT_MAGIC 0x54574149u
#define ISN_STEP                                                                                   \
	0x10000u /* how far a connection's ISN must lie behind its predecessor's last number */

void time_wait_init(struct time_waits *t, void *memory, uint32_t count)
{
	slab_init(&t->slab, memory, sizeof(struct time_wait), count, TIME_WAIT_MAGIC);
	t->oldest = t->newest = TIME_WAIT_END;
}

struct time_wait *time_wait_at(const struct tcp_stack *s, uint32_t slot)
{
	CHECK(slot < s->waits.slab.count);
	return slab_at(&s->waits.slab, slot);
}

struct tuple time_wait_tuple(const struct tcp_stack *s, const struct time_wait *w)
{
	struct tuple t = { .local = stack_addr(s, w->local),
		           .local_port = w->local_port,
		           .remote_port = w->remote_port };
	t.remote.family = t.local.family;
	memcpy(t.remote.bytes, w->remote, 16);
	return t;
}

static uint32_t now_ms(struct instant now)
{
	return (uint32_t)(now.us / MS_US);
}

static void fifo_push(struct tcp_stack *s, struct time_wait *w, struct instant now)
{
	struct time_waits *t = &s->waits;
	w->until_ms = now_ms(instant_add(now, s->config.time_wait_us));
	w->older = t->newest;
	w->newer = TIME_WAIT_END;
	if (t->newest != TIME_WAIT_END)
		time_wait_at(s, t->newest)->newer = w->head.slot;
	else
		t->oldest = w->head.slot;
	t->newest = w->head.slot;
}

static void fifo_remove(struct tcp_stack *s, struct time_wait *w)
{
	struct time_waits *t = &s->waits;
	if (w->older != TIME_WAIT_END)
		time_wait_at(s, w->older)->newer = w->newer;
	else
		t->oldest = w->newer;
	if (w->newer != TIME_WAIT_END)
		time_wait_at(s, w->newer)->older = w->older;
	else
		t->newest = w->older;
}

static uint32_t hash_of(const struct tcp_stack *s, const struct time_wait *w)
{
	struct tuple t = time_wait_tuple(s, w);
	return (uint32_t)tuple_hash(s->config.secret, TUPLE_FLOW, &t);
}

/* The state's only segment: an ACK of everything. */
static void acknowledge(struct tcp_stack *s, const struct time_wait *w, const uint8_t *mac,
                        struct instant now)
{
	struct tuple t = time_wait_tuple(s, w);
	struct tcp_seg seg = { .src_port = w->local_port,
		               .dst_port = w->remote_port,
		               .seq = w->snd_nxt,
		               .ack = w->rcv_nxt,
		               .flags = TCP_ACK };
	if (w->stamps) {
		seg.options.stamps_known = true;
		seg.options.stamp = now_ms(now) + tuple_stamp_offset(s->config.secret, &t);
		seg.options.stamp_echo = w->stamp_recent;
	}
	control_segment(s, mac, w->local, t.remote, &seg, now);
}

void time_wait_enter(struct tcp_stack *s, struct conn *c, struct instant now)
{
	struct time_wait *w = slab_take(&s->waits.slab);
	if (w == NULL) {
		CHECK(time_wait_evict(s));
		w = slab_take(&s->waits.slab);
		CHECK(w != NULL);
	}
	memcpy(w->remote, c->remote.bytes, 16);
	w->local_port = c->local_port;
	w->remote_port = c->remote_port;
	w->local = c->local;
	w->stamps = (c->flags & CONN_STAMPS) != 0;
	w->snd_nxt = c->snd_max;
	w->rcv_nxt = c->rcv_nxt;
	w->stamp_recent = c->stamp_recent;
	fifo_push(s, w, now);
	flow_add(&s->flows, c->hash, (w->head.slot + 1) | FLOW_TIME_WAIT);
	const uint8_t *mac = neigh_peek(s, c);
	if (mac != NULL)
		acknowledge(s, w, mac, now);
	else /* the peer will repeat its FIN */
		stack_drop(s, TCP_DROP_NEIGHBOUR_UNKNOWN);
}

void time_wait_leave(struct tcp_stack *s, struct time_wait *w)
{
	flow_remove(&s->flows, hash_of(s, w), (w->head.slot + 1) | FLOW_TIME_WAIT);
	fifo_remove(s, w);
	slab_give(&s->waits.slab, w);
}

bool time_wait_evict(struct tcp_stack *s)
{
	if (s->waits.oldest == TIME_WAIT_END)
		return false;
	time_wait_leave(s, time_wait_at(s, s->waits.oldest));
	stack_drop(s, TCP_DROP_TIME_WAIT_EVICTED);
	return true;
}

/* RFC 9293 MUST-13 with RFC 6191: a new SYN must be newer by timestamp, or by sequence number. */
static bool syn_is_newer(const struct time_wait *w, const struct tcp_seg *seg)
{
	bool stamps = w->stamps && seg->options.stamps_known;
	int32_t stamp_ahead = (int32_t)(seg->options.stamp - w->stamp_recent);
	if (stamps && stamp_ahead != 0)
		return stamp_ahead > 0;
	return seq_gt(seg->seq, w->rcv_nxt);
}

enum time_wait_verdict time_wait_input(struct tcp_stack *s, struct time_wait *w,
                                       const struct packet *p, const struct tcp_seg *seg,
                                       struct seq *isn_min, struct instant now)
{
	stack_drop(s, TCP_DROP_TIME_WAIT_SEGMENT);
	if ((seg->flags & TCP_RST) != 0)
		return TIME_WAIT_DONE; /* RFC 1337 3 (F1): no assassination */
	bool plain_syn = (seg->flags & (TCP_SYN | TCP_ACK | TCP_FIN)) == TCP_SYN;
	if (plain_syn && syn_is_newer(w, seg)) {
		*isn_min = seq_add(w->snd_nxt, ISN_STEP);
		time_wait_leave(s, w);
		return TIME_WAIT_REOPEN;
	}
	if ((seg->flags & TCP_FIN) != 0 && seq_eq(seq_add(seg->seq, tcp_seg_len(seg)), w->rcv_nxt)) {
		fifo_remove(s, w); /* "restart the 2 MSL time-wait timeout" */
		fifo_push(s, w, now);
	}
	/* A bare ACK gets no answer: two ends in TIME-WAIT must not talk for ever. */
	if (tcp_seg_len(seg) > 0)
		acknowledge(s, w, p->mac, now);
	return TIME_WAIT_DONE;
}

bool time_wait_reusable(const struct tcp_stack *s, const struct time_wait *w, struct instant now)
{
	uint32_t entered_ms = w->until_ms - (uint32_t)(s->config.time_wait_us / MS_US);
	return w->stamps && now_ms(now) - entered_ms >= TCP_TIME_WAIT_REUSE_MS;
}

/* How long the oldest entry still waits; the 32-bit clock is compared, as everywhere, by
 * difference. */
static int32_t oldest_left_ms(const struct tcp_stack *s, struct instant now)
{
	return (int32_t)(time_wait_at(s, s->waits.oldest)->until_ms - now_ms(now));
}

struct instant time_wait_deadline(const struct tcp_stack *s)
{
	if (s->waits.oldest == TIME_WAIT_END)
		return INSTANT_NEVER;
	int32_t left = oldest_left_ms(s, s->now);
	uint64_t us = left > 0 ? (uint64_t)left * MS_US : 0;
	struct instant whole = { .us = s->now.us / MS_US * MS_US };
	return instant_add(whole, us);
}

void time_wait_expire(struct tcp_stack *s, struct instant now)
{
	while (s->waits.oldest != TIME_WAIT_END && oldest_left_ms(s, now) <= 0)
		time_wait_leave(s, time_wait_at(s, s->waits.oldest));
}
