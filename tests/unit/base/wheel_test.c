/*
 * wheel_test.c - the wheel against a plain list of instants: never early, at most one tick late, whatever the
 * distances, the jumps of time and the order of set, move and stop.
 */
#include "base/wheel.h"

#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/unit/unit.h"

#define TIMERS 400u
#define SEEDS 30u
#define STEPS 3000u
#define DAY_US (24 * 60 * MINUTE_US)
#define SLEEPS_MAX 2000u /* wake-ups before a timer up to 49 days away: four turns of 256, with room */

static struct wheel wheel;
static struct timer timers[TIMERS];
static struct instant model[TIMERS]; /* INSTANT_NEVER: not set */
static unsigned model_count;

static struct instant us(uint64_t v)
{
	return (struct instant){ .us = v };
}

static void fresh(struct instant now)
{
	memset(timers, 0, sizeof(timers));
	for (unsigned i = 0; i < TIMERS; i++)
		model[i] = INSTANT_NEVER;
	model_count = 0;
	wheel_init(&wheel, now);
}

static uint64_t any_distance(struct prng *p)
{
	switch (prng_below(p, 9)) {
	case 0: return prng_below(p, 3000);
	case 1: return prng_below(p, 400 * MS_US);
	case 2: return 255 * MS_US + prng_below(p, 3 * MS_US);
	case 3: return prng_below(p, 70 * SECOND_US);
	case 4: return 65535 * MS_US + prng_below(p, 3 * MS_US);
	case 5: return prng_below(p, 5 * 60 * MINUTE_US);
	case 6: return prng_below(p, 50 * DAY_US);
	case 7: return 0xffffffffull * MS_US - MS_US + prng_below(p, 3 * MS_US);
	}
	return prng_below(p, 400 * DAY_US);
}

static void model_set(unsigned i, struct instant at)
{
	bool was = model[i].us != UINT64_MAX, is = at.us != UINT64_MAX;
	model_count += (unsigned)is - (unsigned)was;
	model[i] = at;
	wheel_set(&wheel, &timers[i], at);
}

static void model_stop(unsigned i)
{
	model_count -= model[i].us != UINT64_MAX;
	model[i] = INSTANT_NEVER;
	wheel_stop(&wheel, &timers[i]);
}

static struct instant model_earliest(void)
{
	struct instant earliest = INSTANT_NEVER;
	for (unsigned i = 0; i < TIMERS; i++)
		earliest = instant_earlier(earliest, model[i]);
	return earliest;
}

/* Pops all that is due: each set and not early, and nothing left that is a tick late. */
static bool pop_all(struct instant now)
{
	for (struct timer *t; (t = wheel_pop(&wheel, now)) != NULL;) {
		size_t i = (size_t)(t - timers);
		if (i >= TIMERS || timer_is_set(t) || model[i].us == UINT64_MAX)
			return false;
		if (instant_before(now, model[i]) || t->at.us != model[i].us)
			return false;
		model[i] = INSTANT_NEVER;
		model_count--;
	}
	struct instant earliest = model_earliest();
	return earliest.us == UINT64_MAX || earliest.us > now.us / WHEEL_TICK_US * WHEEL_TICK_US;
}

/* A lower bound for the next timer, and ahead of `now` once all that is due is popped. */
static bool deadline_is_sound(struct instant now)
{
	struct instant deadline = wheel_deadline(&wheel), earliest = model_earliest();
	uint64_t fires = earliest.us / WHEEL_TICK_US + (earliest.us % WHEEL_TICK_US != 0);
	if (earliest.us == UINT64_MAX)
		return deadline.us == UINT64_MAX;
	return deadline.us <= fires * WHEEL_TICK_US && deadline.us > now.us / WHEEL_TICK_US * WHEEL_TICK_US;
}

static bool flags_agree(void)
{
	for (unsigned i = 0; i < TIMERS; i++)
		if (timer_is_set(&timers[i]) != (model[i].us != UINT64_MAX))
			return false;
	return wheel.count == model_count;
}

static uint64_t any_jump(struct prng *p)
{
	switch (prng_below(p, 12)) {
	case 0: return 0;
	case 1: return prng_below(p, 999);
	case 2: return prng_below(p, 70 * SECOND_US);
	case 3: return prng_below(p, 300) == 0 ? prng_below(p, 120 * DAY_US) : prng_below(p, DAY_US);
	case 4: return 256 * MS_US;
	}
	return prng_below(p, 5 * MS_US);
}

static bool model_step(struct prng *p, struct instant *now)
{
	unsigned i = (unsigned)prng_below(p, TIMERS);
	uint64_t kind = prng_below(p, 100);
	if (kind < 55) {
		model_set(i, instant_add(*now, any_distance(p)));
		return true;
	}
	if (kind < 60) {
		uint64_t ago = prng_below(p, 2 * SECOND_US);
		model_set(i, us(now->us > ago ? now->us - ago : 0));
		return true;
	}
	if (kind < 70) {
		model_stop(i);
		return true;
	}
	if (kind < 72) {
		model_set(i, INSTANT_NEVER);
		return true;
	}
	*now = instant_add(*now, any_jump(p));
	return pop_all(*now) && deadline_is_sound(*now) && flags_agree();
}

