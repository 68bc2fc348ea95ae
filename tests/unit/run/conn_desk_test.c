/*
 * conn_desk_test.c - a question is answered once, by the worker; an asker that gave up leaves nothing behind; two
 * threads understand each other.
 */
#include "run/conn_desk.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../tcp/rig.h"
#include "../unit.h"

static struct rig rig;
static struct tcp_stack *stacks[1];
static struct conn_desk desk;
static struct handle opened;
static const struct instant start = { .us = 7 * SECOND_US };

static void open_up(void)
{
	struct tcp_config config = rig_config(1);
	struct endpoint to = { .addr = rig_addr("198.18.0.9"), .port = 25 };
	memset(&desk, 0, sizeof(desk));
	rig_make(&rig, &config, RIG_BLOCKS, start);
	stacks[0] = rig.stack;
	CU_ASSERT_FATAL(tcp_connect(rig.stack, to, 0, start, &opened) == TCP_CONNECT_STARTED);
}

static void close_down(void)
{
	tcp_abort(rig.stack, opened, start);
	CU_ASSERT(rig.stack->conns.used == 0);
	rig_free(&rig);
}

struct worker_thread {
	pthread_t thread;
	bool stop;
	uint32_t answered;
};

static void *worker(void *context)
{
	struct worker_thread *w = context;
	struct instant now = instant_add(start, SECOND_US);
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		w->answered += conn_desk_turn(&desk, stacks, 1, now, 100 * (int64_t)SECOND_US);
		sched_yield();
	}
	return NULL;
}

static void worker_start(struct worker_thread *w)
{
	*w = (struct worker_thread){ .stop = false };
	CU_ASSERT_EQUAL_FATAL(pthread_create(&w->thread, NULL, worker, w), 0);
}

static uint32_t worker_stop(struct worker_thread *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
	pthread_join(w->thread, NULL);
	return w->answered;
}

static void without_a_question_a_turn_does_nothing(void)
{
	open_up();
	CU_ASSERT_FALSE(conn_desk_turn(&desk, stacks, 1, start, 0));
	close_down();
}

static void a_connection_is_told_with_the_time_of_its_last_entry(void)
{
	struct worker_thread w;
	static struct conn_answer a;
	open_up();
	worker_start(&w);
	CU_ASSERT_FATAL(conn_desk_ask(&desk, &(struct conn_ask){ .id = opened }, &a));
	CU_ASSERT(a.found);
	CU_ASSERT(a.record.count == 1); /* CLOSED -> SYN-SENT */
	CU_ASSERT(a.wall_us == 99 * (int64_t)SECOND_US);
	CU_ASSERT_STRING_EQUAL(a.info.state, "syn-sent");
	CU_ASSERT_FATAL(conn_desk_ask(&desk, &(struct conn_ask){ .id = { opened.slot, 77 } }, &a));
	CU_ASSERT_FALSE(a.found);
	CU_ASSERT_FATAL(conn_desk_ask(&desk, &(struct conn_ask){ .port = 1, .id = opened }, &a));
	CU_ASSERT_FALSE(a.found);
	CU_ASSERT(worker_stop(&w) == 3);
	close_down();
}

static void rows_come_with_where_to_go_on(void)
{
	struct worker_thread w;
	static struct conn_answer a;
	open_up();
	worker_start(&w);
	CU_ASSERT_FATAL(conn_desk_ask(&desk, &(struct conn_ask){ .rows = true }, &a));
	CU_ASSERT(a.found && a.count == 1 && !a.more);
	CU_ASSERT(handle_equal(a.rows[0].id, opened));
	CU_ASSERT_FATAL(conn_desk_ask(&desk, &(struct conn_ask){ .rows = true, .slot = opened.slot + 1 }, &a));
	CU_ASSERT(a.found && a.count == 0 && !a.more);
	CU_ASSERT(worker_stop(&w) == 2);
	close_down();
}

static void an_asker_that_gave_up_does_not_spoil_the_next_question(void)
{
	struct worker_thread w;
	static struct conn_answer a;
	open_up();
	CU_ASSERT_FALSE(conn_desk_ask(&desk, &(struct conn_ask){ .id = opened }, &a)); /* nobody answers */
	worker_start(&w);
	CU_ASSERT_FATAL(conn_desk_ask(&desk, &(struct conn_ask){ .rows = true }, &a));
	CU_ASSERT(a.found && a.count == 1);
	CU_ASSERT_FATAL(conn_desk_ask(&desk, &(struct conn_ask){ .id = opened }, &a));
	CU_ASSERT(a.found && a.record.count == 1);
	(void)worker_stop(&w);
	close_down();
}

static void ten_thousand_questions_have_each_their_own_answer(void)
{
	struct worker_thread w;
	static struct conn_answer a;
	uint32_t wrong = 0;
	open_up();
	worker_start(&w);
	for (uint32_t i = 0; i < 10000; i++) {
		bool rows = i % 3 == 0;
		struct conn_ask ask = { .rows = rows, .slot = i % 65, .id = { opened.slot, opened.generation + i % 2 } };
		wrong += !conn_desk_ask(&desk, &ask, &a);
		wrong += rows ? a.count != (opened.slot >= i % 65) : a.found != (i % 2 == 0);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(worker_stop(&w), 10000);
	close_down();
}

UNIT("run/conn_desk", { "without a question a turn does nothing", without_a_question_a_turn_does_nothing },
     { "a connection is told, with the time of its last entry", a_connection_is_told_with_the_time_of_its_last_entry },
     { "rows come with where to go on", rows_come_with_where_to_go_on },
     { "an asker that gave up does not spoil the next question",
       an_asker_that_gave_up_does_not_spoil_the_next_question },
     { "ten thousand questions have each their own answer", ten_thousand_questions_have_each_their_own_answer })
