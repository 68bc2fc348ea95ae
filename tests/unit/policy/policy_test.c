/*
 * policy_test.c - domains find their route and their TLS rule; recipients that may travel together
 * share a key.
 */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* A list of texts, kept until the pool is begun again by make(). */
#define STRINGS(...) strings_of((const char *[]){ __VA_ARGS__, NULL })
#define POOL_TEXTS   64u

static const char *pool[POOL_TEXTS];
static uint32_t pool_used;

static struct settings_strings strings_of(const char *const *texts)
{
	struct settings_strings strings = { .items = &pool[pool_used] };
	for (; texts[strings.count] != NULL; strings.count++) {
		CU_ASSERT_TRUE_FATAL(pool_used < POOL_TEXTS);
		pool[pool_used++] = texts[strings.count];
	}
	return strings;
}

static struct endpoint hop(uint8_t last, uint16_t port)
{
	return (struct endpoint){ .addr = { .family = IP_V4, .bytes = { 198, 18, 0, last } },
				  .port = port };
}

static struct settings_route routes[4];
static struct settings_tls_next next_rules[4];
static struct settings_tls_near near_rules[2];
static struct settings_content content[2];
static struct settings settings;
static struct policy *policy;
static uint8_t scratch_bytes[POLICY_SCRATCH_BYTES];
static void *memory;

static void make_routes(void)
{
	routes[0] = (struct settings_route){ .domains = STRINGS("example.test", ".sub.test",
								"bank.test", "b.test"),
					     .next_count = 1,
					     .next = { hop(1, 25) } };
	routes[1] = (struct settings_route){ .domains = STRINGS(".deep.sub.test",
								"exact.deep.sub.test"),
					     .next_count = 1,
					     .next = { hop(2, 25) },
					     .name = "mx.deep.test" };
	routes[2] = (struct settings_route){ .domains = STRINGS("same.test"),
					     .next_count = 1,
					     .next = { hop(1, 25) } };
	routes[3] = (struct settings_route){ .domains = STRINGS("weir.test"),
					     .next_count = 1,
					     .next = { hop(9, 25) } };
}

/* The policy of the settings as they are now. */
static void build(void)
{
	struct arena arena;
	arena_init(&arena, NULL, 0);
	CU_ASSERT_PTR_NULL(policy_make(&arena, &settings)); /* only counting */
	size_t bytes = arena.used;
	free(memory);
	memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	arena_init(&arena, memory, bytes - 1);
	CU_ASSERT_PTR_NULL(policy_make(&arena, &settings));
	arena_init(&arena, memory, bytes);
	policy = policy_make(&arena, &settings);
	CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
}

static void make(void)
{
	pool_used = 0;
	make_routes();
	next_rules[0] = (struct settings_tls_next){ .domains = STRINGS("bank.test", "[198.18.0.9]"),
						    .level = TLS_LEVEL_VERIFY,
						    .minimum = SETTINGS_TLS_1_3,
						    .on_failure = SETTINGS_ON_FAILURE_REJECT };
	next_rules[1] = (struct settings_tls_next){ .domains = STRINGS(".sub.test"),
						    .level = TLS_LEVEL_ENCRYPT,
						    .minimum = SETTINGS_TLS_1_2,
						    .on_failure = SETTINGS_ON_FAILURE_DEFER };
	next_rules[2] = (struct settings_tls_next){ .domains = STRINGS("b.test"),
						    .level = TLS_LEVEL_VERIFY,
						    .minimum = SETTINGS_TLS_1_2,
						    .on_failure = SETTINGS_ON_FAILURE_DEFER,
						    .names = STRINGS("mx1.b.test", "mx2.b.test") };
	near_rules[0] =
		(struct settings_tls_near){ .domains = STRINGS("partner.test", ".partner.test"),
					    .level = TLS_LEVEL_ENCRYPT,
					    .on_failure = SETTINGS_ON_FAILURE_DEFER };
	near_rules[1] = (struct settings_tls_near){ .domains = STRINGS("free.partner.test"),
						    .level = TLS_LEVEL_OPPORTUNISTIC,
						    .on_failure = SETTINGS_ON_FAILURE_DEFER };
	content[0] = (struct settings_content){ .name = "first",
						.verdict = SETTINGS_VERDICT_REJECT };
	content[1] = (struct settings_content){ .name = "second",
						.verdict = SETTINGS_VERDICT_DEFER };
	settings = (struct settings){
		.hostname = "weir.test",
		.route_count = 4,
		.routes = routes,
		.content_count = 2,
		.content = content,
		.tls = { .next_count = 3, .next = next_rules, .near_count = 2, .near = near_rules }
	};
	build();
}

static struct policy_next find(const char *domain)
{
	struct policy_next next;
	policy_next_find(policy, span_of(domain, strlen(domain)),
			 (struct room){ scratch_bytes, sizeof(scratch_bytes) }, &next);
	return next;
}

