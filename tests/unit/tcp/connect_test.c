/*
 * connect_test.c - local ports of active opens: the share of this stack, exhaustion, reuse after
 * TIME-WAIT, connections_max; and which stack a frame belongs to.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/eth.h"
#include "wire/ip4.h"

static struct rig_wire wire;
static struct instant start = { .us = 100 * SECOND_US };

static void begin(uint16_t first, uint16_t last, uint16_t stride, uint16_t offset)
{
	struct tcp_config a = rig_config(1), b = rig_config(2);
	a.port_first = first;
	a.port_last = last;
	a.port_stride = stride;
	a.port_offset = offset;
	a.time_wait_us = 60 * SECOND_US;
	rig_wire_make(&wire, &a, &b, 64, (struct rig_faults){ .delay_us = 100 }, 1, start);
	struct endpoint any = { .port = 25 };
	CU_ASSERT_FATAL(tcp_listen(wire.end[1].stack, any, 1));
}

static enum tcp_connect_outcome open_one(struct handle *id)
{
	struct endpoint to = { .addr = rig_addr("198.18.0.2"), .port = 25 };
	return tcp_connect(wire.end[0].stack, to, 9, wire.now, id);
}

static void run(uint64_t us)
{
	struct instant end = instant_add(wire.now, us);
	while (instant_before(wire.now, end))
		rig_turn(&wire, end);
}

static void ports_are_of_our_share_and_differ(void)
{
	bool seen[65536] = { false };
	begin(40000, 40099, 4, 3);
	for (unsigned i = 0; i < 25; i++) {
		struct handle id;
		struct tcp_info info;
		CU_ASSERT_EQUAL_FATAL(open_one(&id), TCP_CONNECT_STARTED);
		tcp_info(wire.end[0].stack, id, &info);
		CU_ASSERT(info.local.port >= 40000 && info.local.port <= 40099);
		CU_ASSERT_EQUAL(info.local.port % 4, 3);
		CU_ASSERT(!seen[info.local.port]);
		seen[info.local.port] = true;
	}
	struct handle id;
	CU_ASSERT_EQUAL(open_one(&id), TCP_CONNECT_NO_PORT);
	struct endpoint other = { .addr = rig_addr("198.18.0.2"), .port = 26 };
	CU_ASSERT_EQUAL(tcp_connect(wire.end[0].stack, other, 9, wire.now, &id),
	                TCP_CONNECT_STARTED); /* a port is used up towards one remote only */
	rig_wire_free(&wire);
}

static void connections_are_bounded(void)
{
	struct handle id;
	begin(40000, 60000, 1, 0);
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(open_one(&id), TCP_CONNECT_STARTED);
	CU_ASSERT_EQUAL(open_one(&id), TCP_CONNECT_NO_CONNECTION);
	CU_ASSERT(handle_is_none(id));
	rig_wire_free(&wire);
}

/* Opens, closes from our side, and lets the other side close: our side waits in TIME-WAIT. */
static void open_and_close(void)
{
	struct handle id;
	struct tcp_event e;
	CU_ASSERT_EQUAL_FATAL(open_one(&id), TCP_CONNECT_STARTED);
	run(10000);
	CU_ASSERT_FATAL(tcp_next_event(wire.end[0].stack, &e) && (e.bits & TCP_OPENED) != 0);
	CU_ASSERT_EQUAL(e.user, 9);
	CU_ASSERT_FATAL(tcp_next_event(wire.end[1].stack, &e) && (e.bits & TCP_ACCEPTED) != 0);
	tcp_release(wire.end[0].stack, id, wire.now);
	run(10000);
	tcp_release(wire.end[1].stack, e.id, wire.now);
	run(10000);
	while (tcp_next_event(wire.end[1].stack, &e))
		;
	CU_ASSERT_EQUAL(wire.end[0].stack->conns.used, 0);
	CU_ASSERT_EQUAL(wire.end[1].stack->conns.used, 0);
}

static void a_port_in_time_wait_is_used_again_after_a_second(void)
{
	struct handle id;
	begin(40000, 40000, 1, 0);
	open_and_close();
	CU_ASSERT_EQUAL(tcp_time_waits(wire.end[0].stack), 1);
	CU_ASSERT_EQUAL(open_one(&id), TCP_CONNECT_NO_PORT);
	run(SECOND_US);
	open_and_close(); /* timestamps tell the incarnations apart (RFC 6191) */
	CU_ASSERT_EQUAL(tcp_time_waits(wire.end[0].stack), 1);
	run(61 * SECOND_US);
	CU_ASSERT(rig_is_empty(&wire.end[0]) && rig_is_empty(&wire.end[1]));
	rig_wire_free(&wire);
}

static void the_oldest_time_wait_gives_way_to_a_new_connection(void)
{
	begin(40000, 60000, 1, 0);
	for (unsigned i = 0; i < 70; i++)
		open_and_close();
	CU_ASSERT_EQUAL(tcp_connections(wire.end[0].stack), 64);
	CU_ASSERT_EQUAL(wire.end[0].stack->counters.drops[TCP_DROP_TIME_WAIT_EVICTED], 6);
	run(61 * SECOND_US);
	CU_ASSERT(rig_is_empty(&wire.end[0]));
	rig_wire_free(&wire);
}

static struct span frame_to(uint16_t port, const char *to)
{
	static uint8_t bytes[128];
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	struct tcp_seg seg = { .src_port = 25, .dst_port = port, .flags = TCP_ACK };
	struct ip_addr src = rig_addr("198.18.0.9");
	eth_emit(&w, eth_broadcast, eth_broadcast, ETH_IP4);
	ip4_emit(&w, src, rig_addr(to), IP_TCP, 20);
	tcp_seg_emit(&w, &seg);
	return writer_span(&w);
}

