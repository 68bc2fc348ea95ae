/*
 * tls_openssl_names_test.c - which certificate a peer is shown.
 */
#include "openssl_kit.h"

/* mx (0, the listener's), wild (1), two (2): the latter names mx.example.test as well. */
static struct tls_openssl_config three_certificates(void)
{
	struct tls_openssl_config config = config_with("mx");
	config_certificate(&config, "wild");
	config_certificate(&config, "two");
	return config;
}

static void shown_for(struct pair *p, uint32_t listener, const char *server_name,
		      const char *common)
{
	struct tls_next_want want = want_encrypt;
	want.server_name = server_name;
	CU_ASSERT_EQUAL_FATAL(
		tls_ops_of(p->near.engine)
			->near_open(p->near.engine, listener, p->now, &p->near.session),
		TLS_CALL_OK);
	CU_ASSERT_EQUAL_FATAL(tls_ops_of(p->next.engine)
				      ->next_open(p->next.engine, &want, p->now, &p->next.session),
			      TLS_CALL_OK);
	pair_run(p);
	pair_assert_established(p);
	CU_ASSERT_PTR_NOT_NULL(strstr(facts_of(&p->next).peer_name, common));
	pair_shut(p, false);
}

static void certificate_by_name(void)
{
	for (enum tls_version version = TLS_VERSION_1_2; version <= TLS_VERSION_1_3; version++) {
		struct pair p;
		struct tls_openssl_config config = three_certificates();
		pair_begin_near(&p, &config);
		near_version_max(p.near.engine, version);
		shown_for(&p, 0, "mx.example.test", "CN=mx.example.test");
		shown_for(&p, 0, "a.wild.test", "CN=wild");
		shown_for(&p, 0, "ALSO.wild.test", "CN=wild");
		shown_for(&p, 0, "Two.Test", "CN=two");
		shown_for(&p, 2, "mx.example.test", "CN=two");
		shown_for(&p, 2, "b.wild.test", "CN=wild");
		pair_end(&p);
	}
}

static void unknown_name_gets_the_listeners(void)
{
	struct pair p;
	struct tls_openssl_config config = three_certificates();
	pair_begin_near(&p, &config);
	shown_for(&p, 0, "unknown.test", "CN=mx.example.test");
	shown_for(&p, 1, "unknown.test", "CN=wild");
	shown_for(&p, 0, "a.b.wild.test", "CN=mx.example.test");
	shown_for(&p, 0, "wild.test", "CN=mx.example.test");
	shown_for(&p, 2, NULL, "CN=two");
	pair_end(&p);
}

static void strange_names_find_the_listeners(void)
{
	struct pair p;
	struct tls_openssl_config config = three_certificates();
	char huge[600];
	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	pair_begin_near(&p, &config);
	const struct name_table *names = &p.near.engine->names;
	CU_ASSERT_EQUAL(tls_names_find(names, "", 0), 0);
	CU_ASSERT_EQUAL(tls_names_find(names, ".", 0), 0);
	CU_ASSERT_EQUAL(tls_names_find(names, "..", 1), 1);
	CU_ASSERT_EQUAL(tls_names_find(names, ".wild.test", 2), 2);
	CU_ASSERT_EQUAL(tls_names_find(names, huge, 2), 2);
	huge[300] = '.';
	CU_ASSERT_EQUAL(tls_names_find(names, huge, 0), 0);
	CU_ASSERT_EQUAL(tls_names_find(names, "a.wild.test.", 0), 1);
	CU_ASSERT_EQUAL(tls_names_find(names, "also.wild.test.", 0), 1);
	pair_end(&p);
}

static int shown_key_type(struct pair *p)
{
	pair_connect(p, &want_encrypt);
	pair_assert_established(p);
	X509 *leaf = SSL_get0_peer_certificate(p->next.session->ssl);
	int type = EVP_PKEY_get_base_id(X509_get0_pubkey(leaf));
	pair_shut(p, false);
	return type;
}

/* ECDSA for who can, RSA for who cannot, whichever of the two the listener names. */
static void two_keys_for_the_same_names_are_paired(void)
{
	for (int order = 0; order < 2; order++)
		for (enum tls_version v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
			struct pair p;
			struct tls_openssl_config config =
				config_with(order == 0 ? "mx" : "mx-rsa");
			config_certificate(&config, order == 0 ? "mx-rsa" : "mx");
			pair_begin_near(&p, &config);
			near_version_max(p.near.engine, v);
			CU_ASSERT_EQUAL(shown_key_type(&p), EVP_PKEY_EC);
			SSL_CTX_set1_sigalgs_list(p.next.engine->next_encrypt,
			                          "RSA-PSS+SHA256:RSA+SHA256");
			CU_ASSERT_EQUAL(shown_key_type(&p), EVP_PKEY_RSA);
			SSL_CTX_set1_sigalgs_list(p.next.engine->next_encrypt, "ECDSA+SHA256");
			CU_ASSERT_EQUAL(shown_key_type(&p), EVP_PKEY_EC);
			pair_end(&p);
		}
}

/* Of the same kind of key they stay apart: the listener's is shown. */
static void same_names_same_kind_stay_apart(void)
{
	struct pair p;
	struct tls_openssl_config config = config_with("mx");
	config_certificate(&config, "old");
	pair_begin_near(&p, &config);
	pair_connect(&p, &want_verify);
	pair_assert_established(&p);
	CU_ASSERT_TRUE(facts_of(&p.next).verified);
	pair_end(&p);
}

/* A ticket issued beside one certificate does not fail the peer that comes back under another
 * name. */
static void resumption_under_another_certificate(void)
{
	struct pair p;
	struct tls_openssl_config config = three_certificates();
	struct tls_next_want want = want_encrypt;
	want.server_name = "a.wild.test";
	pair_begin_near(&p, &config);
	for (int i = 0; i < 2; i++) {
		pair_connect(&p, &want);
		pair_assert_established(&p);
		CU_ASSERT_EQUAL(facts_of(&p.next).resumed, i == 1);
		CU_ASSERT_STRING_EQUAL(facts_of(&p.near).server_name, "a.wild.test");
		pair_shut(&p, true);
	}
	pair_end(&p);
}

UNIT_WITH_SHOP("crypto-offload/tls_openssl_names",
               { "the server name chooses the certificate, exactly or by wildcard",
                 certificate_by_name },
               { "an unknown name, or none, gets the listener's certificate",
                 unknown_name_gets_the_listeners },
               { "names that are no names find the listener's certificate",
                 strange_names_find_the_listeners },
               { "an ECDSA and an RSA certificate for the same names serve each peer its own",
                 two_keys_for_the_same_names_are_paired },
               { "two certificates of one kind for the same names stay apart",
                 same_names_same_kind_stay_apart },
               { "sessions resume under a certificate that the name chose",
                 resumption_under_another_certificate })
