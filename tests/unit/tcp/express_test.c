/*
 * express_test.c - runs: frames of a burst that follow upon each other leave behind what they would have left one by one.
 *
 * Two stacks that know the same hear the same frames of one peer, one stack in bursts and the other frame by frame. The
 * peer sends its next bytes most of the time, and else all that may end a run. After each burst connections, frames
 * that leave, events, counters and bytes must be the same in both.
 */
#include "rig.h"
#include "tests/lib/scatter.h"
#include "tests/unit/unit.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define PORT 25u
#define PEERS 2u
#define ROOM 2048u
#define WORLDS 1000u

struct peer { /* the far end of one connection */
	uint16_t port;
	struct seq next, ack; /* what it sends next, and has of us */
	struct seq hole;      /* of what was lost, */
	uint32_t hole_bytes;  /* if anything */
	struct handle id[2];  /* in both stacks */
	uint64_t to_us;       /* bytes that both applications read */
};

static struct rig rig[2]; /* [0] hears frame by frame, [1] bursts */
static struct instant now;
static struct prng prng;
static struct peer peers[PEERS];
static bool v6, stamps;
static uint32_t stamp;
static uint8_t rooms[TCP_BURST_MAX][ROOM];
static struct tcp_frame frames[TCP_BURST_MAX];
static struct scatter in_pieces; /* as which the frames of a burst come */
static uint32_t count;
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

/* ---- frames ---- */

struct shape { /* of one frame, where it differs from the next bytes */
	uint8_t flags;
	uint16_t window;
	uint32_t stamp;
	bool bare;   /* no options */
	bool marked; /* congestion experienced */
	uint32_t padding;
};

static const struct shape plain = { .flags = TCP_ACK, .window = 60000 };

static struct span frame_make(uint8_t *room, const struct peer *p, const struct shape *shape, struct seq seq, uint32_t bytes)
{
	struct writer w = writer_of((struct room){ room, ROOM });
	struct ip_addr own = rig[0].stack->config.addresses[v6 ? 1 : 0].addr;
	struct ip_addr peer = rig_addr(v6 ? "2001:2::9" : "198.18.0.9");
	struct tcp_seg seg = { .src_port = p->port, .dst_port = PORT, .seq = seq, .ack = p->ack, .flags = shape->flags,
		               .window = shape->window };
	seg.options.stamps_known = stamps && !shape->bare;
	seg.options.stamp = stamp - shape->stamp;
	if ((shape->flags & TCP_SYN) != 0) {
		seg.options.mss_known = seg.options.sack_permitted = seg.options.shift_known = true;
		seg.options.mss = 1400;
		seg.options.shift = 3;
		seg.ack = seq_of(0);
	}
	uint16_t l4_bytes = (uint16_t)(tcp_seg_header_bytes(&seg.options) + bytes);
	eth_emit(&w, rig[0].stack->config.mac, peer_mac, v6 ? ETH_IP6 : ETH_IP4);
	size_t l3 = w.used;
	if (v6)
		ip6_emit(&w, peer, own, IP_TCP, l4_bytes, IP_HOP_LIMIT);
	else
		ip4_emit(&w, peer, own, IP_TCP, l4_bytes);
	if (shape->marked && v6)
		ip6_mark(&w, l3, IP_CE);
	else if (shape->marked)
		ip4_mark(&w, l3, IP_CE);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	for (uint32_t i = 0; i < bytes; i++)
		writer_u8(&w, (uint8_t)((seq.v + i) * 7 ^ (seq.v + i) >> 8));
	tcp_seg_seal(&w, l4, peer, own, false);
	writer_zeros(&w, shape->padding);
	CU_ASSERT_FATAL(w.ok);
	return writer_span(&w);
}

static void say(struct peer *p, const struct shape *shape, struct seq seq, uint32_t bytes)
{
	frames[count] = (struct tcp_frame){ .head = frame_make(rooms[count], p, shape, seq, bytes), .flags = TCP_FRAME_FINAL };
	count++;
}

static void say_next(struct peer *p, const struct shape *shape, uint32_t bytes)
{
	say(p, shape, p->next, bytes);
	p->next = seq_add(p->next, bytes);
}

/* What was said comes to both, one by one and as a burst. */
static void arrive(void)
{
	for (uint32_t i = 0; i < count; i++)
		tcp_input(rig[0].stack, frames[i].head, frames[i].flags, now);
	scatter_again(&in_pieces);
	for (uint32_t i = 0; i < count && in_pieces.most > 0; i++)
		frames[i] = scatter_frame(&in_pieces, frames[i].head, frames[i].flags);
	CU_ASSERT(tcp_input_burst(rig[1].stack, frames, count, now) == 0);
	count = 0;
}

