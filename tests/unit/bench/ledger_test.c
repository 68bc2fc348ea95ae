/*
 * ledger_test.c - every way a message can fare, and what the reconciliation calls it.
 */
#include "bench/gen/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define ROWS 8u

static _Alignas(64) uint8_t memory[4096];

static struct ledger *fresh(void)
{
	struct arena arena;
	arena_init(&arena, memory, sizeof(memory));
	return ledger_make(&arena, ROWS);
}

static struct ledger_totals count(const struct ledger *l)
{
	struct ledger_totals totals;
	ledger_count(l, &totals);
	return totals;
}

static void acknowledged_and_delivered_once_balances(void)
{
	struct ledger *l = fresh();
	for (uint64_t i = 0; i < ROWS; i++) {
		ledger_attempt(l, i);
		ledger_delivered(l, i, true);
		ledger_acknowledged(l, i);
	}
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.begun, ROWS);
	CU_ASSERT_EQUAL(t.acknowledged, ROWS);
	CU_ASSERT_EQUAL(t.delivered, ROWS);
	CU_ASSERT_TRUE(ledger_balanced(&t, false));
}

static void acknowledged_and_never_delivered_is_lost(void)
{
	struct ledger *l = fresh();
	ledger_attempt(l, 3);
	ledger_acknowledged(l, 3);
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.lost, 1);
	CU_ASSERT_FALSE(ledger_balanced(&t, true));
}

static void what_the_sink_refused_for_good_must_come_back_as_a_bounce(void)
{
	struct ledger *l = fresh();
	ledger_attempt(l, 3);
	ledger_turned_away(l, 3);
	ledger_turned_away(l, UINT64_MAX);
	ledger_acknowledged(l, 3);
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.lost, 0);
	CU_ASSERT_EQUAL(t.bounced, 1);
	CU_ASSERT_FALSE(ledger_balanced(&t, true));
	ledger_bounce(l);
	t = count(l);
	CU_ASSERT_TRUE(ledger_balanced(&t, false));
}

static void delivered_twice_for_one_acknowledgement_is_duplicated(void)
{
	struct ledger *l = fresh();
	ledger_attempt(l, 0);
	ledger_acknowledged(l, 0);
	ledger_delivered(l, 0, true);
	ledger_delivered(l, 0, true);
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.duplicated, 1);
	CU_ASSERT_EQUAL(t.delivered, 1);
	CU_ASSERT_EQUAL(t.deliveries, 2);
	CU_ASSERT_FALSE(ledger_balanced(&t, true));
}

static void an_uncertain_attempt_explains_one_delivery_more(void)
{
	struct ledger *l = fresh();
	ledger_attempt(l, 0);
	ledger_uncertain(l, 0, false);
	ledger_attempt(l, 0);
	ledger_acknowledged(l, 0);
	ledger_delivered(l, 0, true);
	ledger_delivered(l, 0, true);
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.duplicated, 0);
	CU_ASSERT_EQUAL(t.duplicated_explained, 1);
	CU_ASSERT_TRUE(ledger_balanced(&t, true));
	ledger_delivered(l, 0, true);
	t = count(l);
	CU_ASSERT_EQUAL(t.duplicated, 1);
}

static void refused_and_delivered_is_a_contradiction(void)
{
	struct ledger *l = fresh();
	ledger_attempt(l, 5);
	ledger_refused(l, 5, true);
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.refused, 1);
	CU_ASSERT_TRUE(ledger_balanced(&t, false));
	ledger_delivered(l, 5, true);
	t = count(l);
	CU_ASSERT_EQUAL(t.contradicted, 1);
	CU_ASSERT_FALSE(ledger_balanced(&t, true));
}

static void corrupted_is_not_lost_and_does_not_balance(void)
{
	struct ledger *l = fresh();
	ledger_attempt(l, 1);
	ledger_delivered(l, 1, false);
	ledger_acknowledged(l, 1);
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.corrupted, 1);
	CU_ASSERT_EQUAL(t.lost, 0);
	CU_ASSERT_EQUAL(t.delivered, 0);
	CU_ASSERT_FALSE(ledger_balanced(&t, true));
}

static void open_ends_balance_only_where_allowed(void)
{
	struct ledger *l = fresh();
	ledger_attempt(l, 1);
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.unfinished, 1);
	CU_ASSERT_FALSE(ledger_balanced(&t, true));
	ledger_uncertain(l, 1, true);
	t = count(l);
	CU_ASSERT_EQUAL(t.unanswered, 1);
	CU_ASSERT_FALSE(ledger_balanced(&t, false));
	CU_ASSERT_TRUE(ledger_balanced(&t, true));
}

static void strange_messages_are_counted_and_counts_never_wrap(void)
{
	struct ledger *l = fresh();
	ledger_unknown(l);
	ledger_delivered(l, ROWS, true);
	struct ledger_totals t = count(l);
	CU_ASSERT_EQUAL(t.unknown, 2);
	CU_ASSERT_FALSE(ledger_balanced(&t, true));
	ledger_attempt(l, 0);
	ledger_acknowledged(l, 0);
	for (unsigned i = 0; i < 256; i++)
		ledger_delivered(l, 0, true);
	t = count(l);
	CU_ASSERT_EQUAL(t.lost, 0);
	CU_ASSERT_EQUAL(t.duplicated, 1);
}

UNIT("bench/ledger",
     { "a message acknowledged and delivered once balances",
       acknowledged_and_delivered_once_balances },
     { "what the sink refused for good must come back as a bounce",
       what_the_sink_refused_for_good_must_come_back_as_a_bounce },
     { "acknowledged and never delivered is lost", acknowledged_and_never_delivered_is_lost },
     { "delivered twice for one acknowledgement is duplicated",
       delivered_twice_for_one_acknowledgement_is_duplicated },
     { "an uncertain attempt explains one delivery more",
       an_uncertain_attempt_explains_one_delivery_more },
     { "refused and yet delivered is a contradiction", refused_and_delivered_is_a_contradiction },
     { "a corrupted message is not lost, and does not balance",
       corrupted_is_not_lost_and_does_not_balance },
     { "open ends balance only where they are allowed", open_ends_balance_only_where_allowed },
     { "unknown messages are counted, and counts of a row never wrap",
       strange_messages_are_counted_and_counts_never_wrap })
