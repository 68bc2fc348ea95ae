/*
 * tcp_micro.c - what one act of the TCP stack costs, in memory, without a port.
 *
 *	tcp-micro NAME COUNT [CONNECTIONS]
 *
 *	receive      an in-order data segment of 1,448 bytes, with the ACKs it causes and the application's read: 32 come
 *	             at once
 *	receive-1    the same of one byte: what is left without copying and wiping
 *	receive-mixed-1  the same of one byte, each of the 32 of another connection
 *	receive-alone, receive-alone-1  as above, each in a burst of its own
 *	send         a data segment of 1,448 bytes, from the application's block to the frame
 *	send-10      the same, ten segments for each ACK
 *	send-large   the same, where the port cuts frames of up to ten segments
 *	acknowledge  an ACK of two such segments
 *	sack         a hostile ACK: three blocks of one byte anywhere in 300 segments under way
 *	connect      SYN, ACK, FIN, our FIN, its ACK: connections accepted and closed in order, 32 at a time
 *	find         whose a frame is, among CONNECTIONS: hash and flow table alone, as a burst of 32 looks ahead
 *	lookup       an ACK for one of CONNECTIONS connections, each time another one, in bursts of 32
 *	memory       CONNECTIONS idle connections are opened; their memory is counted
 *
 * Each prints one line: what was done, how often, nanoseconds each. Instructions are counted by running a
 * name under callgrind with two counts and dividing the difference (bench/micro/run). The port is taken
 * to have verified checksums and to fill them in, as every port does that is worth a fast stack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tcp/flow_int.h"
#include "tcp/tcp.h"
#include "tcp/tuple_int.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/tcp_seg.h"

#define SEGMENT_BYTES 1448u
#define PORT 25u
#define WINDOW (1u << 20)
#define HUGE_PAGE ((size_t)2 << 20)
#define FRAME_ROOM 2048u
#define LARGE 10u /* segments of a frame that the port cuts */
#define TURN 32u /* segments between two looks of the application */

struct bench {
	struct arena arena;
	struct block_pool pool;
	struct tcp_stack *stack;
	struct tcp_config config;
	struct instant now;
	struct ip_addr peer;
	uint8_t out[FRAME_ROOM], cut[FRAME_ROOM + LARGE * SEGMENT_BYTES];
	bool cuts;
	struct handle id;
	uint64_t sent; /* frames that left */
};

struct peer { /* what a far end would remember */
	struct ip_addr addr;
	uint16_t port;
	uint32_t next, ack; /* what it sends next, what it has of us */
};

static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

/* ---- the stack ---- */

static struct ip_addr address(uint32_t n)
{
	struct ip_addr a = { .family = IP_V4 };
	a.bytes[0] = (uint8_t)(n >> 24);
	a.bytes[1] = (uint8_t)(n >> 16);
	a.bytes[2] = (uint8_t)(n >> 8);
	a.bytes[3] = (uint8_t)n;
	return a;
}

/* In huge pages, as the engine has it, where the kernel gives them. */
static void *reserve(size_t bytes)
{
	size_t rounded = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	void *p = aligned_alloc(HUGE_PAGE, rounded);
	if (p == NULL)
		abort();
	(void)madvise(p, rounded, MADV_HUGEPAGE);
	return p;
}

