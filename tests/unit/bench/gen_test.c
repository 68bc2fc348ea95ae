/*
 * gen_test.c - senders against sinks: nothing is lost, doubled or corrupted, whatever the wire and
 * the script do; and what the ledger may then not balance is found.
 */
#include "bench/gen/gen.h"

#include "tests/unit/bench/gen_rig.h"
#include "tests/unit/unit.h"

static struct gen_rig rig;

static const struct gen_results *run(void)
{
	gen_rig_make(&rig);
	CU_ASSERT_TRUE_FATAL(gen_rig_run(&rig));
	CU_ASSERT_TRUE(gen_rig_is_empty(&rig));
	return gen_results(rig.sender);
}

static void expect_balance(const struct gen_results *r, bool uncertain_allowed)
{
	const struct ledger_totals *t = &r->totals;
	CU_ASSERT_EQUAL(t->begun, rig.messages);
	CU_ASSERT_EQUAL(t->lost, 0);
	CU_ASSERT_EQUAL(t->duplicated, 0);
	CU_ASSERT_EQUAL(t->corrupted, 0);
	CU_ASSERT_EQUAL(t->contradicted, 0);
	CU_ASSERT_EQUAL(t->unknown, 0);
	CU_ASSERT_EQUAL(t->acknowledged + t->refused + t->unanswered, rig.messages);
	CU_ASSERT_TRUE(ledger_balanced(t, uncertain_allowed));
}

static void all_delivered(void)
{
	const struct gen_results *r = run();
	expect_balance(r, false);
	CU_ASSERT_EQUAL(r->totals.delivered, rig.messages);
	CU_ASSERT_EQUAL(r->totals.deliveries, rig.messages);
	CU_ASSERT_EQUAL(r->phases[GEN_PHASE_TOTAL].count, rig.messages);
	gen_rig_free(&rig);
}

static void plain_with_data(void)
{
	gen_rig_init(&rig, 1);
	rig.sender_config.sender.tls_mode = GEN_TLS_NONE;
	all_delivered();
}

static void plain_without_pipelining(void)
{
	gen_rig_init(&rig, 2);
	rig.sender_config.sender.tls_mode = GEN_TLS_NONE;
	rig.sender_config.sender.pipelining = false;
	all_delivered();
}

static void starttls_with_bdat(void)
{
	gen_rig_init(&rig, 3);
	rig.sender_config.sender.chunking = true;
	gen_rig_make(&rig);
	CU_ASSERT_TRUE_FATAL(gen_rig_run(&rig));
	const struct gen_results *r = gen_results(rig.sender);
	const struct gen_listener_counters *n = &gen_results(rig.sink)->listeners[0];
	expect_balance(r, false);
	CU_ASSERT_EQUAL(n->plain_mail, 0);
	CU_ASSERT_EQUAL(n->plain_body_bytes, 0);
	CU_ASSERT_EQUAL(n->tls_mail, rig.messages);
	CU_ASSERT_EQUAL(n->tls_rcpt[0] + n->tls_rcpt[1], 2 * rig.messages);
	CU_ASSERT_TRUE(n->tls_rcpt[1] > 0);
	CU_ASSERT_EQUAL(r->tls_established, r->connections_opened);
	gen_rig_free(&rig);
}

static void implicit_tls(void)
{
	gen_rig_init(&rig, 4);
	rig.sender_config.sender.tls_mode = GEN_TLS_IMPLICIT;
	rig.sender_config.sender.targets[0].port = 465;
	all_delivered();
}

static void loss_on_the_wire(void)
{
	for (uint64_t seed = 10; seed < 14; seed++) {
		gen_rig_init(&rig, seed);
		rig.faults = (struct rig_faults){ .lost = 30,
			                          .duplicated = 20,
			                          .delayed = 50,
			                          .damaged = 10,
			                          .delay_us = 500,
			                          .jitter_us = 3000 };
		rig.sender_config.sender.chunking = seed % 2 == 0;
		all_delivered();
	}
}

