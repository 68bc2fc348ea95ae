/*
 * tcp_icmp.c - fuzz target: ICMP and ICMPv6 with quoted packets, at a stack with one open connection of each family.
 * The input is a list of messages: type, code, word, and a quote that lies near what the stack sent, or any bytes. Before
 * each of them the peer may acknowledge and report anything in flight, the application write, and time pass: so
 * segments become larger again, and probes of the path meet every answer.
 * Errors may make a connection slower; only an opening one may they end (RFC 5927), and segments never fall below what
 * every path carries.
 */
#include "tests/unit/tcp/rig.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define ACTS_MAX 300u
#define FRAMES_MAX 10000u
#define MSS_MOST 1460u /* what the peer takes */
#define MSS_LEAST 536u /* of IPv4: 576 less headers; timestamps the peer does not use */
#define MSS_LEAST_6 1220u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct game {
	struct rig rig;
	struct instant now;
	struct reader in;
	struct handle open[2], opening; /* IPv4, IPv6; a SYN under way over IPv4 */
	bool opening_alive;
};

static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

static void demand(bool fact)
{
	if (!fact)
		abort();
}

static struct ip_addr peer_of(uint8_t family)
{
	return rig_addr(family == IP_V4 ? "198.18.0.9" : "2001:2::9");
}

static struct ip_addr own_of(const struct game *g, uint8_t family)
{
	return stack_addr(g->rig.stack, family == IP_V4 ? 0 : 1);
}

static void begin_frame(const struct game *g, struct writer *w, uint8_t family, uint8_t protocol, uint16_t bytes,
                        uint8_t hops)
{
	eth_emit(w, g->rig.stack->config.mac, peer_mac, family == IP_V4 ? ETH_IP4 : ETH_IP6);
	if (family == IP_V4)
		ip4_emit(w, peer_of(family), own_of(g, family), protocol, bytes);
	else
		ip6_emit(w, peer_of(family), own_of(g, family), protocol, bytes, hops);
}

static void pump(struct game *g)
{
	struct tcp_event e;
	demand(rig_drop_output(&g->rig, FRAMES_MAX, g->now) < FRAMES_MAX);
	while (tcp_next_event(g->rig.stack, &e)) {
		if ((e.bits & TCP_CLOSED) == 0)
			continue;
		demand(g->opening_alive && handle_equal(e.id, g->opening));
		tcp_release(g->rig.stack, e.id, g->now);
		g->opening_alive = false;
	}
}

/* ---- messages ---- */

/* What a router would quote of a segment of `c`, some numbers of it as the input says. */
static void quote(struct game *g, struct writer *w, const struct conn *c, uint8_t family)
{
	struct tcp_seg seg = { .src_port = c->local_port, .dst_port = c->remote_port, .flags = TCP_ACK };
	int16_t beside = (int16_t)reader_be16(&g->in);
	seg.seq = seq_add(c->snd_una, (uint32_t)(int32_t)beside);
	if (family == IP_V4)
		ip4_emit(w, own_of(g, family), c->remote, IP_TCP, 20);
	else
		ip6_emit(w, own_of(g, family), c->remote, IP_TCP, 20, 64);
	tcp_seg_emit(w, &seg);
}

static void say(struct game *g, uint8_t family, uint8_t flags, struct seq seq, struct seq ack,
                const struct tcp_sack_block *sack);

/* The peer has something of what is under way; SACK says what, true or not. */
static void peer_act(struct game *g, uint8_t family, const struct conn *c)
{
	uint32_t flight = seq_span(c->snd_una, c->snd_max);
	uint32_t acked = reader_be16(&g->in) % (flight + 1);
	struct tcp_sack_block sack = { .begin = seq_add(c->snd_una, acked + reader_be16(&g->in) % (flight + 1)) };
	sack.end = seq_add(sack.begin, reader_be16(&g->in) % 4096u);
	say(g, family, TCP_ACK, c->rcv_nxt, seq_add(c->snd_una, acked), &sack);
}