static void exact_wins_over_suffix_and_longer_over_shorter(void)
{
	make();
	CU_ASSERT_PTR_EQUAL(find("example.test").route, &routes[0]);
	CU_ASSERT_PTR_EQUAL(find("EXAMPLE.Test.").route, &routes[0]);
	CU_ASSERT_FALSE(find("a.example.test").routed);
	CU_ASSERT_FALSE(find("sub.test").routed);
	CU_ASSERT_FALSE(find("xsub.test").routed);
	CU_ASSERT_PTR_EQUAL(find("a.sub.test").route, &routes[0]);
	CU_ASSERT_PTR_EQUAL(find("a.b.sub.test").route, &routes[0]);
	CU_ASSERT_PTR_EQUAL(find("deep.sub.test").route, &routes[0]);
	CU_ASSERT_PTR_EQUAL(find("x.deep.sub.test").route, &routes[1]);
	CU_ASSERT_PTR_EQUAL(find("exact.deep.sub.test").route, &routes[1]);
}

static void names_that_cannot_be_compared_have_no_route(void)
{
	make();
	routes[0].domains = STRINGS("*");
	build();
	char nul[] = "bank.test\0x", longest[400];
	struct policy_next next;
	policy_next_find(policy, span_of(nul, sizeof(nul) - 1),
			 (struct room){ scratch_bytes, sizeof(scratch_bytes) }, &next);
	CU_ASSERT_FALSE(next.routed);
	CU_ASSERT_FALSE(find("b\xc3\xbc"
			     "cher.test")
				.routed);
	CU_ASSERT_FALSE(find("a b.test").routed);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	CU_ASSERT_FALSE(find(longest).routed);
	CU_ASSERT_FALSE(find(".").routed);
}

static void star_takes_what_nothing_else_does(void)
{
	make();
	routes[3].domains = STRINGS("*");
	build();
	CU_ASSERT_PTR_EQUAL(find("anything").route, &routes[3]);
	CU_ASSERT_PTR_EQUAL(find("[198.18.0.7]").route, &routes[3]);
	CU_ASSERT_PTR_EQUAL(find("a.sub.test").route, &routes[0]);
}

static void postmaster_goes_where_our_name_goes(void)
{
	make();
	CU_ASSERT_PTR_EQUAL(find("").route, &routes[3]);
	settings.hostname = "nowhere.test";
	CU_ASSERT_PTR_EQUAL(find("").route, &routes[0]);
	CU_ASSERT_FALSE(find("nowhere.test").routed);
}

static void a_domain_without_a_rule_is_opportunistic(void)
{
	make();
	struct policy_next next = find("example.test");
	CU_ASSERT_EQUAL(next.level, TLS_LEVEL_OPPORTUNISTIC);
	CU_ASSERT_PTR_NOT_NULL_FATAL(next.tls);
	CU_ASSERT_EQUAL(next.tls->minimum, SETTINGS_TLS_1_2);
	CU_ASSERT_PTR_NULL(next.server_name);
	CU_ASSERT_EQUAL(find("a.sub.test").level, TLS_LEVEL_ENCRYPT);
}

static void references_are_rule_then_route_then_domain(void)
{
	make();
	struct policy_next next = find("b.test");
	CU_ASSERT_EQUAL(next.reference_count, 2);
	CU_ASSERT_STRING_EQUAL(next.references[1], "mx2.b.test");
	CU_ASSERT_STRING_EQUAL(next.server_name, "mx1.b.test");
	next = find("x.deep.sub.test");
	CU_ASSERT_STRING_EQUAL(next.references[0], "mx.deep.test");
	CU_ASSERT_STRING_EQUAL(next.server_name, "mx.deep.test");
	next = find("BANK.test.");
	CU_ASSERT_EQUAL(next.reference_count, 1);
	CU_ASSERT_STRING_EQUAL(next.references[0], "bank.test");
	CU_ASSERT_STRING_EQUAL(next.server_name, "bank.test");
}

static void an_address_literal_can_never_be_verified(void)
{
	make();
	routes[0].domains = STRINGS("[198.18.0.9]");
	build();
	struct policy_next next = find("[198.18.0.9]");
	CU_ASSERT_TRUE_FATAL(next.routed);
	CU_ASSERT_EQUAL(next.level, TLS_LEVEL_VERIFY);
	CU_ASSERT_EQUAL(next.reference_count, 0);
	CU_ASSERT_PTR_NULL(next.server_name);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_TLS_VERIFIED).kind, VERDICT_REJECT);
}

static void group_keys_tell_what_may_travel_together(void)
{
	make();
	CU_ASSERT_EQUAL(find("example.test").group_key, find("same.test").group_key);
	CU_ASSERT_EQUAL(find("example.test").group_key, find("EXAMPLE.TEST").group_key);
	CU_ASSERT_EQUAL(find("a.sub.test").group_key, find("b.sub.test").group_key);
	CU_ASSERT_NOT_EQUAL(find("a.sub.test").group_key,
			    find("example.test").group_key); /* level */
	CU_ASSERT_NOT_EQUAL(find("a.sub.test").group_key,
			    find("a.deep.sub.test").group_key);                     /* hop */
	CU_ASSERT_NOT_EQUAL(find("b.test").group_key, find("bank.test").group_key); /* references */
	CU_ASSERT_NOT_EQUAL(find("example.test").group_key, find("weir.test").group_key);
}