static void open_loop_keeps_its_schedule(void)
{
	for (unsigned i = 0; i < 2; i++) {
		gen_rig_init(&rig, 20 + i);
		rig.sender_config.sender.arrivals = i == 0 ? GEN_CONSTANT : GEN_POISSON;
		rig.sender_config.sender.rate_per_1000s = 100 * 1000; /* 100 a second */
		rig.sender_config.sender.connections = 32;
		gen_rig_make(&rig);
		uint64_t begun_us = rig.wire.now.us;
		while (!gen_done(rig.sender))
			gen_rig_turn(&rig);
		uint64_t took_us = rig.wire.now.us - begun_us;
		CU_ASSERT_TRUE(took_us > rig.messages * 8000);
		CU_ASSERT_TRUE(took_us < rig.messages * 12500);
		CU_ASSERT_TRUE_FATAL(gen_rig_run(&rig));
		expect_balance(gen_results(rig.sender), false);
		gen_rig_free(&rig);
	}
}

/* Sinks that answer in a second, two connections: messages are due ten times faster than they
 * can go. */
static void open_loop_latency_counts_from_when_a_message_was_due(void)
{
	gen_rig_init(&rig, 30);
	rig.messages = 40;
	rig.sender_config.sender.arrivals = GEN_CONSTANT;
	rig.sender_config.sender.rate_per_1000s = 20 * 1000;
	rig.sender_config.sender.connections = 2;
	rig.sink_config.sink.delay_us_max[GEN_STAGE_END] = 2 * SECOND_US;
	const struct gen_results *r = run();
	expect_balance(r, false);
	CU_ASSERT_TRUE(histogram_percentile(&r->phases[GEN_PHASE_TOTAL], 99000) > 8 * SECOND_US);
	CU_ASSERT_TRUE(histogram_percentile(&r->phases[GEN_PHASE_FINAL], 99000) < 3 * SECOND_US);
	CU_ASSERT_TRUE(r->backlog_max > 10);
	CU_ASSERT_TRUE(r->slip_us_max > 5 * SECOND_US);
	gen_rig_free(&rig);
}

static void refusals_are_told_apart(void)
{
	gen_rig_init(&rig, 40);
	struct gen_refusal_config share = { .transient_per_mille = 60, .permanent_per_mille = 60 };
	for (unsigned stage = GEN_STAGE_MAIL; stage <= GEN_STAGE_END; stage++)
		rig.sink_config.sink.refuse[stage] = share;
	const struct gen_results *r = run();
	expect_balance(r, false);
	CU_ASSERT_TRUE(r->totals.refused > 20);
	CU_ASSERT_TRUE(r->totals.acknowledged > 50);
	CU_ASSERT_EQUAL(r->totals.delivered, r->totals.acknowledged);
	uint64_t reasons = 0;
	uint32_t stages = 0;
	for (uint32_t i = 0; i < r->reason_count; i++) {
		reasons += r->reasons[i].count;
		stages |= 1u << r->reasons[i].stage;
		CU_ASSERT_TRUE(r->reasons[i].code >= 450 && r->reasons[i].code <= 554);
	}
	CU_ASSERT_EQUAL(reasons, r->totals.refused);
	CU_ASSERT_TRUE(stages & 1u << GEN_STAGE_MAIL);
	CU_ASSERT_TRUE(stages & 1u << GEN_STAGE_RCPT);
	CU_ASSERT_TRUE(stages & 1u << GEN_STAGE_END);
	gen_rig_free(&rig);
}

static void transient_refusals_are_tried_again(void)
{
	gen_rig_init(&rig, 50);
	rig.sink_config.sink.refuse[GEN_STAGE_MAIL].transient_per_mille = 200;
	rig.sink_config.sink.refuse[GEN_STAGE_END].transient_per_mille = 200;
	rig.sender_config.sender.attempts_max = 20;
	const struct gen_results *r = run();
	expect_balance(r, false);
	CU_ASSERT_EQUAL(r->totals.acknowledged, rig.messages);
	CU_ASSERT_TRUE(r->tried_again > 20);
	CU_ASSERT_EQUAL(r->totals.attempts, rig.messages + r->tried_again);
	gen_rig_free(&rig);
}

