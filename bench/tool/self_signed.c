/*
 * self_signed.c - see self_signed.h.
 */
#include "bench/tool/self_signed.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAYS 30

static char folder[] = "/tmp/weir-bench-XXXXXX";
static char chain[sizeof(folder) + 16], key_path[sizeof(folder) + 16];

static bool name_set(X509 *x, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x);
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
	                                  -1, 0) == 1 &&
	       X509_set_issuer_name(x, subject) == 1;
}

static bool certificate_make(X509 *x, EVP_PKEY *key)
{
	return X509_set_version(x, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(x), DAYS * 86400L) != NULL &&
	       X509_set_pubkey(x, key) == 1 && name_set(x, "sink.gen.test") &&
	       X509_sign(x, key, EVP_sha256()) > 0;
}

static bool files_write(X509 *x, EVP_PKEY *key)
{
	FILE *c = fopen(chain, "w"), *k = fopen(key_path, "w");
	bool good = c != NULL && k != NULL && PEM_write_X509(c, x) == 1 &&
	            PEM_write_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) == 1;
	if (c != NULL)
		good = fclose(c) == 0 && good;
	if (k != NULL)
		good = fclose(k) == 0 && good;
	return good;
}

static bool wanted(const struct gen_options *o)
{
	const struct gen_sink_config *k = &o->config.sink;
	bool tls = false;
	for (uint32_t i = 0; i < k->listener_count; i++)
		tls = tls || k->listeners[i].tls != GEN_TLS_NONE;
	return tls && o->chain == NULL && o->key == NULL;
}

bool self_signed_provide(struct gen_options *o)
{
	if (!wanted(o))
		return true;
	if (mkdtemp(folder) == NULL)
		return false;
	snprintf(chain, sizeof(chain), "%s/sink.crt", folder);
	snprintf(key_path, sizeof(key_path), "%s/sink.key", folder);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	bool good = key != NULL && x != NULL && certificate_make(x, key) && files_write(x, key);
	X509_free(x);
	EVP_PKEY_free(key);
	o->chain = chain;
	o->key = key_path;
	return good;
}

void self_signed_remove(void)
{
	if (chain[0] == 0)
		return;
	unlink(chain);
	unlink(key_path);
	rmdir(folder);
}
