/*
 * decide_test.c - the whole cross product of level, fact and on_failure, against rules stated
 * another way than in decide.c: nothing weaker than the level passes, and nothing undecided does.
 */
#include "policy/policy.h"

#include <string.h>

#include "tests/unit/unit.h"

static const struct settings_route route = { .next_count = 1 };

static struct policy_next next_of(enum tls_level level, enum settings_failure on_failure,
				  struct settings_tls_next *rule)
{
	*rule = (struct settings_tls_next){ .level = level, .on_failure = on_failure };
	return (struct policy_next){ .routed = true,
				     .route = &route,
				     .tls = rule,
				     .level = level,
				     .reference_count = 1,
				     .references = { "mx.test" } };
}

/* How much protection a leg has when the fact says that it can carry mail at all; 0: it cannot. */
static int protection(enum policy_fact_next fact)
{
	switch (fact) {
	case NEXT_FACT_PLAIN:
	case NEXT_FACT_STARTTLS_REFUSED:
		return 1;
	case NEXT_FACT_TLS:
		return 2;
	case NEXT_FACT_TLS_VERIFIED:
		return 3;
	case NEXT_FACT_UNKNOWN:
	case NEXT_FACT_TLS_FAILED:
	case NEXT_FACT_TLS_UNVERIFIED:
	case NEXT_FACT_UNREACHABLE:
		return 0;
	}
	return 0;
}

static int demanded(enum tls_level level)
{
	return level == TLS_LEVEL_VERIFY ? 3 : level == TLS_LEVEL_ENCRYPT ? 2 : 1;
}

static void nothing_below_the_level_passes(void)
{
	struct settings_tls_next rule;
	int passed = 0;
	for (int level = TLS_LEVEL_NONE; level < TLS_LEVEL_COUNT; level++)
		for (int fact = 0; fact <= NEXT_FACT_UNREACHABLE; fact++)
			for (int f = SETTINGS_ON_FAILURE_DEFER; f <= SETTINGS_ON_FAILURE_REJECT;
			     f++) {
				struct policy_next next = next_of((enum tls_level)level,
								  (enum settings_failure)f, &rule);
				struct verdict v = policy_judge_next(&next,
								     (enum policy_fact_next)fact);
				bool enough = protection((enum policy_fact_next)fact) >=
					      demanded((enum tls_level)level);
				CU_ASSERT_EQUAL(v.kind == VERDICT_PASS, enough);
				CU_ASSERT_TRUE(v.kind >= VERDICT_PASS && v.kind <= VERDICT_REJECT);
				CU_ASSERT_EQUAL(v.reason == POLICY_REASON_NONE,
						v.kind == VERDICT_PASS);
				passed += v.kind == VERDICT_PASS;
			}
	CU_ASSERT_EQUAL(passed, 2 * (4 + 4 + 2 + 1));
}

static void rejecting_needs_a_level_and_the_operators_word(void)
{
	struct settings_tls_next rule;
	for (int level = TLS_LEVEL_NONE; level < TLS_LEVEL_COUNT; level++)
		for (int fact = 0; fact <= NEXT_FACT_UNREACHABLE; fact++)
			for (int f = SETTINGS_ON_FAILURE_DEFER; f <= SETTINGS_ON_FAILURE_REJECT;
			     f++) {
				struct policy_next next = next_of((enum tls_level)level,
								  (enum settings_failure)f, &rule);
				struct verdict v = policy_judge_next(&next,
								     (enum policy_fact_next)fact);
				bool may = f == SETTINGS_ON_FAILURE_REJECT &&
					   demanded((enum tls_level)level) > 1 &&
					   fact != NEXT_FACT_UNREACHABLE &&
					   fact != NEXT_FACT_UNKNOWN;
				CU_ASSERT_EQUAL(v.kind == VERDICT_REJECT,
						may && v.kind != VERDICT_PASS);
			}
}

static void reasons_name_the_fault(void)
{
	struct settings_tls_next rule;
	struct policy_next next = next_of(TLS_LEVEL_ENCRYPT, SETTINGS_ON_FAILURE_DEFER, &rule);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_PLAIN).reason,
			POLICY_REASON_NEXT_NO_STARTTLS);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_STARTTLS_REFUSED).reason,
			POLICY_REASON_NEXT_TLS_FAILED);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_TLS_FAILED).reason,
			POLICY_REASON_NEXT_TLS_FAILED);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_UNREACHABLE).reason,
			POLICY_REASON_NEXT_UNREACHABLE);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_UNKNOWN).reason,
			POLICY_REASON_UNDECIDED);
	next = next_of(TLS_LEVEL_VERIFY, SETTINGS_ON_FAILURE_DEFER, &rule);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_TLS).reason,
			POLICY_REASON_NEXT_UNVERIFIED);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_TLS_UNVERIFIED).reason,
			POLICY_REASON_NEXT_UNVERIFIED);
	for (int reason = 0; reason <= POLICY_REASON_COUNT; reason++)
		CU_ASSERT_PTR_NOT_NULL(policy_reason_text((enum policy_reason)reason));
}

