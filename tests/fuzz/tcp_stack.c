/*
 * tcp_stack.c - fuzz target: a whole stack under a virtual clock, in a VLAN or in none, whose frames come whole or in
 * pieces. The input is a list of acts:
 * segments that lie near what the stack expects, raw frames, passing time, and what an application
 * does. However it goes, afterwards everything is given up and nothing may be left.
 */
#include "tests/lib/scatter.h"
#include "tests/unit/tcp/rig.h"
#include "wire/eth.h"
#include "wire/ip4.h"

#define ACTS_MAX 400u
#define CONNS_MAX 8u
#define FRAMES_MAX 10000u /* output of one act; more would never end */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer { /* what a peer at this port last heard */
	uint16_t port, local_port;
	struct seq next, ack; /* what it would send, what it would acknowledge */
	uint32_t stamp;
};

struct game {
	struct rig rig;
	struct instant now;
	struct reader in;
	struct peer peers[2];
	struct handle conns[CONNS_MAX];
	unsigned conn_count;
};

static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

static struct scatter pieces;

static void demand(bool fact)
{
	if (!fact)
		abort();
}

static void hear(struct game *g, struct span frame)
{
	struct eth_view eth;
	struct ip_view ip;
	struct tcp_seg seg;
	demand(eth_parse(frame, &eth));
	demand(eth.vlan == stack_vlan(g->rig.stack, eth.type == ETH_IP6 ? 1 : 0));
	if (eth.type != ETH_IP4)
		return;
	demand(ip4_parse(eth.payload, eth.l3_offset, false, &ip) == IP_OK);
	if (ip.protocol != IP_TCP)
		return;
	demand(tcp_seg_parse(&ip, false, &seg) == TCP_SEG_OK);
	for (unsigned i = 0; i < COUNT_OF(g->peers); i++) {
		if (g->peers[i].port != seg.dst_port || (seg.flags & TCP_RST) != 0)
			continue;
		g->peers[i].ack = seq_add(seg.seq, tcp_seg_len(&seg));
		g->peers[i].local_port = seg.src_port;
		if ((seg.flags & TCP_ACK) != 0)
			g->peers[i].next = seg.ack;
		if (seg.options.stamps_known)
			g->peers[i].stamp = seg.options.stamp;
	}
}