/* ---- what both must agree upon ---- */

static uint64_t seed_running; /* 0: no world of one */

static void agree(bool same, const char *what)
{
	if (!same)
		fprintf(stderr, "seed %llu: they differ in %s\n", (unsigned long long)seed_running, what);
	CU_ASSERT_FATAL(same);
}

static struct conn *conn_in(uint32_t which, const struct peer *p)
{
	return slab_get(&rig[which].stack->conns, p->id[which]);
}

static bool same_conn(const struct conn *a, const struct conn *b)
{
	bool line0 = seq_eq(a->snd_una, b->snd_una) && seq_eq(a->snd_nxt, b->snd_nxt) && a->snd_wnd == b->snd_wnd &&
	             seq_eq(a->rcv_nxt, b->rcv_nxt) && seq_eq(a->rcv_adv, b->rcv_adv) && a->flags == b->flags &&
	             a->state == b->state && a->duplicates == b->duplicates;
	bool line1 = a->rx.bytes == b->rx.bytes && a->heard_ms == b->heard_ms;
	bool line2 = a->unacked == b->unacked && a->acks_owed == b->acks_owed && a->quick_acks == b->quick_acks &&
	             a->keep_sent == b->keep_sent && (a->reasm == NULL) == (b->reasm == NULL) &&
	             seq_eq(a->snd_wl1, b->snd_wl1) && seq_eq(a->snd_wl2, b->snd_wl2) && seq_eq(a->ack_sent, b->ack_sent) &&
	             a->stamp_recent == b->stamp_recent && a->stamp_recent_ms == b->stamp_recent_ms;
	bool line3 = a->events == b->events && a->ack_deadline.us == b->ack_deadline.us && a->timer_kind == b->timer_kind;
	return line0 && line1 && line2 && line3;
}