static bool run_model(uint64_t seed, struct instant start)
{
	struct prng p;
	struct instant now = start;
	prng_seed(&p, seed);
	fresh(now);
	for (unsigned step = 0; step < STEPS; step++) {
		if (model_step(&p, &now))
			continue;
		printf("\nseed %u, step %u\n", (unsigned)seed, step);
		return false;
	}
	now = instant_add(now, 500 * DAY_US);
	return pop_all(now) && wheel.count == 0 && model_count == 0 && wheel_deadline(&wheel).us == UINT64_MAX;
}

static void random_timers_agree_with_a_list(void)
{
	/* Starts around the borders of slots and turns, and late in the life of a 64-bit clock. */
	static const uint64_t starts[] = { 0, 1, 999, 255999, 256000, 65535999, 0xffffff00ull * 1000,
		                           0xffffffffull * 1000, 1700000000ull * 1000000, 1ull << 62 };
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		CU_ASSERT_TRUE(run_model(seed, us(starts[seed % COUNT_OF(starts)])));
}

/* As an idle worker does: sleep until the deadline, pop, and again. */
static bool sleeping_finds(struct instant start, uint64_t distance)
{
	fresh(start);
	struct instant now = start, at = instant_add(start, distance);
	model_set(0, at);
	for (unsigned sleeps = 0; sleeps < SLEEPS_MAX; sleeps++) {
		struct instant deadline = wheel_deadline(&wheel);
		if (deadline.us == UINT64_MAX)
			return false;
		now = instant_before(now, deadline) ? deadline : now;
		struct timer *t = wheel_pop(&wheel, now);
		if (t == NULL)
			continue;
		return t == &timers[0] && now.us >= at.us && now.us < at.us + WHEEL_TICK_US &&
		       wheel_deadline(&wheel).us == UINT64_MAX;
	}
	return false;
}