static void cuts_by_either_side_lose_and_double_nothing(void)
{
	uint64_t explained = 0, unanswered = 0;
	for (uint64_t seed = 60; seed < 72; seed++) {
		gen_rig_init(&rig, seed);
		rig.faults = (struct rig_faults){ .lost = 10, .delay_us = 300 };
		rig.sender_config.sender.abort_per_mille = 150;
		rig.sender_config.sender.attempts_max = seed % 2 == 0 ? 1 : 4;
		rig.sender_config.sender.chunking = seed % 3 == 0;
		rig.sender_config.sender.reply_timeout_us = 60 * SECOND_US;
		rig.sender_config.sender.tls_mode = seed % 4 == 0 ? GEN_TLS_NONE : GEN_TLS_STARTTLS;
		rig.sink_config.sink.abort_per_mille = 150;
		rig.sink_config.sink.delay_us_max[GEN_STAGE_END] = 100 * MS_US;
		const struct gen_results *r = run();
		expect_balance(r, true);
		CU_ASSERT_TRUE(r->ends[GEN_END_ABORTED] > 5);
		CU_ASSERT_TRUE(gen_results(rig.sink)->sink_aborts > 5);
		explained += r->totals.duplicated_explained;
		unanswered += r->totals.unanswered;
		gen_rig_free(&rig);
	}
	CU_ASSERT_TRUE(explained > 0);
	CU_ASSERT_TRUE(unanswered > 0);
}

static void slow_sinks_get_everything(void)
{
	gen_rig_init(&rig, 80);
	rig.messages = 20;
	rig.sink_config.sink.slow_per_mille = 1000;
	rig.sink_config.sink.slow_bytes_per_second = 20000;
	const struct gen_results *r = run();
	expect_balance(r, false);
	CU_ASSERT_EQUAL(r->totals.delivered, rig.messages);
	CU_ASSERT_TRUE(r->phases[GEN_PHASE_FINAL].max_us > 100 * MS_US);
	gen_rig_free(&rig);
}

/* Forty senders with 60 KB each have more content than a pool of 256 blocks takes. */
static void content_to_be_sent_leaves_half_of_the_pool_to_what_arrives(void)
{
	gen_rig_init(&rig, 85);
	rig.sender_config.mix.size_count = rig.sink_config.mix.size_count = 1;
	rig.sender_config.mix.sizes[0].body_bytes = 60000;
	rig.sink_config.mix.sizes[0].body_bytes = 60000;
	rig.sender_config.sender.connections = 40;
	rig.sink_config.sink.connections = 64;
	rig.faults.delay_us = 20000;
	gen_rig_make(&rig);
	struct block_pool *pool = &rig.wire.end[0].pool;
	block_pool_init(pool, rig.wire.end[0].block_memory, 256);
	CU_ASSERT_TRUE_FATAL(gen_rig_run(&rig));
	CU_ASSERT_TRUE(gen_rig_is_empty(&rig));
	const struct gen_results *r = gen_results(rig.sender);
	expect_balance(r, false);
	CU_ASSERT_EQUAL(r->totals.delivered, rig.messages);
	CU_ASSERT_TRUE(pool->low_mark < pool->total / 2);
	CU_ASSERT_TRUE(pool->low_mark > pool->total / 4);
	gen_rig_free(&rig);
}

static void nobody_listens(void)
{
	gen_rig_init(&rig, 90);
	rig.messages = 10;
	rig.sender_config.sender.targets[0].port = 26;
	const struct gen_results *r = run();
	expect_balance(r, false);
	CU_ASSERT_EQUAL(r->totals.refused, 10);
	CU_ASSERT_EQUAL(r->ends[GEN_END_REFUSED], 10);
	CU_ASSERT_EQUAL(r->reason_count, 1);
	CU_ASSERT_EQUAL(r->reasons[0].stage, GEN_STAGE_CONNECT);
	gen_rig_free(&rig);
}

