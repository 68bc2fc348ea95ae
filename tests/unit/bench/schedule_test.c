/*
 * schedule_test.c - the arrival plan of the open loop: exact where constant, right in the mean and the
 * spread where Poisson, the same for the same seed; another rate and a pause under way.
 */
#include "bench/gen/gen_int.h"
#include "bench/gen/numbers.h"
#include "tests/unit/unit.h"

static const struct instant start = { .us = 5 * SECOND_US };

static void constant_arrivals_do_not_drift(void)
{
	struct schedule s;
	schedule_init(&s, GEN_CONSTANT, 3000000, 1, start); /* 3000 a second: 333.3 us */
	for (unsigned i = 0; i < 300000; i++)
		schedule_step(&s);
	CU_ASSERT_TRUE(schedule_next(&s).us >= start.us + 100 * SECOND_US - 1);
	CU_ASSERT_TRUE(schedule_next(&s).us <= start.us + 100 * SECOND_US + 1);
}

static void poisson_gaps_have_their_mean_and_spread(void)
{
	struct schedule s;
	double sum = 0, squares = 0;
	unsigned count = 100000;
	schedule_init(&s, GEN_POISSON, 1000000, 7, start);
	double before = s.next_us;
	for (unsigned i = 0; i < count; i++) {
		schedule_step(&s);
		double gap = s.next_us - before;
		before = s.next_us;
		sum += gap;
		squares += gap * gap;
	}
	double mean = sum / count;
	double deviation = number_root(squares / count - mean * mean);
	CU_ASSERT_TRUE(mean > 990 && mean < 1010);
	CU_ASSERT_TRUE(deviation > 985 && deviation < 1015); /* of an exponential: its mean */
}

static void the_same_seed_makes_the_same_plan(void)
{
	struct schedule a, b, c;
	unsigned same = 0;
	schedule_init(&a, GEN_POISSON, 500000, 3, start);
	schedule_init(&b, GEN_POISSON, 500000, 3, start);
	schedule_init(&c, GEN_POISSON, 500000, 4, start);
	for (unsigned i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(schedule_next(&a).us, schedule_next(&b).us);
		same += schedule_next(&a).us == schedule_next(&c).us;
		schedule_step(&a);
		schedule_step(&b);
		schedule_step(&c);
	}
	CU_ASSERT_TRUE(same < 10);
}

static void another_rate_begins_now_and_forgets_what_was_due(void)
{
	struct schedule s;
	struct instant later = instant_add(start, 10 * SECOND_US);
	schedule_init(&s, GEN_CONSTANT, 1000000, 1, start);
	CU_ASSERT_EQUAL(schedule_backlog(&s, later), 10001);
	schedule_rate(&s, 2000000, later);
	CU_ASSERT_EQUAL(schedule_backlog(&s, later), 0);
	schedule_step(&s);
	CU_ASSERT_EQUAL(schedule_next(&s).us, later.us + 500);
}

static void a_pause_has_no_next_arrival(void)
{
	struct schedule s;
	schedule_init(&s, GEN_POISSON, 1000000, 1, start);
	schedule_rate(&s, 0, start);
	CU_ASSERT_EQUAL(schedule_next(&s).us, INSTANT_NEVER.us);
	CU_ASSERT_EQUAL(schedule_backlog(&s, instant_add(start, MINUTE_US)), 0);
	schedule_rate(&s, 1000000, start);
	CU_ASSERT_TRUE(schedule_next(&s).us < INSTANT_NEVER.us);
}

static void shares_choose_what_they_say_and_nothing_draws_nothing(void)
{
	struct gen_sender_config c = { .pipelining = true,
		                       .messages_per_connection = 2,
		                       .messages_per_connection_max = 5,
		                       .clear_per_mille = 50,
		                       .tls12_per_mille = 100,
		                       .resume_per_mille = 300,
		                       .fragment_per_mille = 200,
		                       .fragment_bytes = 64 };
	struct sender_traits t;
	struct prng p, untouched;
	unsigned clear = 0, old = 0, resumed = 0, pieces = 0, counts[8] = { 0 };
	prng_seed(&p, 1);
	for (unsigned i = 0; i < 10000; i++) {
		traits_choose(&t, &c, &p);
		clear += t.clear;
		old += t.tls12;
		resumed += t.resume;
		pieces += t.fragment_bytes == 64;
		counts[t.messages]++;
	}
	CU_ASSERT_TRUE(clear > 420 && clear < 580);
	CU_ASSERT_TRUE(old > 900 && old < 1100);
	CU_ASSERT_TRUE(resumed > 2800 && resumed < 3200);
	CU_ASSERT_TRUE(pieces > 1850 && pieces < 2150);
	for (unsigned i = 0; i < 8; i++)
		CU_ASSERT_TRUE(i < 2 || i > 5 ? counts[i] == 0 : counts[i] > 2300 && counts[i] < 2700);
	c = (struct gen_sender_config){ .pipelining = true, .messages_per_connection = 1 };
	untouched = p;
	traits_choose(&t, &c, &p);
	CU_ASSERT_EQUAL(prng_u64(&p), prng_u64(&untouched));
	CU_ASSERT_TRUE(!t.clear && !t.in_turn && !t.bdat && t.messages == 1);
}

UNIT("bench/schedule", { "constant arrivals do not drift", constant_arrivals_do_not_drift },
     { "Poisson gaps have their mean and their spread", poisson_gaps_have_their_mean_and_spread },
     { "the same seed makes the same plan", the_same_seed_makes_the_same_plan },
     { "another rate begins now, what was due is forgotten",
       another_rate_begins_now_and_forgets_what_was_due },
     { "a pause has no next arrival", a_pause_has_no_next_arrival },
     { "connections have their traits by share; no share draws no random number",
       shares_choose_what_they_say_and_nothing_draws_nothing })