static size_t bench_make(struct bench *b, uint32_t connections, uint32_t blocks)
{
	struct arena dry;
	b->now = (struct instant){ .us = 1000000 };
	b->config = (struct tcp_config){ .mac = { 2, 0, 0, 0, 0, 1 },
		                         .mtu = 1500,
		                         .address_count = 1,
		                         .connections_max = connections,
		                         .half_open_max = connections,
		                         .rx_bytes_max = WINDOW,
		                         .tx_bytes_max = WINDOW,
		                         .reorder_bytes_max = WINDOW,
		                         .time_wait_us = 60000000,
		                         .port_first = 20000,
		                         .port_last = 65535,
		                         .tx_checksum_offload = true,
		                         .rx_checksum_offload = true,
		                         .cut_room = { b->cut, b->cuts ? sizeof(b->cut) : 0 },
		                         .secret = { 1, 2 } };
	b->config.addresses[0] = (struct ip_interface){ .addr = address(0x0a000001), .bits = 8 };
	arena_init(&dry, NULL, 0);
	(void)!tcp_make(&dry, &b->config, &b->pool, NULL, b->now);
	block_pool_init(&b->pool, reserve((size_t)blocks * BLOCK_BYTES), blocks);
	arena_init(&b->arena, reserve(dry.used), dry.used);
	b->stack = tcp_make(&b->arena, &b->config, &b->pool, NULL, b->now);
	if (b->stack == NULL || !tcp_listen(b->stack, (struct endpoint){ .port = PORT }, 1))
		abort();
	return dry.used;
}

/* ---- the far end ---- */

static size_t build(const struct bench *b, const struct peer *p, uint8_t flags, size_t bytes,
                    uint8_t *frame)
{
	struct writer w = writer_of((struct room){ .data = frame, .bytes = FRAME_ROOM });
	struct tcp_seg seg = { .src_port = p->port,
		               .dst_port = PORT,
		               .seq = seq_of(p->next),
		               .ack = seq_of((flags & TCP_ACK) != 0 ? p->ack : 0),
		               .flags = flags,
		               .window = 65535 };
	seg.options.stamps_known = true;
	seg.options.stamp = (uint32_t)(b->now.us / 1000);
	if ((flags & TCP_SYN) != 0) {
		seg.options.mss_known = seg.options.shift_known = seg.options.sack_permitted = true;
		seg.options.mss = 1460;
		seg.options.shift = 7;
	}
	eth_emit(&w, b->config.mac, peer_mac, ETH_IP4);
	ip4_emit(&w, p->addr, b->config.addresses[0].addr, IP_TCP,
	         (uint16_t)(tcp_seg_header_bytes(&seg.options) + bytes));
	tcp_seg_emit(&w, &seg);
	writer_zeros(&w, bytes);
	return w.used;
}

static void say(struct bench *b, struct peer *p, uint8_t flags, size_t bytes)
{
	static uint8_t frame[FRAME_ROOM];
	size_t all = build(b, p, flags, bytes, frame);
	tcp_input(b->stack, span_of(frame, all), TCP_FRAME_CHECKED, b->now);
	p->next += (uint32_t)bytes + ((flags & (TCP_SYN | TCP_FIN)) != 0);
}

static bool is_arp(const struct bench *b)
{
	return b->out[12] == 0x08 && b->out[13] == 0x06;
}

/* A question for the far end's address. */
static void answer_arp(struct bench *b, size_t bytes)
{
	uint8_t theirs[10];
	memcpy(b->out, b->config.mac, 6);
	b->out[21] = 2;
	memcpy(theirs, b->out + 22, 10);
	memcpy(b->out + 22, peer_mac, 6);
	memcpy(b->out + 28, b->out + 38, 4);
	memcpy(b->out + 32, theirs, 10);
	tcp_input(b->stack, span_of(b->out, bytes), 0, b->now);
}

/* What a frame of ours leaves for the far end to acknowledge. */
static uint32_t end_of(const uint8_t *frame, size_t bytes)
{
	const uint8_t *t = frame + 34;
	uint32_t seq = (uint32_t)t[4] << 24 | (uint32_t)t[5] << 16 | (uint32_t)t[6] << 8 | t[7];
	return seq + (uint32_t)(bytes - 34 - t[12] / 16 * 4u) + ((t[13] & 3) != 0);
}

/* Lets the stack send all it has. Neighbours answer; what is heard of our numbers goes to `p`. */
static void drain(struct bench *b, struct peer *p)
{
	struct tcp_frame_meta meta;
	struct room room = { .data = b->out, .bytes = sizeof(b->out) };
	size_t n;
	while ((n = tcp_output(b->stack, room, &meta, b->now)) > 0) {
		b->sent++;
		if (is_arp(b))
			answer_arp(b, n);
		else if (p != NULL)
			p->ack = end_of(meta.segment_bytes > 0 ? b->cut : b->out, n);
	}
}

