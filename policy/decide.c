/*
 * decide.c - the TLS level and how the next leg stands -> may mail travel on it. See policy.h.
 *
 * The whole decision is one rectangle, level by fact. A cell that nobody filled is zero, which is
 * UNDECIDED and defers; so does a fact or a level from outside the rectangle. A level that encrypts
 * has no PASS in the columns of plaintext, one that verifies has only one PASS.
 */
#include "policy/policy.h"

enum outcome {
	U = 0, /* undecided */
	P,     /* mail may travel */
	S,     /* no STARTTLS where the level demands it */
	F,     /* TLS was tried and failed */
	V,     /* the certificate does not hold */
	X,     /* no connection: not a matter of TLS */
};

#define FACTS (NEXT_FACT_UNREACHABLE + 1)

/* clang-format off */
static const uint8_t outcomes[TLS_LEVEL_COUNT][FACTS] = {
	/* columns: unknown, plain, refused, TLS, verified, failed, unverified, unreachable */
	[TLS_LEVEL_NONE]          = { U, P, P, P, P, F, V, X },
	[TLS_LEVEL_OPPORTUNISTIC] = { U, P, P, P, P, F, V, X },
	[TLS_LEVEL_ENCRYPT]       = { U, S, F, P, P, F, V, X },
	[TLS_LEVEL_VERIFY]        = { U, S, F, V, P, F, V, X },
};
/* clang-format on */
_Static_assert(TLS_LEVEL_COUNT == TLS_LEVEL_VERIFY + 1, "each level has its line in the rectangle");
_Static_assert(NEXT_FACT_UNREACHABLE == 7, "each fact has its column in the rectangle");

struct level_row {
	const char *name;
	bool encrypts, verifies;
};

static const struct level_row levels[TLS_LEVEL_COUNT] = {
	[TLS_LEVEL_INVALID] = { "invalid", true,
				true }, /* what nobody set is as strict as can be */
#define LEVEL(name_, text_, encrypts_, verifies_) \
	[TLS_LEVEL_##name_] = { text_, encrypts_, verifies_ },
#include "policy/tls_levels.def"
#undef LEVEL
};

static const char *const reason_texts[POLICY_REASON_COUNT] = {
	[POLICY_REASON_NONE] = "none",
#define REASON(name_, kind_, text_) [POLICY_REASON_##name_] = text_,
#include "policy/reasons.def"
#undef REASON
};

static const struct level_row *level_row(enum tls_level level)
{
	return &levels[(uint32_t)level < TLS_LEVEL_COUNT ? level : TLS_LEVEL_INVALID];
}

const char *tls_level_name(enum tls_level level)
{
	return level_row(level)->name;
}

bool tls_level_encrypts(enum tls_level level)
{
	return level_row(level)->encrypts;
}

bool tls_level_verifies(enum tls_level level)
{
	return level_row(level)->verifies;
}

const char *policy_reason_text(enum policy_reason reason)
{
	return reason_texts[(uint32_t)reason < POLICY_REASON_COUNT ? reason
								   : POLICY_REASON_UNDECIDED];
}

static enum outcome outcome_of(const struct policy_next *next, enum policy_fact_next fact)
{
	if ((uint32_t)next->level >= TLS_LEVEL_COUNT || (uint32_t)fact >= FACTS)
		return U;
	enum outcome o = outcomes[next->level][fact];
	/* Without a name to compare, "verified" says nothing about whom we speak to. */
	if (o == P && tls_level_verifies(next->level) && next->reference_count == 0)
		return V;
	return o;
}

/* Not passing. The rule's on_failure speaks of a level that was not reached; where the level
 * demands nothing, the fault is the connection's and may be gone next time. */
static struct verdict fail(const struct policy_next *next, enum policy_reason reason)
{
	bool reject = tls_level_encrypts(next->level) &&
		      next->tls->on_failure == SETTINGS_ON_FAILURE_REJECT;
	return (struct verdict){
		.kind = reject ? VERDICT_REJECT : VERDICT_DEFER,
		.reason = reason,
		.rule = next->tls->domains.count > 0 ? next->tls->domains.items[0] : NULL,
	};
}

struct verdict policy_judge_next(const struct policy_next *next, enum policy_fact_next fact)
{
	if (!next->routed)
		return (struct verdict){ .kind = VERDICT_REJECT,
					 .reason = POLICY_REASON_ROUTE_DENIED };
	switch (outcome_of(next, fact)) {
	case P:
		return (struct verdict){ .kind = VERDICT_PASS };
	case S:
		return fail(next, POLICY_REASON_NEXT_NO_STARTTLS);
	case F:
		return fail(next, POLICY_REASON_NEXT_TLS_FAILED);
	case V:
		return fail(next, POLICY_REASON_NEXT_UNVERIFIED);
	case X:
		return (struct verdict){ .kind = VERDICT_DEFER,
					 .reason = POLICY_REASON_NEXT_UNREACHABLE };
	case U:
		break; /* below: what nothing decides is deferred */
	}
	return (struct verdict){ .kind = VERDICT_DEFER, .reason = POLICY_REASON_UNDECIDED };
}

bool policy_may_fall_back(const struct policy_next *next, enum policy_fact_next fact)
{
	if (!next->routed || tls_level_encrypts(next->level))
		return false;
	switch (fact) {
	case NEXT_FACT_STARTTLS_REFUSED:
	case NEXT_FACT_TLS_FAILED:
	case NEXT_FACT_TLS_UNVERIFIED:
		return true;
	case NEXT_FACT_UNKNOWN:
	case NEXT_FACT_PLAIN:
	case NEXT_FACT_TLS:
	case NEXT_FACT_TLS_VERIFIED:
	case NEXT_FACT_UNREACHABLE:
		return false; /* nothing that TLS spoilt */
	}
	return false;
}

bool policy_wants_tls(const struct policy_next *next)
{
	return next->level != TLS_LEVEL_NONE;
}
