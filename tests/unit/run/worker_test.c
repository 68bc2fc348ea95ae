/*
 * worker_test.c - the loop over a made-up port and clock, with the real TCP stack behind it.
 *
 * The port's and the clock's functions are defined here, so that neither DPDK nor time is needed.
 */
#include "run/worker.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "run/clock.h"
#include "tests/lib/plain_config.h"

#define MEMORY_BYTES (16u << 20)
#define FRAME_BYTES 64u
#define BLOCKS 64u
#define CALLS_PER_TURN 6u  /* at its beginning, and behind each of its five stages */
#define CYCLES_PER_CALL 5u /* how far the clock moves each time it is looked at */

struct port_queue {
	uint8_t frames[PORT_BURST][FRAME_BYTES];
	uint32_t waiting; /* frames for the next burst, which so many other workers had: */
	uint32_t hops[PORT_BURST];
	uint32_t over_count, over_to[8], over_hops[8], copy_count, copy_to[8];
	uint8_t room[2048];
	bool full;
	uint32_t sent, flushes;
	uint8_t sent_first[64];
};

static struct port_queue queue;
static struct worker worker;
static uint64_t cycles;
static uint32_t turns_left;
static bool app_busy;
static struct instant app_deadline;

/* ---- the made-up port and clock ---- */

uint32_t port_rx(struct port_queue *q, struct tcp_frame frames[PORT_BURST])
{
	uint32_t count = q->waiting;
	for (uint32_t i = 0; i < count; i++) {
		frames[i] = (struct tcp_frame){ .head = span_of(q->frames[i], FRAME_BYTES), .flags = TCP_FRAME_CHECKED };
	}
	q->waiting = 0;
	return count;
}

uint32_t port_hops(const struct port_queue *q, uint32_t index)
{
	return q->hops[index];
}

void port_hand_over(struct port_queue *q, uint32_t index, uint16_t to, uint32_t hops)
{
	(void)index;
	q->over_hops[q->over_count] = hops;
	q->over_to[q->over_count++] = to;
}

void port_copy_over(struct port_queue *q, uint32_t index, uint16_t to)
{
	(void)index;
	q->copy_to[q->copy_count++] = to;
}

struct room port_tx_room(struct port_queue *q)
{
	return (struct room){ .data = q->room, .bytes = q->full ? 0 : sizeof(q->room) };
}

void port_tx_commit(struct port_queue *q, size_t bytes, const struct tcp_frame_meta *meta)
{
	(void)meta;
	CU_ASSERT_TRUE(bytes <= sizeof(q->room));
	if (q->sent++ == 0)
		memcpy(q->sent_first, q->room, sizeof(q->sent_first));
}

void port_tx_flush(struct port_queue *q)
{
	q->flushes++;
}

bool port_forward(struct port_queue *q, uint32_t index, struct port_queue *to)
{
	CU_FAIL("no port here has an exception path");
	(void)index;
	return q == to;
}

uint32_t port_tx_offer(struct port_queue *q, uint32_t *refused)
{
	*refused = q->sent;
	return 0;
}

uint64_t clock_cycles(void)
{
	cycles += CYCLES_PER_CALL;
	return cycles;
}

struct instant clock_at(uint64_t at)
{
	return (struct instant){ .us = at };
}

struct instant clock_now(void)
{
	return clock_at(clock_cycles());
}

uint64_t clock_us_of(uint64_t count)
{
	return count;
}

/* ---- the application: counts turns, then asks the loop to stop ---- */

static bool app_turn(void *app, struct instant now, int64_t wall_us)
{
	(void)app;
	CU_ASSERT_EQUAL(wall_us, (int64_t)now.us + 1000000);
	worker.stop = --turns_left == 0;
	return app_busy;
}

static struct instant app_deadline_of(void *app)
{
	(void)app;
	return app_deadline;
}

