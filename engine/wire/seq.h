/*
 * seq.h - sequence numbers: 32 bits that wrap (RFC 9293 3.4).
 *
 * A struct, so that `<` on two of them does not compile. Comparisons are meaningful between numbers
 * less than 2^31 apart, which windows of at most 2^30 bytes guarantee (RFC 7323 2.3). The
 * difference of timestamps (RFC 7323 5.2) obeys the same arithmetic and uses the same type.
 */
#ifndef WEIR_WIRE_SEQ_H
#define WEIR_WIRE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

struct seq {
	uint32_t v;
};

static inline struct seq seq_of(uint32_t v)
{
	return (struct seq){ .v = v };
}

static inline struct seq seq_add(struct seq a, uint32_t n)
{
	return seq_of(a.v + n);
}

/* Signed distance from `from` to `to`. */
static inline int32_t seq_diff(struct seq from, struct seq to)
{
	return (int32_t)(to.v - from.v);
}

/* Distance from `from` to `to`, which is known not to lie before it. */
static inline uint32_t seq_span(struct seq from, struct seq to)
{
	return to.v - from.v;
}

static inline bool seq_eq(struct seq a, struct seq b)
{
	return a.v == b.v;
}

static inline bool seq_lt(struct seq a, struct seq b)
{
	return seq_diff(a, b) > 0;
}

static inline bool seq_le(struct seq a, struct seq b)
{
	return seq_diff(a, b) >= 0;
}

static inline bool seq_gt(struct seq a, struct seq b)
{
	return seq_lt(b, a);
}

static inline bool seq_ge(struct seq a, struct seq b)
{
	return seq_le(b, a);
}

static inline struct seq seq_max(struct seq a, struct seq b)
{
	return seq_lt(a, b) ? b : a;
}

static inline struct seq seq_min(struct seq a, struct seq b)
{
	return seq_lt(a, b) ? a : b;
}

/* Is begin <= a < begin + bytes? */
static inline bool seq_within(struct seq a, struct seq begin, uint32_t bytes)
{
	return seq_span(begin, a) < bytes;
}

#endif