static int owner_of(const struct tcp_config *config, struct span frame)
{
	struct rig r;
	rig_make(&r, config, 8, start);
	CU_ASSERT(tcp_listen(r.stack, (struct endpoint){ .port = 40025 }, 1));
	int owner = tcp_foreign_owner(r.stack, &(struct tcp_frame){ .head = frame });
	rig_free(&r);
	return owner;
}

static void a_frame_tells_which_stack_opened_its_connection(void)
{
	struct tcp_config config = rig_config(1);
	config.port_first = 40000;
	config.port_last = 49999;
	config.port_stride = 4;
	CU_ASSERT_EQUAL(owner_of(&config, frame_to(40002, "198.18.0.1")), 2);
	CU_ASSERT_EQUAL(owner_of(&config, frame_to(49999, "198.18.0.1")), 3);
	CU_ASSERT_EQUAL(owner_of(&config, frame_to(25, "198.18.0.1")), -1);
	CU_ASSERT_EQUAL(owner_of(&config, frame_to(40025, "198.18.0.1")), -1); /* a listener's: any may have accepted it */
	CU_ASSERT_EQUAL(owner_of(&config, frame_to(40002, "198.18.0.7")), -1);
	CU_ASSERT_EQUAL(owner_of(&config, span_head(frame_to(40002, "198.18.0.1"), 30)),
	                -1);
	config.port_stride = 1;
	CU_ASSERT_EQUAL(owner_of(&config, frame_to(40002, "198.18.0.1")), -1);
}

/* A device that brings a segment to the queue that is the remainder of both ports' sum. */
static uint32_t sum_candidates(const void *context, struct ip_addr local)
{
	(void)context;
	(void)local;
	return 25;
}

static bool sum_pick(const void *context, struct ip_addr local, struct endpoint remote, uint32_t turn,
                     uint32_t candidate, uint16_t *port)
{
	(void)local;
	uint32_t own = *(const uint16_t *)context;
	*port = (uint16_t)(40000 + (own + 4 - remote.port % 4) % 4 + (turn + candidate) % 25 * 4);
	return true;
}

static uint16_t sum_owner(const void *context, struct endpoint remote, struct endpoint local)
{
	(void)context;
	return (uint16_t)((remote.port + local.port) % 4);
}

static void ports_are_those_whose_answers_come_back(void)
{
	uint16_t own = 3;
	begin(40000, 40099, 4, own);
	struct tcp_config *config = &wire.end[0].stack->config;
	config->choice = (struct tcp_port_choice){ &own, sum_candidates, sum_pick, sum_owner };
	for (uint16_t remote = 25; remote < 29; remote++) {
		bool seen[100] = { false };
		struct endpoint to = { .addr = rig_addr("198.18.0.2"), .port = remote };
		struct handle id;
		for (unsigned i = 0; i < 15; i++) {
			struct tcp_info info;
			CU_ASSERT_EQUAL_FATAL(tcp_connect(wire.end[0].stack, to, 9, wire.now, &id), TCP_CONNECT_STARTED);
			tcp_info(wire.end[0].stack, id, &info);
			CU_ASSERT_EQUAL((info.local.port + remote) % 4, own);
			CU_ASSERT_FALSE(seen[info.local.port - 40000]);
			seen[info.local.port - 40000] = true;
		}
	}
	CU_ASSERT_EQUAL(tcp_foreign_owner(wire.end[0].stack, &(struct tcp_frame){ .head = frame_to(40002, "198.18.0.1") }), (40002 + 25) % 4);
	rig_wire_free(&wire);
}

static void a_foreign_segment_is_counted_and_not_reset(void)
{
	uint8_t room[2048];
	struct tcp_frame_meta meta;
	begin(40000, 49999, 4, 1);
	struct span f = frame_to(40002, "198.18.0.1");
	memcpy(room, f.data, f.bytes);
	memcpy(room, wire.end[0].stack->config.mac, 6);
	room[6] = 2;
	wire.end[0].stack->config.rx_checksum_offload = true;
	struct tcp_frame frame = { .head = span_of(room, f.bytes), .flags = TCP_FRAME_CHECKED };
	CU_ASSERT_EQUAL(tcp_input_burst(wire.end[0].stack, &frame, 1, wire.now), 1);
	CU_ASSERT_EQUAL(tcp_counters(wire.end[0].stack)->foreign, 1);
	frame.flags |= TCP_FRAME_FINAL;
	CU_ASSERT_EQUAL(tcp_input_burst(wire.end[0].stack, &frame, 1, wire.now), 0);
	CU_ASSERT_EQUAL(tcp_counters(wire.end[0].stack)->drops[TCP_DROP_FOREIGN], 1);
	CU_ASSERT_EQUAL(tcp_output(wire.end[0].stack, (struct room){ room, sizeof(room) }, &meta,
	                           wire.now),
	                0);
	rig_wire_free(&wire);
}

UNIT("tcp/connect",
     { "ports are of this stack's share and differ; when they are used up the outcome says so",
       ports_are_of_our_share_and_differ },
     { "connections_max bounds active opens", connections_are_bounded },
     { "a port in TIME-WAIT is used again after a second, not before",
       a_port_in_time_wait_is_used_again_after_a_second },
     { "the oldest TIME-WAIT gives way to a new connection",
       the_oldest_time_wait_gives_way_to_a_new_connection },
     { "a frame tells which stack opened its connection",
       a_frame_tells_which_stack_opened_its_connection },
     { "ports are those whose answers the device brings back", ports_are_those_whose_answers_come_back },
     { "a segment of another stack's connection is counted, not reset",
       a_foreign_segment_is_counted_and_not_reset })
