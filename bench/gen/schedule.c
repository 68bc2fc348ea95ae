/*
 * schedule.c - when messages are due in open loop: constant or Poisson arrivals on a time line of
 * its own, that does not care how the system under test is doing (no coordinated omission). See
 * gen_int.h.
 */
#include "bench/gen/gen_int.h"
#include "bench/gen/numbers.h"

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

/* What was due and did not begin is forgotten: the new rate begins now. */
void schedule_rate(struct schedule *s, uint64_t rate_per_1000s, struct instant now)
{
	s->paused = rate_per_1000s == 0;
	if (s->paused)
		return;
	s->mean_us = 1e9 / (double)rate_per_1000s;
	s->next_us = (double)now.us;
	if (s->arrivals == GEN_POISSON)
		schedule_step(s);
}

struct instant schedule_next(const struct schedule *s)
{
	if (s->paused)
		return INSTANT_NEVER;
	return (struct instant){ .us = (uint64_t)s->next_us };
}

void schedule_step(struct schedule *s)
{
	double us = s->mean_us;
	if (s->arrivals == GEN_POISSON)
		us *= number_minus_ln(number_uniform(&s->prng));
	s->next_us += us;
}

uint64_t schedule_backlog(const struct schedule *s, struct instant now)
{
	double late = (double)now.us - s->next_us;
	return s->paused || late <= 0 ? 0 : 1 + (uint64_t)(late / s->mean_us);
}
