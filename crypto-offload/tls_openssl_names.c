/*
 * tls_openssl_names.c - which certificate answers which server name.
 *
 * The names are the dNSNames of each leaf's subjectAltName (RFC 9525: the common name is not looked
 * at). A name that is listed exactly beats a wildcard; among equals the listener's own certificate
 * wins, then the one configured first. A wildcard stands for exactly one leftmost label. An unknown
 * name is answered with the listener's certificate and never with an alert: senders put all kinds
 * of names into SNI, and RFC 7672 8.1 and RFC 8461 7.1 want the mail to flow.
 *
 * Sorted once at launch, bisected per handshake: 12 comparisons at the most. Bound: TLS_NAMES_MAX.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

static bool names_of_certificate(struct name_table *names, uint32_t certificate, const X509 *leaf);
static int entry_compare(const void *a, const void *b);
static uint32_t names_pick(const struct name_table *names, const char *name, uint32_t listener);

#define NONE UINT32_MAX

bool tls_names_make(struct tls_engine *e, const struct tls_openssl_config *config,
		    struct complaint *c, int *which)
{
	struct name_table *names = &e->names;
	names->entries = calloc(TLS_NAMES_MAX, sizeof(*names->entries));
	if (names->entries == NULL) {
		tls_complain(c, "server names", "no memory");
		return false;
	}
	for (uint32_t i = 0; i < e->near_count; i++) {
		if (names_of_certificate(names, i, SSL_CTX_get0_certificate(e->near[i])))
			continue;
		tls_complain(c, config->certificates[i].chain,
			     "too many names in all certificates");
		*which = (int)i;
		return false;
	}
	qsort(names->entries, names->count, sizeof(*names->entries), entry_compare);
	return true;
}

void tls_names_free(struct name_table *names)
{
	for (uint32_t i = 0; i < names->count; i++)
		free(names->entries[i].name);
	free(names->entries);
	*names = (struct name_table){ .entries = NULL };
}

/* The name in lower case and without a root dot; false when it is none, or longer than a name
 * can be. */
static bool name_copy(const char *from, size_t bytes, char to[TLS_NAME_BYTES])
{
	if (bytes > 0 && from[bytes - 1] == '.')
		bytes--;
	if (bytes == 0 || bytes >= TLS_NAME_BYTES)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		if (from[i] == '\0')
			return false;
		to[i] = (char)ascii_lower((uint8_t)from[i]);
	}
	to[bytes] = '\0';
	return true;
}

static bool names_add(struct name_table *names, uint32_t certificate, const ASN1_STRING *dns)
{
	char name[TLS_NAME_BYTES];
	const char *text = (const char *)ASN1_STRING_get0_data(dns);
	if (!name_copy(text, (size_t)ASN1_STRING_length(dns), name))
		return true; /* no server name can equal it */
	if (names->count == TLS_NAMES_MAX)
		return false;
	char *copy = strdup(name);
	if (copy == NULL)
		return false;
	names->entries[names->count++] =
		(struct name_entry){ .name = copy, .certificate = certificate };
	return true;
}

static bool names_of_certificate(struct name_table *names, uint32_t certificate, const X509 *leaf)
{
	bool good = true;
	GENERAL_NAMES *alternatives = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; good && i < sk_GENERAL_NAME_num(alternatives); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(alternatives, i);
		if (name->type == GEN_DNS)
			good = names_add(names, certificate, name->d.dNSName);
	}
	GENERAL_NAMES_free(alternatives);
	return good;
}

static int entry_compare(const void *a, const void *b)
{
	const struct name_entry *x = a;
	const struct name_entry *y = b;
	int order = strcmp(x->name, y->name);
	if (order != 0)
		return order;
	return x->certificate < y->certificate ? -1 : x->certificate > y->certificate;
}

uint32_t tls_names_find(const struct name_table *names, const char *server_name, uint32_t listener)
{
	char name[TLS_NAME_BYTES + 1];
	if (!name_copy(server_name, strlen(server_name), name + 1))
		return listener;
	uint32_t found = names_pick(names, name + 1, listener);
	char *dot = strchr(name + 1, '.');
	if (found == NONE && dot != NULL && dot > name + 1) {
		dot[-1] = '*';
		found = names_pick(names, dot - 1, listener);
	}
	return found == NONE ? listener : found;
}

/* The index of the first entry that is not less than `name`. */
static uint32_t names_lower_bound(const struct name_table *names, const char *name)
{
	uint32_t low = 0;
	uint32_t high = names->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (strcmp(names->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t names_pick(const struct name_table *names, const char *name, uint32_t listener)
{
	uint32_t first = NONE;
	for (uint32_t i = names_lower_bound(names, name);
	     i < names->count && strcmp(names->entries[i].name, name) == 0; i++) {
		if (names->entries[i].certificate == listener)
			return listener;
		if (first == NONE)
			first = names->entries[i].certificate;
	}
	return first;
}

static bool names_holds(const struct name_table *names, const char *name, uint32_t certificate)
{
	return names_pick(names, name, certificate) == certificate;
}

bool tls_names_same(const struct name_table *names, uint32_t a, uint32_t b)
{
	bool any = false;
	for (uint32_t i = 0; i < names->count; i++) {
		const struct name_entry *entry = &names->entries[i];
		if (entry->certificate != a && entry->certificate != b)
			continue;
		any = true;
		if (!names_holds(names, entry->name, entry->certificate == a ? b : a))
			return false;
	}
	return any;
}

int tls_names_callback(SSL *ssl, int *alert, void *engine)
{
	(void)alert;
	struct tls_engine *e = engine;
	struct tls_session *t = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	if (name == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	uint32_t found = tls_names_find(&e->names, name, t->certificate);
	if (found != t->certificate && SSL_set_SSL_CTX(ssl, e->near[found]) != NULL)
		t->certificate = found;
	return SSL_TLSEXT_ERR_OK;
}
