/*
 * tls_openssl_context.c - the SSL_CTXs of near and next: what we speak, and with which manners.
 *
 * RFC 9325: TLS 1.2 and 1.3; AEAD with ECDHE only (4.2); no compression, no renegotiation (3.5);
 * tickets under a strong cipher (3.4); no early data (3.10). ALPN is neither offered nor read: SMTP
 * has none. AES-128-GCM leads because every machine we run on has AES instructions, and peers
 * without them are given ChaCha20 when they ask for it first.
 *
 * Near and next differ in the security level: near and a verified next demand 112 bits of
 * everything; a next hop that need not be verified may be as weak as its operator made it, since
 * the alternative would be no encryption (RFC 9325 5.2) and no level that demands a certificate
 * ever uses that context.
 */
#include "crypto-offload/tls_openssl_int.h"

#define GROUPS "X25519:P-256:P-384"
#define SUITES_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_1_2                                                                                 \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

static SSL_CTX *context_make(struct tls_engine *e, const SSL_METHOD *method,
                             enum tls_version minimum, int security_level, struct complaint *c);
static bool context_load(SSL_CTX *context, const struct tls_certificate_files *files,
                         struct complaint *c);

SSL_CTX *tls_context_near(struct tls_engine *e, const struct tls_openssl_config *config,
                          uint32_t certificate, struct complaint *c)
{
	static const unsigned char id_context[] = "weir near";
	SSL_CTX *context = context_make(e, TLS_server_method(), config->near_minimum, 2, c);
	if (context == NULL)
		return NULL;
	/* The same in all contexts: a ticket is good whichever certificate it was issued beside. */
	SSL_CTX_set_session_id_context(context, id_context, sizeof(id_context) - 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(context, TLS_TICKET_LIFETIME_S);
	SSL_CTX_set_num_tickets(context, config->near_no_tickets ? 0 : 1);
	if (config->near_no_tickets)
		SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	SSL_CTX_set_max_early_data(context, 0);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, tls_ticket_callback);
	SSL_CTX_set_tlsext_servername_callback(context, tls_names_callback);
	SSL_CTX_set_tlsext_servername_arg(context, e);
	SSL_CTX_set_app_data(context, (char *)e);
	if (context_load(context, &config->certificates[certificate], c))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

bool tls_context_near_beside(SSL_CTX *context, const struct tls_certificate_files *other,
                             struct complaint *c)
{
	return context_load(context, other, c);
}

SSL_CTX *tls_context_next(struct tls_engine *e, const struct tls_openssl_config *config,
			  bool verify, struct complaint *c)
{
	SSL_CTX *context = context_make(e, TLS_client_method(), TLS_VERSION_1_2, verify ? 2 : 1, c);
	if (context == NULL)
		return NULL;
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, tls_cache_new_callback);
	/* SSL_VERIFY_NONE alone would still build and check the chain, at the price of a
	 * signature check per certificate, and then ignore the result. */
	SSL_CTX_set_verify(context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(
		context, verify ? tls_verify_callback : tls_verify_skip_callback, NULL);
	if (!verify || tls_verify_trust(context, e, config->trust, c))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

static bool context_suites(SSL_CTX *context, enum tls_version minimum, int security_level)
{
	int version = minimum == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
	SSL_CTX_set_security_level(context, security_level);
	return SSL_CTX_set_min_proto_version(context, version) == 1 &&
	       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_ciphersuites(context, SUITES_1_3) == 1 &&
	       SSL_CTX_set_cipher_list(context, SUITES_1_2) == 1 &&
	       SSL_CTX_set1_groups_list(context, GROUPS) == 1;
}

/* RELEASE_BUFFERS: an idle session holds no 16 KiB buffers. Moving write buffers: a record that
 * had to wait for room is offered again from wherever its plaintext lies by then. Without
 * AUTO_RETRY a read returns after each record, so that limits are checked between records. */
static SSL_CTX *context_make(struct tls_engine *e, const SSL_METHOD *method,
                             enum tls_version minimum, int security_level, struct complaint *c)
{
	SSL_CTX *context = SSL_CTX_new_ex(e->lib, NULL, method);
	if (context == NULL || !context_suites(context, minimum, security_level)) {
		tls_complain(c, "OpenSSL", "versions, suites or groups refused");
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	                                     tls_memory_options());
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(context, 0);
	SSL_CTX_set_msg_callback(context, tls_session_message_callback);
	return context;
}

/* A key under a passphrase is refused instead of asking a terminal nobody sits at. */
static int no_passphrase(char *buffer, int capacity, int writing, void *unused)
{
	(void)buffer;
	(void)capacity;
	(void)writing;
	(void)unused;
	return -1;
}

static bool chain_load(SSL_CTX *context, const char *chain, struct complaint *c)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context, chain) == 1)
		return true;
	tls_complain(c, chain, "no usable certificate chain in PEM");
	return false;
}

/* With a certificate in the context the key must be its own. */
static bool key_load(SSL_CTX *context, const char *key, struct complaint *c)
{
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	ERR_clear_error();
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1)
		return true;
	tls_complain(c, key, "no usable private key in PEM, or not the certificate's");
	return false;
}

static bool context_load(SSL_CTX *context, const struct tls_certificate_files *files,
                         struct complaint *c)
{
	if (!chain_load(context, files->chain, c) || !key_load(context, files->key, c))
		return false;
	if (SSL_CTX_check_private_key(context) == 1)
		return true;
	tls_complain(c, files->key, "not the key of the certificate");
	return false;
}

bool tls_context_takes(struct tls_engine *e, enum tls_file kind, const char *path,
                       struct complaint *c)
{
	bool takes = false;
	SSL_CTX *context = context_make(e, TLS_method(), TLS_VERSION_1_2, 2, c);
	if (context == NULL)
		return false;
	switch (kind) {
	case TLS_FILE_CHAIN:
		takes = chain_load(context, path, c);
		break;
	case TLS_FILE_KEY:
		takes = key_load(context, path, c);
		break;
	case TLS_FILE_TRUST:
		takes = tls_verify_trust(context, e, path, c);
		break;
	}
	SSL_CTX_free(context);
	return takes;
}
