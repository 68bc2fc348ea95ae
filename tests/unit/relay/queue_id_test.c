/*
 * queue_id_test.c - queue ids: unique, ordered by time, of digits that nobody mistakes.
 */
#include "tests/unit/relay/rig.h"

static void id_take(struct rig *rig, char id[QUEUE_ID_BYTES])
{
	struct near *n = rig_near(rig);
	memcpy(id, n->t->queue_id, QUEUE_ID_BYTES);
	session_abandon(rig->relay, n);
	(void)relay_turn(rig->relay, rig->now,
	                 rig->wall_us); /* frees the session; no time has passed */
}

static void ids_of_one_millisecond_grow(void)
{
	char before[QUEUE_ID_BYTES] = "", id[QUEUE_ID_BYTES];
	struct rig rig;
	int wrong = 0;
	rig_make(&rig);
	for (int i = 0; i < 50000; i++) {
		id_take(&rig, id);
		wrong += strcmp(before, id) >= 0;
		memcpy(before, id, sizeof(before));
	}
	CU_ASSERT_EQUAL(wrong, 0);
	rig_end(&rig);
}

static void more_ids_than_a_millisecond_has_borrow_from_the_next(void)
{
	char before[QUEUE_ID_BYTES] = "", id[QUEUE_ID_BYTES];
	struct rig rig;
	int wrong = 0;
	rig_make(&rig);
	id_take(&rig, before);
	rig.relay->queue_count = 55 * 55 * 55 - 3;
	for (int i = 0; i < 10; i++) {
		id_take(&rig, id);
		wrong += i > 0 && strcmp(before, id) >= 0;
		memcpy(before, id, sizeof(before));
	}
	CU_ASSERT_EQUAL(wrong, 0);
	rig_end(&rig);
}

static void later_ids_are_greater_and_a_clock_set_back_is_not_followed(void)
{
	static const int64_t steps_us[] = { 1000,        1000000, -3600000000,
		                            86400000000, -1,      31536000000000 };
	char before[QUEUE_ID_BYTES] = "", id[QUEUE_ID_BYTES];
	struct rig rig;
	rig_make(&rig);
	for (size_t i = 0; i < COUNT_OF(steps_us); i++) {
		id_take(&rig, id);
		CU_ASSERT_TRUE(strcmp(before, id) < 0);
		memcpy(before, id, sizeof(before));
		rig.wall_us += steps_us[i];
		(void)relay_turn(rig.relay, rig.now, rig.wall_us);
	}
	rig_end(&rig);
}

static void an_id_is_thirteen_digits_and_ends_with_the_worker(void)
{
	char id[QUEUE_ID_BYTES];
	struct rig rig;
	rig_make(&rig); /* worker 7 */
	id_take(&rig, id);
	CU_ASSERT_EQUAL(strlen(id), 13);
	CU_ASSERT_EQUAL(strspn(id, "0123456789ABCDEFGHJKLMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz"), 13);
	CU_ASSERT_STRING_EQUAL(id + 11, "07");
	rig_end(&rig);
}

UNIT("relay/queue_id", { "ids of one millisecond grow", ids_of_one_millisecond_grow },
     { "more ids than a millisecond has borrow from the next one",
       more_ids_than_a_millisecond_has_borrow_from_the_next },
     { "later ids are greater, and a clock set back is not followed",
       later_ids_are_greater_and_a_clock_set_back_is_not_followed },
     { "an id is thirteen digits and ends with the worker",
       an_id_is_thirteen_digits_and_ends_with_the_worker })
