/*
 * tcp_world.c - see tcp_world.h. Host 0 connects, host 1 listens; both write and read.
 */
#include "tcp_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp_model.h"
#include "tests/lib/scatter.h"
#include "tests/unit/tcp/rig.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define SERVER_PORT 25u
#define FIRST_PORT 40000u
#define PIECE_BYTES 4000u

struct side { /* an application's end of one talk */
	struct handle id;
	bool open, shut, eof, closed, released;
	enum tcp_close_reason why;
	uint64_t to_write, written, to_read, read;
	uint64_t write_key, read_key;
	struct instant pause;
};

struct world {
	const struct tcp_world_plan *plan;
	struct tcp_world_result *result;
	struct instant now, began, watched;
	struct prng prng;
	struct tcp_config config[2];
	struct rig host[2];
	struct path path[2];
	struct side side[TCP_WORLD_TALKS_MAX][2];
	struct model *model;
	struct scatter scatter;
};

static void fail(struct world *w, const char *what, uint64_t number)
{
	if (!w->result->ok)
		return;
	w->result->ok = false;
	(void)snprintf(w->result->why, sizeof(w->result->why), "%s (%llu) at %.6f s", what,
	               (unsigned long long)number, (double)w->now.us / 1e6);
}

/* ---- applications ---- */

static size_t fill(uint8_t *to, const struct side *d, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = model_byte(d->write_key, d->written + i);
	return bytes;
}

static void app_write(struct world *w, unsigned host, struct side *d)
{
	static uint8_t piece[PIECE_BYTES];
	struct tcp_stack *s = w->host[host].stack;
	struct block_pool *pool = &w->host[host].pool;
	if (!d->open || d->closed || d->shut)
		return;
	while (d->written < d->to_write && pool->free_count > pool->total / 2) {
		size_t room = tcp_tx_room(s, d->id);
		uint64_t left = d->to_write - d->written;
		size_t bytes = room < PIECE_BYTES ? room : PIECE_BYTES;
		bytes = left < bytes ? (size_t)left : bytes;
		if (bytes == 0)
			break;
		bytes = fill(piece, d, 1 + prng_below(&w->prng, bytes));
		size_t taken = byteq_write(tcp_tx(s, d->id), pool, span_of(piece, bytes));
		d->written += taken;
		if (taken < bytes)
			break;
	}
	tcp_tx_added(s, d->id, w->now);
	if (d->written == d->to_write) {
		struct tcp_info info;
		tcp_info(s, d->id, &info);
		if (d == &w->side[0][0])
			w->result->mss = info.mss;
		tcp_shut(s, d->id, w->now);
		d->shut = true;
	}
}

static void app_read(struct world *w, unsigned host, struct side *d)
{
	struct tcp_stack *s = w->host[host].stack;
	if (!d->open || d->released || instant_before(w->now, d->pause))
		return;
	struct byteq *q = tcp_rx(s, d->id);
	size_t budget = w->plan->slow_reader[host] ? prng_below(&w->prng, 8000) : SIZE_MAX;
	while (byteq_bytes(q) > 0 && budget > 0) {
		struct span piece = span_head(byteq_peek(q), budget);
		for (size_t i = 0; i < piece.bytes; i++)
			if (piece.data[i] != model_byte(d->read_key, d->read + i))
				fail(w, "another byte was delivered than was sent", d->read + i);
		d->read += piece.bytes;
		w->result->last_byte_us = w->now.us - 1000 * SECOND_US;
		budget -= piece.bytes;
		byteq_consume(q, &w->host[host].pool, piece.bytes);
	}
	tcp_rx_taken(s, d->id, w->now);
	if (w->plan->slow_reader[host])
		d->pause = instant_add(w->now, 1 + prng_below(&w->prng, 20000));
}

static unsigned talk_of(const struct world *w, const struct side *d)
{
	return (unsigned)((d - &w->side[0][0]) / 2);
}

/* The server repeats its SYN-ACK three times only: when all that answers them is lost, it forgets the
 * peer, which then learns so by RST. Nothing was delivered, and nothing was promised. */
static bool never_answered(const struct world *w, unsigned host, const struct side *d)
{
	return host == 0 && d->why != TCP_CLOSE_DONE && !w->side[talk_of(w, d)][1].open;
}

