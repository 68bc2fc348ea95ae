/*
 * spread_test.c - four stacks share their addresses behind a device with four queues, and each opens connections to
 * the same few servers.
 *
 * Where the device hashes in a way that it tells, local ports are chosen so that not one frame comes to the wrong stack.
 * Where it does not tell, or spreads what it receives frame by frame, frames are handed on, and everything still works.
 */
#include "rig.h"
#include "run/rss_choice.h"
#include "tests/unit/unit.h"
#include "wire/load.h"

#define STACKS 4u
#define OPENS 60u /* by each stack, to each of two addresses */
#define TABLE 128u

enum device { TELLS_ITS_HASH, KEEPS_ITS_HASH, FRAME_BY_FRAME };

static struct rig stacks[STACKS], server;
static struct rss_ports *ports[STACKS];
static struct instant now;
static enum device device;
static uint32_t carried, handed;

static void make_ports(uint32_t number, struct tcp_config *config)
{
	static const uint8_t key[52] = { 0x5b, 0x91, 0xe2, 0x07, 0x3c, 0xd8, 0x44, 0xaf, 0x19, 0x6e, 0xb0, 0x2d, 0xf3,
		                         0x8a, 0x61, 0x5c, 0xc7, 0x0e, 0x92, 0x3b, 0x7d, 0xe4, 0x28, 0x96, 0xa5, 0x1f,
		                         0xd0, 0x4b, 0x83, 0x6a, 0x3e, 0xf9, 0x12, 0xc5, 0x70, 0xad, 0x58, 0x24, 0xeb,
		                         0x9f, 0x06, 0x41, 0xb7, 0x7e, 0xda, 0x33, 0x8c, 0x15, 0xf0, 0x69, 0xa2, 0x4d };
	uint16_t table[TABLE];
	for (uint32_t i = 0; i < TABLE; i++)
		table[i] = (uint16_t)(i % STACKS);
	struct rss_setup setup = { .key = span_of(key, sizeof(key)),
		                   .reta = table,
		                   .reta_size = TABLE,
		                   .queue = (uint16_t)number,
		                   .port_first = config->port_first,
		                   .port_last = config->port_last };
	ports[number] = malloc(sizeof(*ports[number]));
	CU_ASSERT_TRUE_FATAL(rss_ports_init(ports[number], &setup));
	if (device == TELLS_ITS_HASH)
		config->choice = rss_choice(ports[number]);
}

static void begin(enum device kind)
{
	now = (struct instant){ .us = 1000 * SECOND_US };
	device = kind;
	carried = handed = 0;
	for (uint32_t i = 0; i < STACKS; i++) {
		struct tcp_config config = rig_config(1);
		config.connections_max = 256;
		config.port_stride = STACKS;
		config.large_frames = true;
		config.port_offset = (uint16_t)i;
		config.scattered = kind == FRAME_BY_FRAME;
		make_ports(i, &config);
		rig_make(&stacks[i], &config, 64, now);
		neigh_learn(stacks[i].stack, 0, rig_addr("198.18.0.2"), (const uint8_t[]){ 2, 0, 0, 0, 0, 2 }, true, true, now);
		neigh_learn(stacks[i].stack, 0, rig_addr("2001:2::2"), (const uint8_t[]){ 2, 0, 0, 0, 0, 2 }, true, true, now);
		CU_ASSERT_TRUE_FATAL(tcp_listen(stacks[i].stack, (struct endpoint){ .port = 25 }, 1));
		CU_ASSERT_TRUE_FATAL(tcp_listen(stacks[i].stack, (struct endpoint){ .port = 40025 }, 1));
	}
	struct tcp_config config = rig_config(2);
	config.connections_max = 2048;
	config.half_open_max = 2048;
	rig_make(&server, &config, 64, now);
	neigh_learn(server.stack, 0, rig_addr("198.18.0.1"), (const uint8_t[]){ 2, 0, 0, 0, 0, 1 }, true, true, now);
	neigh_learn(server.stack, 0, rig_addr("2001:2::1"), (const uint8_t[]){ 2, 0, 0, 0, 0, 1 }, true, true, now);
	CU_ASSERT_TRUE_FATAL(tcp_listen(server.stack, (struct endpoint){ .port = 25 }, 1));
}

