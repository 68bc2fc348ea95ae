/*
 * tls_openssl_verdict.c - chains that were found good before.
 *
 * A gateway meets the same few next hops again and again, and each full handshake shows the same
 * chain. Building it once more costs a signature verification for each certificate; looking it up
 * costs a SHA-256 of what was shown. A verdict is remembered under the digest of everything that it
 * depends on: each certificate as presented, in order, and all that was asked (the session's
 * identity: references, server name, minimum version). Only *good* is remembered; what was refused
 * is judged anew each time.
 *
 * The trust store does not change within the life of an engine. Time does: a verdict holds for
 * TLS_VERDICT_AGE_US and not beyond the end of any certificate of the chain that was built, by the
 * wall clock, as OpenSSL itself would have it.
 *
 * The peer still proves that it holds the leaf's key, in every handshake: that is TLS, not the chain.
 *
 * Bounds: TLS_VERDICTS_MAX verdicts, in sets of TLS_VERDICT_WAYS; the one that was used longest ago
 * goes. A chain of more than TLS_VERDICT_CHAIN_MAX certificates is not remembered.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <stdlib.h>
#include <time.h>

#define TLS_VERDICT_CHAIN_MAX 10u

static bool digest_make(struct tls_engine *e, X509_STORE_CTX *store, const struct tls_session *t,
			uint8_t digest[TLS_VERDICT_DIGEST_BYTES]);
static bool digest_certificates(EVP_MD_CTX *md, X509_STORE_CTX *store, const EVP_MD *sha256);
static struct verdict_entry *set_of(struct verdict_cache *cache, const uint8_t *digest);
static int64_t chain_end_s(X509_STORE_CTX *store);

bool tls_verdict_make(struct tls_engine *e, struct complaint *c)
{
	e->verdicts.sha256 = EVP_MD_fetch(e->lib, "SHA256", NULL);
	e->verdicts.md = EVP_MD_CTX_new();
	if (e->verdicts.sha256 != NULL && e->verdicts.md != NULL)
		return true;
	tls_complain(c, "verdict cache", "cannot be set up");
	return false;
}

void tls_verdict_free(struct tls_engine *e)
{
	EVP_MD_free(e->verdicts.sha256);
	EVP_MD_CTX_free(e->verdicts.md);
	e->verdicts.sha256 = NULL;
	e->verdicts.md = NULL;
}

bool tls_verdict_known(struct tls_engine *e, X509_STORE_CTX *store, struct tls_verdict *verdict)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct tls_session *t = SSL_get_app_data(ssl);
	verdict->usable = digest_make(e, store, t, verdict->digest);
	if (!verdict->usable)
		return false;
	struct verdict_entry *set = set_of(&e->verdicts, verdict->digest);
	for (uint32_t i = 0; i < TLS_VERDICT_WAYS; i++) {
		if (memcmp(set[i].digest, verdict->digest, sizeof(set[i].digest)) != 0)
			continue;
		if (instant_since(set[i].at, e->now) > TLS_VERDICT_AGE_US || time(NULL) >= set[i].end_s)
			return false;
		set[i].used = e->now;
		e->head.chains_known++;
		return true;
	}
	return false;
}

void tls_verdict_keep(struct tls_engine *e, X509_STORE_CTX *store, const struct tls_verdict *verdict)
{
	if (!verdict->usable)
		return;
	struct verdict_entry *set = set_of(&e->verdicts, verdict->digest);
	struct verdict_entry *into = &set[0];
	for (uint32_t i = 0; i < TLS_VERDICT_WAYS; i++) {
		if (memcmp(set[i].digest, verdict->digest, sizeof(set[i].digest)) == 0) {
			into = &set[i]; /* it had grown old */
			break;
		}
		if (instant_before(set[i].used, into->used))
			into = &set[i];
	}
	*into = (struct verdict_entry){ .at = e->now, .used = e->now, .end_s = chain_end_s(store) };
	memcpy(into->digest, verdict->digest, sizeof(into->digest));
}

static struct verdict_entry *set_of(struct verdict_cache *cache, const uint8_t *digest)
{
	uint32_t number;
	memcpy(&number, digest, sizeof(number));
	return &cache->entries[number % (TLS_VERDICTS_MAX / TLS_VERDICT_WAYS) * TLS_VERDICT_WAYS];
}

/* Each part has a length of its own or comes last, so that no two inputs read the same. */
static bool digest_make(struct tls_engine *e, X509_STORE_CTX *store, const struct tls_session *t,
			uint8_t digest[TLS_VERDICT_DIGEST_BYTES])
{
	EVP_MD_CTX *md = e->verdicts.md;
	return EVP_DigestInit_ex2(md, e->verdicts.sha256, NULL) == 1 &&
	       digest_certificates(md, store, e->verdicts.sha256) &&
	       EVP_DigestUpdate(md, t->identity.bytes, t->identity.count) == 1 &&
	       EVP_DigestFinal_ex(md, digest, NULL) == 1;
}

static bool digest_certificates(EVP_MD_CTX *md, X509_STORE_CTX *store, const EVP_MD *sha256)
{
	STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(store);
	int count = sk_X509_num(shown);
	if (count <= 0 || (uint32_t)count > TLS_VERDICT_CHAIN_MAX ||
	    EVP_DigestUpdate(md, &count, sizeof(count)) != 1)
		return false;
	for (int i = 0; i < count; i++) {
		uint8_t one[EVP_MAX_MD_SIZE];
		unsigned bytes = 0;
		if (X509_digest(sk_X509_value(shown, i), sha256, one, &bytes) != 1 ||
		    EVP_DigestUpdate(md, one, bytes) != 1)
			return false;
	}
	return true;
}

/* Seconds of the wall clock at which the first certificate of the chain as built runs out; 0 (never
 * good again) when one cannot be read. */
static int64_t chain_end_s(X509_STORE_CTX *store)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
	int64_t end_s = INT64_MAX;
	for (int i = 0; i < sk_X509_num(chain); i++) {
		int days, seconds;
		const ASN1_TIME *end = X509_get0_notAfter(sk_X509_value(chain, i));
		if (ASN1_TIME_diff(&days, &seconds, NULL, end) != 1)
			return 0;
		int64_t at_s = (int64_t)time(NULL) + (int64_t)days * 24 * 3600 + seconds;
		end_s = at_s < end_s ? at_s : end_s;
	}
	return end_s;
}
