/*
 * report_ring_test.c - one writer, one reader, nothing lost, nothing twice, a full ring refuses.
 */
#include "run/report_ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "../unit.h"
#include "relay/relay.h"

#define RACE_REPORTS 200000u

static struct report_ring ring;
static void *memory;

static void ring_open(void)
{
	struct arena count, arena;
	arena_init(&count, NULL, 0);
	CU_ASSERT_TRUE_FATAL(report_ring_make(&ring, &count, "reports", sizeof(struct relay_report), REPORT_RING_SLOTS));
	memory = aligned_alloc(ARENA_ALIGN, count.used);
	CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
	arena_init(&arena, memory, count.used);
	CU_ASSERT_TRUE_FATAL(report_ring_make(&ring, &arena, "reports", sizeof(struct relay_report), REPORT_RING_SLOTS));
}

static void an_empty_ring_yields_nothing(void)
{
	struct relay_report r;
	ring_open();
	CU_ASSERT_FALSE(report_ring_pop(&ring, &r));
	free(memory);
}

static void reports_come_out_whole_and_in_order(void)
{
	struct relay_report r = { .recipients = 0 };
	ring_open();
	for (uint32_t round = 0; round < 3 * REPORT_RING_SLOTS; round++) {
		r.recipients = round;
		r.total_us = UINT64_MAX - round;
		CU_ASSERT_TRUE(report_ring_push(&ring, &r));
		CU_ASSERT_TRUE(report_ring_pop(&ring, &r));
		CU_ASSERT_EQUAL(r.recipients, round);
		CU_ASSERT_EQUAL(r.total_us, UINT64_MAX - round);
	}
	free(memory);
}

static void a_full_ring_refuses_and_counts(void)
{
	struct relay_report r = { .recipients = 1 };
	ring_open();
	for (uint32_t i = 0; i < REPORT_RING_SLOTS; i++)
		CU_ASSERT_TRUE(report_ring_push(&ring, &r));
	CU_ASSERT_FALSE(report_ring_push(&ring, &r));
	CU_ASSERT_FALSE(report_ring_push(&ring, &r));
	CU_ASSERT_EQUAL(report_ring_lost(&ring), 2);
	CU_ASSERT_TRUE(report_ring_pop(&ring, &r));
	CU_ASSERT_TRUE(report_ring_push(&ring, &r));
	free(memory);
}

static void *writer(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < RACE_REPORTS; i++) {
		struct relay_report r = { .recipients = i, .total_us = ~(uint64_t)i };
		while (!report_ring_push(&ring, &r))
			sched_yield();
	}
	return NULL;
}

static void two_threads_see_every_report_once_and_in_order(void)
{
	struct relay_report r;
	pthread_t thread;
	uint32_t wrong = 0;
	ring_open();
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, writer, NULL), 0);
	for (uint32_t i = 0; i < RACE_REPORTS; i++) {
		while (!report_ring_pop(&ring, &r))
			sched_yield();
		wrong += r.recipients != i || r.total_us != ~(uint64_t)i;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	pthread_join(thread, NULL);
	CU_ASSERT_FALSE(report_ring_pop(&ring, &r));
	free(memory);
}

static void an_arena_that_is_too_small_is_refused(void)
{
	static _Alignas(ARENA_ALIGN) uint8_t little[4096];
	struct arena arena;
	arena_init(&arena, little, sizeof(little));
	CU_ASSERT_FALSE(report_ring_make(&ring, &arena, "reports", sizeof(struct relay_report), REPORT_RING_SLOTS));
}

UNIT("run/report_ring", { "an empty ring yields nothing", an_empty_ring_yields_nothing },
     { "reports come out whole and in order", reports_come_out_whole_and_in_order },
     { "a full ring refuses and counts", a_full_ring_refuses_and_counts },
     { "two threads see every report once and in order", two_threads_see_every_report_once_and_in_order },
     { "an arena that is too small is refused", an_arena_that_is_too_small_is_refused })
