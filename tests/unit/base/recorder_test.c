/*
 * recorder_test.c - the flight recorder keeps the last events and no more.
 */
#include "base/recorder.h"

#include <string.h>

#include "tests/unit/unit.h"

static struct recorder recorder;

static void note(uint64_t i)
{
	recorder_note(&recorder, (struct instant){ .us = i * 10 }, "tick", i, (uint32_t)i, (uint32_t)(i + 1));
}

static void an_event_is_kept_as_it_was_noted(void)
{
	memset(&recorder, 0, sizeof(recorder));
	recorder_note(&recorder, (struct instant){ .us = 42 }, "opened", 7, 1, 2);
	const struct recorder_event *event = &recorder.events[0];
	CU_ASSERT_EQUAL(recorder.count, 1);
	CU_ASSERT_EQUAL(event->at.us, 42);
	CU_ASSERT_STRING_EQUAL(event->what, "opened");
	CU_ASSERT_EQUAL(event->object, 7);
	CU_ASSERT_EQUAL(event->from, 1);
	CU_ASSERT_EQUAL(event->to, 2);
}

static void the_last_events_overwrite_the_first(void)
{
	uint64_t total = 3 * RECORDER_EVENTS + 5;
	memset(&recorder, 0, sizeof(recorder));
	for (uint64_t i = 0; i < total; i++)
		note(i);
	CU_ASSERT_EQUAL(recorder.count, total);
	unsigned wrong = 0;
	for (uint64_t i = total - RECORDER_EVENTS; i < total; i++)
		wrong += recorder.events[i % RECORDER_EVENTS].object != i;
	CU_ASSERT_EQUAL(wrong, 0);
}

static void without_a_recorder_nothing_happens(void)
{
	recorder_note(NULL, INSTANT_NEVER, "lost", 1, 2, 3);
	CU_PASS("noted into nothing");
}

static void its_size_is_a_power_of_two(void)
{
	CU_ASSERT_EQUAL(RECORDER_EVENTS & (RECORDER_EVENTS - 1), 0);
	CU_ASSERT_EQUAL(sizeof(recorder.events) / sizeof(recorder.events[0]), RECORDER_EVENTS);
}

UNIT("base/recorder", { "an event is kept as it was noted", an_event_is_kept_as_it_was_noted },
     { "the last events overwrite the first", the_last_events_overwrite_the_first },
     { "without a recorder nothing happens", without_a_recorder_nothing_happens },
     { "its size is a power of two, for a cheap modulo", its_size_is_a_power_of_two })
