/*
 * conn_desk.c - see conn_desk.h. The state goes FREE -> ASKED (asker) -> TAKEN (worker) -> ANSWERED (worker) -> FREE
 * (asker), or from ASKED back to FREE when the asker gives up. A question that was taken and then given up on stays
 * TAKEN or ANSWERED; the next asker finds it so and clears it away.
 */
#include "run/conn_desk.h"

#include <time.h>

enum desk_state { DESK_FREE = 0, DESK_ASKED, DESK_TAKEN, DESK_ANSWERED };

#define LOOK_EVERY_US 100u

/* ---- the worker ---- */

static void one_answer(struct conn_desk *d, const struct tcp_stack *s, struct instant now, int64_t wall_us)
{
	struct conn_answer *a = &d->answer;
	a->found = tcp_inspect(s, d->ask.id, &a->record, &a->info);
	if (a->found)
		a->wall_us = wall_us - (int64_t)instant_since(a->record.last, now);
}

static void rows_answer(struct conn_desk *d, const struct tcp_stack *s, struct instant now)
{
	struct conn_answer *a = &d->answer;
	a->slot = d->ask.slot;
	a->count = tcp_rows(s, &a->slot, CONN_DESK_SLOTS, a->rows, CONN_DESK_ROWS, now);
	a->more = a->slot < tcp_slots(s);
	a->found = true;
}

bool conn_desk_turn(struct conn_desk *d, struct tcp_stack *const *stacks, uint32_t stack_count, struct instant now,
                    int64_t wall_us)
{
	uint32_t asked = DESK_ASKED;
	if (__atomic_load_n(&d->state, __ATOMIC_RELAXED) != DESK_ASKED ||
	    !__atomic_compare_exchange_n(&d->state, &asked, DESK_TAKEN, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	d->answer.found = d->answer.more = false;
	d->answer.count = 0;
	if (d->ask.port < stack_count && d->ask.rows)
		rows_answer(d, stacks[d->ask.port], now);
	else if (d->ask.port < stack_count)
		one_answer(d, stacks[d->ask.port], now, wall_us);
	__atomic_store_n(&d->state, DESK_ANSWERED, __ATOMIC_RELEASE);
	return true;
}

/* ---- who asks ---- */

/* Waits until the worker has answered, as long as patience lasts. */
static bool answered(struct conn_desk *d)
{
	const struct timespec wait = { .tv_sec = 0, .tv_nsec = (long)LOOK_EVERY_US * 1000 };
	for (uint32_t left = CONN_DESK_PATIENCE_MS * 1000 / LOOK_EVERY_US; left > 0; left--) {
		if (__atomic_load_n(&d->state, __ATOMIC_ACQUIRE) == DESK_ANSWERED)
			return true;
		(void)nanosleep(&wait, NULL);
	}
	return false;
}

/* An earlier question may still stand here. False: it is being answered, and does not end. */
static bool cleared(struct conn_desk *d)
{
	uint32_t asked = DESK_ASKED;
	uint32_t state = __atomic_load_n(&d->state, __ATOMIC_ACQUIRE);
	if (state == DESK_ASKED &&
	    __atomic_compare_exchange_n(&d->state, &asked, DESK_FREE, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return true;
	return state == DESK_FREE || answered(d);
}

bool conn_desk_ask(struct conn_desk *d, const struct conn_ask *ask, struct conn_answer *answer)
{
	if (!cleared(d))
		return false;
	d->ask = *ask;
	__atomic_store_n(&d->state, DESK_ASKED, __ATOMIC_RELEASE);
	if (!answered(d))
		return false;
	*answer = d->answer;
	__atomic_store_n(&d->state, DESK_FREE, __ATOMIC_RELEASE);
	return true;
}
