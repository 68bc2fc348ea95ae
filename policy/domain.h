/*
 * domain.h - domain names as the policy compares them: lower-case A-labels, without a trailing dot.
 *
 * Names are compared as bytes. A U-label (any byte above 0x7e) cannot be compared with an A-label
 * without the Unicode tables of IDNA, so that it equals nothing here; see "Limits" in README.md for
 * what follows from it.
 */
#ifndef WEIR_POLICY_DOMAIN_H
#define WEIR_POLICY_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/span.h"

#define DOMAIN_BYTES_MAX       253u /* RFC 1035 2.3.4: 255 octets on the wire */
#define DOMAIN_LABEL_BYTES_MAX 63u
#define DOMAIN_NONE            UINT32_MAX

/* Labels of letters, digits, '-' and '_' (the last is seen in practice), no '-' at their ends. */
bool domain_is_valid(struct span name);
/* What a configuration may list: a domain, '.' and a domain, or "*". */
bool domain_pattern_is_valid(struct span pattern);
/* Only visible ASCII: what can be compared with a pattern, and be handed on as a C string. */
bool domain_is_comparable(struct span name);
/* Writes the lower-case form without a trailing dot, and NUL; an empty span when it does not fit.
 */
struct span domain_lower(struct span name, struct room room);

/* Patterns -> values. The texts of the patterns outlive the table. */
struct domain_table {
	struct domain_entry *entries;
	uint32_t mask; /* slots - 1; a power of two, at most half of them in use */
	uint32_t count;
	uint32_t value_any; /* of "*"; DOMAIN_NONE: not listed */
};

/* Room for `patterns` of them. False: the arena is full (or only counting). */
MUST_USE bool domain_table_init(struct domain_table *t, struct arena *arena, uint32_t patterns);
/* `pattern` in lower case. Of one that is listed twice the first value stays. */
void domain_table_add(struct domain_table *t, struct span pattern, uint32_t value);
/* The value of the longest pattern that matches `lower` (an exact one before all suffixes, "*"
 * last); DOMAIN_NONE: none does. O(length). */
uint32_t domain_table_find(const struct domain_table *t, struct span lower);

#endif