static void application_act(struct game *g, uint8_t family)
{
	static const uint8_t zeros[16000];
	struct handle id = g->open[family == IP_V6];
	size_t room = tcp_tx_room(g->rig.stack, id);
	size_t bytes = reader_be16(&g->in) % sizeof(zeros);
	(void)!byteq_write(tcp_tx(g->rig.stack, id), &g->rig.pool, span_of(zeros, bytes < room ? bytes : room));
	tcp_tx_added(g->rig.stack, id, g->now);
}

/* Up to the raise timer of a path; before a long time all is acknowledged, so that nobody gives up. */
static void time_act(struct game *g, uint8_t family, const struct conn *c)
{
	static const uint64_t steps[] = { 1 * MS_US, 30 * MS_US, SECOND_US, 601 * SECOND_US };
	uint64_t us = steps[reader_u8(&g->in) % COUNT_OF(steps)];
	for (unsigned i = 0; us > MINUTE_US && i < 20; i++) {
		say(g, family, TCP_ACK, c->rcv_nxt, c->snd_max, NULL);
		demand(rig_drop_output(&g->rig, FRAMES_MAX, g->now) < FRAMES_MAX);
	}
	g->now = instant_add(g->now, us);
	tcp_expire(g->rig.stack, g->now);
}

/* The bits of the code that no code has. */
static void acts_before(struct game *g, uint8_t family, uint8_t acts)
{
	const struct conn *c = conn_of(g->rig.stack, g->open[family == IP_V6]);
	if ((acts & 0x10) != 0)
		application_act(g, family);
	if ((acts & 0x20) != 0)
		time_act(g, family, c);
	demand(rig_drop_output(&g->rig, FRAMES_MAX, g->now) < FRAMES_MAX);
	if ((acts & 0x40) != 0)
		peer_act(g, family, c);
}

static void message_act(struct game *g)
{
	static uint8_t body[512], frame[1024];
	static const uint8_t types[2][8] = { { 0, 3, 3, 4, 5, 8, 11, 12 }, { 1, 2, 3, 4, 128, 129, 135, 136 } };
	struct writer b = writer_of((struct room){ body, sizeof(body) });
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	uint8_t shape = reader_u8(&g->in);
	uint8_t family = (shape & 1) != 0 ? IP_V6 : IP_V4;
	uint8_t code = reader_u8(&g->in);
	acts_before(g, family, code);
	pump(g);
	const struct conn *c = conn_of(g->rig.stack, g->open[family == IP_V6]);
	if ((shape & 2) != 0 && family == IP_V4 && g->opening_alive)
		c = conn_of(g->rig.stack, g->opening);
	writer_u8(&b, types[family == IP_V6][shape >> 2 & 7]);
	writer_u8(&b, code % 16);
	writer_be16(&b, 0);
	writer_be32(&b, reader_be16(&g->in));
	if ((shape & 0x60) != 0)
		quote(g, &b, c, family);
	writer_bytes(&b, reader_take(&g->in, reader_u8(&g->in)));
	demand(b.ok);
	struct checksum sum = family == IP_V4 ? (struct checksum){ 0 } :
		checksum_pseudo(peer_of(family), own_of(g, family), IP_ICMP6, (uint32_t)b.used);
	writer_patch_be16(&b, 2, checksum_finish(checksum_add(sum, writer_span(&b))));
	begin_frame(g, &w, family, family == IP_V4 ? IP_ICMP : IP_ICMP6, (uint16_t)b.used,
	            (shape & 0x80) != 0 ? 255 : 64);
	writer_bytes(&w, writer_span(&b));
	demand(w.ok);
	tcp_input(g->rig.stack, writer_span(&w), 0, g->now);
}