static void app_end(struct world *w, unsigned host, struct side *d)
{
	struct tcp_stack *s = w->host[host].stack;
	if (!d->closed || d->released || byteq_bytes(tcp_rx(s, d->id)) > 0)
		return;
	if (never_answered(w, host, d)) {
		w->side[talk_of(w, d)][1].released = true;
	} else {
		if (d->why != TCP_CLOSE_DONE)
			fail(w, "a connection ended otherwise than in order", d->why);
		if (d->read != d->to_read || !d->eof)
			fail(w, "a stream ended early", d->read);
	}
	tcp_release(s, d->id, w->now);
	d->released = true;
}

/* The talk that an accepted connection belongs to, by the port that the other host chose for it. */
static struct side *accepted(struct world *w, struct handle id)
{
	struct tcp_info info;
	tcp_info(w->host[1].stack, id, &info);
	unsigned talk = info.remote.port - FIRST_PORT;
	if (talk >= w->plan->talks) {
		fail(w, "a connection from nowhere", talk);
		return NULL;
	}
	w->side[talk][1].id = id;
	tcp_user_set(w->host[1].stack, id, talk + 1);
	return &w->side[talk][1];
}

static void take_news(struct world *w, unsigned host)
{
	struct tcp_event e;
	while (tcp_next_event(w->host[host].stack, &e)) {
		struct side *d = e.user != 0 ? &w->side[e.user - 1][host] : accepted(w, e.id);
		if (d == NULL)
			continue;
		if ((e.bits & (TCP_ACCEPTED | TCP_OPENED)) != 0 && !d->open) {
			d->open = true;
			tcp_nagle_set(w->host[host].stack, d->id, w->plan->nagle, w->now);
		}
		d->eof |= (e.bits & TCP_EOF) != 0;
		if ((e.bits & TCP_CLOSED) != 0) {
			d->closed = d->open = true;
			d->why = e.why;
		}
	}
}

static void applications(struct world *w)
{
	for (unsigned host = 0; host < 2; host++) {
		take_news(w, host);
		for (unsigned i = 0; i < w->plan->talks; i++) {
			struct side *d = &w->side[i][host];
			app_read(w, host, d);
			app_write(w, host, d);
			app_end(w, host, d);
		}
	}
}

/* ---- the wire ---- */

static bool segment_of(const struct world *w, struct span frame, struct tcp_seg *seg)
{
	struct eth_view eth;
	struct ip_view ip;
	if (!eth_parse(frame, &eth))
		return false;
	enum ip_outcome outcome = eth.type == ETH_IP4   ? ip4_parse(eth.payload, 14, false, &ip)
	                          : eth.type == ETH_IP6 ? ip6_parse(eth.payload, 14, &ip)
	                                                : IP_BAD_HEADER;
	bool own = outcome == IP_OK && ip.protocol == IP_TCP;
	for (unsigned i = 0; own && i < 2; i++) {
		struct ip_addr a = w->config[i].addresses[w->plan->ip6 ? 1 : 0].addr;
		own = ip_addr_equal(ip.src, a) || ip_addr_equal(ip.dst, a);
	}
	return own && tcp_seg_parse(&ip, false, seg) == TCP_SEG_OK &&
	       (seg->src_port == FIRST_PORT || seg->dst_port == FIRST_PORT);
}

static void watch(struct world *w, unsigned host, struct span frame, bool leaves)
{
	struct tcp_seg seg;
	if (w->model == NULL || !segment_of(w, frame, &seg))
		return;
	if (leaves)
		model_left(w->model, host, &seg);
	else
		model_arrived(w->model, host, &seg);
	if (w->model->fault != NULL)
		fail(w, w->model->fault, w->model->fault_at);
}

