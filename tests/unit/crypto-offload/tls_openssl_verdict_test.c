/*
 * tls_openssl_verdict_test.c - a chain that was good is not built again, and nothing else profits.
 */
#include "openssl_kit.h"

/* A pair whose next side resumes no session: every handshake is a full one. */
static void pair_begin_full(struct pair *p, const char *near_stem)
{
	struct tls_openssl_config near = config_with(near_stem);
	struct tls_openssl_config next = config_with("mx");
	next.next_sessions_max = 0;
	pair_begin_near(p, &near);
	tls_ops_of(p->next.engine)->engine_free(p->next.engine);
	p->next.engine = engine_make(&next, &p->pool);
}

static void connect_again(struct pair *p, const struct tls_next_want *want)
{
	pair_shut(p, true);
	pair_connect(p, want);
}

static uint64_t chains_known(const struct pair *p)
{
	return tls_engine_head(p->next.engine)->chains_known;
}

static void second_handshake_knows_the_chain(void)
{
	struct pair p;
	pair_begin_full(&p, "mx");
	pair_connect(&p, &want_verify);
	CU_ASSERT_EQUAL(chains_known(&p), 0);
	for (uint64_t i = 1; i < 4; i++) {
		connect_again(&p, &want_verify);
		pair_assert_established(&p);
		CU_ASSERT_TRUE(facts_of(&p.next).verified);
		CU_ASSERT_FALSE(facts_of(&p.next).resumed);
		CU_ASSERT_EQUAL(chains_known(&p), i);
	}
	pair_end(&p);
}

static void another_reference_is_judged_anew(void)
{
	struct pair p;
	struct tls_next_want other = want_verify;
	other.reference_count = 1;
	other.references[0] = "other.test";
	pair_begin_full(&p, "mx");
	pair_connect(&p, &want_verify);
	for (unsigned i = 0; i < 2; i++) { /* what was refused is not remembered either */
		connect_again(&p, &other);
		pair_assert_next_failed(&p, TLS_FAILURE_NAME);
	}
	CU_ASSERT_EQUAL(chains_known(&p), 0);
	pair_end(&p);
}

static void unverified_handshake_teaches_nothing(void)
{
	struct pair p;
	pair_begin_full(&p, "self");
	pair_connect(&p, &want_encrypt);
	pair_assert_established(&p);
	connect_again(&p, &want_verify);
	pair_assert_next_failed(&p, TLS_FAILURE_UNTRUSTED);
	pair_end(&p);
}

static void another_certificate_is_judged_anew(void)
{
	struct pair p;
	struct tls_openssl_config strange = config_with("self");
	pair_begin_full(&p, "mx");
	pair_connect(&p, &want_verify);
	pair_shut(&p, true);
	tls_ops_of(p.near.engine)->engine_free(p.near.engine);
	p.near.engine = engine_make(&strange, &p.pool);
	pair_connect(&p, &want_verify);
	pair_assert_next_failed(&p, TLS_FAILURE_UNTRUSTED);
	CU_ASSERT_EQUAL(chains_known(&p), 0);
	pair_end(&p);
}

static void verdict_grows_old(void)
{
	struct pair p;
	pair_begin_full(&p, "mx");
	pair_connect(&p, &want_verify);
	pair_shut(&p, true);
	p.now = instant_add(p.now, TLS_VERDICT_AGE_US + SECOND_US);
	pair_connect(&p, &want_verify);
	pair_assert_established(&p);
	CU_ASSERT_EQUAL(chains_known(&p), 0);
	connect_again(&p, &want_verify);
	CU_ASSERT_EQUAL(chains_known(&p), 1);
	pair_end(&p);
}

static void more_wants_than_places(void)
{
	struct pair p;
	pair_begin_full(&p, "mx");
	for (unsigned i = 0; i < TLS_VERDICTS_MAX + 100; i++) {
		char name[32];
		struct tls_next_want want = want_verify;
		snprintf(name, sizeof(name), "n%u.test", i);
		want.references[want.reference_count++] = name;
		connect_again(&p, &want);
		CU_ASSERT_TRUE_FATAL(facts_of(&p.next).verified);
	}
	CU_ASSERT_EQUAL(chains_known(&p), 0);
	pair_end(&p);
}

UNIT_WITH_SHOP("crypto-offload/tls_openssl_verdict",
               { "the second full handshake knows the chain", second_handshake_knows_the_chain },
               { "another reference is judged anew, and refused each time",
                 another_reference_is_judged_anew },
               { "an unverified handshake teaches nothing", unverified_handshake_teaches_nothing },
               { "another certificate is judged anew", another_certificate_is_judged_anew },
               { "a verdict grows old", verdict_grows_old },
               { "more wants than places: all are judged", more_wants_than_places })
