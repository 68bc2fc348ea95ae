/*
 * worker.c - the loop. One turn: receive, the application's turn, timers, send; the clock is read once. Then one chore
 * of the application, if it has any: a long piece of work, for which nothing short had to wait. A chore has its own
 * reading of the clock.
 *
 * Counting (what "CPU per message" is made of): a turn in which anything happened is busy, and all its cycles are
 * busy cycles; a turn that found nothing is an idle poll. Time asleep is in neither. Control reads the counters
 * while they change: they are stored whole (relaxed atomics), nothing more is promised.
 *
 * Idle: a worker without work sleeps for an eighth of the time that it has been without, so that a sleep delays what
 * comes by at most an eighth of the time it took to come: a dialogue with short pauses is answered at once, a silent
 * port costs a few thousand short sleeps a second. Never beyond the next deadline. With idle = "busy" it never sleeps.
 * A sleep is the only system call a worker makes.
 */
#include "run/worker.h"

#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#include "run/clock.h"
#include "run/crash.h"
#include "run/steer.h"

static bool worker_turn(struct worker *w, struct instant now);
static bool worker_receive(struct worker *w, uint32_t port, struct instant now);
static void worker_passes_on(struct worker *w, uint32_t port, uint32_t index, const struct tcp_frame *frame,
                             bool elsewhere);
static bool worker_timers(struct worker *w, struct instant now);
static void worker_chore(struct worker *w);
static bool worker_send(struct worker *w, uint32_t port, struct instant now);
static void worker_count(struct worker *w, bool busy, uint64_t cycles);
static void worker_count_stages(struct worker *w, uint64_t begin);
static void worker_sleep(struct worker *w, uint64_t idle_us, struct instant now);

int worker_run(void *worker)
{
	struct worker *w = worker;
	struct instant worked = clock_now();
	crash_recorder_set(w->recorder, w->index);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* sleep as long as asked, not 50 us longer */
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		uint64_t begin = clock_cycles();
		struct instant now = clock_at(begin);
		bool busy = worker_turn(w, now);
		if (busy && w->app.chore != NULL)
			worker_chore(w);
		w->stage_ends[WORKER_STAGE_CHORE] = clock_cycles();
		worker_count(w, busy, w->stage_ends[WORKER_STAGE_CHORE] - begin);
		if (busy)
			worker_count_stages(w, begin);
		if (busy)
			worked = now;
		else if (!w->idle_busy)
			worker_sleep(w, instant_since(worked, now), now);
	}
	crash_recorder_set(NULL, 0);
	return 0;
}

static bool worker_turn(struct worker *w, struct instant now)
{
	bool busy = false;
	int64_t wall_us = (int64_t)now.us + __atomic_load_n(&w->wall_offset_us, __ATOMIC_RELAXED);
	for (uint32_t p = 0; p < w->port_count; p++)
		busy |= worker_receive(w, p, now);
	w->stage_ends[WORKER_STAGE_RECEIVE] = clock_cycles();
	busy |= w->app.turn(w->app.app, now, wall_us);
	w->stage_ends[WORKER_STAGE_MACHINES] = clock_cycles();
	busy |= worker_timers(w, now);
	w->stage_ends[WORKER_STAGE_TIMERS] = clock_cycles();
	for (uint32_t p = 0; p < w->port_count; p++)
		busy |= worker_send(w, p, now);
	w->stage_ends[WORKER_STAGE_SEND] = clock_cycles();
	return busy;
}

static bool worker_receive(struct worker *w, uint32_t port, struct instant now)
{
	struct tcp_frame frames[PORT_BURST];
	struct exception *x = &w->exceptions[port];
	struct port_queue *q = w->queues[port];
	uint32_t ours[PORT_BURST], kept = 0; /* which of the burst, and how many, are for the stack */
	_Static_assert(PORT_BURST <= TCP_BURST_MAX, "a burst is taken at once");
	uint32_t count = port_rx(q, frames);
	for (uint32_t i = 0; i < count; i++) {
		if (exception_is_on(x) && exception_input(x, q, i, frames[i].head, now))
			continue;
		frames[kept] = frames[i];
		frames[kept].flags |= port_hops(q, i) + 1 >= w->worker_count ? TCP_FRAME_FINAL : 0;
		ours[kept++] = i;
	}
	uint32_t elsewhere = tcp_input_burst(w->stacks[port], frames, kept, now);
	for (uint32_t i = 0; i < kept && w->worker_count > 1; i++)
		worker_passes_on(w, port, ours[i], &frames[i], (elsewhere >> i & 1) != 0);
	bool moved = exception_is_on(x) && exception_turn(x, q, now);
	return count > 0 || moved;
}

/* What is another worker's goes to it, and is final there; where nobody knows whose it is, to the next worker, until all
 * had it. News of a neighbour every worker gets. */
