/*
 * verdict_test.c - the reply that carries out each verdict, as a table of its own.
 */
#include "tests/unit/relay/rig.h"

static const struct {
	enum policy_reason reason;
	uint16_t defer, reject;
} wanted[] = {
	{ POLICY_REASON_NONE, 451, 550 },
	{ POLICY_REASON_ROUTE_DENIED, 451, 550 },
	{ POLICY_REASON_NEXT_NO_STARTTLS, 451, 550 },
	{ POLICY_REASON_NEXT_TLS_FAILED, 451, 550 },
	{ POLICY_REASON_NEXT_UNVERIFIED, 451, 550 },
	{ POLICY_REASON_NEXT_UNREACHABLE, 451, 451 },
	{ POLICY_REASON_SENDER_NEEDS_TLS, 530, 550 },
	{ POLICY_REASON_CONTENT_MATCH, 451, 550 },
	{ POLICY_REASON_CONTENT_UNINSPECTED, 451, 451 },
	{ POLICY_REASON_UNDECIDED, 451, 451 },
};
_Static_assert(COUNT_OF(wanted) == POLICY_REASON_COUNT, "each reason is looked at");

static uint16_t code_of(enum verdict_kind kind, enum policy_reason reason)
{
	struct smtp_reply reply;
	smtp_reply_set(&reply, verdict_reply((struct verdict){ .kind = kind, .reason = reason }));
	return reply.code;
}

static void each_reason_has_its_reply(void)
{
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		CU_ASSERT_EQUAL(wanted[i].reason, i);
		CU_ASSERT_EQUAL(code_of(VERDICT_DEFER, wanted[i].reason), wanted[i].defer);
		CU_ASSERT_EQUAL(code_of(VERDICT_REJECT, wanted[i].reason), wanted[i].reject);
	}
}

static void no_reply_to_a_verdict_is_positive(void)
{
	for (unsigned reason = 0; reason < POLICY_REASON_COUNT; reason++) {
		CU_ASSERT_TRUE(code_of(VERDICT_DEFER, (enum policy_reason)reason) >= 400);
		CU_ASSERT_TRUE(code_of(VERDICT_REJECT, (enum policy_reason)reason) >= 400);
	}
}

static void zeroed_memory_is_deferred(void)
{
	CU_ASSERT_EQUAL(code_of(VERDICT_INVALID, POLICY_REASON_NONE), 451);
}

static void texts_are_those_the_operators_manual_promises(void)
{
	struct smtp_reply reply;
	smtp_reply_set(&reply,
	               verdict_reply((struct verdict){ .kind = VERDICT_DEFER,
	                                               .reason = POLICY_REASON_NEXT_NO_STARTTLS }));
	CU_ASSERT_EQUAL(reply.bytes, strlen("4.7.10 Recipient does not support STARTTLS"));
	CU_ASSERT_NSTRING_EQUAL(reply.text, "4.7.10 Recipient does not support STARTTLS",
	                        reply.bytes);
	smtp_reply_set(&reply,
	               verdict_reply((struct verdict){ .kind = VERDICT_REJECT,
	                                               .reason = POLICY_REASON_NEXT_NO_STARTTLS }));
	CU_ASSERT_NSTRING_EQUAL(reply.text, "5.7.10 ", 7);
}

UNIT("relay/verdict", { "each reason has its reply", each_reason_has_its_reply },
     { "no reply to a verdict is positive", no_reply_to_a_verdict_is_positive },
     { "zeroed memory is deferred", zeroed_memory_is_deferred },
     { "texts are those the operator's manual promises",
       texts_are_those_the_operators_manual_promises })