/* All that leaves, in its order; what the peer learns of us goes to *p when it is for it. */
static void compare_output(void)
{
	static uint8_t out[2][RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	for (;;) {
		size_t bytes[2];
		for (uint32_t i = 0; i < 2; i++)
			bytes[i] = tcp_output(rig[i].stack, (struct room){ out[i], RIG_FRAME_BYTES }, &meta, now);
		agree(bytes[0] == bytes[1] && memcmp(out[0], out[1], bytes[0]) == 0, "what leaves");
		if (bytes[0] == 0)
			return;
		const uint8_t *l4 = out[0] + ETH_HEADER_BYTES + (v6 ? IP6_HEADER_BYTES : IP4_HEADER_BYTES);
		uint32_t payload = (uint32_t)(bytes[0] - (size_t)(l4 - out[0]) - (l4[12] >> 4) * 4u);
		for (uint32_t i = 0; i < PEERS; i++)
			if (load_be16(l4 + 2) == peers[i].port && (payload > 0 || (l4[13] & TCP_SYN) != 0))
				peers[i].ack = seq_add(seq_of(load_be32(l4 + 4)), payload + ((l4[13] & TCP_SYN) != 0));
	}
}

static void compare_events(void)
{
	struct tcp_event e[2];
	for (;;) {
		bool any = tcp_next_event(rig[0].stack, &e[0]);
		agree(any == tcp_next_event(rig[1].stack, &e[1]), "events");
		if (!any)
			return;
		agree(handle_equal(e[0].id, e[1].id) && e[0].bits == e[1].bits && e[0].why == e[1].why, "an event");
		for (uint32_t i = 0; i < PEERS && (e[0].bits & TCP_ACCEPTED) != 0; i++)
			if (handle_is_none(peers[i].id[0])) {
				peers[i].id[0] = e[0].id;
				peers[i].id[1] = e[1].id;
				break;
			}
	}
}

static void compare(void)
{
	compare_events();
	compare_output();
	for (uint32_t i = 0; i < PEERS; i++) {
		const struct conn *one = conn_in(0, &peers[i]), *many = conn_in(1, &peers[i]);
		agree((one == NULL) == (many == NULL), "life");
		agree(one == NULL || same_conn(one, many), "a connection");
	}
	struct tcp_counters a = *tcp_counters(rig[0].stack), b = *tcp_counters(rig[1].stack);
	if (in_pieces.most > 0) /* what is cut in its headers takes the long way */
		a.predicted = b.predicted = 0;
	agree(memcmp(&a, &b, sizeof(a)) == 0, "counters");
	agree(rig[0].pool.free_count == rig[1].pool.free_count, "blocks");
}

/* ---- a pair of stacks ---- */

static void listen_both(const struct tcp_config *config, uint32_t blocks)
{
	now = (struct instant){ .us = 100 * SECOND_US };
	stamp = 5000;
	count = 0;
	memset(peers, 0, sizeof(peers));
	for (uint32_t i = 0; i < 2; i++) {
		struct tcp_config own = *config;
		own.large_frames = i == 1 && in_pieces.most > 0;
		rig_make(&rig[i], &own, blocks, now);
		CU_ASSERT_FATAL(tcp_listen(rig[i].stack, (struct endpoint){ .port = PORT }, 1));
		neigh_learn(rig[i].stack, 0, rig_addr("198.18.0.9"), peer_mac, true, true, now);
		neigh_learn(rig[i].stack, 0, rig_addr("2001:2::9"), peer_mac, true, true, now);
	}
}

static void open_peers(void)
{
	struct shape syn = { .flags = TCP_SYN, .window = 60000 };
	for (uint32_t i = 0; i < PEERS; i++) {
		struct peer *p = &peers[i];
		p->port = (uint16_t)(5000 + i);
		p->next = seq_of(i == 0 ? UINT32_MAX - 20000 : 77);
		say(p, &syn, p->next, 0);
		p->next = seq_add(p->next, 1);
		arrive();
		compare();
		say(p, &plain, p->next, 0);
		arrive();
		compare();
		CU_ASSERT_FATAL(!handle_is_none(p->id[0]));
	}
}

static void close_both(void)
{
	scatter_init(&in_pieces, 1, 0);
	for (uint32_t i = 0; i < 2; i++)
		rig_free(&rig[i]);
}

/* Is that the payload that was sent from there on? What was damaged although the port said good is not. */
static bool is_sent(const uint8_t *bytes, size_t n, uint32_t seq)
{
	for (uint32_t i = 0; i < n && !rig[0].stack->config.rx_checksum_offload; i++)
		if (bytes[i] != (uint8_t)((seq + i) * 7 ^ (seq + i) >> 8))
			return false;
	return true;
}

/* Applications read, some of it or all, and find the bytes that were sent. */
static void read_both(struct peer *p, size_t most)
{
	static uint8_t bytes[2][65536 * 3];
	size_t here[2];
	if (conn_in(0, p) == NULL)
		return;
	for (uint32_t i = 0; i < 2; i++) {
		struct byteq *rx = tcp_rx(rig[i].stack, p->id[i]);
		struct conn *c = conn_in(i, p);
		uint32_t behind = c->rcv_nxt.v - ((c->flags & CONN_PEER_FIN) != 0);
		uint32_t seq = behind - (uint32_t)byteq_bytes(rx);
		size_t room = most < sizeof(bytes[i]) ? most : sizeof(bytes[i]);
		here[i] = byteq_copy_out(rx, 0, (struct room){ bytes[i], room });
		agree(is_sent(bytes[i], here[i], seq), "what was sent");
		byteq_consume(rx, &rig[i].pool, here[i]);
		tcp_rx_taken(rig[i].stack, p->id[i], now);
		p->to_us += here[i];
	}
	agree(here[0] == here[1] && memcmp(bytes[0], bytes[1], here[0]) == 0, "what is read");
}

static void write_both(struct peer *p, size_t bytes)
{
	static const uint8_t zeros[3000];
	for (uint32_t i = 0; i < 2; i++) {
		if (conn_in(i, p) == NULL || tcp_tx_room(rig[i].stack, p->id[i]) < bytes)
			continue;
		(void)!byteq_write(tcp_tx(rig[i].stack, p->id[i]), &rig[i].pool, span_of(zeros, bytes));
		tcp_tx_added(rig[i].stack, p->id[i], now);
	}
}

/* ---- a run ---- */

static void a_burst_is_one_run(void)
{
	struct tcp_config config = rig_config(1);
	struct shape push = { .flags = TCP_ACK | TCP_PSH, .window = 60000 };
	char line[200];
	stamps = true;
	for (uint32_t round = 0; round < 2; round++) {
		v6 = round == 1;
		listen_both(&config, 64);
		open_peers();
		struct tcp_counters before = *tcp_counters(rig[1].stack);
		uint32_t first = peers[0].next.v;
		for (uint32_t i = 0; i < 7; i++)
			say_next(&peers[0], &plain, 1000);
		say_next(&peers[0], &push, 400);
		arrive();
		const struct conn *c = conn_in(1, &peers[0]);
		const struct black_box *ring = black_box_of(&rig[1].stack->boxes, &c->head);
		const struct black_box_entry *e = &ring->entries[(ring->count - 1) % BLACK_BOX_ENTRIES];
		struct text t = text_of(line, sizeof(line));
		CU_ASSERT(e->mark == BLACK_BOX_RUN && e->detail == 8 && e->bytes == 7400 && e->seq == first);
		CU_ASSERT_EQUAL(e->flags, TCP_ACK | TCP_PSH);
		CU_ASSERT_EQUAL(ring->entries[(ring->count - 2) % BLACK_BOX_ENTRIES].mark, BLACK_BOX_STATE);
		black_box_entry_text(&t, e);
		CU_ASSERT(t.used > 30 && strstr(line, " len 7400 win 60000, segments 8") != NULL);
		CU_ASSERT((c->flags & CONN_ACK_NOW) != 0 && c->unacked == 8 && c->events == TCP_READABLE);
		CU_ASSERT_EQUAL(tcp_counters(rig[1].stack)->predicted, before.predicted + 8);
		compare();
		read_both(&peers[0], SIZE_MAX);
		CU_ASSERT_EQUAL(peers[0].to_us, 2 * 7400);
		close_both();
	}
}

static uint8_t last_mark(const struct peer *p)
{
	const struct conn *c = conn_in(1, p);
	const struct black_box *ring = c == NULL ? NULL : black_box_of(&rig[1].stack->boxes, &c->head);
	return ring == NULL ? BLACK_BOX_NONE : ring->entries[(ring->count - 1) % BLACK_BOX_ENTRIES].mark;
}

/* No more than an entry of the black box can say is one run. */
static void a_long_run_is_two(void)
{
	struct tcp_config config = rig_config(1);
	config.mtu = 9000;
	config.rx_bytes_max = 200000;
	config.window_shift = 4;
	stamps = false;
	v6 = false;
	listen_both(&config, 256);
	open_peers();
	for (uint32_t turn = 0; turn < 2; turn++) { /* the window grows with what is read */
		for (uint32_t i = 0; i < TCP_BURST_MAX; i++)
			say_next(&peers[0], &plain, 1900);
		for (uint32_t i = 24; i < TCP_BURST_MAX && turn == 0; i++)
			count--, peers[0].next = seq_add(peers[0].next, 0u - 1900u);
		arrive();
		compare();
		if (turn == 0)
			read_both(&peers[0], SIZE_MAX);
	}
	const struct conn *c = conn_in(1, &peers[0]);
	const struct black_box *ring = black_box_of(&rig[1].stack->boxes, &c->head);
	uint32_t runs = 0, segments = 0;
	for (uint32_t i = 0; i < BLACK_BOX_ENTRIES; i++) {
		bool run = ring->entries[i].mark == BLACK_BOX_RUN;
		runs += run;
		segments += run ? ring->entries[i].detail : 0;
	}
	CU_ASSERT_EQUAL(segments, 24 + 32);
	CU_ASSERT_EQUAL(runs, 2);
	close_both();
}

/* Who has unread bytes does not get the last blocks, and a run does not take them either. */
static void a_run_leaves_the_last_blocks_alone(void)
{
	struct tcp_config config = rig_config(1);
	stamps = true;
	v6 = false;
	listen_both(&config, 16); /* one of them is reserved */
	open_peers();
	for (uint32_t turn = 0; turn < 4; turn++) {
		for (uint32_t i = 0; i < 20; i++)
			say_next(&peers[0], &plain, 1000);
		arrive();
		compare();
	}
	CU_ASSERT(tcp_counters(rig[1].stack)->drops[TCP_DROP_RX_NO_BLOCK] > 0);
	CU_ASSERT_EQUAL(rig[1].pool.free_count, 0);
	close_both();
}

/* ---- many worlds ---- */

static void lose(struct peer *p, uint32_t bytes)
{
	if (p->hole_bytes == 0) {
		p->hole = p->next;
		p->hole_bytes = bytes;
	}
	p->next = seq_add(p->next, bytes);
}

static void repeat(struct peer *p, uint32_t bytes)
{
	if (p->hole_bytes > 0)
		say(p, &plain, p->hole, p->hole_bytes);
	else
		say(p, &plain, seq_add(p->next, 0u - bytes), bytes);
	p->hole_bytes = 0;
}

/* Something changes on the way: lengths, fragment bits, checksums, numbers. */
static void damage(struct peer *p, uint32_t bytes)
{
	say_next(p, &plain, bytes);
	uint8_t *frame = rooms[count - 1];
	size_t all = frames[count - 1].head.bytes;
	frame[ETH_HEADER_BYTES + prng_below(&prng, prng_chance(&prng, 500) ? 60 : all - ETH_HEADER_BYTES)] ^=
		(uint8_t)(1u << prng_below(&prng, 8));
	if (prng_chance(&prng, 300))
		frames[count - 1].head.bytes = prng_below(&prng, all);
}

static void say_odd(struct peer *p, uint32_t bytes)
{
	struct shape s = plain;
	switch (prng_below(&prng, 16)) {
	case 0: s.flags |= TCP_PSH; break;
	case 1: s.window = (uint16_t)(59000 + prng_below(&prng, 2000)); break;
	case 2: s.stamp = (uint32_t)prng_below(&prng, 100); break;
	case 3: s.bare = true; break;
	case 4: s.marked = true; break;
	case 5: s.padding = (uint32_t)prng_below(&prng, 30); break;
	case 6: s.flags |= prng_chance(&prng, 500) ? TCP_URG : TCP_CWR; break;
	case 7: lose(p, bytes); return;
	case 8:
	case 9: repeat(p, bytes); return;
	case 10: say(p, &s, p->next, 0); return;
	case 11: say(p, &s, seq_add(p->next, 70000), bytes); return;
	case 12: damage(p, bytes); return;
	case 13: s.flags |= prng_chance(&prng, 30) ? TCP_FIN : 0; break;
	case 14: s.flags |= prng_chance(&prng, 10) ? TCP_RST : 0; break;
	default: stamp++; break;
	}
	say_next(p, &s, bytes);
}

static uint32_t world(uint64_t seed)
{
	struct tcp_config config = rig_config(1);
	uint32_t runs = 0;
	prng_seed(&prng, seed);
	v6 = prng_chance(&prng, 300);
	stamps = prng_chance(&prng, 700);
	config.ecn = prng_chance(&prng, 300);
	config.rx_checksum_offload = prng_chance(&prng, 500);
	if (prng_chance(&prng, 400))
		scatter_init(&in_pieces, seed, 1 + (uint32_t)prng_below(&prng, prng_chance(&prng, 700) ? 1500 : 30));
	listen_both(&config, prng_chance(&prng, 300) ? 16 + (uint32_t)prng_below(&prng, 16) : 256);
	open_peers();
	uint64_t odd = prng_below(&prng, 200);
	for (uint32_t turn = 0; turn < 60; turn++) {
		uint32_t burst = 1 + (uint32_t)prng_below(&prng, TCP_BURST_MAX);
		while (count < burst) {
			struct peer *p = &peers[prng_chance(&prng, 150) ? 1 : 0];
			uint32_t bytes = 1 + (uint32_t)prng_below(&prng, prng_chance(&prng, 500) ? 1400 : 40);
			if (prng_chance(&prng, odd))
				say_odd(p, bytes);
			else
				say_next(p, &plain, bytes);
			if (prng_chance(&prng, 700) && count > 0)
				frames[count - 1].flags |= TCP_FRAME_CHECKED;
		}
		arrive();
		runs += last_mark(&peers[0]) == BLACK_BOX_RUN;
		compare();
		for (uint32_t i = 0; i < PEERS; i++) {
			if (prng_chance(&prng, 700))
				read_both(&peers[i], prng_chance(&prng, 700) ? SIZE_MAX : prng_below(&prng, 9000));
			if (prng_chance(&prng, 200))
				write_both(&peers[i], 1 + prng_below(&prng, 3000));
		}
		now = instant_add(now, prng_below(&prng, 30000));
		stamp += (uint32_t)prng_below(&prng, 30);
		for (uint32_t i = 0; i < 2; i++)
			tcp_expire(rig[i].stack, now);
		compare();
	}
	close_both();
	return runs;
}

static void runs_leave_what_single_frames_leave(void)
{
	uint32_t runs = 0;
	for (seed_running = 1; seed_running <= WORLDS; seed_running++)
		runs += world(seed_running);
	seed_running = 0;
	CU_ASSERT(runs > 5 * WORLDS);
}

UNIT("tcp/express", { "a burst of next bytes is one run: one entry, one event, one ACK due", a_burst_is_one_run },
     { "a run longer than a black box's entry can say is two", a_long_run_is_two },
     { "a run leaves the last blocks alone", a_run_leaves_the_last_blocks_alone },
     { "runs leave behind what single frames leave, in 1000 worlds, in some of them in pieces", runs_leave_what_single_frames_leave })