/* A fresh stack, as the worker's settings say now. */
static void worker_remake(void)
{
	static uint8_t *memory;
	struct arena arena;
	if (memory == NULL)
		memory = aligned_alloc(ARENA_ALIGN, MEMORY_BYTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
	memset(memory, 0, MEMORY_BYTES);
	arena_init(&arena, memory, MEMORY_BYTES);
	CU_ASSERT_TRUE_FATAL(worker_make(&arena, &worker, BLOCKS, clock_now()));
}

/* A worker `index` of `count`, its stack at 198.18.0.2. */
static void worker_open(uint32_t index, uint32_t count)
{
	memset(&queue, 0, sizeof(queue));
	cycles = 1000000;
	app_busy = false;
	app_deadline = INSTANT_NEVER;
	worker = (struct worker){ .index = index, .worker_count = count, .idle_busy = true, .port_count = 1,
		                  .queues = { &queue }, .wall_offset_us = 1000000 };
	struct tcp_config *tcp = &worker.tcp_configs[0];
	*tcp = plain_config(1);
	tcp->addresses[0].addr = plain_addr("198.18.0.2");
	tcp->address_count = 1;
	tcp->connections_max = 16;
	tcp->port_first = 20000;
	tcp->port_last = 65535;
	tcp->port_stride = (uint16_t)count;
	tcp->port_offset = (uint16_t)index;
	tcp->rx_checksum_offload = true;
	worker.app = (struct worker_app){ .turn = app_turn, .deadline = app_deadline_of };
	worker_remake();
}

static void worker_turns(uint32_t turns)
{
	turns_left = turns;
	worker.stop = false;
	CU_ASSERT_EQUAL(worker_run(&worker), 0);
}

/* A TCP segment from 198.18.0.1:25 to 198.18.0.2:`port`, checksums left out. */
static void tcp_arrives(uint16_t port)
{
	static const uint8_t head[] = { 2,    0, 0, 0,  0, 1, 2, 0, 0, 0, 0,   2,  8, 0,        /* Ethernet */
		                        0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0,   0, /* IPv4 */
		                        198,  18, 0, 1, 198, 18, 0, 2, 0, 25 };
	uint8_t *frame = queue.frames[queue.waiting++];
	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, head, sizeof(head));
	frame[sizeof(head)] = (uint8_t)(port >> 8);
	frame[sizeof(head) + 1] = (uint8_t)port;
	frame[sizeof(head) + 10] = 0x50; /* header of 20 bytes */
	frame[sizeof(head) + 11] = 0x10; /* ACK */
}

/* From 198.18.0.1 at 02:00:00:00:00:02, about or to 198.18.0.2. */
static void arp_arrives(uint8_t operation)
{
	static const uint8_t head[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,  0, 0, 0, 2, 8, 6,
		                        0,    1,    8,    0,    6,    4,    0,   0,  2, 0, 0, 0, 0, 2,
		                        198,  18,   0,    1,    0,    0,    0,   0,  0, 0, 198, 18, 0, 2 };
	uint8_t *frame = queue.frames[queue.waiting++];
	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, head, sizeof(head));
	frame[21] = operation;
}

static uint64_t frames_taken(void)
{
	return tcp_counters(worker.stacks[0])->frames_in;
}

/* ---- steering ---- */

static uint64_t frames_known(void) /* those that the stack had an opinion of */
{
	return tcp_counters(worker.stacks[0])->drops[TCP_DROP_NO_CONNECTION];
}

static void a_frame_of_another_workers_connection_is_handed_over_and_not_taken(void)
{
	worker_open(0, 2);
	tcp_arrives(20001);
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.over_count, 1);
	CU_ASSERT_EQUAL(queue.over_to[0], 1);
	CU_ASSERT(queue.over_hops[0] + 1 >= 2); /* it will not go farther */
	CU_ASSERT_EQUAL(tcp_counters(worker.stacks[0])->foreign, 1);
	CU_ASSERT_EQUAL(frames_known(), 0);
}

