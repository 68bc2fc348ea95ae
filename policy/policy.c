/*
 * policy.c - settings compiled into tables: which route and which TLS rule a domain has. See
 * policy.h.
 *
 * policy_make() builds three domain tables in the arena; after that the policy is only read, by all
 * workers. On the byte's path: asked by the relay at MAIL (near) and at each RCPT (next).
 *
 * What a peer can send: any bytes as a domain. A name that cannot be compared with the tables
 * (control bytes, bytes above ASCII) has no route, and on near it is held to the strictest rule
 * that there is: a policy must not be escaped by another spelling of the same domain.
 */
#include "policy/policy.h"

#include <string.h>

#include "base/prng.h"
#include "policy/domain.h"

struct policy {
	const struct settings *settings;
	struct domain_table routes, next, near;
	const struct settings_tls_near *near_strictest; /* NULL: no rule demands encryption */
	struct siphash_key secret; /* of the group keys */
};

/* What holds where no rule does: TLS where it is offered. */
static const struct settings_tls_next next_builtin = {
	.level = TLS_LEVEL_OPPORTUNISTIC,
	.minimum = SETTINGS_TLS_1_2,
	.on_failure = SETTINGS_ON_FAILURE_DEFER,
};

static struct span span_str(const char *s)
{
	size_t bytes = 0;
	while (s[bytes] != '\0')
		bytes++;
	return span_of(s, bytes);
}

static void table_add_all(struct domain_table *t, const struct settings_strings *domains,
			  uint32_t value)
{
	for (uint32_t i = 0; i < domains->count; i++)
		domain_table_add(t, span_str(domains->items[i]), value);
}

static bool tables_reserve(struct policy *tables, struct arena *arena, const struct settings *s)
{
	uint64_t routes = 0, next = 0, near = 0;
	for (uint32_t i = 0; i < s->route_count; i++)
		routes += s->routes[i].domains.count;
	for (uint32_t i = 0; i < s->tls.next_count; i++)
		next += s->tls.next[i].domains.count;
	for (uint32_t i = 0; i < s->tls.near_count; i++)
		near += s->tls.near[i].domains.count;
	if (routes > UINT32_MAX / 4 || next > UINT32_MAX / 4 || near > UINT32_MAX / 4)
		return false;
	/* All three are asked for even when one fails, so that an arena that only counts counts
	 * everything. */
	bool routes_fit = domain_table_init(&tables->routes, arena, (uint32_t)routes);
	bool next_fit = domain_table_init(&tables->next, arena, (uint32_t)next);
	bool near_fit = domain_table_init(&tables->near, arena, (uint32_t)near);
	return routes_fit && next_fit && near_fit;
}

struct policy *policy_make(struct arena *arena, const struct settings *settings)
{
	struct policy tables = { .settings = settings };
	struct policy *p = arena_take(arena, "policy", sizeof(*p));
	if (!tables_reserve(&tables, arena, settings) || p == NULL)
		return NULL;
	*p = tables;
	for (uint32_t i = 0; i < settings->route_count; i++)
		table_add_all(&p->routes, &settings->routes[i].domains, i);
	for (uint32_t i = 0; i < settings->tls.next_count; i++)
		table_add_all(&p->next, &settings->tls.next[i].domains, i);
	for (uint32_t i = 0; i < settings->tls.near_count; i++) {
		const struct settings_tls_near *rule = &settings->tls.near[i];
		table_add_all(&p->near, &rule->domains, i);
		if (p->near_strictest == NULL && tls_level_encrypts(rule->level))
			p->near_strictest = rule;
	}
	return p;
}

void policy_secret_set(struct policy *p, struct siphash_key secret)
{
	p->secret = secret;
}

static uint32_t route_of(const struct policy *p, struct span domain, bool postmaster)
{
	uint32_t route = domain_table_find(&p->routes, domain);
	/* <postmaster> without a domain must be taken by every server (RFC 5321, section 4.5.1):
	 * when nobody said where our own name's mail goes, it goes where the first route goes. */
	if (route == DOMAIN_NONE && postmaster && p->settings->route_count > 0)
		return 0;
	return route;
}

/* The names of which a verified certificate must carry one: the rule's, else the route's, else the
 * domain. An address literal is no name: then there is none, and nothing can be verified. */
static void next_references(struct policy_next *next, struct span domain)
{
	const struct settings_strings *names = &next->tls->names;
	for (uint32_t i = 0; i < names->count && i < COUNT_OF(next->references); i++)
		next->references[next->reference_count++] = names->items[i];
	if (next->reference_count > 0)
		return;
	if (next->route->name != NULL)
		next->references[next->reference_count++] = next->route->name;
	else if (domain_is_valid(domain))
		next->references[next->reference_count++] = (const char *)domain.data;
}

/* Where nothing is verified and the operator named no host, no name is sent: recipients of
 * different domains can then share a connection. */
static const char *next_server_name(const struct policy_next *next)
{
	if (next->route->name != NULL)
		return next->route->name;
	if (next->tls->names.count > 0)
		return next->tls->names.items[0];
	return tls_level_verifies(next->level) && next->reference_count > 0 ? next->references[0]
									    : NULL;
}

/* One more piece of the key. Keyed, because senders choose the domain that goes in: nobody may make two groups that
 * differ look alike. */
