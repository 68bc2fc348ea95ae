/*
 * certificates.h - certificates made at run time, for the tests of the OpenSSL engine.
 *
 * shop_open() makes a private directory with a root ("ca.pem") and leaves under it; shop_leaf()
 * adds one ("NAME.crt", "NAME.key"). shop_close() removes everything. Nothing here outlives the
 * test.
 */
#ifndef WEIR_TESTS_CERTIFICATES_H
#define WEIR_TESTS_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOP_FILES_MAX 64u
#define SHOP_PATH_BYTES 128u
#define DAY_S (24L * 3600L)

struct shop {
	char directory[64];
	char files[SHOP_FILES_MAX][SHOP_PATH_BYTES];
	unsigned file_count;
	EVP_PKEY *root_key;
	X509 *root;
};

struct leaf_order {
	const char *file;     /* stem of the file names */
	const char *names;    /* as in openssl.cnf: "DNS:a.test,IP:198.18.0.1"; NULL: none */
	const char *common;   /* the subject's common name */
	bool rsa;             /* else ECDSA P-256 */
	bool self_signed;
	long from_days, to_days; /* validity, from now; 0, 0: yesterday to tomorrow */
	const char *purpose;  /* extendedKeyUsage; NULL: none */
};

static inline void must(bool fact, const char *what)
{
	if (fact)
		return;
	fprintf(stderr, "certificates: %s failed\n", what);
	abort();
}

static inline const char *shop_path(struct shop *s, const char *stem, const char *ending)
{
	must(s->file_count < SHOP_FILES_MAX, "number of files");
	char *path = s->files[s->file_count++];
	char text[SHOP_PATH_BYTES]; /* the directory's name lies in *s as well */
	snprintf(text, sizeof(text), "%s/%s%s", s->directory, stem, ending);
	memcpy(path, text, sizeof(text));
	return path;
}

static inline EVP_PKEY *shop_key(bool rsa)
{
	EVP_PKEY *key = rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
	                    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	must(key != NULL, "key generation");
	return key;
}

static inline void certificate_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

static inline X509 *certificate_make(EVP_PKEY *key, const char *common, long from_s, long to_s)
{
	static long serial;
	X509 *certificate = X509_new();
	X509_NAME *name = X509_NAME_new();
	must(certificate != NULL && name != NULL, "X509_new");
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1, -1,
				   0);
	X509_set_subject_name(certificate, name);
	X509_set_pubkey(certificate, key);
	X509_NAME_free(name);
	return certificate;
}

static inline void file_write(const char *path, const EVP_PKEY *key, X509 *certificate,
                              const char *passphrase)
{
	FILE *file = fopen(path, "w");
	must(file != NULL, path);
	if (certificate != NULL)
		must(PEM_write_X509(file, certificate) == 1, path);
	if (key != NULL)
		must(PEM_write_PrivateKey(file, key, passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0,
		                          NULL, (void *)(uintptr_t)passphrase) == 1,
		     path);
	fclose(file);
}

static inline void shop_open(struct shop *s)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->directory, sizeof(s->directory), "/tmp/weir-certificates-XXXXXX");
	must(mkdtemp(s->directory) != NULL, "mkdtemp");
	s->root_key = shop_key(false);
	s->root = certificate_make(s->root_key, "Test Root", -DAY_S, 30 * DAY_S);
	X509_set_issuer_name(s->root, X509_get_subject_name(s->root));
	certificate_extend(s->root, s->root, NID_basic_constraints, "critical,CA:TRUE");
	certificate_extend(s->root, s->root, NID_key_usage, "critical,keyCertSign,cRLSign");
	certificate_extend(s->root, s->root, NID_subject_key_identifier, "hash");
	must(X509_sign(s->root, s->root_key, EVP_sha256()) > 0, "X509_sign");
	file_write(shop_path(s, "ca", ".pem"), NULL, s->root, NULL);
}

static inline void shop_leaf(struct shop *s, const struct leaf_order *order)
{
	long from_s = order->to_days == 0 ? -DAY_S : order->from_days * DAY_S;
	long to_s = order->to_days == 0 ? DAY_S : order->to_days * DAY_S;
	EVP_PKEY *key = shop_key(order->rsa);
	X509 *leaf = certificate_make(key, order->common, from_s, to_s);
	X509 *issuer = order->self_signed ? leaf : s->root;
	X509_set_issuer_name(leaf, X509_get_subject_name(issuer));
	if (order->names != NULL)
		certificate_extend(leaf, issuer, NID_subject_alt_name, order->names);
	if (order->purpose != NULL)
		certificate_extend(leaf, issuer, NID_ext_key_usage, order->purpose);
	must(X509_sign(leaf, order->self_signed ? key : s->root_key, EVP_sha256()) > 0,
	     "X509_sign");
	file_write(shop_path(s, order->file, ".crt"), NULL, leaf, NULL);
	file_write(shop_path(s, order->file, ".key"), key, NULL, NULL);
	X509_free(leaf);
	EVP_PKEY_free(key);
}

/* The path of a file that was made: "mx.crt". */
static inline const char *shop_file(const struct shop *s, const char *name)
{
	for (unsigned i = 0; i < s->file_count; i++)
		if (strcmp(strrchr(s->files[i], '/') + 1, name) == 0)
			return s->files[i];
	must(false, name);
	return NULL;
}

static inline void shop_close(struct shop *s)
{
	for (unsigned i = 0; i < s->file_count; i++)
		unlink(s->files[i]);
	must(rmdir(s->directory) == 0, "rmdir");
	EVP_PKEY_free(s->root_key);
	X509_free(s->root);
}

#endif
