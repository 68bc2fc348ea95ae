/*
 * crowd_test.c - connections without mail: each kind gets as far as it should and stays; mail beside
 * them goes on; what the peer ends is counted and opened again; in the end nothing is left.
 */
#include "tests/unit/bench/gen_rig.h"
#include "tests/unit/unit.h"

#define GUESTS 8u

static struct gen_rig rig;

static void begin(enum gen_crowd kind, uint64_t messages)
{
	gen_rig_init(&rig, 5);
	rig.messages = messages;
	rig.sender_config.crowd =
		(struct gen_crowd_config){ .connections = GUESTS, .kind = kind, .opened_per_second = 100 };
	rig.sink_config.sink.connections = 64;
	gen_rig_make(&rig);
}

static void turn_until_held(uint32_t held)
{
	for (unsigned i = 0; i < 200000 && gen_crowd_held(rig.sender) != held; i++)
		gen_rig_turn(&rig);
	CU_ASSERT_EQUAL(gen_crowd_held(rig.sender), held);
}

static void end(void)
{
	unsigned turns = 0;
	gen_shut(rig.sender, rig.wire.now);
	gen_shut(rig.sink, rig.wire.now);
	while ((!gen_idle(rig.sink) || !gen_idle(rig.sender) || !rig_is_empty(&rig.wire.end[0]) ||
	        !rig_is_empty(&rig.wire.end[1])) &&
	       turns++ < 200000)
		gen_rig_turn(&rig);
	CU_ASSERT_TRUE(gen_rig_is_empty(&rig));
	gen_rig_free(&rig);
}

static void every_kind_is_held(void)
{
	/* Half of a real ClientHello means nothing to the TLS double: e2e_bench holds those. */
	static const enum gen_crowd kinds[] = { GEN_CROWD_IDLE, GEN_CROWD_SILENT, GEN_CROWD_CRAWL };
	for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
		begin(kinds[i], 1);
		turn_until_held(GUESTS);
		const struct gen_results *k = gen_running(rig.sink);
		uint64_t tls = k->listeners[0].tls_established;
		CU_ASSERT_EQUAL(tls >= GUESTS, kinds[i] == GEN_CROWD_IDLE);
		end();
	}
}

static void mail_goes_on_beside_them(void)
{
	begin(GEN_CROWD_IDLE, 60);
	turn_until_held(GUESTS);
	for (unsigned i = 0; i < 400000 && !gen_done(rig.sender); i++)
		gen_rig_turn(&rig);
	const struct gen_results *r = gen_results(rig.sender);
	CU_ASSERT_EQUAL(r->totals.acknowledged, 60);
	CU_ASSERT_TRUE(ledger_balanced(&r->totals, false));
	end();
}

/* The sink gives a command five minutes; a silent guest is told so, counted, and comes again. */
static void what_the_peer_ends_is_counted_and_opened_again(void)
{
	begin(GEN_CROWD_SILENT, 1);
	turn_until_held(GUESTS);
	struct instant until = instant_add(rig.wire.now, 6 * MINUTE_US);
	while (!instant_reached(until, rig.wire.now))
		gen_rig_turn(&rig);
	turn_until_held(GUESTS);
	const struct gen_results *r = gen_running(rig.sender);
	CU_ASSERT_TRUE(r->crowd_lost >= GUESTS);
	CU_ASSERT_TRUE(r->crowd_opened >= 2 * GUESTS);
	end();
}

UNIT("bench/crowd", { "idle, silent and crawling connections are held", every_kind_is_held },
     { "mail goes on beside them", mail_goes_on_beside_them },
     { "what the peer ends is counted and opened again", what_the_peer_ends_is_counted_and_opened_again })