static struct handle opened(struct bench *b)
{
	struct tcp_event e;
	struct handle id = HANDLE_NONE;
	while (tcp_next_event(b->stack, &e))
		id = e.id;
	return id;
}

static struct handle open_one(struct bench *b, struct peer *p)
{
	say(b, p, TCP_SYN, 0);
	drain(b, p);
	say(b, p, TCP_ACK, 0);
	return opened(b);
}

static struct peer peer_of(uint32_t n)
{
	return (struct peer){ .addr = address(0x0a000002u + n / 60000),
		              .port = (uint16_t)(1024 + n % 60000),
		              .next = 1000 };
}

/* ---- what is measured ---- */

static uint64_t nanoseconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void report(const char *what, uint64_t count, uint64_t ns)
{
	printf("%s: %llu, %.1f ns each, %.0f per second\n", what, (unsigned long long)count,
	       (double)ns / (double)count, (double)count * 1e9 / (double)ns);
}

/* Patches the sequence number of a frame that is otherwise the same. */
static void set_seq(uint8_t *frame, uint32_t seq)
{
	uint8_t *at = frame + ETH_HEADER_BYTES + IP4_HEADER_BYTES + 4;
	at[0] = (uint8_t)(seq >> 24);
	at[1] = (uint8_t)(seq >> 16);
	at[2] = (uint8_t)(seq >> 8);
	at[3] = (uint8_t)seq;
}

static void set_ack(uint8_t *frame, uint32_t ack)
{
	set_seq(frame + 4, ack);
}

/* `burst` segments come at once, of as many connections as there are. */
static void run_receive(struct bench *b, uint64_t count, uint32_t segment_bytes, unsigned burst, unsigned connections)
{
	static uint8_t rooms[TURN][FRAME_ROOM];
	struct tcp_frame frames[TURN];
	struct peer p[TURN];
	struct handle id[TURN];
	(void)bench_make(b, 64, 1024);
	for (unsigned k = 0; k < connections; k++) {
		p[k] = peer_of(k);
		id[k] = open_one(b, &p[k]);
	}
	for (unsigned k = 0; k < TURN; k++) {
		size_t bytes = build(b, &p[k % connections], TCP_ACK, segment_bytes, rooms[k]);
		frames[k] = (struct tcp_frame){ .head = span_of(rooms[k], bytes), .flags = TCP_FRAME_CHECKED };
	}
	uint64_t begin = nanoseconds();
	for (uint64_t i = 0; i < count; i += TURN) {
		for (unsigned k = 0; k < TURN; k++) {
			set_seq(rooms[k], p[k % connections].next);
			p[k % connections].next += segment_bytes;
		}
		for (unsigned k = 0; k < TURN; k += burst)
			tcp_input_burst(b->stack, frames + k, burst, b->now);
		for (unsigned k = 0; k < connections; k++) {
			struct byteq *rx = tcp_rx(b->stack, id[k]);
			byteq_consume(rx, &b->pool, byteq_bytes(rx));
			tcp_rx_taken(b->stack, id[k], b->now);
		}
		drain(b, NULL);
		(void)opened(b);
	}
	printf("%u bytes: ", segment_bytes);
	report("receive, in-order segment", count, nanoseconds() - begin);
}

