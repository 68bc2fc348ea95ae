/*
 * tls_openssl_verify.c - judging the next hop's certificate (RFC 3207 6, RFC 5280, RFC 9525).
 *
 * A want that verifies needs two things: a chain from the peer's leaf to the trust store, and a
 * leaf that carries one of the reference names. References are DNS names or IP addresses in text
 * form, and one match among all of them is enough; X509_VERIFY_PARAM would want an IP address *and*
 * a host name to match when both are given, which is why the names are compared here. Wildcards
 * only as the whole leftmost label; the subject's common name is never looked at. A want without
 * references matches nothing.
 *
 * Whatever the operator puts into the trust file is trusted as it stands, be it a root, an
 * intermediate or the very certificate of a partner (X509_V_FLAG_PARTIAL_CHAIN). The file is read
 * once, at launch: no directory look-ups, which would read files in the middle of a handshake.
 *
 * A want that does not verify costs no chain building: any certificate is taken as it comes.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOST_FLAGS (X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
#define IDENTITY_HEAD 2u /* verify, minimum */

static const char *system_trust(void);
static bool leaf_has_reference(X509 *leaf, const struct tls_identity *identity);

bool tls_verify_trust(SSL_CTX *context, struct tls_engine *e, const char *file, struct complaint *c)
{
	X509_STORE *store = X509_STORE_new();
	const char *path = file != NULL ? file : system_trust();
	ERR_clear_error();
	if (store == NULL) {
		tls_complain(c, "trust store", "no memory");
		return false;
	}
	/* No bundle asked for and none on the system: an empty store, which trusts nobody. */
	if (path != NULL && X509_STORE_load_file_ex(store, path, e->lib, NULL) != 1) {
		tls_complain(c, path, "no usable certificates in PEM");
		X509_STORE_free(store);
		return false;
	}
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	SSL_CTX_set_cert_store(context, store);
	return true;
}

/* Where the system keeps its bundle: OpenSSL's own place, Debian, Fedora, SUSE. */
static const char *system_trust(void)
{
	const char *const places[] = {
		X509_get_default_cert_file(),
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
	};
	for (size_t i = 0; i < COUNT_OF(places); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

int tls_verify_skip_callback(X509_STORE_CTX *store, void *unused)
{
	(void)store;
	(void)unused;
	return 1;
}

int tls_verify_callback(X509_STORE_CTX *store, void *unused)
{
	(void)unused;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct tls_session *t = SSL_get_app_data(ssl);
	struct tls_verdict verdict;
	if (tls_verdict_known(t->head.engine, store, &verdict)) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	if (X509_verify_cert(store) != 1) {
		if (X509_STORE_CTX_get_error(store) == X509_V_OK)
			X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
		return 0;
	}
	if (!leaf_has_reference(X509_STORE_CTX_get0_cert(store), &t->identity)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
		return 0;
	}
	tls_verdict_keep(t->head.engine, store, &verdict);
	return 1;
}

static bool is_address(const char *reference)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(reference);
	ASN1_OCTET_STRING_free(address);
	return address != NULL;
}

static bool leaf_matches(X509 *leaf, const char *reference)
{
	if (reference[0] == '\0' || reference[0] == '.')
		return false; /* to X509_check_host a leading dot means "any name below" */
	if (is_address(reference))
		return X509_check_ip_asc(leaf, reference, 0) == 1;
	return X509_check_host(leaf, reference, 0, HOST_FLAGS, NULL) == 1;
}

static bool leaf_has_reference(X509 *leaf, const struct tls_identity *identity)
{
	const char *end = (const char *)identity->bytes + identity->count;
	const char *text = tls_identity_server_name(identity);
	for (text += strlen(text) + 1; text < end; text += strlen(text) + 1)
		if (leaf_matches(leaf, text))
			return true;
	return false;
}

static size_t text_bytes(const char *text)
{
	return (text == NULL ? 0 : strlen(text)) + 1;
}

bool tls_identity_make(struct tls_identity *identity, const struct tls_next_want *want)
{
	uint32_t references = want->verify ? want->reference_count : 0;
	CHECK(references <= TLS_REFERENCES_MAX);
	size_t count = IDENTITY_HEAD + text_bytes(want->server_name);
	for (uint32_t i = 0; i < references; i++)
		count += text_bytes(want->references[i]);
	uint8_t *to = calloc(1, count);
	if (to == NULL)
		return false;
	*identity = (struct tls_identity){ .bytes = to, .count = count };
	*to++ = want->verify;
	*to++ = (uint8_t)want->minimum;
	if (want->server_name != NULL)
		memcpy(to, want->server_name, strlen(want->server_name));
	to += text_bytes(want->server_name);
	for (uint32_t i = 0; i < references; i++) {
		memcpy(to, want->references[i], strlen(want->references[i]));
		to += text_bytes(want->references[i]);
	}
	return true;
}

void tls_identity_free(struct tls_identity *identity)
{
	free(identity->bytes);
	*identity = (struct tls_identity){ .bytes = NULL };
}

const char *tls_identity_server_name(const struct tls_identity *identity)
{
	return identity->bytes == NULL ? "" : (const char *)identity->bytes + IDENTITY_HEAD;
}