static void a_frame_of_our_own_connection_is_taken(void)
{
	worker_open(1, 2);
	tcp_arrives(20001);
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.over_count, 0);
	CU_ASSERT_EQUAL(frames_known(), 1);
}

static void a_frame_that_all_had_never_goes_on(void)
{
	worker_open(0, 2);
	tcp_arrives(20001);
	arp_arrives(2);
	queue.hops[0] = queue.hops[1] = 1;
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.over_count, 0);
	CU_ASSERT_EQUAL(queue.copy_count, 0);
	CU_ASSERT_EQUAL(tcp_counters(worker.stacks[0])->drops[TCP_DROP_FOREIGN], 1);
}

/* The port's device spreads segments as it likes, and nobody knows who accepted this one's connection. */
static void a_segment_for_a_listener_goes_from_worker_to_worker(void)
{
	worker_open(1, 3);
	CU_ASSERT_TRUE_FATAL(tcp_listen(worker.stacks[0], (struct endpoint){ .port = 25 }, 1));
	tcp_arrives(25);
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.over_count, 0); /* unless it scatters, a connection's segments come where its SYN came */
	CU_ASSERT_EQUAL(frames_known(), 1);

	worker.tcp_configs[0].scattered = true;
	worker_remake();
	CU_ASSERT_TRUE_FATAL(tcp_listen(worker.stacks[0], (struct endpoint){ .port = 25 }, 1));
	for (uint32_t hops = 0; hops < 3; hops++) {
		tcp_arrives(25);
		queue.hops[0] = hops;
		worker_turns(1);
	}
	CU_ASSERT_EQUAL(queue.over_count, 2);
	CU_ASSERT_EQUAL(queue.over_to[0], 2);
	CU_ASSERT_EQUAL(queue.over_hops[0], 1);
	CU_ASSERT_EQUAL(queue.over_hops[1], 2);
	CU_ASSERT_EQUAL(frames_known(), 1); /* the third and last worker says that there is no such connection */
}

static void an_arp_reply_is_taken_and_copied_to_all_others(void)
{
	worker_open(1, 3);
	arp_arrives(2);
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.copy_count, 2);
	CU_ASSERT_EQUAL(queue.copy_to[0], 0);
	CU_ASSERT_EQUAL(queue.copy_to[1], 2);
	CU_ASSERT_EQUAL(frames_taken(), 1);
}

static void a_worker_alone_takes_everything(void)
{
	worker_open(0, 1);
	tcp_arrives(20001);
	arp_arrives(2);
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.over_count + queue.copy_count, 0);
	CU_ASSERT_EQUAL(frames_taken(), 2);
}

/* ---- sending ---- */

static void an_arp_request_is_answered_in_the_same_turn(void)
{
	worker_open(0, 1);
	arp_arrives(1);
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.sent, 1);
	CU_ASSERT_EQUAL(queue.sent_first[21], 2);
	CU_ASSERT_EQUAL(queue.flushes, 1);
}

static void without_room_the_answer_waits_for_the_next_turn(void)
{
	worker_open(0, 1);
	arp_arrives(1);
	queue.full = true;
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.sent, 0);
	queue.full = false;
	worker_turns(1);
	CU_ASSERT_EQUAL(queue.sent, 1);
}

/* ---- accounting ---- */

static void only_turns_with_work_are_busy(void)
{
	worker_open(0, 1);
	worker_turns(10);
	CU_ASSERT_EQUAL(worker.counters.turns, 10);
	CU_ASSERT_EQUAL(worker.counters.busy_turns, 0);
	CU_ASSERT_EQUAL(worker.counters.busy_cycles, 0);
	CU_ASSERT_EQUAL(worker.counters.total_cycles, 10 * (CALLS_PER_TURN - 1) * CYCLES_PER_CALL);
	arp_arrives(2);
	worker_turns(3);
	CU_ASSERT_EQUAL(worker.counters.turns, 13);
	CU_ASSERT_EQUAL(worker.counters.busy_turns, 1);
	CU_ASSERT_EQUAL(worker.counters.busy_cycles, (CALLS_PER_TURN - 1) * CYCLES_PER_CALL);
	CU_ASSERT_EQUAL(worker.counters.longest_turn_us, (CALLS_PER_TURN - 1) * CYCLES_PER_CALL);
	uint64_t sum = 0;
	for (unsigned i = 0; i < WORKER_STAGE_COUNT; i++)
		sum += worker.counters.stage_cycles[i];
	CU_ASSERT_EQUAL(sum, worker.counters.busy_cycles);
}

