/*
 * tls_fake_test.c - the fake TLS engine: the cases every engine must pass, and parking.
 */
#include "crypto-offload/tls_fake.h"

#include "tls_cases.h"

static struct tls_engine *kit_make(const struct kit_options *options, struct block_pool *pool)
{
	struct tls_fake_config config = { .seed = 42,
		                          .sessions_max = options->sessions_max,
		                          .park_per_mille = options->park_per_mille,
		                          .park_us_max = 150,
		                          .handshake_timeout_us = 30 * SECOND_US,
		                          .certificate_name = "mx.example.test",
		                          .certificate_trusted =
						  options->certificate == KIT_TRUSTED,
		                          .version_max = options->version_max };
	/* Engines of one test are freed by it; their memory lives as long as the program. */
	static uint8_t *memory[64];
	static unsigned used;
	unsigned place = used++ % 64;
	free(memory[place]);
	memory[place] = aligned_alloc(64, (tls_fake_bytes(&config) + 63) / 64 * 64);
	return tls_fake_make(&config, pool, memory[place]);
}

static const struct kit_options parking = { .certificate = KIT_TRUSTED,
	                                    .version_max = TLS_VERSION_1_3,
	                                    .sessions_max = 8,
	                                    .park_per_mille = 1000 };

static void parked_handshake_completes(void)
{
	struct pair p;
	pair_begin_with(&p, &parking, &parking);
	pair_connect(&p, &want_verify);
	pair_assert_established(&p);
	CU_ASSERT_EQUAL(tls_engine_head(p.near.engine)->parked, 1);
	CU_ASSERT_EQUAL(tls_engine_head(p.next.engine)->parked, 1);
	pair_end(&p);
}

/* Runs until the near side is parked. */
static void park_near(struct pair *p)
{
	pair_open(p, &want_encrypt);
	side_output(p, &p->next);
	carry(p, &p->next, &p->near);
	side_input(p, &p->near);
	CU_ASSERT_EQUAL_FATAL(tls_phase(p->near.session), TLS_PHASE_PARKED);
}

static void parked_freed_becomes_a_zombie(void)
{
	struct pair p;
	pair_begin(&p, &parking);
	park_near(&p);
	tls_free(p.near.session, false);
	p.near.session = NULL;
	CU_ASSERT_EQUAL(tls_engine_head(p.near.engine)->sessions, 1);
	p.now = tls_fake_deadline(p.near.engine);
	uint64_t user;
	CU_ASSERT_EQUAL(tls_ops_of(p.near.engine)->poll(p.near.engine, p.now), 0);
	CU_ASSERT_FALSE(tls_ops_of(p.near.engine)->next_ready(p.near.engine, &user));
	CU_ASSERT_EQUAL(tls_engine_head(p.near.engine)->sessions, 0);
	CU_ASSERT_EQUAL(tls_fake_deadline(p.near.engine).us, INSTANT_NEVER.us);
	pair_end(&p);
}

static void ready_freed_is_gone_at_once(void)
{
	struct pair p;
	pair_begin(&p, &parking);
	park_near(&p);
	p.now = tls_fake_deadline(p.near.engine);
	CU_ASSERT_EQUAL(tls_ops_of(p.near.engine)->poll(p.near.engine, p.now), 1);
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_PARKED);
	tls_free(p.near.session, false);
	p.near.session = NULL;
	uint64_t user;
	CU_ASSERT_FALSE(tls_ops_of(p.near.engine)->next_ready(p.near.engine, &user));
	pair_end(&p);
}

static void parked_past_its_deadline_fails_then_completes(void)
{
	struct pair p;
	pair_begin(&p, &parking);
	park_near(&p);
	tls_expire(p.near.session, tls_deadline(p.near.session));
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_FAILED);
	CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_TIMEOUT);
	p.now = instant_add(p.now, SECOND_US);
	(void)engine_completions(&p, p.near.engine);
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_FAILED);
	pair_end(&p);
}

static void completion_not_before_its_time(void)
{
	struct pair p;
	uint64_t user = 0;
	pair_begin(&p, &parking);
	park_near(&p);
	struct instant at = tls_fake_deadline(p.near.engine);
	CU_ASSERT_TRUE(instant_before(p.now, at));
	CU_ASSERT_EQUAL(tls_ops_of(p.near.engine)->poll(p.near.engine, p.now), 0);
	CU_ASSERT_EQUAL(tls_ops_of(p.near.engine)->poll(p.near.engine, at), 1);
	CU_ASSERT_TRUE(tls_ops_of(p.near.engine)->next_ready(p.near.engine, &user));
	CU_ASSERT_EQUAL(user, 1);
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_HANDSHAKE);
	pair_end(&p);
}

static void failures_come_as_configured(void)
{
	struct pair p;
	struct tls_fake_config config = { .seed = 1,
		                          .sessions_max = 8,
		                          .fail_per_mille = 1000,
		                          .handshake_timeout_us = SECOND_US,
		                          .certificate_name = "mx.example.test",
		                          .certificate_trusted = true,
		                          .version_max = TLS_VERSION_1_3 };
	pair_begin(&p, &kit_plain);
	struct tls_engine *other = p.near.engine;
	void *memory = aligned_alloc(64, (tls_fake_bytes(&config) + 63) / 64 * 64);
	p.near.engine = tls_fake_make(&config, &p.pool, memory);
	pair_connect(&p, &want_encrypt);
	CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_PROTOCOL);
	CU_ASSERT_EQUAL(facts_of(&p.next).failure, TLS_FAILURE_ALERT);
	pair_end(&p);
	tls_ops_of(other)->engine_free(other);
	free(memory);
}

/* The same seed, the same story. */
static void one_seed_is_one_run(void)
{
	uint64_t ends[2];
	for (int i = 0; i < 2; i++) {
		struct pair p;
		struct kit_options half = parking;
		half.park_per_mille = 500;
		pair_begin_with(&p, &half, &half);
		for (int n = 0; n < 10; n++) {
			pair_connect(&p, &want_verify);
			pair_assert_established(&p);
			pair_shut(&p, true);
		}
		ends[i] = p.now.us + p.carried + tls_engine_head(p.near.engine)->parked;
		pair_end(&p);
	}
	CU_ASSERT_EQUAL(ends[0], ends[1]);
}

UNIT("crypto-offload/tls_fake", TLS_CASES,
     { "parked on both sides: completions carry the handshake on", parked_handshake_completes },
     { "parked, freed: a zombie until its completion, and never named",
       parked_freed_becomes_a_zombie },
     { "completed, freed before it was named: gone at once", ready_freed_is_gone_at_once },
     { "parked past its deadline: failed, and its completion changes nothing",
       parked_past_its_deadline_fails_then_completes },
     { "a completion comes at its time, not before", completion_not_before_its_time },
     { "doomed handshakes fail as protocol, and the peer gets an alert",
       failures_come_as_configured },
     { "one seed is one run", one_seed_is_one_run })