static uint64_t hash_piece(const struct policy *p, uint64_t hash, struct span piece)
{
	uint8_t buffer[sizeof(hash) + DOMAIN_BYTES_MAX + 1];
	struct writer w = writer_of((struct room){ .data = buffer, .bytes = sizeof(buffer) });
	writer_bytes(&w, span_of(&hash, sizeof(hash)));
	writer_bytes(&w, span_head(piece, sizeof(buffer) - sizeof(hash)));
	return siphash(p->secret, writer_span(&w));
}

static uint64_t hash_number(const struct policy *p, uint64_t hash, uint32_t value)
{
	return hash_piece(p, hash, span_of(&value, sizeof(value)));
}

static uint64_t hash_text(const struct policy *p, uint64_t hash, const char *text)
{
	struct span s = text == NULL ? SPAN_NONE : span_str(text);
	return hash_piece(p, hash_number(p, hash, (uint32_t)s.bytes), s);
}

/* Everything that the connection or the promise made about it depends on. References only where
 * they are looked at. */
static uint64_t next_group_key(const struct policy *p, const struct policy_next *next)
{
	uint64_t hash = hash_number(p, 0, next->route->next_count);
	for (uint32_t i = 0; i < next->route->next_count; i++) {
		const struct endpoint *e = &next->route->next[i];
		hash = hash_number(p, hash, e->addr.family);
		hash = hash_piece(p, hash, span_of(e->addr.bytes, sizeof(e->addr.bytes)));
		hash = hash_number(p, hash, e->port);
	}
	hash = hash_number(p, hash, next->level);
	hash = hash_number(p, hash, next->tls->minimum);
	hash = hash_number(p, hash, next->tls->on_failure);
	hash = hash_text(p, hash, next->server_name);
	uint32_t references = tls_level_verifies(next->level) ? next->reference_count : 0;
	hash = hash_number(p, hash, references);
	for (uint32_t i = 0; i < references; i++)
		hash = hash_text(p, hash, next->references[i]);
	return hash;
}

void policy_next_find(const struct policy *p, struct span domain, struct room scratch,
		      struct policy_next *next)
{
	CHECK(scratch.bytes >= POLICY_SCRATCH_BYTES);
	*next = (struct policy_next){ .routed = false };
	bool postmaster = domain.bytes == 0;
	if (postmaster)
		domain = span_str(p->settings->hostname);
	struct span lower = domain_lower(domain, scratch);
	if (lower.bytes == 0 || !domain_is_comparable(lower))
		return;
	uint32_t route = route_of(p, lower, postmaster);
	if (route == DOMAIN_NONE)
		return;
	uint32_t rule = domain_table_find(&p->next, lower);
	next->routed = true;
	next->route = &p->settings->routes[route];
	next->tls = rule == DOMAIN_NONE ? &next_builtin : &p->settings->tls.next[rule];
	next->level = next->tls->level;
	next_references(next, lower);
	next->server_name = next_server_name(next);
	next->group_key = next_group_key(p, next);
}

const struct settings_tls_near *policy_near_find(const struct policy *p, struct span sender_domain)
{
	uint8_t buffer[POLICY_SCRATCH_BYTES];
	struct span lower = domain_lower(sender_domain, (struct room){ buffer, sizeof(buffer) });
	bool too_long = lower.bytes == 0 && sender_domain.bytes > 1;
	if (too_long || !domain_is_comparable(lower)) {
		if (p->near_strictest != NULL)
			return p->near_strictest;
	}
	uint32_t rule = domain_table_find(&p->near, lower);
	return rule == DOMAIN_NONE ? NULL : &p->settings->tls.near[rule];
}

struct verdict policy_judge_near(const struct policy *p, struct span sender_domain, bool near_tls)
{
	const struct settings_tls_near *rule = policy_near_find(p, sender_domain);
	if (rule == NULL || near_tls || !tls_level_encrypts(rule->level))
		return (struct verdict){ .kind = VERDICT_PASS };
	return (struct verdict){
		.kind = rule->on_failure == SETTINGS_ON_FAILURE_REJECT ? VERDICT_REJECT
								       : VERDICT_DEFER,
		.reason = POLICY_REASON_SENDER_NEEDS_TLS,
		.rule = rule->domains.count > 0 ? rule->domains.items[0] : NULL,
	};
}

struct verdict policy_judge_content(const struct policy *p, uint32_t rule, bool inspected)
{
	if (!inspected)
		return (struct verdict){ .kind = VERDICT_DEFER,
					 .reason = POLICY_REASON_CONTENT_UNINSPECTED };
	if (rule == UINT32_MAX)
		return (struct verdict){ .kind = VERDICT_PASS };
	/* A rule that is not in this policy was matched under another one: nothing here can judge
	 * it. */
	if (rule >= p->settings->content_count)
		return (struct verdict){ .kind = VERDICT_DEFER, .reason = POLICY_REASON_UNDECIDED };
	const struct settings_content *content = &p->settings->content[rule];
	return (struct verdict){
		.kind = content->verdict == SETTINGS_VERDICT_REJECT ? VERDICT_REJECT
								    : VERDICT_DEFER,
		.reason = POLICY_REASON_CONTENT_MATCH,
		.rule = content->name,
	};
}
