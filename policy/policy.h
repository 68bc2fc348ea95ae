/*
 * policy.h - the compiled policy: facts in, verdict out; the same input always gives the same
 * answer.
 *
 * Made from settings at launch (and at each reload); immutable; shared by all workers for reading.
 * What needs memory that changes (matching streams) is per worker: see content.h.
 *
 * Domains are compared in lower case, as A-labels (an exact entry matches the domain itself,
 * ".suffix" the names below it and not the suffix itself, "*" everything); the longest match wins,
 * an exact one over all suffixes.
 */
#ifndef WEIR_POLICY_POLICY_H
#define WEIR_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/prng.h"
#include "base/span.h"
#include "policy/settings.h"

struct policy;

/* NULL when it does not fit in the arena. The settings outlive the policy. */
MUST_USE struct policy *policy_make(struct arena *arena, const struct settings *settings);
/* The key under which group keys are hashed, random in each process; before the first policy_next_find(). Senders choose
 * the domains that go into a group key: without the secret they could choose two groups that look alike. */
void policy_secret_set(struct policy *p, struct siphash_key secret);

/* ---- where to, and how protected ---- */

struct policy_next {
	bool routed; /* false: no route for this domain: relaying denied */
	const struct settings_route *route;
	const struct settings_tls_next
		*tls; /* never NULL when routed: a built-in opportunistic rule is the last */
	enum tls_level level;
	uint32_t reference_count;
	const char *references[4]; /* names a verified certificate must carry one of */
	const char *server_name;   /* SNI; NULL for an address */
	uint64_t group_key; /* equal for recipients that may share a transaction and a connection */
};

/* `domain`: of the recipient, as written; an empty one (<postmaster>) is "postmaster"'s: the first
 * listener's hostname. `scratch` holds the lower-case form when a reference needs it; it outlives
 * the use of *next. */
#define POLICY_SCRATCH_BYTES 256u
void policy_next_find(const struct policy *p, struct span domain, struct room scratch,
		      struct policy_next *next);

/* The rule for an envelope sender's domain on near, or NULL: none named. */
const struct settings_tls_near *policy_near_find(const struct policy *p, struct span sender_domain);

/* ---- facts -> verdict ---- */

enum policy_reason { /* rows of reasons.def: REASON(name, kind, text) */
		     POLICY_REASON_NONE = 0,
#define REASON(name, kind, text) POLICY_REASON_##name,
#include "policy/reasons.def"
#undef REASON
		     POLICY_REASON_COUNT
};

enum verdict_kind { /* zeroed memory is no verdict; what nothing decides is deferred, never passed
		     */
		    VERDICT_INVALID = 0,
		    VERDICT_PASS,
		    VERDICT_DEFER,
		    VERDICT_REJECT,
};

struct verdict {
	enum verdict_kind kind;
	enum policy_reason reason;
	const char *rule; /* the operator's name of the rule that decided; NULL: none */
};

enum policy_fact_next { /* how the next leg stands, told by the relay */
			NEXT_FACT_UNKNOWN = 0,
			NEXT_FACT_PLAIN, /* connected, no TLS: STARTTLS not offered or not wanted */
			NEXT_FACT_STARTTLS_REFUSED, /* offered, but STARTTLS was answered 4yz/5yz */
			NEXT_FACT_TLS,              /* TLS is on, certificate not verified */
			NEXT_FACT_TLS_VERIFIED,     /* TLS is on, chain and name verified */
			NEXT_FACT_TLS_FAILED,       /* the handshake failed */
			NEXT_FACT_TLS_UNVERIFIED, /* the handshake failed at the certificate (trust,
						     name, dates) */
			NEXT_FACT_UNREACHABLE, /* no TCP connection, or lost before the greeting was
						  done */
};

/* May mail travel on this leg? PASS, or DEFER/REJECT with the reason (on_failure decides which).
 * Nothing weaker than the level ever passes. */
struct verdict policy_judge_next(const struct policy_next *next, enum policy_fact_next fact);
/* May the relay try again on a new connection without TLS after `fact`? Only where the level allows
 * plaintext. */
bool policy_may_fall_back(const struct policy_next *next, enum policy_fact_next fact);
/* Should the relay use STARTTLS on next when it is offered? */
bool policy_wants_tls(const struct policy_next *next);

/* MAIL from this sender on a leg with or without TLS. PASS, or the reason: SENDER_NEEDS_TLS
 * (530 5.7.0). */
struct verdict policy_judge_near(const struct policy *p, struct span sender_domain, bool near_tls);

/* The content's verdict from the lowest rule index that matched (UINT32_MAX: none matched).
 * `inspected` is false when any byte was not inspected: then the answer is DEFER. */
struct verdict policy_judge_content(const struct policy *p, uint32_t rule, bool inspected);

const char *policy_reason_text(enum policy_reason reason);
const char *tls_level_name(enum tls_level level);
bool tls_level_encrypts(enum tls_level level); /* plaintext is forbidden */
bool tls_level_verifies(enum tls_level level);

#endif