/* The router before the narrow link tells the sender (RFC 1191, RFC 4443 3.2). */
static void report_mtu(struct world *w, unsigned host, struct span frame, uint32_t mtu)
{
	uint8_t bytes[200];
	bool v6 = w->plan->ip6;
	struct span quoted = span_head(span_after(frame, ETH_HEADER_BYTES), v6 ? 48 : 28);
	struct ip_addr own = w->config[host].addresses[v6 ? 1 : 0].addr;
	struct ip_addr router = own;
	router.bytes[v6 ? 15 : 3] = 0x99;
	struct writer out = writer_of((struct room){ bytes, sizeof(bytes) });
	eth_emit(&out, w->config[host].mac, w->config[1 - host].mac, v6 ? ETH_IP6 : ETH_IP4);
	uint16_t l4_bytes = (uint16_t)(ICMP_HEADER_BYTES + quoted.bytes);
	if (v6)
		ip6_emit(&out, router, own, IP_ICMP6, l4_bytes, IP_HOP_LIMIT);
	else
		ip4_emit(&out, router, own, IP_ICMP, l4_bytes);
	size_t l4 = out.used;
	writer_be32(&out, v6 ? 0x02000000 : 0x03040000);
	writer_be32(&out, mtu);
	writer_bytes(&out, quoted);
	struct span all = span_after(writer_span(&out), l4);
	struct checksum sum = { 0 };
	if (v6)
		sum = checksum_pseudo(router, own, IP_ICMP6, (uint32_t)all.bytes);
	writer_patch_be16(&out, l4 + 2, checksum_finish(checksum_add(sum, all)));
	tcp_input(w->host[host].stack, writer_span(&out), 0, w->now);
}