static void pump(struct game *g)
{
	static uint8_t frame[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	struct tcp_event e;
	size_t bytes;
	for (unsigned i = 0; i < FRAMES_MAX; i++) {
		bytes = tcp_output(g->rig.stack, (struct room){ frame, sizeof(frame) }, &meta,
		                   g->now);
		if (bytes == 0)
			break;
		demand(i + 1 < FRAMES_MAX);
		hear(g, span_of(frame, bytes));
	}
	while (tcp_next_event(g->rig.stack, &e)) {
		if ((e.bits & TCP_ACCEPTED) == 0)
			continue;
		if (g->conn_count < CONNS_MAX)
			g->conns[g->conn_count++] = e.id;
		else
			tcp_abort(g->rig.stack, e.id, g->now);
	}
}

static void give(struct game *g, struct span frame)
{
	if (pieces.most == 0) {
		tcp_input(g->rig.stack, frame, 0, g->now);
		return;
	}
	scatter_again(&pieces);
	struct tcp_frame scattered = scatter_frame(&pieces, frame, TCP_FRAME_FINAL);
	(void)tcp_input_burst(g->rig.stack, &scattered, 1, g->now);
}

/* SACK blocks around what is acknowledged: real, doubled, or nonsense. */
static void add_reports(struct game *g, struct tcp_seg *seg)
{
	seg->options.sack_count = 1 + reader_u8(&g->in) % 3;
	for (unsigned i = 0; i < seg->options.sack_count; i++) {
		int16_t from = (int16_t)reader_be16(&g->in);
		struct seq begin = seq_add(seg->ack, (uint32_t)(int32_t)from);
		seg->options.sack[i].begin = begin;
		seg->options.sack[i].end = seq_add(begin, reader_be16(&g->in));
	}
}

static void send_segment(struct game *g)
{
	static uint8_t frame[2048];
	static const uint8_t zeros[1460];
	const struct peer *peer = &g->peers[reader_u8(&g->in) % COUNT_OF(g->peers)];
	struct tcp_seg seg = { .src_port = peer->port, .dst_port = peer->local_port };
	seg.flags = reader_u8(&g->in) & 0x3f;
	int16_t ahead = (int16_t)reader_be16(&g->in);
	int16_t more = (int16_t)reader_be16(&g->in);
	seg.seq = seq_add(peer->next, (uint32_t)(int32_t)ahead);
	seg.ack = seq_add(peer->ack, (uint32_t)(int32_t)more);
	seg.window = reader_be16(&g->in);
	uint16_t shape = reader_be16(&g->in);
	uint32_t bytes = (shape & 0x7ff) % 1461;
	if (shape & 0x8000) {
		seg.options.stamps_known = true;
		seg.options.stamp = (uint32_t)(g->now.us / MS_US) + reader_u8(&g->in) - 128u;
		seg.options.stamp_echo = peer->stamp;
	}
	if (shape & 0x4000) {
		seg.options.mss_known = seg.options.shift_known = seg.options.sack_permitted = true;
		seg.options.mss = reader_be16(&g->in);
		seg.options.shift = reader_u8(&g->in) % 15;
	}
	if ((shape & 0x6000) == 0x2000) /* options of a SYN leave no room */
		add_reports(g, &seg);
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	struct ip_addr own = stack_addr(g->rig.stack, 0);
	struct ip_addr remote = rig_addr("198.18.0.9");
	eth_emit_vlan(&w, g->rig.stack->config.mac, peer_mac, stack_vlan(g->rig.stack, 0), ETH_IP4);
	ip4_emit(&w, remote, own, IP_TCP, (uint16_t)(tcp_seg_header_bytes(&seg.options) + bytes));
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	writer_bytes(&w, span_of(zeros, bytes));
	tcp_seg_seal(&w, l4, remote, own, false);
	give(g, writer_span(&w));
}

static void app_act(struct game *g)
{
	struct tcp_stack *s = g->rig.stack;
	uint8_t what = reader_u8(&g->in);
	uint8_t amount = reader_u8(&g->in);
	static const uint8_t zeros[256 * 16];
	if (g->conn_count == 0)
		return;
	unsigned i = what / 8 % g->conn_count;
	struct handle id = g->conns[i];
	if (what % 8 <= 2) {
		size_t room = tcp_tx_room(s, id);
		size_t bytes = amount * 16u < room ? amount * 16u : room;
		(void)!byteq_write(tcp_tx(s, id), &g->rig.pool, span_of(zeros, bytes));
		tcp_tx_added(s, id, g->now);
	} else if (what % 8 <= 4) {
		struct byteq *q = tcp_rx(s, id);
		size_t bytes = amount * 64u < byteq_bytes(q) ? amount * 64u : byteq_bytes(q);
		byteq_consume(q, &g->rig.pool, bytes);
		tcp_rx_taken(s, id, g->now);
	} else if (what % 8 == 5) {
		tcp_shut(s, id, g->now);
	} else {
		if (what % 8 == 6)
			tcp_release(s, id, g->now);
		else
			tcp_abort(s, id, g->now);
		g->conns[i] = g->conns[--g->conn_count];
	}
}

static void connect_act(struct game *g)
{
	struct handle id;
	struct endpoint to = { .addr = rig_addr("198.18.0.9"), .port = g->peers[1].port };
	if (g->conn_count < CONNS_MAX &&
	    tcp_connect(g->rig.stack, to, 1, g->now, &id) == TCP_CONNECT_STARTED)
		g->conns[g->conn_count++] = id;
}

static void pass_time(struct game *g, uint64_t us)
{
	g->now = instant_add(g->now, us);
	tcp_expire(g->rig.stack, g->now);
}

/* What would be the kernel's alone must do nothing here but be counted. */
static void raw_frame(struct game *g, struct span frame)
{
	const struct tcp_config *config = &g->rig.stack->config;
	enum tcp_share share = tcp_frame_share(frame, config);
	uint32_t neighbours = g->rig.stack->neighbours.used, controls = g->rig.stack->controls.count;
	uint64_t segments = g->rig.stack->counters.segments_in;
	(void)tcp_frame_may_leave(frame, config);
	give(g, frame);
	if (share != TCP_SHARE_KERNEL)
		return;
	demand(g->rig.stack->neighbours.used == neighbours);
	demand(g->rig.stack->controls.count == controls);
	demand(g->rig.stack->counters.segments_in == segments);
}

static void act(struct game *g)
{
	uint8_t what = reader_u8(&g->in);
	if (what < 140)
		send_segment(g);
	else if (what < 170)
		app_act(g);
	else if (what < 200)
		pass_time(g, reader_be16(&g->in) * 1000ull);
	else if (what < 210)
		connect_act(g);
	else if (what < 215)
		neigh_learn(g->rig.stack, stack_vlan(g->rig.stack, 0), rig_addr("198.18.0.9"), peer_mac, true, true, g->now);
	else
		raw_frame(g, reader_take(&g->in, reader_u8(&g->in)));
}

/* Everything is given up; time runs until the last timer: nothing may be left. */
static void end(struct game *g)
{
	while (g->conn_count > 0)
		tcp_abort(g->rig.stack, g->conns[--g->conn_count], g->now);
	for (unsigned i = 0; i < 600; i++) {
		pump(g);
		while (g->conn_count > 0)
			tcp_abort(g->rig.stack, g->conns[--g->conn_count], g->now);
		pass_time(g, SECOND_US);
	}
	pump(g);
	demand(rig_is_empty(&g->rig));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct game *g = calloc(1, sizeof(*g));
	struct tcp_config config = rig_config(1);
	config.connections_max = 6;
	config.half_open_max = 3;
	config.rx_bytes_max = config.tx_bytes_max = config.reorder_bytes_max = 20000;
	config.rx_bytes_initial = 4000;
	config.per_source_half_open_max = 2;
	config.keepalive = (struct tcp_keepalive){ .idle_ms = 20000, .interval_ms = 500, .probes = 3 };
	config.user_timeout_ms = size > 0 && data[0] % 4 == 0 ? 30000 : 0;
	config.addresses[0].vlan = size > 0 && data[0] / 8 % 2 == 0 ? 100 : 0;
	scatter_init(&pieces, size, size > 0 && data[0] / 16 % 2 == 0 ? 1 + data[0] / 32 * 100u : 0);
	config.large_frames = pieces.most > 0;
	config.congestion = size > 0 && data[0] % 2 == 0 ? TCP_NEWRENO : TCP_CUBIC;
	g->now = (struct instant){ .us = 1000 * SECOND_US };
	rig_make(&g->rig, &config, 24, g->now);
	g->peers[0] = (struct peer){ .port = 5000, .local_port = 25, .next = { 0xfffff000u } };
	g->peers[1] = (struct peer){ .port = 5001, .local_port = 25, .next = { 7 } };
	if (!tcp_listen(g->rig.stack, (struct endpoint){ .port = 25 }, 1))
		abort();
	neigh_learn(g->rig.stack, stack_vlan(g->rig.stack, 0), rig_addr("198.18.0.9"), peer_mac, true, true, g->now);
	g->in = reader_of(span_of(data, size));
	for (unsigned i = 0; i < ACTS_MAX && g->in.ok && g->in.left.bytes > 0; i++) {
		act(g);
		pump(g);
	}
	end(g);
	rig_free(&g->rig);
	free(g);
	return 0;
}
