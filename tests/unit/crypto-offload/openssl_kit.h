/*
 * openssl_kit.h - OpenSSL engines for tests: the kit of tls_pair.h, and engines with any
 * certificates.
 */
#ifndef WEIR_TESTS_OPENSSL_KIT_H
#define WEIR_TESTS_OPENSSL_KIT_H

#include "crypto-offload/tls_openssl.h"
#include "crypto-offload/tls_openssl_int.h"

#include "certificates.h"
#include "tls_pair.h"

static struct shop shop;

static const struct leaf_order orders[] = {
	{.file = "mx", .common = "mx.example.test", .names = "DNS:mx.example.test"},
	{.file = "mx-rsa",
	 .common = "mx.example.test",
	 .names = "DNS:mx.example.test",
	 .rsa = true},
	{.file = "self",
	 .common = "mx.example.test",
	 .names = "DNS:mx.example.test",
	 .self_signed = true},
	{.file = "old",
	 .common = "mx.example.test",
	 .names = "DNS:mx.example.test",
	 .from_days = -20,
	 .to_days = -10},
	{.file = "future",
	 .common = "mx.example.test",
	 .names = "DNS:mx.example.test",
	 .from_days = 10,
	 .to_days = 20},
	{.file = "client",
	 .common = "mx.example.test",
	 .names = "DNS:mx.example.test",
	 .purpose = "clientAuth"},
	{.file = "wild", .common = "wild", .names = "DNS:*.wild.test,DNS:Also.Wild.Test."},
	{.file = "two", .common = "two", .names = "DNS:two.test,DNS:mx.example.test"},
	{.file = "common", .common = "mx.example.test"},
	{.file = "address",
	 .common = "address",
	 .names = "IP:198.18.0.1,IP:2001:2::1,DNS:host.address.test"},
};

static inline void kit_begin(void)
{
	shop_open(&shop);
	for (size_t i = 0; i < COUNT_OF(orders); i++)
		shop_leaf(&shop, &orders[i]);
}

static inline void config_certificate(struct tls_openssl_config *config, const char *stem)
{
	char chain[64];
	char key[64];
	snprintf(chain, sizeof(chain), "%s.crt", stem);
	snprintf(key, sizeof(key), "%s.key", stem);
	config->certificates[config->certificate_count++] = (struct tls_certificate_files){
		.name = stem, .chain = shop_file(&shop, chain), .key = shop_file(&shop, key)
	};
}

static inline struct tls_openssl_config config_with(const char *stem)
{
	struct tls_openssl_config config = { .trust = shop_file(&shop, "ca.pem"),
		                             .near_minimum = TLS_VERSION_1_2,
		                             .handshake_timeout_us = 30 * SECOND_US,
		                             .sessions_max = 8,
		                             .ticket_key = { 1, 2, 3 },
		                             .next_sessions_max = 16 };
	config_certificate(&config, stem);
	return config;
}

static inline struct tls_engine *engine_make(const struct tls_openssl_config *config,
                                             struct block_pool *pool)
{
	char error[256] = "";
	struct tls_engine *e = tls_openssl_make(config, pool, error, sizeof(error));
	CU_ASSERT_STRING_EQUAL(error, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	return e;
}

static inline void near_version_max(struct tls_engine *e, enum tls_version version)
{
	for (uint32_t i = 0; i < e->near_count; i++)
		SSL_CTX_set_max_proto_version(e->near[i], version == TLS_VERSION_1_2
		                                                  ? TLS1_2_VERSION
		                                                  : TLS1_3_VERSION);
}

static struct tls_engine *kit_make(const struct kit_options *options, struct block_pool *pool)
{
	struct tls_openssl_config config =
		config_with(options->certificate == KIT_TRUSTED ? "mx" : "self");
	config.sessions_max = options->sessions_max;
	struct tls_engine *e = engine_make(&config, pool);
	near_version_max(e, options->version_max);
	return e;
}

/* A pair whose near engine is made from `config`. */
static inline void pair_begin_near(struct pair *p, const struct tls_openssl_config *config)
{
	pair_begin(p, &kit_plain);
	tls_ops_of(p->near.engine)->engine_free(p->near.engine);
	p->near.engine = engine_make(config, &p->pool);
}

/* UNIT with the shop around it. */
#define UNIT_WITH_SHOP(suite_name, ...)                                                            \
	int main(void)                                                                             \
	{                                                                                          \
		static const struct unit_test tests[] = { __VA_ARGS__ };                           \
		kit_begin();                                                                       \
		int status = unit_main(suite_name, tests, sizeof(tests) / sizeof(tests[0]));       \
		shop_close(&shop);                                                                 \
		return status;                                                                     \
	}

#endif