/* Both sides of sending: what leaves, and the ACK of so many segments. Which of them is timed is the caller's. */
static void run_send(struct bench *b, uint64_t count, unsigned segments, bool acks)
{
	static uint8_t ack[FRAME_ROOM], zeros[LARGE * SEGMENT_BYTES];
	uint64_t ns = 0, extra;
	struct peer p = peer_of(0);
	(void)bench_make(b, 64, 1024);
	b->id = open_one(b, &p);
	size_t bytes = build(b, &p, TCP_ACK, 0, ack);
	for (uint64_t i = 0; i < count; i += acks ? 1 : segments) {
		struct span piece = span_of(zeros, segments * SEGMENT_BYTES);
		(void)!byteq_write(tcp_tx(b->stack, b->id), &b->pool, piece);
		extra = nanoseconds();
		tcp_tx_added(b->stack, b->id, b->now);
		drain(b, &p);
		ns += acks ? 0 : nanoseconds() - extra;
		set_ack(ack, p.ack);
		b->now.us += 10;
		extra = nanoseconds();
		tcp_input(b->stack, span_of(ack, bytes), TCP_FRAME_CHECKED, b->now);
		ns += acks ? nanoseconds() - extra : 0;
		(void)opened(b);
	}
	report(acks ? "acknowledge, ACK of two segments" : "send, segment of 1448 bytes", count, ns);
}

/* Opens the congestion window, then leaves `segments` unacknowledged. */
static void put_in_flight(struct bench *b, struct peer *p, unsigned segments)
{
	static uint8_t ack[FRAME_ROOM], zeros[SEGMENT_BYTES];
	size_t bytes = build(b, p, TCP_ACK, 0, ack);
	for (unsigned i = 0; i < 40 + segments; i++) {
		for (unsigned k = 0; k < (i < 40 ? 20u : 1u); k++)
			(void)!byteq_write(tcp_tx(b->stack, b->id), &b->pool, span_of(zeros, sizeof(zeros)));
		tcp_tx_added(b->stack, b->id, b->now);
		drain(b, p);
		if (i >= 40)
			continue;
		set_ack(ack, p->ack);
		b->now.us += 100;
		tcp_input(b->stack, span_of(ack, bytes), TCP_FRAME_CHECKED, b->now);
	}
}

/* The worst ACK there is: every block cuts a range, and RACK walks over all of them. Two thousand ACKs of
 * one connection, then the next one. */
static void run_sack(struct bench *b, uint64_t count)
{
	static uint8_t frame[FRAME_ROOM];
	const unsigned segments = 300, acks = 2000;
	uint64_t ns = 0, worst = 0, seed = 1;
	(void)bench_make(b, 65536, 4096);
	for (uint64_t i = 0; i < count; i += acks) {
		struct peer p = peer_of((uint32_t)(i / acks));
		b->id = open_one(b, &p);
		put_in_flight(b, &p, segments);
		uint32_t una = p.ack - segments * SEGMENT_BYTES;
		for (unsigned k = 0; k < acks; k++) {
			struct peer q = p;
			q.ack = una;
			size_t bytes = build(b, &q, TCP_ACK, 28, frame); /* the options' room, filled below */
			struct writer w = writer_of((struct room){ .data = frame + bytes - 28, .bytes = 28 });
			writer_be32(&w, 0x0101051a);
			for (unsigned j = 0; j < 3; j++) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				uint32_t at = una + 1 + (uint32_t)(seed >> 33) % (segments * SEGMENT_BYTES - 2);
				writer_be32(&w, at);
				writer_be32(&w, at + 1);
			}
			frame[46] = (uint8_t)((20 + 12 + 28) / 4 << 4);
			b->now.us += 1;
			uint64_t begin = nanoseconds();
			tcp_input(b->stack, span_of(frame, bytes), TCP_FRAME_CHECKED, b->now);
			uint64_t took = nanoseconds() - begin;
			ns += took;
			worst = took > worst ? took : worst;
		}
		tcp_abort(b->stack, b->id, b->now);
		drain(b, NULL);
	}
	report("sack, hostile ACK of three blocks", count, ns);
	printf("  the longest took %llu ns (with whatever interrupted it)\n", (unsigned long long)worst);
}

struct crowd { /* far ends whose frames come together */
	struct peer peers[TCP_BURST_MAX]; /* on ports that follow upon each other */
	uint8_t rooms[TCP_BURST_MAX][FRAME_ROOM];
	struct tcp_frame frames[TCP_BURST_MAX];
};

/* All of them send such a segment; the application lets go of who is done, and the stack sends what it has. What the
 * far ends do is not timed. */
