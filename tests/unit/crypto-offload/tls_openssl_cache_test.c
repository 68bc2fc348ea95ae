/*
 * tls_openssl_cache_test.c - sessions remembered on next.
 */
#include "openssl_kit.h"

static bool resumes(struct pair *p, uint64_t key)
{
	struct tls_next_want want = want_verify;
	want.resumption_key = key;
	pair_connect(p, &want);
	pair_assert_established(p);
	bool resumed = facts_of(&p->next).resumed;
	pair_shut(p, true);
	return resumed;
}

static void begin_with_entries(struct pair *p, uint32_t entries)
{
	struct tls_openssl_config next = config_with("mx");
	next.next_sessions_max = entries;
	pair_begin(p, &kit_plain);
	tls_ops_of(p->next.engine)->engine_free(p->next.engine);
	p->next.engine = engine_make(&next, &p->pool);
}

static void full_the_oldest_goes(void)
{
	struct pair p;
	begin_with_entries(&p, 2);
	CU_ASSERT_FALSE(resumes(&p, 1));
	CU_ASSERT_FALSE(resumes(&p, 2));
	CU_ASSERT_TRUE(resumes(&p, 1));
	CU_ASSERT_FALSE(resumes(&p, 3)); /* 2 goes, being used longest ago */
	CU_ASSERT_TRUE(resumes(&p, 1));
	CU_ASSERT_FALSE(resumes(&p, 2));
	CU_ASSERT_EQUAL(p.next.engine->cache.used, 2);
	pair_end(&p);
}

static void many_keys_stay_within_the_bound(void)
{
	struct pair p;
	begin_with_entries(&p, 5);
	for (uint64_t key = 0; key < 40; key++)
		CU_ASSERT_FALSE(resumes(&p, key));
	for (uint64_t key = 35; key < 40; key++)
		CU_ASSERT_TRUE(resumes(&p, key));
	CU_ASSERT_EQUAL(p.next.engine->cache.used, 5);
	pair_end(&p);
}

static void off_means_never(void)
{
	struct pair p;
	begin_with_entries(&p, 0);
	CU_ASSERT_FALSE(resumes(&p, 1));
	CU_ASSERT_FALSE(resumes(&p, 1));
	CU_ASSERT_EQUAL(p.next.engine->cache.used, 0);
	pair_end(&p);
}

static void too_old_is_forgotten(void)
{
	struct pair p;
	begin_with_entries(&p, 4);
	CU_ASSERT_FALSE(resumes(&p, 1));
	p.now = instant_add(p.now, TLS_NEXT_SESSION_AGE_US - SECOND_US);
	CU_ASSERT_TRUE(resumes(&p, 1));
	p.now = instant_add(p.now, 2 * SECOND_US);
	CU_ASSERT_FALSE(resumes(&p, 1));
	pair_end(&p);
}

/* Two connections to the same hop at once both resume the one session. */
static void used_twice_at_once(void)
{
	struct pair p;
	begin_with_entries(&p, 4);
	CU_ASSERT_FALSE(resumes(&p, 7));
	struct side kept[2];
	for (int i = 0; i < 2; i++) {
		pair_connect(&p, &want_verify);
		pair_assert_established(&p);
		CU_ASSERT_TRUE(facts_of(&p.next).resumed);
		kept[i] = p.next;
		tls_free(p.near.session, true);
		p.near.session = NULL;
	}
	tls_free(kept[0].session, true);
	pair_end(&p);
}

static void failed_handshake_forgets(void)
{
	struct pair p;
	begin_with_entries(&p, 4);
	CU_ASSERT_FALSE(resumes(&p, 7));
	CU_ASSERT_EQUAL(p.next.engine->cache.used, 1);
	pair_open(&p, &want_verify);
	side_output(&p, &p.next);
	queue_put(&p, &p.next.cipher_in, SPAN("454 4.7.0 TLS not available\r\n"));
	side_input(&p, &p.next);
	CU_ASSERT_EQUAL(tls_phase(p.next.session), TLS_PHASE_FAILED);
	CU_ASSERT_EQUAL(p.next.engine->cache.used, 0);
	pair_end(&p);
}

/* A server that knows the ticket no more does a full handshake, and the certificate is judged
 * anew. */
static void declined_ticket_is_judged_anew(void)
{
	struct pair p;
	struct tls_openssl_config stranger = config_with("self");
	begin_with_entries(&p, 4);
	CU_ASSERT_FALSE(resumes(&p, 7));
	tls_ops_of(p.near.engine)->engine_free(p.near.engine);
	stranger.ticket_key[0] = 99;
	p.near.engine = engine_make(&stranger, &p.pool);
	pair_connect(&p, &want_verify);
	pair_assert_next_failed(&p, TLS_FAILURE_UNTRUSTED);
	CU_ASSERT_EQUAL(p.next.engine->cache.used, 0);
	pair_end(&p);
}

/* A cache of one entry has one bucket: only the comparison itself tells wants apart. */
static void one_bucket_is_still_exact(void)
{
	struct pair p;
	struct tls_next_want other = want_verify;
	begin_with_entries(&p, 1);
	CU_ASSERT_FALSE(resumes(&p, want_verify.resumption_key));
	CU_ASSERT_FALSE(resumes(&p, want_verify.resumption_key + 1));
	CU_ASSERT_FALSE(resumes(&p, want_verify.resumption_key));
	CU_ASSERT_TRUE(resumes(&p, want_verify.resumption_key));
	other.references[0] = "0ther.test"; /* as long as the one it stands for */
	pair_connect(&p, &other);
	pair_assert_established(&p);
	CU_ASSERT_FALSE(facts_of(&p.next).resumed);
	pair_end(&p);
}

UNIT_WITH_SHOP("crypto-offload/tls_openssl_cache",
               { "full: the session used longest ago goes", full_the_oldest_goes },
               { "any number of keys stays within the bound", many_keys_stay_within_the_bound },
               { "wants that share a bucket do not share a session", one_bucket_is_still_exact },
               { "no entries: never resumed", off_means_never },
               { "a session past its age is not offered", too_old_is_forgotten },
               { "one session serves two connections at once", used_twice_at_once },
               { "a handshake that failed forgets its session", failed_handshake_forgets },
               { "a declined ticket means a full judgement", declined_ticket_is_judged_anew })
