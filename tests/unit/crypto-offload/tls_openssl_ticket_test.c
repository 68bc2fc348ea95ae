/*
 * tls_openssl_ticket_test.c - tickets across workers.
 */
#include "openssl_kit.h"

/* Connects to one near engine, then to another with `second_name` as its key's name: was that
 * resumed? */
static bool second_worker_resumes(enum tls_version version, uint8_t second_name)
{
	struct pair p;
	struct tls_openssl_config config = config_with("mx");
	pair_begin_near(&p, &config);
	near_version_max(p.near.engine, version);
	pair_connect(&p, &want_verify);
	pair_shut(&p, true);
	tls_ops_of(p.near.engine)->engine_free(p.near.engine);
	config.ticket_key[0] = second_name;
	p.near.engine = engine_make(&config, &p.pool);
	near_version_max(p.near.engine, version);
	pair_connect(&p, &want_verify);
	pair_assert_established(&p);
	bool resumed = facts_of(&p.near).resumed;
	CU_ASSERT_EQUAL(facts_of(&p.next).resumed, resumed);
	CU_ASSERT_TRUE(facts_of(&p.next).verified);
	pair_end(&p);
	return resumed;
}

static void same_key_on_another_worker(void)
{
	CU_ASSERT_TRUE(second_worker_resumes(TLS_VERSION_1_3, 1));
	CU_ASSERT_TRUE(second_worker_resumes(TLS_VERSION_1_2, 1));
}

static void another_key_on_another_worker(void)
{
	CU_ASSERT_FALSE(second_worker_resumes(TLS_VERSION_1_3, 77));
	CU_ASSERT_FALSE(second_worker_resumes(TLS_VERSION_1_2, 77));
}

/* A key of the same name but other bytes: the ticket does not open, which is no failure. */
static void same_name_other_key(void)
{
	struct pair p;
	struct tls_openssl_config config = config_with("mx");
	pair_begin_near(&p, &config);
	pair_connect(&p, &want_verify);
	pair_shut(&p, true);
	p.near.engine->ticket_key[30] ^= 1;
	pair_connect(&p, &want_verify);
	pair_assert_established(&p);
	CU_ASSERT_FALSE(facts_of(&p.near).resumed);
	pair_end(&p);
}

static void one_ticket_per_handshake(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_verify);
	CU_ASSERT_EQUAL(p.next.session->post_messages, 1);
	CU_ASSERT_EQUAL(SSL_SESSION_get_max_early_data(SSL_get0_session(p.next.session->ssl)), 0);
	pair_end(&p);
}

UNIT_WITH_SHOP("crypto-offload/tls_openssl_ticket",
               { "another worker with the same key resumes", same_key_on_another_worker },
               { "another key: a full handshake, not a failure", another_key_on_another_worker },
               { "a ticket that does not open is no failure", same_name_other_key },
               { "one ticket, and no early data", one_ticket_per_handshake })
