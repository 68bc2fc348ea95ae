/*
 * tls_openssl_ticket.c - the tickets we issue on near (RFC 5077 for TLS 1.2, RFC 8446 4.6.1 for
 * 1.3).
 *
 * Stateless: the session is in the ticket, under AES-256-CBC and HMAC-SHA-256 with keys that all
 * workers are given alike, so that a peer resumes on whichever worker its next connection lands.
 * The key of 80 bytes is name (16), HMAC key (32), AES key (32). One ticket per full handshake, no
 * early data, lifetime TLS_TICKET_LIFETIME_S. A ticket under a key we do not know means a full
 * handshake, never a failure.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#define KEY_NAME_BYTES 16u
#define KEY_HMAC_BYTES 32u
#define IV_BYTES 16

bool tls_ticket_make(struct tls_engine *e, struct complaint *c)
{
	e->ticket_cipher = EVP_CIPHER_fetch(e->lib, "AES-256-CBC", NULL);
	if (e->ticket_cipher == NULL)
		tls_complain(c, "tickets", "AES-256-CBC is missing");
	return e->ticket_cipher != NULL;
}

static bool ticket_mac(struct tls_engine *e, EVP_MAC_CTX *mac)
{
	static char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
						  e->ticket_key + KEY_NAME_BYTES, KEY_HMAC_BYTES),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int ticket_seal(struct tls_engine *e, unsigned char *name, unsigned char *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	const uint8_t *aes = e->ticket_key + KEY_NAME_BYTES + KEY_HMAC_BYTES;
	if (RAND_bytes_ex(e->lib, iv, IV_BYTES, 0) != 1)
		return -1;
	memcpy(name, e->ticket_key, KEY_NAME_BYTES);
	if (EVP_EncryptInit_ex2(cipher, e->ticket_cipher, aes, iv, NULL) != 1 ||
	    !ticket_mac(e, mac))
		return -1;
	return 1;
}

static int ticket_open(struct tls_engine *e, const unsigned char *name, const unsigned char *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	const uint8_t *aes = e->ticket_key + KEY_NAME_BYTES + KEY_HMAC_BYTES;
	if (memcmp(name, e->ticket_key, KEY_NAME_BYTES) != 0)
		return 0;
	if (EVP_DecryptInit_ex2(cipher, e->ticket_cipher, aes, iv, NULL) != 1 ||
	    !ticket_mac(e, mac))
		return -1;
	return 1;
}

/* 1: go on; 0: not our key, a full handshake follows; -1: our failure. */
int tls_ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                        EVP_MAC_CTX *mac, int encrypt)
{
	struct tls_session *t = SSL_get_app_data(ssl);
	return encrypt != 0 ? ticket_seal(t->head.engine, name, iv, cipher, mac)
	                    : ticket_open(t->head.engine, name, iv, cipher, mac);
}
