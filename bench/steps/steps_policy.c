/*
 * steps_policy.c - content rules by both matchers, decisions, domain lists (steps.h).
 */
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "bench/gen/mail.h"
#include "bench/steps/steps.h"
#include "policy/content.h"
#include "policy/domain.h"
#include "policy/match_hs.h"
#include "policy/policy.h"

#define RULES 1000u
#define PLAIN_RULES 10u /* the oracle compares one by one */
#define SCAN_BYTES 16384u
#define PLAIN_SCAN_BYTES 4096u
#define DOMAINS 100000u
#define LOOKUPS 64u
#define NAME_BYTES 40u

static struct settings rules_settings, plain_settings, policy_settings;
static struct content *hs, *plain;
static uint8_t text[SCAN_BYTES];
static struct policy *policy;
static const char **names;

/* Literals of 8 to 23 random letters. */
static void rules_make(struct settings *s, uint32_t count)
{
	struct settings_content *rules = steps_memory(count * sizeof(*rules));
	const char **literals = steps_memory(count * sizeof(*literals));
	char *letters = steps_memory((size_t)count * 24);
	struct prng p;
	prng_seed(&p, 3);
	for (uint32_t i = 0; i < count; i++) {
		char *literal = letters + (size_t)i * 24;
		uint64_t bytes = 8 + prng_below(&p, 16);
		for (uint64_t k = 0; k < bytes; k++)
			literal[k] = (char)('a' + prng_below(&p, 26));
		literals[i] = literal;
		rules[i] = (struct settings_content){ .name = "r",
			                              .literals = { .count = 1, .items = &literals[i] },
			                              .verdict = SETTINGS_VERDICT_REJECT };
	}
	s->content = rules;
	s->content_count = count;
}

/* A message with text, HTML and attachments, as the generator makes it. */
static void text_make(void)
{
	static struct mail_mix mix = { .seed = 1,
		                       .mime = true,
		                       .size_count = 1,
		                       .sizes = { { SCAN_BYTES, 1 } },
		                       .domain_count = 1,
		                       .domains = { "example.test" },
		                       .domain_weights = { 1 },
		                       .sender_domain = "example.org" };
	static struct mail_maker maker;
	size_t used = 0;
	mail_maker_init(&maker, &mix, 3);
	for (struct span s = mail_maker_peek(&maker); used < sizeof(text); s = mail_maker_peek(&maker)) {
		size_t bytes = s.bytes < sizeof(text) - used ? s.bytes : sizeof(text) - used;
		memcpy(text + used, s.data, bytes);
		mail_maker_take(&maker, bytes);
		used += bytes;
	}
}

static void hs_make(void)
{
	char error[256];
	text_make();
	rules_make(&rules_settings, RULES);
	struct match_hs_database *db = match_hs_compile(&rules_settings, error, sizeof(error));
	steps_need(db != NULL, error);
	hs = match_hs_make(db, 4);
	steps_need(hs != NULL, "no scratch for Hyperscan");
}

static void plain_make(void)
{
	text_make();
	rules_make(&plain_settings, PLAIN_RULES);
	plain = content_plain_make(&plain_settings, 4, steps_memory(content_plain_bytes(&plain_settings, 4)));
	steps_need(plain != NULL, "no plain matcher");
}

static void scan(struct content *c, size_t bytes)
{
	const struct content_ops *ops = content_ops_of(c);
	struct content_stream *s = ops->open(c);
	CHECK(s != NULL);
	steps_sink += ops->scan(c, s, span_of(text, bytes));
	steps_sink += ops->close(c, s);
}

static void hs_batch(void)
{
	scan(hs, SCAN_BYTES);
}

static void plain_batch(void)
{
	scan(plain, PLAIN_SCAN_BYTES);
}

static void names_make(void)
{
	char *letters = steps_memory((size_t)DOMAINS * NAME_BYTES);
	names = steps_memory(DOMAINS * sizeof(*names));
	for (uint32_t i = 0; i < DOMAINS; i++) {
		names[i] = letters + (size_t)i * NAME_BYTES;
		snprintf(letters + (size_t)i * NAME_BYTES, NAME_BYTES, "customer%u.mail.example.test", i);
	}
}

static void policy_build(void)
{
	static struct settings_route route = { .next_count = 1 };
	static struct settings_listener listener;
	struct arena arena;
	names_make();
	route.domains = (struct settings_strings){ .count = DOMAINS, .items = names };
	steps_need(endpoint_parse(SPAN("192.0.2.1:25"), &route.next[0]), "no endpoint");
	policy_settings.hostname = "weir.test";
	policy_settings.routes = &route;
	policy_settings.route_count = 1;
	(void)listener;
	arena_init(&arena, NULL, 0);
	(void)!policy_make(&arena, &policy_settings);
	size_t bytes = arena.used;
	arena_init(&arena, steps_memory(bytes), bytes);
	policy = policy_make(&arena, &policy_settings);
	steps_need(policy != NULL, "no policy");
}

/* What a recipient costs: its route and level, then whether the leg is good enough. */
static void decide_batch(void)
{
	uint8_t scratch[POLICY_SCRATCH_BYTES];
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		struct policy_next next;
		const char *name = names[(i * 7919) % DOMAINS];
		policy_next_find(policy, span_of(name, strlen(name)),
		                 (struct room){ .data = scratch, .bytes = sizeof(scratch) }, &next);
		struct verdict v = policy_judge_next(&next, NEXT_FACT_TLS);
		struct verdict w = policy_judge_content(policy, CONTENT_NO_RULE, true);
		steps_sink += (uint64_t)v.kind + (uint64_t)w.kind + next.group_key;
	}
}

static struct domain_table table;

static void table_make(void)
{
	struct arena arena;
	names_make();
	arena_init(&arena, NULL, 0);
	(void)!domain_table_init(&table, &arena, DOMAINS);
	size_t bytes = arena.used;
	arena_init(&arena, steps_memory(bytes), bytes);
	steps_need(domain_table_init(&table, &arena, DOMAINS), "no domain table");
	for (uint32_t i = 0; i < DOMAINS; i++)
		domain_table_add(&table, span_of(names[i], strlen(names[i])), i);
}

static void lookup_batch(void)
{
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		const char *name = names[(i * 104729) % DOMAINS];
		steps_sink += domain_table_find(&table, span_of(name, strlen(name)));
	}
}

const struct step steps_policy[] = {
	{ "match-hyperscan", "KiB", "1000 literals over a message, streaming", hs_make, steps_nothing, hs_batch,
	  SCAN_BYTES / 1024 },
	{ "match-plain", "KiB", "10 literals by the plain matcher (the oracle of tests)", plain_make,
	  steps_nothing, plain_batch, PLAIN_SCAN_BYTES / 1024 },
	{ "decide", "recipient", "route, TLS level and verdicts, 100 000 routes", policy_build, steps_nothing,
	  decide_batch, LOOKUPS },
	{ "domain-lookup", "lookup", "one of 100 000 domains", table_make, steps_nothing, lookup_batch, LOOKUPS },
};
const uint32_t steps_policy_count = COUNT_OF(steps_policy);
