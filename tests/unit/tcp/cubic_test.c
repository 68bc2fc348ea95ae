/*
 * cubic_test.c - CUBIC against RFC 9438's formulas in floating point.
 */
#include "tcp/congestion_int.h"

#include <math.h>

#include "tcp/limits.h"
#include "tests/unit/unit.h"

static const struct congestion_ops *const ops = &congestion_cubic;

#define MSS 1000u

static void ack_at(struct congestion *c, uint32_t bytes, uint32_t now_ms, uint32_t rtt_ms)
{
	ops->acked(c, &(struct congestion_ack){
	                      .mss = MSS, .bytes = bytes, .rtt_us = rtt_ms * 1000, .now_ms = now_ms });
}

/* A flow whose window is always full: as many bytes are acknowledged per round trip as it has. */
static void run(struct congestion *c, uint32_t begin_ms, uint32_t ms, uint32_t rtt_ms)
{
	double credit = 0;
	for (uint32_t t = 0; t < ms; t++) {
		credit += (double)c->window / rtt_ms;
		while (credit >= 2 * MSS) {
			ack_at(c, 2 * MSS, begin_ms + t, rtt_ms);
			credit -= 2 * MSS;
		}
	}
}

static void the_threshold_is_seven_tenths(void)
{
	struct congestion c;
	ops->opened(&c, MSS, 0);
	c.window = 100000;
	ops->reduced(&c, MSS, 100000);
	CU_ASSERT(c.threshold == 70000 && c.max == 100000);
	c.window = 70000; /* lost again before W_max: the network has less room (4.7) */
	ops->reduced(&c, MSS, 70000);
	CU_ASSERT(c.threshold == 49000 && c.max == 59500);
	c.window = 1000;
	ops->reduced(&c, MSS, 500);
	CU_ASSERT_EQUAL(c.threshold, 2 * MSS);
}

/* After a loss at 1000 segments and 100 ms, the curve of 4.2 with K = cbrt(300 / 0.4) = 9.09 s. */
static void the_window_follows_the_cubic_function(void)
{
	for (uint32_t seconds = 1; seconds <= 15; seconds++) {
		struct congestion c;
		ops->opened(&c, MSS, 0);
		c.window = 1000000;
		ops->reduced(&c, MSS, 1000000);
		c.window = c.threshold;
		run(&c, 5000, seconds * 1000, 100);
		double k = cbrt(300 / 0.4);
		double want = 0.4 * pow(seconds - k, 3) + 1000;
		CU_ASSERT(fabs(c.window / 1000.0 - want) < 0.02 * want);
	}
}

/* At a short round trip Reno would be faster: at least its average rate (4.3). */
static void short_paths_get_what_reno_would_have(void)
{
	struct congestion c;
	ops->opened(&c, MSS, 0);
	c.window = 30000;
	ops->reduced(&c, MSS, 30000);
	c.window = c.threshold;
	run(&c, 5000, 500, 10);
	double reno = 21 + 0.529 * 50; /* alpha of a segment for each of fifty round trips, until cwnd_prior */
	CU_ASSERT(c.window / 1000.0 > 0.9 * reno);
	CU_ASSERT(c.window / 1000.0 < 1.9 * reno);
}

static void slow_start_and_rest_are_renos(void)
{
	struct congestion c;
	ops->opened(&c, MSS, 0);
	CU_ASSERT_EQUAL(c.window, 10000);
	ack_at(&c, 9000, 1, 10);
	CU_ASSERT_EQUAL(c.window, 12000);
	c.window = 500000;
	ops->rested(&c, MSS);
	CU_ASSERT_EQUAL(c.window, 10000);
}

static void a_timeout_starts_from_one_segment_and_a_flat_curve(void)
{
	struct congestion c;
	ops->opened(&c, MSS, 0);
	c.window = 100000;
	ops->timed_out(&c, MSS, 100000, 0);
	CU_ASSERT(c.window == MSS && c.threshold == 70000);
	ops->timed_out(&c, MSS, 100000, 1);
	CU_ASSERT_EQUAL(c.threshold, 70000);
	c.window = 70000;
	ack_at(&c, 2000, 9000, 100);
	CU_ASSERT(c.k_ms == 0 && c.max == 70000);
}

static void an_undone_reduction_leaves_no_trace(void)
{
	struct congestion c;
	ops->opened(&c, MSS, 0);
	c.window = 80000;
	ops->reduced(&c, MSS, 80000);
	c.window = c.threshold;
	ops->undone(&c);
	CU_ASSERT(c.window == 80000 && c.threshold == TCP_WINDOW_MAX);
}

static void nothing_overflows(void)
{
	struct congestion c;
	for (uint32_t mss = 216; mss <= 9000; mss += 8784) {
		ops->opened(&c, mss, 0);
		c.window = TCP_WINDOW_MAX;
		ops->reduced(&c, mss, TCP_WINDOW_MAX);
		c.window = mss;
		c.threshold = mss;
		for (uint32_t i = 0; i < 2000; i++) {
			ops->acked(&c, &(struct congestion_ack){ .mss = mss,
			                                         .bytes = UINT32_MAX,
			                                         .rtt_us = 60000000,
			                                         .now_ms = i * 4000000u });
			CU_ASSERT(c.window >= mss && c.window <= TCP_WINDOW_MAX);
		}
	}
}

UNIT("tcp/cubic", { "a loss leaves seven tenths, a second one soon after lowers W_max too",
       the_threshold_is_seven_tenths },
     { "the window follows the cubic function of RFC 9438 4.2 within two per cent",
       the_window_follows_the_cubic_function },
     { "on short paths it has what Reno would have", short_paths_get_what_reno_would_have },
     { "slow start and rest are those of NewReno", slow_start_and_rest_are_renos },
     { "a timeout starts from one segment, then a curve with K = 0",
       a_timeout_starts_from_one_segment_and_a_flat_curve },
     { "an undone reduction leaves no trace", an_undone_reduction_leaves_no_trace },
     { "nothing overflows", nothing_overflows })
