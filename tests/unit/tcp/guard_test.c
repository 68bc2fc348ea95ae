/*
 * guard_test.c - the stack under attack: floods of SYNs, counted challenges, closed windows while
 * memory is short, and the counts of sources against a plain array.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/eth.h"
#include "wire/ip4.h"

static struct rig rig;
static struct tcp_config config;
static struct instant now;
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

static void begin(uint32_t blocks)
{
	now = (struct instant){ .us = 1000 * SECOND_US };
	rig_make(&rig, &config, blocks, now);
	CU_ASSERT_FATAL(tcp_listen(rig.stack, (struct endpoint){ .port = 25 }, 1));
	neigh_learn(rig.stack, 0, rig_addr("198.18.0.254"), peer_mac, true, true, now);
}

static void send(struct ip_addr from, uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack,
                 uint16_t window)
{
	uint8_t frame[200];
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	struct tcp_seg seg = { .src_port = port,
		               .dst_port = 25,
		               .seq = seq_of(seq),
		               .ack = seq_of(ack),
		               .flags = flags,
		               .window = window };
	seg.options.mss_known = (flags & TCP_SYN) != 0;
	seg.options.mss = 1460;
	eth_emit(&w, config.mac, peer_mac, ETH_IP4);
	ip4_emit(&w, from, config.addresses[0].addr, IP_TCP, tcp_seg_header_bytes(&seg.options));
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	tcp_seg_seal(&w, l4, from, config.addresses[0].addr, false);
	tcp_input(rig.stack, writer_span(&w), 0, now);
}

/* The next segment the stack sends to `to` (others are passed over); false: none. */
static bool hear(struct ip_addr to, struct tcp_seg *seg)
{
	static uint8_t frame[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	struct eth_view eth;
	struct ip_view ip;
	size_t bytes;
	bool heard = false;
	while ((bytes = tcp_output(rig.stack, (struct room){ frame, sizeof(frame) }, &meta, now)) > 0)
		if (!heard && eth_parse(span_of(frame, bytes), &eth) && eth.type == ETH_IP4 &&
		    ip4_parse(eth.payload, 14, false, &ip) == IP_OK && ip_addr_equal(ip.dst, to) &&
		    tcp_seg_parse(&ip, false, seg) == TCP_SEG_OK)
			heard = true;
	return heard;
}

static struct ip_addr address(uint32_t n)
{
	struct ip_addr a = rig_addr("203.0.0.0");
	a.bytes[1] = (uint8_t)(n >> 16);
	a.bytes[2] = (uint8_t)(n >> 8);
	a.bytes[3] = (uint8_t)n;
	return a;
}

static struct tcp_config guarded(void)
{
	struct tcp_config c = rig_config(1);
	c.route_count = 1;
	c.routes[0] = tcp_gateway(rig_addr("198.18.0.254"));
	return c;
}

/* Two hundred thousand SYNs from as many addresses, two hundred honest peers in between. */
static void honest_peers_connect_through_a_flood_of_syns(void)
{
	unsigned opened = 0;
	config = guarded();
	config.connections_max = 300;
	config.half_open_max = 16;
	begin(64);
	for (uint32_t honest = 0; honest < 200; honest++) {
		struct ip_addr peer = address(0x800000 + honest);
		struct tcp_seg answer;
		for (uint32_t i = 0; i < 1000; i++) {
			struct tcp_seg other;
			send(address(honest * 1000 + i), 5000, TCP_SYN, i, 0, 1000);
			if (i % 32 == 31)
				(void)hear(peer, &other);
		}
		(void)hear(peer, &answer);
		send(peer, 6000, TCP_SYN, 77, 0, 1000);
		if (!hear(peer, &answer) || (answer.flags & TCP_SYN) == 0)
			continue;
		now = instant_add(now, 20 * MS_US);
		send(peer, 6000, TCP_ACK, 78, answer.seq.v + 1, 1000);
		struct tcp_event e;
		while (tcp_next_event(rig.stack, &e))
			opened += (e.bits & TCP_ACCEPTED) != 0;
	}
	CU_ASSERT_EQUAL(opened, 200);
	CU_ASSERT_EQUAL(rig.stack->half_open, 16);
	CU_ASSERT_EQUAL(tcp_connections(rig.stack), 216);
	CU_ASSERT(tcp_counters(rig.stack)->cookies_given >= 199000);
	CU_ASSERT_EQUAL(rig.pool.free_count, rig.pool.total);
	rig_free(&rig);
}

/* A million guesses open nothing: each fits with a chance of 2^-28. */
static void guessed_cookies_open_nothing(void)
{
	struct prng p;
	struct tcp_seg seg;
	prng_seed(&p, 5);
	config = guarded();
	config.half_open_max = 1;
	begin(8);
	send(address(1), 5000, TCP_SYN, 1, 0, 1000);
	send(address(2), 5000, TCP_SYN, 1, 0, 1000);
	(void)hear(address(2), &seg);
	for (unsigned i = 0; i < 1000000; i++)
		send(address(3), 5000, TCP_ACK, (uint32_t)prng_u64(&p), (uint32_t)prng_u64(&p), 1000);
	CU_ASSERT_EQUAL(tcp_counters(rig.stack)->cookies_taken, 0);
	rig_free(&rig);
}

static uint32_t open_connection(struct ip_addr peer, uint16_t port, uint16_t window)
{
	struct tcp_seg answer = { 0 };
	send(peer, port, TCP_SYN, 100, 0, window);
	CU_ASSERT_FATAL(hear(peer, &answer));
	send(peer, port, TCP_ACK, 101, answer.seq.v + 1, window);
	return answer.seq.v + 1;
}

/* How many challenges two thousand victims draw in one second, for a few seconds. */
static void the_number_of_challenges_tells_nothing(void)
{
	unsigned counts[6], different = 0;
	config = guarded();
	config.connections_max = 2100;
	config.half_open_max = 2100;
	begin(8);
	for (uint32_t i = 0; i < 2000; i++)
		(void)open_connection(address(i), 5000, 1000);
	for (unsigned s = 0; s < 6; s++) {
		now = instant_add(now, SECOND_US);
		counts[s] = 0;
		for (uint32_t i = 0; i < 2000; i++) {
			struct tcp_seg answer;
			send(address(i), 5000, TCP_RST, 150, 0, 0);
			counts[s] += hear(address(i), &answer);
		}
		CU_ASSERT(counts[s] >= TCP_CHALLENGES_ALL / 2);
		CU_ASSERT(counts[s] < TCP_CHALLENGES_ALL * 3 / 2);
		different += s > 0 && counts[s] != counts[s - 1];
	}
	CU_ASSERT_EQUAL(different, 5);
	CU_ASSERT_EQUAL(tcp_connections(rig.stack), 2000); /* and nobody was reset */
	rig_free(&rig);
}

static void fill(struct handle id)
{
	static const uint8_t bytes[BLOCK_DATA_BYTES];
	(void)!byteq_write(tcp_tx(rig.stack, id), &rig.pool, span_of(bytes, sizeof(bytes)));
	tcp_tx_added(rig.stack, id, now);
}

/* Peers that never open their window hold all blocks; when memory is short the oldest give way. */
static void closed_windows_give_way_when_memory_is_short(void)
{
	struct tcp_event e;
	struct tcp_seg seg;
	unsigned closed = 0;
	config = guarded();
	begin(32);
	for (uint32_t i = 0; i < 31; i++)
		(void)open_connection(address(i), 5000, 0);
	while (tcp_next_event(rig.stack, &e))
		fill(e.id);
	(void)hear(address(0), &seg);
	CU_ASSERT(stack_blocks_low(rig.stack));
	for (unsigned ms = 0; ms < 6000; ms += 10) {
		now = instant_add(now, 10 * MS_US);
		tcp_expire(rig.stack, now);
		(void)hear(address(0), &seg);
		while (tcp_next_event(rig.stack, &e))
			closed += (e.bits & TCP_CLOSED) != 0;
		CU_ASSERT(ms > 4900 || closed == 0);
	}
	CU_ASSERT(closed >= 1 && closed <= 2); /* as many as memory needs, no more */
	CU_ASSERT(!stack_blocks_low(rig.stack));
	CU_ASSERT_EQUAL(tcp_counters(rig.stack)->drops[TCP_DROP_STALLED_EVICTED], closed);
	rig_free(&rig);
}

static void sources_are_counted_like_a_plain_array(void)
{
	static struct source slots[128];
	struct sources t;
	uint32_t open[40] = { 0 }, half[40] = { 0 }, total = 0;
	struct prng p;
	prng_seed(&p, 9);
	memset(slots, 0, sizeof(slots));
	source_init(&t, slots, 128);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t who = (uint32_t)prng_below(&p, 40);
		uint32_t hash = who * 0x10000u + who % 3; /* many begin at the same slot */
		if (prng_chance(&p, 500) && total < 60) {
			source_add(&t, hash);
			open[who]++, half[who]++, total++;
		} else if (half[who] > 0 && prng_chance(&p, 500)) {
			source_opened(&t, hash);
			half[who]--;
		} else if (open[who] > half[who]) {
			source_remove(&t, hash);
			open[who]--, total--;
		}
		struct source s = source_count(&t, hash);
		CU_ASSERT(s.open == open[who] && (open[who] == 0 || s.half_open == half[who]));
	}
}

UNIT("tcp/guard", { "200 honest peers connect through 200,000 SYNs, nothing is kept of those",
       honest_peers_connect_through_a_flood_of_syns },
     { "a million guessed cookies open nothing", guessed_cookies_open_nothing },
     { "the number of challenges is another one each second", the_number_of_challenges_tells_nothing },
     { "closed windows give way when memory is short, oldest first, no more than needed",
       closed_windows_give_way_when_memory_is_short },
     { "sources are counted like in a plain array", sources_are_counted_like_a_plain_array })