static void end(void)
{
	for (uint32_t i = 0; i < STACKS; i++) {
		rig_free(&stacks[i]);
		free(ports[i]);
	}
	rig_free(&server);
}

static uint32_t queue_of(struct span frame)
{
	const struct tcp_frame whole = { .head = frame };
	struct ahead a;
	ahead_begin(&a, &whole, 0);
	CU_ASSERT_FATAL(ahead_read(&a));
	struct endpoint from = { .addr = { .family = a.family }, .port = load_be16(ahead_l4(&a)) };
	struct endpoint to = { .addr = { .family = a.family }, .port = load_be16(ahead_l4(&a) + 2) };
	memcpy(from.addr.bytes, ahead_src(&a), a.addr_bytes);
	memcpy(to.addr.bytes, ahead_dst(&a), a.addr_bytes);
	return device == FRAME_BY_FRAME ? carried % STACKS : rss_queue_of(ports[0], from, to);
}

/* As workers do it (run/worker.c). */
static void bring(struct span frame)
{
	uint32_t at = queue_of(frame);
	struct span rest = span_after(frame, TCP_CUT_HEADERS_MAX); /* where there is so much */
	struct tcp_frame whole = { .head = span_head(frame, TCP_CUT_HEADERS_MAX), .more = &rest, .more_count = rest.bytes > 0 };
	carried++;
	for (uint32_t hops = 0; hops < STACKS; hops++) {
		whole.flags = hops + 1 == STACKS ? TCP_FRAME_FINAL : 0;
		if (tcp_input_burst(stacks[at].stack, &whole, 1, now) == 0)
			return;
		handed++;
		int owner = tcp_foreign_owner(stacks[at].stack, &whole);
		at = owner >= 0 ? (uint32_t)owner : (at + 1) % STACKS;
	}
	CU_FAIL("a frame goes round and round");
}

static void exchange(void)
{
	static uint8_t data[RIG_FRAME_BYTES];
	struct room room = { .data = data, .bytes = sizeof(data) };
	struct tcp_frame_meta meta;
	bool any = true;
	while (any) {
		size_t bytes;
		any = false;
		for (uint32_t i = 0; i < STACKS; i++)
			while ((bytes = tcp_output(stacks[i].stack, room, &meta, now)) > 0) {
				tcp_input(server.stack, span_of(data, bytes), 0, now);
				any = true;
			}
		while ((bytes = tcp_output(server.stack, room, &meta, now)) > 0) {
			bring(span_of(data, bytes));
			any = true;
		}
	}
}

static uint32_t count_events(struct tcp_stack *s, uint32_t bit)
{
	struct tcp_event e;
	uint32_t count = 0;
	while (tcp_next_event(s, &e))
		count += (e.bits & bit) != 0;
	return count;
}

/* All stacks open, the server accepts; then each end of each connection says something. */
static void run_opens(void)
{
	struct handle id;
	for (uint32_t k = 0; k < OPENS * 2; k++) {
		struct endpoint to = { .addr = rig_addr(k % 2 == 0 ? "198.18.0.2" : "2001:2::2"), .port = 25 };
		for (uint32_t i = 0; i < STACKS; i++)
			CU_ASSERT_EQUAL_FATAL(tcp_connect(stacks[i].stack, to, 0, now, &id), TCP_CONNECT_STARTED);
		exchange();
	}
	for (uint32_t i = 0; i < STACKS; i++)
		CU_ASSERT_EQUAL(count_events(stacks[i].stack, TCP_OPENED), OPENS * 2);
	CU_ASSERT_EQUAL(count_events(server.stack, TCP_ACCEPTED), OPENS * 2 * STACKS);
	for (uint32_t i = 0; i < STACKS; i++)
		CU_ASSERT_EQUAL(tcp_counters(stacks[i].stack)->resets_out, 0);
}