static void worker_passes_on(struct worker *w, uint32_t port, uint32_t index, const struct tcp_frame *frame, bool elsewhere)
{
	struct port_queue *q = w->queues[port];
	uint32_t hops = port_hops(q, index);
	if (elsewhere) {
		int owner = tcp_foreign_owner(w->stacks[port], frame);
		if (owner >= 0 && (uint32_t)owner < w->worker_count)
			port_hand_over(q, index, (uint16_t)owner, PORT_HOPS_ALL);
		else
			port_hand_over(q, index, (uint16_t)((w->index + 1) % w->worker_count), hops + 1);
	} else if (hops == PORT_HOPS_NONE && frame_is_neighbour_news(frame->head)) {
		for (uint32_t to = 0; to < w->worker_count; to++)
			if (to != w->index)
				port_copy_over(q, index, (uint16_t)to);
	}
}

static bool worker_timers(struct worker *w, struct instant now)
{
	bool busy = false;
	for (uint32_t p = 0; p < w->port_count; p++) {
		if (!instant_reached(tcp_deadline(w->stacks[p]), now))
			continue;
		tcp_expire(w->stacks[p], now);
		busy = true;
	}
	return busy;
}

static bool worker_send(struct worker *w, uint32_t port, struct instant now)
{
	struct port_queue *q = w->queues[port];
	uint32_t sent = 0;
	for (; sent < WORKER_OUTPUT_MAX; sent++) {
		struct tcp_frame_meta meta = { 0 };
		struct room room = port_tx_room(q);
		if (room.bytes == 0)
			break;
		size_t bytes = tcp_output(w->stacks[port], room, &meta, now);
		if (bytes == 0)
			break;
		port_tx_commit(q, bytes, &meta);
	}
	port_tx_flush(q);
	return sent > 0;
}

static void worker_chore(struct worker *w)
{
	struct instant now = clock_now();
	if (!w->app.chore(w->app.app, now))
		return;
	for (uint32_t p = 0; p < w->port_count; p++)
		worker_send(w, p, now);
}

/* ---- accounting and idling ---- */

static void count_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static void worker_count(struct worker *w, bool busy, uint64_t cycles)
{
	struct worker_counters *c = &w->counters;
	count_set(&c->turns, c->turns + 1);
	count_set(&c->total_cycles, c->total_cycles + cycles);
	if (!busy)
		return;
	count_set(&c->busy_turns, c->busy_turns + 1);
	count_set(&c->busy_cycles, c->busy_cycles + cycles);
	if (cycles > w->longest_turn_cycles) {
		w->longest_turn_cycles = cycles;
		count_set(&c->longest_turn_us, clock_us_of(cycles));
	}
}

static void worker_count_stages(struct worker *w, uint64_t begin)
{
	for (unsigned i = 0; i < WORKER_STAGE_COUNT; i++) {
		uint64_t *counter = &w->counters.stage_cycles[i];
		count_set(counter, *counter + (w->stage_ends[i] - begin));
		begin = w->stage_ends[i];
	}
}

static struct instant worker_deadline(struct worker *w)
{
	struct instant deadline = w->app.deadline(w->app.app);
	for (uint32_t p = 0; p < w->port_count; p++)
		deadline = instant_earlier(deadline, tcp_deadline(w->stacks[p]));
	return deadline;
}

static void worker_sleep(struct worker *w, uint64_t idle_us, struct instant now)
{
	uint64_t us = idle_us / WORKER_SLEEP_SHARE;
	if (us > WORKER_SLEEP_MOST_US)
		us = WORKER_SLEEP_MOST_US;
	uint64_t left_us = us < WORKER_SLEEP_LEAST_US ? 0 : instant_since(now, worker_deadline(w));
	if (left_us < us)
		us = left_us;
	if (us < WORKER_SLEEP_LEAST_US) {
		rte_pause();
		return;
	}
	struct timespec wait = { .tv_sec = 0, .tv_nsec = (long)us * 1000 };
	clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
	count_set(&w->counters.sleeps, w->counters.sleeps + 1);
}

/* ---- launch ---- */

bool worker_make(struct arena *arena, struct worker *w, uint32_t blocks, struct instant now)
{
	bool counting = arena->begin == NULL;
	w->recorder = arena_take(arena, "flight recorder", sizeof(struct recorder));
	w->pool = arena_take(arena, "block pool", sizeof(struct block_pool));
	void *memory = arena_take(arena, "blocks", (size_t)blocks * sizeof(struct block));
	if (!counting && (w->recorder == NULL || w->pool == NULL || memory == NULL))
		return false;
	if (!counting)
		block_pool_init(w->pool, memory, blocks);
	for (uint32_t p = 0; p < w->port_count; p++) {
		w->stacks[p] = tcp_make(arena, &w->tcp_configs[p], w->pool, w->recorder, now);
		if (!counting && w->stacks[p] == NULL)
			return false;
	}
	return true;
}