static void sleeping_until_the_deadline_finds_every_timer_in_time(void)
{
	struct prng p;
	unsigned wrong = 0;
	prng_seed(&p, 61);
	for (unsigned i = 0; i < 3000; i++) {
		struct instant start = us(prng_u64(&p) >> (1 + prng_below(&p, 60)));
		wrong += !sleeping_finds(start, any_distance(&p));
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void every_distance_around_the_borders_fires_in_time(void)
{
	static const uint64_t borders[] = { 0, 256, 512, 65536, 131072, 1u << 24, 1ull << 32, 1ull << 33 };
	unsigned wrong = 0;
	for (size_t i = 0; i < COUNT_OF(borders); i++)
		for (uint64_t before = 0; before < 4; before++)
			for (uint64_t off = 0; off <= 6; off++) {
				uint64_t start = 1ull << 40, ticks = borders[i] + off;
				if (ticks < 3)
					continue;
				wrong += !sleeping_finds(us((start - before) * 1000), (ticks - 3) * 1000);
				wrong += !sleeping_finds(us((start - before) * 1000 + 1), (ticks - 3) * 1000 + 998);
			}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* A timer due within the next 256 ticks has its exact tick as the deadline, when it is alone. */
static void a_near_deadline_is_exact(void)
{
	unsigned wrong = 0;
	for (uint64_t ticks = 1; ticks < 256; ticks++) {
		fresh(us(12345678));
		struct instant at = instant_add(us(12345000), ticks * 1000);
		model_set(0, at);
		uint64_t turn = (12345 / 256 + 1) * 256; /* a timer behind the turn's end may wake us there once */
		uint64_t said = wheel_deadline(&wheel).us / 1000;
		wrong += said != at.us / 1000 && said != turn;
		wrong += said > at.us / 1000;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void an_instant_in_the_past_fires_within_a_tick(void)
{
	fresh(us(5000000));
	CU_ASSERT_PTR_NULL(wheel_pop(&wheel, us(5000700)));
	model_set(0, us(0));
	model_set(1, us(5000000));
	CU_ASSERT_PTR_EQUAL(wheel_pop(&wheel, us(5000700)), &timers[0]);
	CU_ASSERT_PTR_EQUAL(wheel_pop(&wheel, us(5000700)), &timers[1]);
	model_set(2, us(5000700)); /* inside the tick that is running: due when it ends */
	CU_ASSERT_EQUAL(wheel_deadline(&wheel).us, 5001000);
	CU_ASSERT_PTR_NULL(wheel_pop(&wheel, us(5000999)));
	CU_ASSERT_PTR_EQUAL(wheel_pop(&wheel, us(5001000)), &timers[2]);
}

static void a_stopped_timer_never_fires_even_when_already_due(void)
{
	fresh(us(0));
	model_set(0, us(1000));
	model_set(1, us(1000));
	model_set(2, us(1000));
	CU_ASSERT_PTR_EQUAL(wheel_pop(&wheel, us(1000)), &timers[0]); /* the others are due now too */
	wheel_stop(&wheel, &timers[1]);
	CU_ASSERT_FALSE(timer_is_set(&timers[1]));
	wheel_set(&wheel, &timers[2], us(500000));
	CU_ASSERT_PTR_NULL(wheel_pop(&wheel, us(400000)));
	CU_ASSERT_PTR_EQUAL(wheel_pop(&wheel, us(500000)), &timers[2]);
	CU_ASSERT_EQUAL(wheel.count, 0);
}

static void stopping_what_is_not_set_changes_nothing(void)
{
	fresh(us(0));
	wheel_stop(&wheel, &timers[0]);
	wheel_set(&wheel, &timers[0], INSTANT_NEVER);
	CU_ASSERT_EQUAL(wheel.count, 0);
	wheel_set(&wheel, &timers[0], us(7000));
	wheel_stop(&wheel, &timers[0]);
	wheel_stop(&wheel, &timers[0]);
	CU_ASSERT_EQUAL(wheel.count, 0);
	CU_ASSERT_EQUAL(wheel_deadline(&wheel).us, UINT64_MAX);
	CU_ASSERT_PTR_NULL(wheel_pop(&wheel, us(UINT64_MAX)));
}

static void a_timer_set_again_from_its_own_expiry(void)
{
	unsigned fired = 0;
	fresh(us(0));
	wheel_set(&wheel, &timers[0], us(10000));
	for (uint64_t now = 0; now <= 1000000; now += 1000)
		for (struct timer *t; (t = wheel_pop(&wheel, us(now))) != NULL; fired++)
			wheel_set(&wheel, t, instant_add(t->at, 10000));
	CU_ASSERT_EQUAL(fired, 100);
}

static void time_that_steps_back_fires_nothing_early(void)
{
	fresh(us(10000000));
	CU_ASSERT_PTR_NULL(wheel_pop(&wheel, us(20000000)));
	wheel_set(&wheel, &timers[0], us(20005000));
	CU_ASSERT_PTR_NULL(wheel_pop(&wheel, us(0)));
	CU_ASSERT_PTR_NULL(wheel_pop(&wheel, us(20004999)));
	CU_ASSERT_PTR_EQUAL(wheel_pop(&wheel, us(20005000)), &timers[0]);
}

static void the_farthest_instants_wait_and_do_not_fire(void)
{
	fresh(us(0));
	wheel_set(&wheel, &timers[0], us(UINT64_MAX - 1));
	wheel_set(&wheel, &timers[1], us(UINT64_MAX - 5000000));
	CU_ASSERT_PTR_NULL(wheel_pop(&wheel, us(1000 * DAY_US)));
	CU_ASSERT_EQUAL(wheel.count, 2);
	CU_ASSERT_TRUE(wheel_deadline(&wheel).us > 1000 * DAY_US);
	wheel_stop(&wheel, &timers[0]);
	wheel_stop(&wheel, &timers[1]);
	CU_ASSERT_EQUAL(wheel.count, 0);
}

#define CROWD 200000u

static void a_crowd_of_timers_all_fire_once(void)
{
	static struct timer crowd[CROWD];
	struct prng p;
	unsigned fired = 0, early = 0;
	prng_seed(&p, 71);
	fresh(us(0));
	for (unsigned i = 0; i < CROWD; i++)
		wheel_set(&wheel, &crowd[i], us(prng_below(&p, 20 * MINUTE_US)));
	CU_ASSERT_EQUAL(wheel.count, CROWD);
	for (struct instant now = us(0); now.us <= 20 * MINUTE_US; now.us += 700)
		for (struct timer *t; (t = wheel_pop(&wheel, now)) != NULL; fired++)
			early += instant_before(now, t->at) || now.us - t->at.us >= 1700;
	CU_ASSERT_EQUAL(fired, CROWD);
	CU_ASSERT_EQUAL(early, 0);
	CU_ASSERT_EQUAL(wheel.count, 0);
}

UNIT("base/wheel", { "random timers agree with a list", random_timers_agree_with_a_list },
     { "sleeping until the deadline finds every timer in time",
       sleeping_until_the_deadline_finds_every_timer_in_time },
     { "every distance around the borders of levels fires in time",
       every_distance_around_the_borders_fires_in_time },
     { "a near deadline is exact", a_near_deadline_is_exact },
     { "an instant in the past fires within a tick", an_instant_in_the_past_fires_within_a_tick },
     { "a stopped or moved timer does not fire even when already due",
       a_stopped_timer_never_fires_even_when_already_due },
     { "stopping what is not set changes nothing", stopping_what_is_not_set_changes_nothing },
     { "a timer may be set again from its own expiry", a_timer_set_again_from_its_own_expiry },
     { "time that steps back fires nothing early", time_that_steps_back_fires_nothing_early },
     { "the farthest instants wait and do not fire", the_farthest_instants_wait_and_do_not_fire },
     { "a crowd of timers all fire once", a_crowd_of_timers_all_fire_once })