static void flush(struct world *w)
{
	static uint8_t frame[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	for (unsigned host = 0; host < 2; host++) {
		size_t bytes;
		while ((bytes = tcp_output(w->host[host].stack, (struct room){ frame, sizeof(frame) },
		                           &meta, w->now)) > 0) {
			watch(w, host, span_of(frame, bytes), true);
			w->result->frames++;
			uint32_t mtu = path_send(&w->path[host], span_of(frame, bytes), w->now);
			if (mtu != 0)
				report_mtu(w, host, span_of(frame, bytes), mtu);
		}
	}
}

static void count_runs(struct world *w, unsigned host)
{
	const struct tcp_stack *s = w->host[host].stack;
	const struct conn *c;
	uint32_t slot = 0;
	while ((c = slab_next(&s->conns, &slot)) != NULL) {
		const struct black_box *ring = black_box_of(&s->boxes, &c->head);
		w->result->runs += ring != NULL && ring->last.us == w->now.us &&
		                   ring->entries[(ring->count - 1) % BLACK_BOX_ENTRIES].mark == BLACK_BOX_RUN;
	}
}

static bool deliver_burst(struct world *w, unsigned host)
{
	struct path_frame f[TCP_BURST_MAX];
	struct tcp_frame frames[TCP_BURST_MAX];
	uint32_t count = 0;
	scatter_again(&w->scatter);
	for (; count < TCP_BURST_MAX && path_next(&w->path[1 - host], w->now, &f[count]); count++) {
		struct span whole = span_of(f[count].data, f[count].bytes);
		frames[count] = (struct tcp_frame){ .head = whole, .flags = TCP_FRAME_FINAL };
		if (w->plan->pieces > 0)
			frames[count] = scatter_frame(&w->scatter, whole, TCP_FRAME_FINAL);
		watch(w, host, whole, false);
	}
	(void)tcp_input_burst(w->host[host].stack, frames, count, w->now);
	if (count > 1)
		count_runs(w, host);
	for (uint32_t i = 0; i < count; i++)
		path_done(&f[i]);
	return count > 0;
}

static void deliver(struct world *w)
{
	for (unsigned host = 0; host < 2; host++)
		while (deliver_burst(w, host))
			continue;
}

/* ---- a run ---- */

/* Secrets under which the first talk's ISNs lie a little before the wrap. */
static void near_the_wrap(struct world *w)
{
	for (unsigned host = 0; host < 2; host++) {
		unsigned at = w->plan->ip6 ? 1 : 0;
		struct tuple t = { .local = w->config[host].addresses[at].addr,
			           .remote = w->config[1 - host].addresses[at].addr,
			           .local_port = host == 0 ? FIRST_PORT : SERVER_PORT,
			           .remote_port = host == 0 ? SERVER_PORT : FIRST_PORT };
		while (tuple_isn(w->config[host].secret, &t, w->now).v < UINT32_MAX - 40000)
			w->config[host].secret.k0++;
	}
}

static void host_configure(struct world *w, unsigned host)
{
	const struct tcp_world_plan *plan = w->plan;
	struct tcp_config *c = &w->config[host];
	*c = rig_config(host + 1);
	c->mtu = plan->mtu[host];
	c->rx_bytes_max = plan->rx_bytes_max[host];
	c->reorder_bytes_max = plan->rx_bytes_max[host];
	c->rx_bytes_initial = plan->rx_bytes_initial;
	c->tx_bytes_max = plan->tx_bytes_max;
	c->ecn = plan->ecn;
	c->congestion = plan->newreno ? TCP_NEWRENO : TCP_CUBIC;
	c->time_wait_us = 1800 * SECOND_US; /* longer than any FIN is under way here */
	c->retries_max = UINT8_MAX; /* giving up has tests of its own: here nobody may */
	c->seed = prng_u64(&w->prng);
	c->large_frames = plan->pieces > 0;
}

static void open_talk(struct world *w, unsigned i)
{
	unsigned at = w->plan->ip6 ? 1 : 0;
	struct endpoint to = { .addr = w->config[1].addresses[at].addr, .port = SERVER_PORT };
	struct endpoint from = { .port = (uint16_t)(FIRST_PORT + i) };
	for (unsigned host = 0; host < 2; host++) {
		struct side *d = &w->side[i][host];
		d->to_write = w->plan->bytes[i][host];
		d->to_read = w->plan->bytes[i][1 - host];
		d->write_key = prng_u64(&w->prng);
		w->side[i][1 - host].read_key = d->write_key;
		w->result->bytes += d->to_write;
	}
	if (tcp_connect_from(w->host[0].stack, from, to, i + 1, w->now, &w->side[i][0].id) !=
	    TCP_CONNECT_STARTED)
		fail(w, "no connection could be begun", i);
}

static void world_begin(struct world *w, uint64_t seed)
{
	w->now = (struct instant){ .us = 1000 * SECOND_US };
	prng_seed(&w->prng, seed);
	scatter_init(&w->scatter, seed, w->plan->pieces);
	for (unsigned host = 0; host < 2; host++)
		host_configure(w, host);
	if (w->plan->wrap)
		near_the_wrap(w);
	for (unsigned host = 0; host < 2; host++) {
		rig_make(&w->host[host], &w->config[host], w->plan->blocks[host], w->now);
		path_init(&w->path[host], &w->plan->path[host], seed * 2 + host);
	}
	if (!tcp_listen(w->host[1].stack, (struct endpoint){ .port = SERVER_PORT }, 1))
		fail(w, "no listener", 0);
	for (unsigned i = 0; i < w->plan->talks; i++)
		open_talk(w, i);
	w->model = w->plan->model ? malloc(sizeof(*w->model)) : NULL;
	if (w->model != NULL)
		model_init(w->model, w->side[0][0].write_key, w->side[0][1].write_key);
}

static bool all_over(const struct world *w)
{
	for (unsigned i = 0; i < w->plan->talks; i++)
		if (!w->side[i][0].released || !w->side[i][1].released)
			return false;
	return rig_is_empty(&w->host[0]) && rig_is_empty(&w->host[1]) && w->path[0].count == 0 &&
	       w->path[1].count == 0;
}

/* No sooner than at the next turn. */
static struct instant turn_of(const struct world *w, struct instant at)
{
	uint64_t turn_us = w->plan->turn_us;
	if (turn_us == 0 || at.us == UINT64_MAX)
		return at;
	return (struct instant){ .us = (at.us + turn_us - 1) / turn_us * turn_us };
}

/* When somebody acts next; applications that wait for blocks or have paused look again soon. */
static struct instant next_moment(const struct world *w)
{
	struct instant at = INSTANT_NEVER;
	for (unsigned host = 0; host < 2; host++) {
		at = instant_earlier(at, path_deadline(&w->path[host]));
		at = instant_earlier(at, tcp_deadline(w->host[host].stack));
		for (unsigned i = 0; i < w->plan->talks; i++) {
			const struct side *d = &w->side[i][host];
			bool waits = d->open && !d->released &&
			             (instant_before(w->now, d->pause) || (!d->closed && !d->shut));
			if (waits)
				at = instant_earlier(at, instant_add(w->now, 20 * MS_US));
		}
	}
	return at;
}

static void describe(const struct world *w)
{
	for (unsigned host = 0; host < 2; host++) {
		const struct tcp_stack *s = w->host[host].stack;
		uint32_t slot = 0;
		const struct conn *c;
		printf("host %u: conns %u waits %u blocks %u/%u timers %u\n", host, s->conns.used,
		       s->waits.slab.used, w->host[host].pool.free_count, w->host[host].pool.total,
		       s->wheel.count);
		while ((c = slab_next(&s->conns, &slot)) != NULL) {
			char line[300];
			struct text t = text_of(line, sizeof(line));
			conn_describe(s, c, &t);
			printf("  %s timer %u retries %u\n", line, c->timer_kind, c->retries);
		}
		for (unsigned i = 0; i < TCP_DROP_COUNT; i++)
			if (tcp_counters(s)->drops[i] > 0)
				printf("  %s %llu", tcp_drop_name((enum tcp_drop)i),
				       (unsigned long long)tcp_counters(s)->drops[i]);
		printf("\n  RST in %llu out %llu\n", (unsigned long long)tcp_counters(s)->resets_in,
		       (unsigned long long)tcp_counters(s)->resets_out);
	}
}

/* How the sender of the first stream does, a line each time that is due. */
static void print_sender(struct world *w)
{
	uint32_t slot = 0;
	const struct conn *c = slab_next(&w->host[0].stack->conns, &slot);
	if (w->plan->watch_us == 0 || c == NULL || instant_before(w->now, w->watched))
		return;
	w->watched = instant_add(w->now, w->plan->watch_us);
	printf("%9.3f s: acked %u, window %u of %u, flight %u, sacked %u, lost %u in %u ranges, rtt %u ms, "
	       "repeated %u%s%s%s\n",
	       (double)(w->now.us - w->began.us) / 1e6, seq_span(c->iss, c->snd_una), c->congestion.window,
	       c->congestion.threshold, conn_flight(c), c->sent.sacked_bytes, c->sent.lost_bytes, c->sent.count,
	       c->rtt.smoothed_us / 1000, c->retransmits, c->hystart.cautious ? " cautious" : "",
	       (c->flags & CONN_RECOVERY) != 0 ? " recovery" : "", (c->flags & CONN_LOSS) != 0 ? " loss" : "");
}

static void run(struct world *w)
{
	struct instant limit = instant_add(w->now, w->plan->limit_us);
	w->began = w->watched = w->now;
	while (w->result->ok && !all_over(w)) {
		applications(w);
		flush(w);
		if (all_over(w))
			break;
		struct instant at = turn_of(w, next_moment(w));
		if (at.us == UINT64_MAX && !all_over(w))
			fail(w, "nothing will ever happen again", w->result->steps);
		if (instant_before(limit, at))
			fail(w, "it takes too long", w->result->steps);
		w->now = instant_before(w->now, at) ? at : instant_add(w->now, 1);
		deliver(w);
		tcp_expire(w->host[0].stack, w->now);
		tcp_expire(w->host[1].stack, w->now);
		print_sender(w);
		w->result->steps++;
	}
}

static void describe_plan(const struct tcp_world_plan *plan)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct path_plan *p = &plan->path[i];
		printf("path %u: lost %u doubled %u late %u corrupted %u burst %u/%u/%u delay %llu jitter %llu late "
		       "%llu rate %llu queue %u mtu %u%s; host: mtu %u rx %u blocks %u%s\n",
		       i, p->lost, p->doubled, p->late, p->corrupted, p->burst_begins, p->burst_ends,
		       p->burst_lost, (unsigned long long)p->delay_us, (unsigned long long)p->jitter_us,
		       (unsigned long long)p->late_us, (unsigned long long)p->bytes_per_second,
		       p->queue_bytes, p->mtu, p->mtu_silent ? " silent" : "", plan->mtu[i],
		       plan->rx_bytes_max[i], plan->blocks[i], plan->slow_reader[i] ? " slow" : "");
	}
}

void tcp_world_run(uint64_t seed, const struct tcp_world_plan *plan, bool verbose,
                   struct tcp_world_result *result)
{
	static struct world w;
	memset(&w, 0, offsetof(struct world, scatter));
	*result = (struct tcp_world_result){ .ok = true };
	w.plan = plan;
	w.result = result;
	world_begin(&w, seed);
	run(&w);
	result->virtual_us = w.now.us - 1000 * SECOND_US;
	if (verbose) {
		describe_plan(plan);
		describe(&w);
	}
	for (unsigned host = 0; host < 2; host++) {
		const struct tcp_counters *c = tcp_counters(w.host[host].stack);
		result->trace = result->trace * 31 + w.path[host].trace;
		result->retransmits += c->retransmits;
		result->timeouts += c->timeouts;
		path_free(&w.path[host]);
		rig_free(&w.host[host]);
	}
	free(w.model);
}