static uint64_t crowd_say(struct bench *b, struct crowd *c, uint8_t flags)
{
	struct room room = { .data = b->out, .bytes = sizeof(b->out) };
	struct tcp_frame_meta meta;
	struct tcp_event e;
	size_t n;
	for (unsigned k = 0; k < TCP_BURST_MAX; k++) {
		c->frames[k] = (struct tcp_frame){ .head = span_of(c->rooms[k], build(b, &c->peers[k], flags, 0, c->rooms[k])),
			                               .flags = TCP_FRAME_CHECKED };
		c->peers[k].next += (flags & (TCP_SYN | TCP_FIN)) != 0;
	}
	uint64_t begin = nanoseconds();
	tcp_input_burst(b->stack, c->frames, TCP_BURST_MAX, b->now);
	while (tcp_next_event(b->stack, &e))
		if ((e.bits & TCP_EOF) != 0)
			tcp_release(b->stack, e.id, b->now);
	while ((n = tcp_output(b->stack, room, &meta, b->now)) > 0) {
		if (is_arp(b))
			answer_arp(b, n);
		else
			c->peers[(b->out[36] << 8 | b->out[37]) - c->peers[0].port].ack = end_of(b->out, n);
	}
	return nanoseconds() - begin;
}

static void run_connect(struct bench *b, uint64_t count)
{
	static struct crowd c;
	uint64_t ns = 0;
	(void)bench_make(b, 65536, 64);
	for (uint64_t i = 0; i < count; i += TCP_BURST_MAX) {
		for (unsigned k = 0; k < TCP_BURST_MAX; k++) {
			c.peers[k] = peer_of((uint32_t)((i + k) % 600000));
			c.peers[k].next = (uint32_t)(i / 600000) * 100000 + 1000;
		}
		ns += crowd_say(b, &c, TCP_SYN);
		ns += crowd_say(b, &c, TCP_ACK);
		ns += crowd_say(b, &c, TCP_FIN | TCP_ACK);
		ns += crowd_say(b, &c, TCP_ACK);
	}
	if (tcp_connections(b->stack) != 0)
		abort();
	report("connect, accepted and closed", count, ns);
}

static void open_many(struct bench *b, uint32_t connections, uint32_t *acks)
{
	for (uint32_t i = 0; i < connections; i++) {
		struct peer p = peer_of(i);
		if (handle_is_none(open_one(b, &p)))
			abort();
		if (acks != NULL)
			acks[i] = p.ack;
	}
	drain(b, NULL);
}

/* Steps by a number that shares no factor with the count, so that each comes once before any comes twice. */
static void run_lookup(struct bench *b, uint64_t count, uint32_t connections)
{
	static uint8_t rooms[TCP_BURST_MAX][FRAME_ROOM];
	struct tcp_frame frames[TCP_BURST_MAX];
	uint32_t *acks = reserve((size_t)connections * sizeof(*acks));
	(void)bench_make(b, connections, 64);
	open_many(b, connections, acks);
	uint64_t at = 0;
	uint64_t ns = 0;
	for (uint64_t i = 0; i < count; i += TCP_BURST_MAX) {
		for (unsigned k = 0; k < TCP_BURST_MAX; k++, at = (at + 618033) % connections) {
			struct peer p = peer_of((uint32_t)at);
			p.next = 1001;
			p.ack = acks[at];
			frames[k] = (struct tcp_frame){ .head = span_of(rooms[k], build(b, &p, TCP_ACK, 0, rooms[k])),
				                        .flags = TCP_FRAME_CHECKED };
		}
		uint64_t begin = nanoseconds();
		tcp_input_burst(b->stack, frames, TCP_BURST_MAX, b->now);
		ns += nanoseconds() - begin;
	}
	report("lookup, ACK for one of many", count, ns);
}

static struct tuple tuple_of(const struct bench *b, uint32_t n)
{
	struct peer p = peer_of(n);
	return (struct tuple){ .local = b->config.addresses[0].addr,
		                   .remote = p.addr,
		                   .local_port = PORT,
		                   .remote_port = p.port };
}