static void tls_that_cannot_be_had_refuses(void)
{
	gen_rig_init(&rig, 91);
	rig.messages = 10;
	rig.sink_config.sink.listeners[0].tls = GEN_TLS_NONE;
	const struct gen_results *r = run();
	expect_balance(r, false);
	CU_ASSERT_EQUAL(r->ends[GEN_END_TLS_NOT_OFFERED], 10);
	gen_rig_free(&rig);
	gen_rig_init(&rig, 92);
	rig.messages = 10;
	snprintf(rig.sender_config.sender.server_name, GEN_NAME_BYTES, "other.test");
	r = run();
	expect_balance(r, false);
	CU_ASSERT_EQUAL(r->ends[GEN_END_TLS_FAILED], 10);
	gen_rig_free(&rig);
}

/* A generator that finds nothing wrong proves little: break the content on its way and it must
 * be found. */
static void a_wrong_message_is_found(void)
{
	gen_rig_init(&rig, 93);
	rig.messages = 10;
	rig.sink_config.mix.seed++; /* for the sink, all these messages are of another run */
	const struct gen_results *r = run();
	CU_ASSERT_EQUAL(r->totals.unknown, 10);
	CU_ASSERT_EQUAL(r->totals.lost, 10);
	CU_ASSERT_FALSE(ledger_balanced(&r->totals, true));
	gen_rig_free(&rig);
}

static void stopping_finishes_what_is_begun(void)
{
	gen_rig_init(&rig, 94);
	gen_rig_make(&rig);
	while (gen_running(rig.sender)->acknowledged < 20)
		gen_rig_turn(&rig);
	gen_stop(rig.sender, rig.wire.now);
	CU_ASSERT_TRUE_FATAL(gen_rig_run(&rig));
	CU_ASSERT_TRUE(gen_rig_is_empty(&rig));
	const struct gen_results *r = gen_results(rig.sender);
	CU_ASSERT_TRUE(r->totals.begun >= 20 && r->totals.begun < rig.messages);
	CU_ASSERT_EQUAL(r->totals.delivered, r->totals.begun);
	CU_ASSERT_TRUE(ledger_balanced(&r->totals, false));
	gen_rig_free(&rig);
}

static void the_same_seed_gives_the_same_run(void)
{
	static struct gen_results first;
	for (unsigned i = 0; i < 2; i++) {
		gen_rig_init(&rig, 95);
		rig.faults = (struct rig_faults){ .lost = 30, .delay_us = 300, .jitter_us = 500 };
		rig.sender_config.sender.abort_per_mille = 100;
		rig.sender_config.sender.attempts_max = 3;
		const struct gen_results *r = run();
		if (i == 0)
			first = *r;
		else
			CU_ASSERT_EQUAL(memcmp(&first, r, sizeof(first)), 0);
		gen_rig_free(&rig);
	}
}

UNIT("bench/gen", { "plain mail by DATA arrives once and whole", plain_with_data },
     { "without pipelining every command waits and mail arrives", plain_without_pipelining },
     { "with STARTTLS and BDAT nothing crosses in plaintext", starttls_with_bdat },
     { "with implicit TLS mail arrives", implicit_tls },
     { "on a wire that loses, doubles, delays and damages, mail arrives once and whole",
       loss_on_the_wire },
     { "open loop sends at the rate asked for, constant or Poisson", open_loop_keeps_its_schedule },
     { "open loop latency counts from when a message was due",
       open_loop_latency_counts_from_when_a_message_was_due },
     { "scripted refusals are told apart by stage and code", refusals_are_told_apart },
     { "transient refusals are tried again until they pass", transient_refusals_are_tried_again },
     { "connections cut by either side at any byte lose and double nothing",
       cuts_by_either_side_lose_and_double_nothing },
     { "slow sinks get everything", slow_sinks_get_everything },
     { "content to be sent leaves half of the pool to what arrives",
       content_to_be_sent_leaves_half_of_the_pool_to_what_arrives },
     { "where nobody listens every message is refused, with the reason", nobody_listens },
     { "TLS that cannot be had, or not with that name, refuses the message",
       tls_that_cannot_be_had_refuses },
     { "messages that are not the right ones are found and nothing balances",
       a_wrong_message_is_found },
     { "stopping finishes what is begun and begins nothing", stopping_finishes_what_is_begun },
     { "the same seed gives the same run", the_same_seed_gives_the_same_run })