static void say(struct game *g, uint8_t family, uint8_t flags, struct seq seq, struct seq ack,
                const struct tcp_sack_block *sack)
{
	static uint8_t frame[256];
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	struct tcp_seg seg = { .src_port = 5000, .dst_port = 25, .seq = seq, .ack = ack, .flags = flags, .window = 65535 };
	seg.options.mss_known = (flags & TCP_SYN) != 0;
	seg.options.mss = MSS_MOST;
	seg.options.sack_permitted = (flags & TCP_SYN) != 0;
	seg.options.sack_count = sack != NULL && !seq_eq(sack->begin, sack->end) ? 1 : 0;
	if (sack != NULL)
		seg.options.sack[0] = *sack;
	begin_frame(g, &w, family, IP_TCP, tcp_seg_header_bytes(&seg.options), 64);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	tcp_seg_seal(&w, l4, peer_of(family), own_of(g, family), false);
	tcp_input(g->rig.stack, writer_span(&w), 0, g->now);
}

/* One connection accepted, with bytes under way. */
static struct handle accept_one(struct game *g, uint8_t family)
{
	static const uint8_t zeros[4000];
	struct tcp_event e;
	static uint8_t frame[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	uint32_t slot = 0;
	say(g, family, TCP_SYN, seq_of(100), seq_of(0), NULL);
	while (tcp_output(g->rig.stack, (struct room){ frame, sizeof(frame) }, &meta, g->now) > 0) {
	}
	struct conn *c = NULL, *at;
	while ((at = slab_next(&g->rig.stack->conns, &slot)) != NULL)
		c = at->remote.family == family && at->state == CONN_SYN_RECEIVED ? at : c;
	demand(c != NULL);
	say(g, family, TCP_ACK, seq_of(101), seq_add(c->iss, 1), NULL);
	demand(tcp_next_event(g->rig.stack, &e) && (e.bits & TCP_ACCEPTED) != 0);
	demand(byteq_write(tcp_tx(g->rig.stack, e.id), &g->rig.pool, span_of(zeros, sizeof(zeros))) == sizeof(zeros));
	tcp_tx_added(g->rig.stack, e.id, g->now);
	return e.id;
}

static void open_all(struct game *g)
{
	struct endpoint to = { .addr = peer_of(IP_V4), .port = 6000 };
	neigh_learn(g->rig.stack, 0, peer_of(IP_V4), peer_mac, true, true, g->now);
	neigh_learn(g->rig.stack, 0, peer_of(IP_V6), peer_mac, true, true, g->now);
	g->open[0] = accept_one(g, IP_V4);
	g->open[1] = accept_one(g, IP_V6);
	demand(tcp_connect(g->rig.stack, to, 1, g->now, &g->opening) == TCP_CONNECT_STARTED);
	g->opening_alive = true;
	pump(g);
}

static void conns_check(const struct game *g)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct conn *c = conn_of(g->rig.stack, g->open[i]);
		demand(c->state == CONN_ESTABLISHED);
		demand(c->mss >= (i == 0 ? MSS_LEAST : MSS_LEAST_6) && c->mss <= MSS_MOST);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct game *g = calloc(1, sizeof(*g));
	struct tcp_config config = rig_config(1);
	config.retries_max = UINT8_MAX; /* only messages shall end connections */
	g->now = (struct instant){ .us = 1000 * SECOND_US };
	rig_make(&g->rig, &config, 64, g->now);
	if (!tcp_listen(g->rig.stack, (struct endpoint){ .port = 25 }, 1))
		abort();
	open_all(g);
	g->in = reader_of(span_of(data, size));
	for (unsigned i = 0; i < ACTS_MAX && g->in.ok && g->in.left.bytes > 0; i++) {
		message_act(g);
		pump(g);
		conns_check(g);
	}
	for (unsigned i = 0; i < 2; i++)
		tcp_abort(g->rig.stack, g->open[i], g->now);
	if (g->opening_alive)
		tcp_abort(g->rig.stack, g->opening, g->now);
	for (unsigned i = 0; i < 300; i++) {
		pump(g);
		g->now = instant_add(g->now, SECOND_US);
		tcp_expire(g->rig.stack, g->now);
	}
	demand(rig_is_empty(&g->rig));
	rig_free(&g->rig);
	free(g);
	return 0;
}