static void run_find(struct bench *b, uint64_t count, uint32_t connections)
{
	struct flow_table table;
	uint32_t slots = flow_slots(connections);
	struct flow_entry *entries = reserve(slots * sizeof(*entries));
	uint32_t hashes[TCP_BURST_MAX];
	uint64_t at = 0, found = 0;
	(void)bench_make(b, 64, 64);
	memset(entries, 0, slots * sizeof(*entries));
	flow_init(&table, entries, slots);
	for (uint32_t i = 0; i < connections; i++) {
		struct tuple t = tuple_of(b, i);
		flow_add(&table, (uint32_t)tuple_hash(b->config.secret, TUPLE_FLOW, &t), i + 1);
	}
	uint64_t begin = nanoseconds();
	for (uint64_t i = 0; i < count; i += TCP_BURST_MAX) {
		for (unsigned k = 0; k < TCP_BURST_MAX; k++, at = (at + 618033) % connections) {
			struct tuple t = tuple_of(b, (uint32_t)at);
			hashes[k] = (uint32_t)tuple_hash(b->config.secret, TUPLE_FLOW, &t);
			flow_fetch(&table, hashes[k]);
		}
		for (unsigned k = 0; k < TCP_BURST_MAX; k++)
			found += flow_next(&table, hashes[k], &(struct flow_walk){ 0 }) != FLOW_NONE;
	}
	if (found != (count + TCP_BURST_MAX - 1) / TCP_BURST_MAX * TCP_BURST_MAX)
		abort();
	report("find, whose a frame is", count, nanoseconds() - begin);
}

static void run_memory(struct bench *b, uint32_t connections)
{
	size_t all = bench_make(b, connections, 64);
	open_many(b, connections, NULL);
	printf("memory, %u idle connections: %.0f bytes each, %u of them open, %u blocks in use\n", connections,
	       (double)all / connections, tcp_connections(b->stack), b->pool.total - b->pool.free_count);
	for (uint32_t i = 0; i < b->arena.lines; i++)
		printf("  %-22s %8.1f bytes each\n", b->arena.ledger[i].name,
		       (double)b->arena.ledger[i].bytes / connections);
}

int main(int argc, char **argv)
{
	static struct bench b;
	const char *name = argc > 1 ? argv[1] : "";
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
	uint32_t connections = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1000;
	if (strcmp(name, "receive") == 0)
		run_receive(&b, count, SEGMENT_BYTES, TURN, 1);
	else if (strcmp(name, "receive-1") == 0)
		run_receive(&b, count, 1, TURN, 1);
	else if (strcmp(name, "receive-mixed-1") == 0)
		run_receive(&b, count, 1, TURN, TURN);
	else if (strcmp(name, "receive-alone") == 0)
		run_receive(&b, count, SEGMENT_BYTES, 1, 1);
	else if (strcmp(name, "receive-alone-1") == 0)
		run_receive(&b, count, 1, 1, 1);
	else if (strcmp(name, "send") == 0)
		run_send(&b, count, 2, false);
	else if (strcmp(name, "send-10") == 0)
		run_send(&b, count, LARGE, false);
	else if (strcmp(name, "send-large") == 0) {
		b.cuts = true;
		run_send(&b, count, LARGE, false);
	}
	else if (strcmp(name, "acknowledge") == 0)
		run_send(&b, count, 2, true);
	else if (strcmp(name, "sack") == 0)
		run_sack(&b, count);
	else if (strcmp(name, "connect") == 0)
		run_connect(&b, count);
	else if (strcmp(name, "find") == 0)
		run_find(&b, count, connections);
	else if (strcmp(name, "lookup") == 0)
		run_lookup(&b, count, connections);
	else if (strcmp(name, "memory") == 0)
		run_memory(&b, connections);
	else {
		fprintf(stderr, "usage: tcp-micro receive|send|acknowledge|sack|connect|find|lookup|memory COUNT [CONNECTIONS]\n");
		return 2;
	}
	return 0;
}
