/*
 * tls_openssl_verify_test.c - judging the next hop's certificate.
 */
#include "openssl_kit.h"

/* Connects to a near side with certificate `stem`, verifying against `references`; "none" when
 * established. */
static const char *verdict_with(const char *stem, const char *trust, uint32_t count,
                                const char *const *references)
{
	struct pair p;
	struct tls_openssl_config near = config_with(stem);
	struct tls_openssl_config next = config_with("mx");
	struct tls_next_want want = want_verify;
	want.reference_count = count;
	for (uint32_t i = 0; i < count; i++)
		want.references[i] = references[i];
	next.trust = trust;
	pair_begin_near(&p, &near);
	tls_ops_of(p.next.engine)->engine_free(p.next.engine);
	p.next.engine = engine_make(&next, &p.pool);
	pair_connect(&p, &want);
	struct tls_facts facts = facts_of(&p.next);
	CU_ASSERT_EQUAL(facts.verified, facts.failure == TLS_FAILURE_NONE);
	if (facts.failure == TLS_FAILURE_NONE)
		pair_assert_established(&p);
	else
		pair_assert_next_failed(&p, facts.failure);
	pair_end(&p);
	return tls_failure_name(facts.failure);
}

static const char *verdict(const char *stem, const char *reference)
{
	return verdict_with(stem, shop_file(&shop, "ca.pem"), 1, &reference);
}

static void expired_and_not_yet_valid(void)
{
	CU_ASSERT_STRING_EQUAL(verdict("old", "mx.example.test"), "expired");
	CU_ASSERT_STRING_EQUAL(verdict("future", "mx.example.test"), "expired");
}

static void wrong_purpose(void)
{
	CU_ASSERT_STRING_EQUAL(verdict("client", "mx.example.test"), "certificate");
}

static void names_and_wildcards(void)
{
	CU_ASSERT_STRING_EQUAL(verdict("mx", "mx.example.test"), "none");
	CU_ASSERT_STRING_EQUAL(verdict("mx", "MX.Example.Test"), "none");
	CU_ASSERT_STRING_EQUAL(verdict("mx", "example.test"), "name");
	CU_ASSERT_STRING_EQUAL(verdict("mx", ".example.test"), "name");
	CU_ASSERT_STRING_EQUAL(verdict("mx", ""), "name");
	CU_ASSERT_STRING_EQUAL(verdict("wild", "a.wild.test"), "none");
	CU_ASSERT_STRING_EQUAL(verdict("wild", "a.b.wild.test"), "name");
	CU_ASSERT_STRING_EQUAL(verdict("wild", "wild.test"), "name");
	CU_ASSERT_STRING_EQUAL(verdict("two", "mx.example.test"), "none");
}

static void common_name_is_not_looked_at(void)
{
	CU_ASSERT_STRING_EQUAL(verdict("common", "mx.example.test"), "name");
}

static void addresses(void)
{
	CU_ASSERT_STRING_EQUAL(verdict("address", "198.18.0.1"), "none");
	CU_ASSERT_STRING_EQUAL(verdict("address", "2001:2:0:0::1"), "none");
	CU_ASSERT_STRING_EQUAL(verdict("address", "198.18.0.2"), "name");
	CU_ASSERT_STRING_EQUAL(verdict("mx", "198.18.0.1"), "name");
}

/* One of them is enough, whatever kinds they are of. */
static void any_reference_will_do(void)
{
	const char *const mixed[] = {"nobody.test", "198.18.0.99", "host.address.test",
				     "2001:2::9"};
	const char *const address_last[] = { "nobody.test", "mx.example.test", "198.18.0.1" };
	const char *trust = shop_file(&shop, "ca.pem");
	CU_ASSERT_STRING_EQUAL(verdict_with("address", trust, 4, mixed), "none");
	CU_ASSERT_STRING_EQUAL(verdict_with("address", trust, 2, mixed), "name");
	CU_ASSERT_STRING_EQUAL(verdict_with("address", trust, 3, address_last), "none");
	CU_ASSERT_STRING_EQUAL(verdict_with("mx", trust, 3, address_last), "none");
}

static void trust_is_what_the_operator_lists(void)
{
	const char *reference = "mx.example.test";
	const char *self = shop_file(&shop, "self.crt");
	CU_ASSERT_STRING_EQUAL(verdict_with("self", self, 1, &reference), "none");
	CU_ASSERT_STRING_EQUAL(verdict_with("mx", self, 1, &reference), "untrusted");
	CU_ASSERT_STRING_EQUAL(verdict_with("mx", shop_file(&shop, "mx.crt"), 1, &reference),
			       "none");
	CU_ASSERT_STRING_EQUAL(verdict_with("mx", NULL, 1, &reference), "untrusted");
}

/* Untrusted comes first: a stranger's name says nothing. */
static void untrusted_beats_wrong_name(void)
{
	CU_ASSERT_STRING_EQUAL(verdict("self", "other.test"), "untrusted");
}

/* The peer's certificate is not even looked at. */
static void unverified_takes_anything(void)
{
	const char *const stems[] = { "old", "client", "self", "common", "mx-rsa" };
	for (size_t i = 0; i < COUNT_OF(stems); i++) {
		struct pair p;
		struct tls_openssl_config near = config_with(stems[i]);
		pair_begin_near(&p, &near);
		pair_connect(&p, &want_encrypt);
		pair_assert_established(&p);
		CU_ASSERT_FALSE(facts_of(&p.next).verified);
		pair_end(&p);
	}
}

static void results_map_to_failures(void)
{
	CU_ASSERT_EQUAL(tls_failure_of_verification(X509_V_ERR_CERT_REVOKED),
	                TLS_FAILURE_CERTIFICATE);
	CU_ASSERT_EQUAL(tls_failure_of_verification(X509_V_ERR_EE_KEY_TOO_SMALL),
	                TLS_FAILURE_CERTIFICATE);
	CU_ASSERT_EQUAL(tls_failure_of_verification(X509_V_ERR_CERT_NOT_YET_VALID),
	                TLS_FAILURE_EXPIRED);
	CU_ASSERT_EQUAL(tls_failure_of_verification(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN),
	                TLS_FAILURE_UNTRUSTED);
	CU_ASSERT_EQUAL(tls_failure_of_verification(X509_V_ERR_OUT_OF_MEM), TLS_FAILURE_RESOURCES);
}

UNIT_WITH_SHOP("crypto-offload/tls_openssl_verify",
               { "expired, and not yet valid: expired", expired_and_not_yet_valid },
               { "a client's certificate does not make a server", wrong_purpose },
               { "names match without case; wildcards stand for one label", names_and_wildcards },
               { "the common name is not looked at", common_name_is_not_looked_at },
               { "addresses match address names only", addresses },
               { "one reference among several is enough, names and addresses mixed",
                 any_reference_will_do },
               { "whatever the trust file lists is trusted, and nothing else",
                 trust_is_what_the_operator_lists },
               { "untrusted and of another name: untrusted", untrusted_beats_wrong_name },
               { "without verification any certificate will do", unverified_takes_anything },
               { "OpenSSL's results map to our failures", results_map_to_failures })
