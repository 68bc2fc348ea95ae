/*
 * tls_openssl_cache.c - sessions we may resume on next.
 *
 * A session is remembered under the caller's resumption key (group key x next hop) *and* under
 * everything that was asked of it: whether it was verified, against which references, under which
 * server name, at which minimum version. All of that is compared byte for byte, not by hash, so
 * that a session from an unverified handshake, or one verified for another name, can never stand in
 * for a verified one. Only handshakes that were established put anything in.
 *
 * One session per key, the newest; used again until the peer declines it (RFC 8446 C.4 asks clients
 * who want not to be linked to use a ticket once; an MTA is known by its address). No older than
 * TLS_NEXT_SESSION_AGE_US and not beyond the leaf's own end, so that trust that was withdrawn does
 * not live on in a cache. Bounded by entries_max; the least recently used one goes.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <openssl/rand.h>
#include <stdlib.h>

static struct cache_entry *cache_lookup(struct session_cache *cache, const struct tls_session *t);
static struct cache_entry *cache_take(struct session_cache *cache, const struct tls_session *t);
static void cache_drop(struct session_cache *cache, struct cache_entry *entry);

static uint32_t number_of(const struct session_cache *cache, const struct cache_entry *entry)
{
	return (uint32_t)(entry - cache->entries) + 1;
}

static struct cache_entry *entry_of(const struct session_cache *cache, uint32_t number)
{
	return number == 0 ? NULL : &cache->entries[number - 1];
}

bool tls_cache_make(struct session_cache *cache, struct tls_engine *e, uint32_t entries_max,
                    struct complaint *c)
{
	uint32_t buckets = 1;
	while (buckets < entries_max)
		buckets *= 2;
	cache->entries_max = entries_max;
	cache->bucket_mask = buckets - 1;
	cache->entries = calloc(entries_max + 1u, sizeof(*cache->entries));
	cache->buckets = calloc(buckets, sizeof(*cache->buckets));
	if (cache->entries == NULL || cache->buckets == NULL ||
	    RAND_bytes_ex(e->lib, (unsigned char *)&cache->hash_key, sizeof(cache->hash_key), 0) !=
		    1) {
		tls_complain(c, "session cache", "cannot be set up");
		return false;
	}
	for (uint32_t number = entries_max; number > 0; number--) {
		entry_of(cache, number)->chain_next = cache->free_head;
		cache->free_head = number;
	}
	return true;
}

void tls_cache_free(struct session_cache *cache)
{
	while (cache->newest != 0)
		cache_drop(cache, entry_of(cache, cache->newest));
	free(cache->entries);
	free(cache->buckets);
	*cache = (struct session_cache){ .entries = NULL };
}

static uint32_t bucket_of(const struct session_cache *cache, const struct tls_session *t)
{
	uint64_t hash = siphash(cache->hash_key, span_of(t->identity.bytes, t->identity.count));
	return (uint32_t)(hash ^ (t->resumption_key * 0x9e3779b97f4a7c15u >> 32)) &
	       cache->bucket_mask;
}

static bool entry_is_for(const struct cache_entry *entry, const struct tls_session *t)
{
	return entry->key == t->resumption_key && entry->identity_bytes == t->identity.count &&
	       memcmp(entry->identity, t->identity.bytes, t->identity.count) == 0;
}

static struct cache_entry *cache_lookup(struct session_cache *cache, const struct tls_session *t)
{
	if (cache->entries_max == 0)
		return NULL;
	struct cache_entry *entry = entry_of(cache, cache->buckets[bucket_of(cache, t)]);
	while (entry != NULL && !entry_is_for(entry, t))
		entry = entry_of(cache, entry->chain_next);
	return entry;
}

static void recency_unlink(struct session_cache *cache, struct cache_entry *entry)
{
	if (entry->newer != 0)
		entry_of(cache, entry->newer)->older = entry->older;
	else
		cache->newest = entry->older;
	if (entry->older != 0)
		entry_of(cache, entry->older)->newer = entry->newer;
	else
		cache->oldest = entry->newer;
}

static void recency_push(struct session_cache *cache, struct cache_entry *entry)
{
	entry->newer = 0;
	entry->older = cache->newest;
	if (cache->newest != 0)
		entry_of(cache, cache->newest)->newer = number_of(cache, entry);
	else
		cache->oldest = number_of(cache, entry);
	cache->newest = number_of(cache, entry);
}

/* A leaf that has run out since the session was made would not be verified any more. */
static bool session_is_good(const struct cache_entry *entry, bool verify, struct instant now)
{
	if (instant_since(entry->at, now) > TLS_NEXT_SESSION_AGE_US ||
	    SSL_SESSION_is_resumable(entry->session) != 1)
		return false;
	X509 *leaf = SSL_SESSION_get0_peer(entry->session);
	return !verify || (leaf != NULL && X509_cmp_time(X509_get0_notAfter(leaf), NULL) > 0);
}

