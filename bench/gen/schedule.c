/*
 * schedule.c - when messages are due in open loop: constant or Poisson arrivals on a time line of
 * its own, that does not care how the system under test is doing (no coordinated omission). See
 * gen_int.h.
 */
#include "bench/gen/gen_int.h"

#define LN2 0.69314718055994530942
#define RANDOM_STEPS 9007199254740992.0 /* 2^53 */

/* -ln(u) for u in (0, 1], to about 1e-8: no libm in pure code. u = m / 2^k with m in [1, 2). */
static double minus_ln(double u)
{
	double exponent = 0;
	while (u < 1.0) {
		u *= 2;
		exponent += 1;
	}
	double z = (u - 1.0) / (u + 1.0);
	double z2 = z * z;
	double ln_m =
		2 * z *
		(1 + z2 * (1.0 / 3 + z2 * (1.0 / 5 + z2 * (1.0 / 7 + z2 * (1.0 / 9 + z2 / 11)))));
	return exponent * LN2 - ln_m;
}

void schedule_init(struct schedule *s, enum gen_arrivals arrivals, uint64_t rate_per_1000s,
                   uint64_t seed, struct instant now)
{
	double rate = rate_per_1000s > 0 ? (double)rate_per_1000s : 1.0;
	*s = (struct schedule){ .arrivals = arrivals,
		                .mean_us = 1e9 / rate,
		                .next_us = (double)now.us };
	prng_seed(&s->prng, seed);
	if (arrivals == GEN_POISSON)
		schedule_step(s);
}

struct instant schedule_next(const struct schedule *s)
{
	return (struct instant){ .us = (uint64_t)s->next_us };
}

void schedule_step(struct schedule *s)
{
	double us = s->mean_us;
	if (s->arrivals == GEN_POISSON)
		us *= minus_ln(((double)(prng_u64(&s->prng) >> 11) + 1.0) / RANDOM_STEPS);
	s->next_us += us;
}

uint64_t schedule_backlog(const struct schedule *s, struct instant now)
{
	double late = (double)now.us - s->next_us;
	return late <= 0 ? 0 : 1 + (uint64_t)(late / s->mean_us);
}
