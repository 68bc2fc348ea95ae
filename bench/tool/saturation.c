/*
 * saturation.c - the highest rate at which enough messages are in time and nothing goes wrong
 * (--find-saturation).
 *
 * One generator, one start: the open loop's rate is changed under way. Each trial settles for a fifth
 * of its time, is measured, then arrivals pause until nothing is under way, so that no trial pays for
 * the one before. The rate doubles until it does not hold twice, then the interval is halved (by ratio)
 * until it is narrow. The last rate that held is tried once more, and must hold again.
 *
 * Loss, doubles and corruption are found by the ledger at the end, over all trials together.
 */
#include "bench/tool/run.h"

#include <math.h>

#define RATE_FIRST 50.0
#define RATIO_DONE 1.04       /* the interval is narrow enough */
#define SETTLE_SHARE 0.2      /* of a trial */
#define DRAIN_SECONDS 10.0
#define REACHED_SHARE 0.98    /* of the rate: fewer acknowledged means that a queue grows */
#define LATE_BY_CHANCE 2.0    /* messages of a trial */
#define DEVIATIONS 3.0        /* of a count of random arrivals */
#define CONFIRMATIONS 3u      /* rates that fail the second try, each a step lower */

static void wait_until(struct run *run, double until, const char *phase)
{
	while (run_seconds() < until && !run_interrupted()) {
		run_moment(run, phase);
		run_step();
	}
}

static uint64_t in_flight(struct run *run)
{
	run_look(run);
	return run->report->results.begun - report_over(&run->report->results);
}

static void drain(struct run *run)
{
	double until = run_seconds() + DRAIN_SECONDS;
	run_rate(run, 0);
	while (run_seconds() < until && !run_interrupted() && in_flight(run) > 0)
		run_step();
}

/* A short trial at a low rate has few messages, and chance has its share: of 200 none may be late by the letter of
 * 99.9 %, and random arrivals are 14 more or fewer. A few late ones and three standard deviations are no verdict. */
static const char *why_not(const struct run *run, const struct trial *t, double messages, double seconds)
{
	double late_share = 1 - (double)run->o->within_per_mille / 1000;
	double expected = t->rate * seconds;
	if (t->failed > 0)
		return "connections failed";
	if (messages * (1 - t->within_share) > messages * late_share + LATE_BY_CHANCE)
		return "too many were late";
	if (t->reached * seconds < REACHED_SHARE * expected - DEVIATIONS * sqrt(expected))
		return "fell behind";
	return NULL;
}

/* Messages within the bound; the histogram knows 10 and 15 ms exactly, other bounds to 0.8 %. */
static void judge(struct run *run, struct trial *t)
{
	run_measured(run);
	const struct report *r = run->report;
	const struct histogram *total = &r->measured.phases[GEN_PHASE_TOTAL];
	t->reached = (double)r->measured.acknowledged / r->measured_seconds;
	t->within_share = total->count == 0 ? 0 : (double)histogram_at_most(total, run->o->within_us) /
	                                                  (double)total->count;
	t->p50_us = histogram_percentile(total, 50000);
	t->p99_us = histogram_percentile(total, 99000);
	t->p999_us = histogram_percentile(total, 99900);
	t->max_us = total->max_us;
	t->failed = report_failed(&r->measured);
	t->busy_percent = r->busy_percent;
	t->why = why_not(run, t, (double)total->count, r->measured_seconds);
	t->held = t->why == NULL;
}

static bool try_once(struct run *run, double rate)
{
	struct report *r = run->report;
	double seconds = (double)run->o->trial_us / 1e6, now = run_seconds();
	char phase[64];
	if (r->trial_count == REPORT_TRIALS_MAX || run_interrupted())
		return false;
	struct trial *t = &r->trials[r->trial_count++];
	*t = (struct trial){ .rate = rate };
	snprintf(phase, sizeof(phase), "trying %.0f messages/s", rate);
	run_rate(run, rate);
	wait_until(run, now + SETTLE_SHARE * seconds, phase);
	run_measure(run);
	wait_until(run, run_seconds() + seconds, phase);
	judge(run, t);
	if (run->live == LIVE_LINES)
		fprintf(stderr, "  %8.0f/s  %6.2f %% in time  p50 %.1f  p99 %.1f ms  generator %.0f %%  %s\n",
		        rate, 100 * t->within_share, (double)t->p50_us / 1e3, (double)t->p99_us / 1e3,
		        t->busy_percent, t->held ? "holds" : t->why);
	drain(run);
	return t->held;
}

/* A rate that did not hold gets a second chance: on a machine with other work one late moment proves
 * nothing. */
static bool try_rate(struct run *run, double rate)
{
	return try_once(run, rate) || try_once(run, rate);
}

/* A trial of its own at the end: what a report shows is measured at the rate that was found. */
static double confirmed(struct run *run, double rate)
{
	for (uint32_t i = 0; i < CONFIRMATIONS && rate > 0 && !run_interrupted(); i++) {
		if (try_rate(run, rate))
			return rate;
		rate /= RATIO_DONE;
	}
	return 0;
}

void saturation_search(struct run *run)
{
	struct report *r = run->report;
	double most = (double)run->o->rate_most, low = 0, high = RATE_FIRST;
	while (high < most && try_rate(run, high)) {
		low = high;
		high = fmin(high * 2, most);
	}
	while (low > 0 && high / low > RATIO_DONE && !run_interrupted()) {
		double middle = sqrt(low * high);
		if (try_rate(run, middle))
			low = middle;
		else
			high = middle;
	}
	r->saturation = confirmed(run, low);
	r->interrupted = run_interrupted();
}
