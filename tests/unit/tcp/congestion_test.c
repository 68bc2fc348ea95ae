#include "tcp/congestion_int.h"

#include "tcp/limits.h"
#include "tests/unit/unit.h"

static const struct congestion_ops *const ops = &congestion_newreno;

static void the_initial_window_is_that_of_rfc_6928(void)
{
	struct congestion c;
	ops->opened(&c, 1460, 0);
	CU_ASSERT_EQUAL(c.window, 14600);
	ops->opened(&c, 536, 0);
	CU_ASSERT_EQUAL(c.window, 5360);
	ops->opened(&c, 8960, 0);
	CU_ASSERT_EQUAL(c.window, 17920);
	ops->opened(&c, 1460, 1);
	CU_ASSERT_EQUAL(c.window, 1460);
}

static void ack(struct congestion *c, uint32_t mss, uint32_t bytes)
{
	ops->acked(c, &(struct congestion_ack){ .mss = mss, .bytes = bytes });
}

static void slow_start_grows_by_what_is_acknowledged_up_to_two_segments(void)
{
	struct congestion c;
	ops->opened(&c, 1000, 0);
	ack(&c, 1000, 1);
	CU_ASSERT_EQUAL(c.window, 10001); /* ACK division gains nothing */
	ack(&c, 1000, 9000);
	CU_ASSERT_EQUAL(c.window, 12001);
	ops->acked(&c, &(struct congestion_ack){ .mss = 1000, .bytes = 9000, .after_timeout = true });
	CU_ASSERT_EQUAL(c.window, 13001); /* RFC 3465 2.3: L = 1 after a timeout */
}

static void avoidance_grows_by_a_segment_for_each_window(void)
{
	struct congestion c = { .window = 10000, .threshold = 10000 };
	for (unsigned i = 0; i < 9; i++)
		ack(&c, 1000, 1000);
	CU_ASSERT_EQUAL(c.window, 10000);
	ack(&c, 1000, 1000);
	CU_ASSERT_EQUAL(c.window, 11000);
}

static void a_reduction_halves_and_can_be_undone(void)
{
	struct congestion c = { .window = 20000, .threshold = TCP_WINDOW_MAX };
	ops->reduced(&c, 1000, 20000);
	CU_ASSERT_EQUAL(c.threshold, 10000);
	c.window = 10000;
	ops->undone(&c);
	CU_ASSERT(c.window == 20000 && c.threshold == TCP_WINDOW_MAX);
}

/* Each report lets a new segment out while the front waits for its repetition: by then twice the window is in flight. */
static void what_is_in_flight_beyond_the_window_does_not_count(void)
{
	struct congestion c = { .window = 20000, .threshold = TCP_WINDOW_MAX };
	ops->reduced(&c, 1000, 24000);
	CU_ASSERT_EQUAL(c.threshold, 10000);
	c.window = 10000;
	ops->reduced(&c, 1000, 30000); /* a second time */
	CU_ASSERT_EQUAL(c.threshold, 5000);
	ops->timed_out(&c, 1000, 30000, 0);
	CU_ASSERT(c.window == 1000 && c.threshold == 5000);
}

static void a_timeout_leaves_one_segment(void)
{
	struct congestion c = { .window = 20000, .threshold = TCP_WINDOW_MAX };
	ops->timed_out(&c, 1000, 20000, 0);
	CU_ASSERT(c.window == 1000 && c.threshold == 10000);
	ops->timed_out(&c, 1000, 1000, 1); /* the same segment again: the threshold stays */
	CU_ASSERT(c.window == 1000 && c.threshold == 10000);
	ops->timed_out(&c, 1000, 100, 0);
	CU_ASSERT_EQUAL(c.threshold, 2000);
}

static void rest_takes_the_window_back_to_the_initial_one(void)
{
	struct congestion c = { .window = 90000, .threshold = 50000 };
	ops->rested(&c, 1460);
	CU_ASSERT(c.window == 14600 && c.threshold == 50000);
	c.window = 3000;
	ops->rested(&c, 1460);
	CU_ASSERT_EQUAL(c.window, 3000);
}

static void nothing_overflows(void)
{
	struct congestion c = { .window = TCP_WINDOW_MAX, .threshold = TCP_WINDOW_MAX };
	for (unsigned i = 0; i < 100; i++)
		ack(&c, 9000, UINT32_MAX);
	CU_ASSERT(c.window <= TCP_WINDOW_MAX);
}

UNIT("tcp/congestion", { "the initial window is that of RFC 6928, one segment after a lost SYN",
       the_initial_window_is_that_of_rfc_6928 },
     { "slow start counts bytes, two segments at most",
       slow_start_grows_by_what_is_acknowledged_up_to_two_segments },
     { "avoidance grows by one segment for each window of bytes",
       avoidance_grows_by_a_segment_for_each_window },
     { "a reduction halves the threshold, and can be undone", a_reduction_halves_and_can_be_undone },
     { "what is in flight beyond the window does not count: a second reduction never raises the threshold",
       what_is_in_flight_beyond_the_window_does_not_count },
     { "a timeout leaves one segment, the threshold falls once", a_timeout_leaves_one_segment },
     { "rest takes a large window back to the initial one",
       rest_takes_the_window_back_to_the_initial_one },
     { "nothing overflows", nothing_overflows })