/* OpenSSL forbids a TLS 1.3 session's further use once it was resumed, and many servers
 * (Postfix) renew no ticket at a resumption: so OpenSSL gets a copy to spoil. */
static SSL_SESSION *session_copy(SSL_SESSION *session)
{
	if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION)
		return SSL_SESSION_dup(session);
	return SSL_SESSION_up_ref(session) == 1 ? session : NULL;
}

SSL_SESSION *tls_cache_find(struct session_cache *cache, const struct tls_session *t,
                            struct instant now)
{
	struct cache_entry *entry = cache_lookup(cache, t);
	if (entry == NULL)
		return NULL;
	if (!session_is_good(entry, t->verify, now)) {
		cache_drop(cache, entry);
		return NULL;
	}
	recency_unlink(cache, entry);
	recency_push(cache, entry);
	return session_copy(entry->session);
}

void tls_cache_keep(struct session_cache *cache, const struct tls_session *t, SSL_SESSION *session,
                    struct instant now)
{
	struct cache_entry *entry = cache_lookup(cache, t);
	if (entry == NULL)
		entry = cache_take(cache, t);
	if (entry == NULL) {
		SSL_SESSION_free(session);
		return;
	}
	SSL_SESSION_free(entry->session);
	entry->session = session;
	entry->at = now;
}

/* A new entry for what `t` asked for, without a session yet; NULL when the cache is off or
 * memory is out. */
static struct cache_entry *cache_take(struct session_cache *cache, const struct tls_session *t)
{
	if (cache->entries_max == 0)
		return NULL;
	uint8_t *identity = malloc(t->identity.count);
	if (identity == NULL)
		return NULL;
	memcpy(identity, t->identity.bytes, t->identity.count);
	if (cache->free_head == 0)
		cache_drop(cache, entry_of(cache, cache->oldest));
	uint32_t bucket = bucket_of(cache, t);
	struct cache_entry *entry = entry_of(cache, cache->free_head);
	cache->free_head = entry->chain_next;
	*entry = (struct cache_entry){ .identity = identity,
		                       .identity_bytes = t->identity.count,
		                       .key = t->resumption_key,
		                       .bucket = bucket,
		                       .chain_next = cache->buckets[bucket] };
	cache->buckets[bucket] = number_of(cache, entry);
	recency_push(cache, entry);
	cache->used++;
	return entry;
}

static void cache_drop(struct session_cache *cache, struct cache_entry *entry)
{
	uint32_t *link = &cache->buckets[entry->bucket];
	while (*link != number_of(cache, entry))
		link = &entry_of(cache, *link)->chain_next;
	*link = entry->chain_next;
	recency_unlink(cache, entry);
	SSL_SESSION_free(entry->session);
	free(entry->identity);
	*entry = (struct cache_entry){ .chain_next = cache->free_head };
	cache->free_head = number_of(cache, entry);
	cache->used--;
}

void tls_cache_forget(struct session_cache *cache, const struct tls_session *t)
{
	struct cache_entry *entry = cache_lookup(cache, t);
	if (entry != NULL)
		cache_drop(cache, entry);
}

/* OpenSSL has a new session: at the end of a TLS 1.2 handshake, at each ticket in 1.3. 1 keeps
 * the reference. In 1.2 this is before our phase changes, but the certificate has been judged by
 * then. */
int tls_cache_new_callback(SSL *ssl, SSL_SESSION *session)
{
	struct tls_session *t = SSL_get_app_data(ssl);
	struct tls_engine *e = t->head.engine;
	if (t->phase == TLS_PHASE_FAILED || SSL_SESSION_is_resumable(session) != 1)
		return 0;
	if (t->verify && SSL_get_verify_result(ssl) != X509_V_OK)
		return 0;
	tls_cache_keep(&e->cache, t, session, e->now);
	return 1;
}