static void an_application_at_work_makes_the_turn_busy(void)
{
	worker_open(0, 1);
	app_busy = true;
	worker_turns(4);
	CU_ASSERT_EQUAL(worker.counters.busy_turns, 4);
}

static void an_adaptive_worker_sleeps_once_it_has_been_idle_long_enough(void)
{
	worker_open(0, 1);
	worker.idle_busy = false;
	worker_turns(WORKER_SLEEP_SHARE * WORKER_SLEEP_LEAST_US / CYCLES_PER_CALL / CALLS_PER_TURN - 1);
	CU_ASSERT_EQUAL(worker.counters.sleeps, 0);
	worker_turns(100);
	CU_ASSERT_TRUE(worker.counters.sleeps > 50);
}

static void a_busy_worker_never_sleeps(void)
{
	worker_open(0, 1);
	worker_turns(1000);
	CU_ASSERT_EQUAL(worker.counters.sleeps, 0);
}

static void a_deadline_that_is_due_keeps_it_awake(void)
{
	worker_open(0, 1);
	worker.idle_busy = false;
	app_deadline = (struct instant){ .us = 1 };
	worker_turns(1000);
	CU_ASSERT_EQUAL(worker.counters.sleeps, 0);
}

static void a_counting_arena_tells_what_the_real_one_needs(void)
{
	struct arena count, arena;
	worker_open(0, 1);
	arena_init(&count, NULL, 0);
	CU_ASSERT_TRUE(worker_make(&count, &worker, BLOCKS, clock_now()));
	void *memory = aligned_alloc(ARENA_ALIGN, count.used);
	CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
	arena_init(&arena, memory, count.used);
	CU_ASSERT_TRUE(worker_make(&arena, &worker, BLOCKS, clock_now()));
	arena_init(&arena, memory, count.used - ARENA_ALIGN);
	CU_ASSERT_FALSE(worker_make(&arena, &worker, BLOCKS, clock_now()));
	free(memory);
}

UNIT("run/worker",
     { "a frame of another worker's connection is handed over and not taken",
       a_frame_of_another_workers_connection_is_handed_over_and_not_taken },
     { "a frame of our own connection is taken", a_frame_of_our_own_connection_is_taken },
     { "a frame that all workers had never goes on", a_frame_that_all_had_never_goes_on },
     { "a segment for a listener goes from worker to worker, where the device scatters",
       a_segment_for_a_listener_goes_from_worker_to_worker },
     { "an ARP reply is taken, and copied to all others", an_arp_reply_is_taken_and_copied_to_all_others },
     { "a worker alone takes everything", a_worker_alone_takes_everything },
     { "an ARP request is answered in the same turn", an_arp_request_is_answered_in_the_same_turn },
     { "without room the answer waits for the next turn", without_room_the_answer_waits_for_the_next_turn },
     { "only turns with work are busy", only_turns_with_work_are_busy },
     { "an application at work makes the turn busy", an_application_at_work_makes_the_turn_busy },
     { "an adaptive worker sleeps once it has been idle long enough",
       an_adaptive_worker_sleeps_once_it_has_been_idle_long_enough },
     { "a busy worker never sleeps", a_busy_worker_never_sleeps },
     { "a deadline that is due keeps it awake", a_deadline_that_is_due_keeps_it_awake },
     { "a counting arena tells what the real one needs", a_counting_arena_tells_what_the_real_one_needs })