static void where_the_hash_is_known_no_frame_is_handed_over(void)
{
	begin(TELLS_ITS_HASH);
	run_opens();
	CU_ASSERT(carried >= OPENS * 2 * STACKS);
	CU_ASSERT_EQUAL(handed, 0);
	end();
}

static void where_it_is_not_frames_are_handed_over_once(void)
{
	begin(KEEPS_ITS_HASH);
	run_opens();
	CU_ASSERT(handed > carried / 2);
	CU_ASSERT(handed < carried);
	end();
}

/* The server opens connections to the shared address: only the stack that took the SYN knows of them. */
static void accepted_connections_survive_a_device_that_scatters(void)
{
	begin(FRAME_BY_FRAME);
	run_opens();
	struct handle id[OPENS];
	for (uint32_t k = 0; k < OPENS; k++) {
		struct endpoint to = { .addr = rig_addr("198.18.0.1"), .port = k % 2 == 0 ? 25 : 40025 };
		CU_ASSERT_EQUAL_FATAL(tcp_connect(server.stack, to, 0, now, &id[k]), TCP_CONNECT_STARTED);
		exchange();
	}
	for (uint32_t k = 0; k < OPENS; k++) {
		(void)!byteq_write(tcp_tx(server.stack, id[k]), &server.pool, SPAN("EHLO"));
		tcp_tx_added(server.stack, id[k], now);
		exchange();
	}
	uint32_t readable = 0;
	for (uint32_t i = 0; i < STACKS; i++)
		readable += count_events(stacks[i].stack, TCP_READABLE);
	CU_ASSERT_EQUAL(readable, OPENS);
	CU_ASSERT_EQUAL(count_events(server.stack, TCP_OPENED), OPENS);
	end();
}

static void send_away(struct tcp_stack *s, bool arrives)
{
	static uint8_t data[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	size_t bytes;
	while ((bytes = tcp_output(s, (struct room){ data, sizeof(data) }, &meta, now)) > 0)
		if (arrives)
			bring(span_of(data, bytes));
}

/* The answer of the first is lost; the one of the second counts, wherever the client's ACK comes. */
static void a_repeated_syn_may_come_to_another_stack(void)
{
	struct handle id;
	begin(FRAME_BY_FRAME);
	struct endpoint to = { .addr = rig_addr("198.18.0.1"), .port = 25 };
	CU_ASSERT_EQUAL_FATAL(tcp_connect(server.stack, to, 0, now, &id), TCP_CONNECT_STARTED);
	send_away(server.stack, true);
	for (uint32_t i = 0; i < STACKS; i++)
		send_away(stacks[i].stack, false);
	now = instant_add(now, 1050000);
	tcp_expire(server.stack, now);
	send_away(server.stack, true);
	exchange();
	for (uint32_t k = 0; k < 8; k++) {
		(void)!byteq_write(tcp_tx(server.stack, id), &server.pool, SPAN("EHLO"));
		tcp_tx_added(server.stack, id, now);
		exchange();
	}
	uint32_t readable = 0;
	for (uint32_t i = 0; i < STACKS; i++) {
		readable += count_events(stacks[i].stack, TCP_READABLE);
		CU_ASSERT_EQUAL(tcp_counters(stacks[i].stack)->resets_out, 0);
	}
	CU_ASSERT_EQUAL(readable, 1);
	end();
}

UNIT("tcp/spread",
     { "where the device tells its hash no frame is handed over", where_the_hash_is_known_no_frame_is_handed_over },
     { "where it does not, frames are handed over once", where_it_is_not_frames_are_handed_over_once },
     { "accepted connections survive a device that scatters segments",
       accepted_connections_survive_a_device_that_scatters },
     { "a repeated SYN may come to another stack, and no RST answers it",
       a_repeated_syn_may_come_to_another_stack })
