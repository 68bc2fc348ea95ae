#include "tcp/rtt_int.h"

#include "tcp/limits.h"
#include "tests/unit/unit.h"

static void the_first_sample_sets_both(void)
{
	struct rtt r;
	rtt_init(&r, 0);
	CU_ASSERT_EQUAL(r.timeout_us, TCP_RTO_INITIAL_US);
	rtt_sample(&r, 400000);
	CU_ASSERT_EQUAL(r.smoothed_us, 400000);
	CU_ASSERT_EQUAL(r.variance_us, 200000);
	CU_ASSERT_EQUAL(r.timeout_us, 1200000);
}

static void later_samples_are_smoothed_as_rfc_6298_says(void)
{
	struct rtt r;
	rtt_init(&r, 0);
	rtt_sample(&r, 400000);
	rtt_sample(&r, 480000);
	CU_ASSERT_EQUAL(r.variance_us, (3 * 200000 + 80000) / 4);
	CU_ASSERT_EQUAL(r.smoothed_us, (7 * 400000 + 480000) / 8);
	CU_ASSERT_EQUAL(r.timeout_us, r.smoothed_us + 4 * r.variance_us);
}

static void the_timeout_stays_between_its_bounds(void)
{
	struct rtt r;
	rtt_init(&r, 0);
	for (unsigned i = 0; i < 50; i++)
		rtt_sample(&r, 0);
	CU_ASSERT_EQUAL(r.timeout_us, TCP_RTO_MIN_US);
	CU_ASSERT(r.smoothed_us > 0);
	for (unsigned i = 0; i < 50; i++)
		rtt_sample(&r, UINT64_MAX);
	CU_ASSERT_EQUAL(r.timeout_us, TCP_RTO_MAX_US);
}

static void backing_off_doubles_and_a_sample_takes_it_back(void)
{
	struct rtt r;
	rtt_init(&r, 0);
	rtt_sample(&r, 100000);
	CU_ASSERT_EQUAL(r.timeout_us, 300000);
	rtt_back_off(&r);
	CU_ASSERT_EQUAL(r.timeout_us, 600000);
	for (unsigned i = 0; i < 20; i++)
		rtt_back_off(&r);
	CU_ASSERT_EQUAL(r.timeout_us, TCP_RTO_MAX_US);
	rtt_sample(&r, 100000);
	CU_ASSERT(r.timeout_us < 300000);
}

UNIT("tcp/rtt", { "the first sample sets SRTT and RTTVAR", the_first_sample_sets_both },
     { "later samples are smoothed as RFC 6298 (2.3) says",
       later_samples_are_smoothed_as_rfc_6298_says },
     { "the timeout stays between its bounds", the_timeout_stays_between_its_bounds },
     { "backing off doubles up to a minute, a sample takes it back",
       backing_off_doubles_and_a_sample_takes_it_back })
