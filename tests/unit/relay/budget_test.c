/*
 * budget_test.c - whose time a message waited for: turns are added up, or the longest one counts; reports open late.
 */
#include "tests/unit/relay/rig.h"

static void a_turn_counts_with_the_one_before_it(void)
{
	struct rig rig;
	rig_make(&rig);
	rig_turn(&rig, 1000);
	struct near *n = rig_near(
		&rig); /* touches ENVELOPE in a turn that came 1000 us after the one before */
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_ENVELOPE], 0);
	rig_turn(&rig, 300);
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_ENVELOPE], 1300);
	rig_turn(&rig, 5000); /* nobody worked for the message: it waited for a peer */
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_ENVELOPE], 1300);
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void stretches_of_the_dialogue_add_up(void)
{
	struct rig rig;
	rig_make(&rig);
	rig_turn(&rig, 100);
	struct near *n = rig_near(&rig);
	rig_turn(&rig, 100);
	for (int i = 0; i < 3; i++) {
		budget_touch(rig.relay, n, RELAY_STAGE_NEXT_TLS);
		rig_turn(&rig, 100);
	}
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_ENVELOPE], 200);
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_NEXT_TLS], 600);
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void of_the_content_the_longest_stretch_counts(void)
{
	static const uint64_t turns[] = { 100, 700, 50, 50 };
	struct rig rig;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	rig_turn(&rig, 100);
	for (size_t i = 0; i < COUNT_OF(turns); i++) {
		budget_touch(rig.relay, n, RELAY_STAGE_BODY);
		rig_turn(&rig, turns[i]);
	}
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_BODY], 800);
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void a_message_touched_twice_in_a_turn_counts_once_for_the_later_stage(void)
{
	struct rig rig;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	rig_turn(&rig, 100);
	uint64_t before = n->t->stage_us[RELAY_STAGE_ENVELOPE];
	budget_touch(rig.relay, n, RELAY_STAGE_ENVELOPE);
	budget_touch(rig.relay, n, RELAY_STAGE_VERDICT);
	rig_turn(&rig, 100);
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_ENVELOPE], before);
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_VERDICT], 200);
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void a_report_opens_with_the_next_turn_and_has_its_last_stretch(void)
{
	struct rig rig;
	struct relay_report report;
	struct smtp_reply reply;
	rig_make(&rig);
	rig_turn(&rig, 100);
	struct near *n = rig_near(&rig);
	rig_turn(&rig, 400);
	smtp_reply_make(&reply, 250, SPAN("2.0.0"), SPAN("queued"));
	session_finish(rig.relay, n, RELAY_OUTCOME_DELIVERED, &reply);
	CU_ASSERT_FALSE(relay_report_pop(rig.relay, &report));
	CU_ASSERT_EQUAL(relay_deadline(rig.relay).us,
	                rig.now.us); /* the turn that opens it is wanted at once */
	rig_turn(&rig, 30);
	CU_ASSERT_TRUE(relay_report_pop(rig.relay, &report));
	CU_ASSERT_EQUAL(report.stage_us[RELAY_STAGE_ENVELOPE], 500);
	CU_ASSERT_EQUAL(report.stage_us[RELAY_STAGE_REPLY], 430);
	CU_ASSERT_EQUAL(report.engine_us, 930);
	CU_ASSERT_EQUAL(report.total_us, 400);
	CU_ASSERT_EQUAL(report.reply_code, 250);
	CU_ASSERT_STRING_EQUAL(report.reply_text, "2.0.0 queued");
	CU_ASSERT_STRING_EQUAL(report.sender, "sender@a.test");
	CU_ASSERT_EQUAL(relay_budget(rig.relay, RELAY_STAGE_COUNT)->count, 1);
	CU_ASSERT_FALSE(relay_report_pop(rig.relay, &report));
	rig_end(&rig);
}

/* Another session in the line of handshakes: its visit has nothing to do, but a chore it is. */
static struct near *another_handshake(struct rig *rig)
{
	struct near *n = rig_near(rig);
	n->visit = (struct visit){ .kind = VISIT_NEAR, .queued = true, .since = rig->now };
	rig->relay->handshakes = (struct visit_line){ .first = &n->visit, .last = &n->visit };
	return n;
}

static void mail_does_not_wait_for_the_chore_behind_its_turn(void)
{
	struct rig rig;
	rig_make(&rig);
	rig_turn(&rig, 100);
	struct near *n = rig_near(&rig), *other = another_handshake(&rig);
	rig.now = instant_add(rig.now, 40);
	CU_ASSERT_TRUE(relay_chore(rig.relay, rig.now));
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_ENVELOPE], 140);
	rig_turn(&rig, 350);
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_ENVELOPE], 140);
	CU_ASSERT_FALSE(relay_chore(rig.relay, rig.now));
	rig_abandon(&rig, n);
	rig_abandon(&rig, other);
	rig_end(&rig);
}

static void mail_that_came_during_a_chore_waited_for_it(void)
{
	struct rig rig;
	rig_make(&rig);
	rig_turn(&rig, 100);
	struct near *other = another_handshake(&rig);
	rig.now = instant_add(rig.now, 10);
	CU_ASSERT_TRUE(relay_chore(rig.relay, rig.now));
	rig_turn(&rig, 350);
	struct near *n = rig_near(&rig);
	rig_turn(&rig, 20);
	CU_ASSERT_EQUAL(n->t->stage_us[RELAY_STAGE_ENVELOPE], 380);
	rig_abandon(&rig, n);
	rig_abandon(&rig, other);
	rig_end(&rig);
}

static void what_the_sender_gave_up_is_no_delay_of_ours(void)
{
	struct rig rig;
	struct relay_report report;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	rig_abandon(&rig, n);
	CU_ASSERT_TRUE(relay_report_pop(rig.relay, &report));
	CU_ASSERT_EQUAL(report.outcome, RELAY_OUTCOME_ABORTED);
	CU_ASSERT_EQUAL(relay_budget(rig.relay, RELAY_STAGE_COUNT)->count, 0);
	rig_end(&rig);
}

static void reports_that_nobody_fetches_are_dropped_and_counted(void)
{
	struct rig rig;
	struct relay_report report;
	uint32_t popped = 0;
	rig_make(&rig);
	for (uint32_t i = 0; i < REPORTS_MAX + 5; i++)
		rig_abandon(&rig, rig_near(&rig));
	CU_ASSERT_EQUAL(relay_counters(rig.relay)[RELAY_REPORTS_DROPPED], 5);
	while (relay_report_pop(rig.relay, &report))
		popped++;
	CU_ASSERT_EQUAL(popped, REPORTS_MAX);
	rig_end(&rig);
}

UNIT("relay/budget",
     { "a turn counts with the one before it", a_turn_counts_with_the_one_before_it },
     { "stretches of the dialogue add up", stretches_of_the_dialogue_add_up },
     { "of the content the longest stretch counts", of_the_content_the_longest_stretch_counts },
     { "a message touched twice in a turn counts once, for the later stage",
       a_message_touched_twice_in_a_turn_counts_once_for_the_later_stage },
     { "a report opens with the next turn and has its last stretch",
       a_report_opens_with_the_next_turn_and_has_its_last_stretch },
     { "mail does not wait for the chore behind its turn",
       mail_does_not_wait_for_the_chore_behind_its_turn },
     { "mail that came during a chore waited for it", mail_that_came_during_a_chore_waited_for_it },
     { "what the sender gave up is no delay of ours", what_the_sender_gave_up_is_no_delay_of_ours },
     { "reports that nobody fetches are dropped and counted",
       reports_that_nobody_fetches_are_dropped_and_counted })