static void group_keys_depend_on_the_secret(void)
{
	make();
	uint64_t before = find("example.test").group_key;
	policy_secret_set(policy, (struct siphash_key){ .k0 = 1, .k1 = 2 });
	CU_ASSERT_NOT_EQUAL(find("example.test").group_key, before);
	CU_ASSERT_EQUAL(find("example.test").group_key, find("same.test").group_key);
}

static bool near_passes(const char *domain, bool tls)
{
	return policy_judge_near(policy, span_of(domain, strlen(domain)), tls).kind == VERDICT_PASS;
}

static void senders_under_encrypt_need_tls(void)
{
	make();
	struct verdict v = policy_judge_near(policy, SPAN("Partner.test"), false);
	CU_ASSERT_EQUAL(v.kind, VERDICT_DEFER);
	CU_ASSERT_EQUAL(v.reason, POLICY_REASON_SENDER_NEEDS_TLS);
	CU_ASSERT_STRING_EQUAL(v.rule, "partner.test");
	CU_ASSERT_TRUE(near_passes("partner.test", true));
	CU_ASSERT_FALSE(near_passes("x.partner.test", false));
	CU_ASSERT_TRUE(near_passes("free.partner.test", false));
	CU_ASSERT_TRUE(near_passes("other.test", false));
	CU_ASSERT_TRUE(near_passes("", false)); /* the null sender */
	near_rules[0].on_failure = SETTINGS_ON_FAILURE_REJECT;
	CU_ASSERT_EQUAL(policy_judge_near(policy, SPAN("partner.test"), false).kind,
			VERDICT_REJECT);
}

static void a_sender_does_not_escape_by_spelling(void)
{
	make();
	CU_ASSERT_FALSE(near_passes("partner.test.", false));
	CU_ASSERT_FALSE(near_passes("p\xc3\xa4rtner.test", false));
	CU_ASSERT_TRUE(near_passes("p\xc3\xa4rtner.test", true));
	char longest[600];
	memset(longest, 'a', sizeof(longest));
	CU_ASSERT_EQUAL(policy_judge_near(policy, span_of(longest, sizeof(longest)), false).kind,
			VERDICT_DEFER);
}

static void content_is_judged_by_its_first_rule(void)
{
	make();
	struct verdict v = policy_judge_content(policy, 0, true);
	CU_ASSERT_EQUAL(v.kind, VERDICT_REJECT);
	CU_ASSERT_EQUAL(v.reason, POLICY_REASON_CONTENT_MATCH);
	CU_ASSERT_STRING_EQUAL(v.rule, "first");
	CU_ASSERT_EQUAL(policy_judge_content(policy, 1, true).kind, VERDICT_DEFER);
	CU_ASSERT_EQUAL(policy_judge_content(policy, UINT32_MAX, true).kind, VERDICT_PASS);
}

static void content_not_inspected_is_deferred_whatever_matched(void)
{
	make();
	for (uint32_t rule = 0; rule < 4; rule++) {
		uint32_t matched = rule == 3 ? UINT32_MAX : rule;
		struct verdict v = policy_judge_content(policy, matched, false);
		CU_ASSERT_EQUAL(v.kind, VERDICT_DEFER);
		CU_ASSERT_EQUAL(v.reason, POLICY_REASON_CONTENT_UNINSPECTED);
	}
	CU_ASSERT_EQUAL(policy_judge_content(policy, 2, true).kind,
			VERDICT_DEFER); /* of another policy */
	free(memory);
	memory = NULL;
}

UNIT("policy/policy",
     { "an exact domain wins over a suffix, a longer suffix over a shorter",
       exact_wins_over_suffix_and_longer_over_shorter },
     { "a name that cannot be compared has no route", names_that_cannot_be_compared_have_no_route },
     { "the star takes what nothing else does", star_takes_what_nothing_else_does },
     { "postmaster without a domain goes where our own name's mail goes",
       postmaster_goes_where_our_name_goes },
     { "a domain without a TLS rule is opportunistic", a_domain_without_a_rule_is_opportunistic },
     { "references are the rule's, else the route's, else the domain",
       references_are_rule_then_route_then_domain },
     { "an address literal can never be verified", an_address_literal_can_never_be_verified },
     { "group keys tell what may travel together", group_keys_tell_what_may_travel_together },
     { "group keys depend on the secret", group_keys_depend_on_the_secret },
     { "mail from a domain under encrypt needs TLS", senders_under_encrypt_need_tls },
     { "a sender does not escape a rule by another spelling",
       a_sender_does_not_escape_by_spelling },
     { "content is judged by the first rule that matched", content_is_judged_by_its_first_rule },
     { "content that was not inspected is deferred whatever matched",
       content_not_inspected_is_deferred_whatever_matched })