static void zeroed_and_wild_memory_is_no_verdict(void)
{
	struct verdict zero;
	struct policy_next next;
	memset(&zero, 0, sizeof(zero));
	memset(&next, 0, sizeof(next));
	CU_ASSERT_EQUAL(zero.kind, VERDICT_INVALID);
	CU_ASSERT_NOT_EQUAL(zero.kind, VERDICT_PASS);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_TLS_VERIFIED).kind, VERDICT_REJECT);
	CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_TLS_VERIFIED).reason,
			POLICY_REASON_ROUTE_DENIED);
	struct settings_tls_next rule;
	for (int fact = -1; fact < 12; fact++) {
		next = next_of(TLS_LEVEL_INVALID, SETTINGS_ON_FAILURE_DEFER, &rule);
		CU_ASSERT_EQUAL(policy_judge_next(&next, (enum policy_fact_next)fact).kind,
				VERDICT_DEFER);
		next.level = (enum tls_level)77;
		CU_ASSERT_EQUAL(policy_judge_next(&next, (enum policy_fact_next)fact).kind,
				VERDICT_DEFER);
		if (fact >= 0 && fact <= NEXT_FACT_UNREACHABLE)
			continue;
		next = next_of(TLS_LEVEL_NONE, SETTINGS_ON_FAILURE_DEFER, &rule);
		CU_ASSERT_EQUAL(policy_judge_next(&next, (enum policy_fact_next)fact).kind,
				VERDICT_DEFER);
	}
	CU_ASSERT_TRUE(tls_level_encrypts(TLS_LEVEL_INVALID));
	CU_ASSERT_TRUE(tls_level_verifies((enum tls_level)99));
}

static void falling_back_never_weakens_the_level(void)
{
	struct settings_tls_next rule;
	int allowed = 0;
	for (int level = TLS_LEVEL_INVALID; level < TLS_LEVEL_COUNT; level++)
		for (int fact = 0; fact <= NEXT_FACT_UNREACHABLE; fact++) {
			struct policy_next next = next_of((enum tls_level)level,
							  SETTINGS_ON_FAILURE_DEFER, &rule);
			if (!policy_may_fall_back(&next, (enum policy_fact_next)fact))
				continue;
			allowed++;
			/* What it falls back to is a leg without TLS: that must be allowed to carry
			 * mail. */
			CU_ASSERT_EQUAL(policy_judge_next(&next, NEXT_FACT_PLAIN).kind,
					VERDICT_PASS);
		}
	CU_ASSERT_EQUAL(allowed, 6);
	struct policy_next next = next_of(TLS_LEVEL_OPPORTUNISTIC, SETTINGS_ON_FAILURE_DEFER,
					  &rule);
	CU_ASSERT_TRUE(policy_may_fall_back(&next, NEXT_FACT_TLS_FAILED));
	CU_ASSERT_FALSE(policy_may_fall_back(&next, NEXT_FACT_UNREACHABLE));
	next.routed = false;
	CU_ASSERT_FALSE(policy_may_fall_back(&next, NEXT_FACT_TLS_FAILED));
}

static void all_levels_but_none_want_tls(void)
{
	struct settings_tls_next rule;
	for (int level = TLS_LEVEL_NONE; level < TLS_LEVEL_COUNT; level++) {
		struct policy_next next = next_of((enum tls_level)level, SETTINGS_ON_FAILURE_DEFER,
						  &rule);
		CU_ASSERT_EQUAL(policy_wants_tls(&next), level != TLS_LEVEL_NONE);
	}
	CU_ASSERT_STRING_EQUAL(tls_level_name(TLS_LEVEL_OPPORTUNISTIC), "opportunistic");
	CU_ASSERT_FALSE(tls_level_encrypts(TLS_LEVEL_OPPORTUNISTIC));
	CU_ASSERT_TRUE(tls_level_encrypts(TLS_LEVEL_ENCRYPT));
	CU_ASSERT_FALSE(tls_level_verifies(TLS_LEVEL_ENCRYPT));
	CU_ASSERT_TRUE(tls_level_verifies(TLS_LEVEL_VERIFY));
}

UNIT("policy/decide", { "nothing below the level passes", nothing_below_the_level_passes },
     { "rejecting needs a level that demands TLS and the operator's word",
       rejecting_needs_a_level_and_the_operators_word },
     { "reasons name the fault", reasons_name_the_fault },
     { "zeroed and wild memory is no verdict that passes", zeroed_and_wild_memory_is_no_verdict },
     { "falling back never weakens the level", falling_back_never_weakens_the_level },
     { "all levels but none want TLS", all_levels_but_none_want_tls })
