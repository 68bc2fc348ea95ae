/*
 * seq.c - sequence arithmetic (wire/seq.h) for all numbers: what order means while a window spans less than half of
 * the space (RFC 9293 3.4), and that ranges wrap.
 */
#include "prove.h"
#include "wire/seq.h"

#define HALF 0x80000000u

static void order(struct seq a, struct seq b)
{
	uint32_t ahead = b.v - a.v;
	CLAIM(seq_lt(a, b) == (ahead != 0 && ahead < HALF), "less: ahead by less than half of the space");
	CLAIM(seq_le(a, b) == (ahead < HALF), "less or equal: the same, or equal");
	CLAIM(seq_gt(a, b) == seq_lt(b, a), "greater is less, the other way round");
	CLAIM(seq_eq(a, b) == (ahead == 0), "equal: no distance");
	CLAIM(ahead == 0 || ahead == HALF || seq_lt(a, b) != seq_lt(b, a), "of two numbers one is less, but for the opposite one");
	CLAIM(seq_eq(seq_add(a, seq_span(a, b)), b), "a number and its distance make the other");
	CLAIM(ahead == HALF || seq_diff(a, b) == -seq_diff(b, a), "signed distances are opposite");
	CLAIM(seq_eq(seq_max(a, b), a) || seq_eq(seq_max(a, b), b), "the maximum is one of the two");
	CLAIM(ahead == HALF || (seq_le(a, seq_max(a, b)) && seq_le(b, seq_max(a, b))), "the maximum is less than neither");
	CLAIM(ahead == HALF || (seq_ge(a, seq_min(a, b)) && seq_ge(b, seq_min(a, b))), "the minimum is greater than neither");
}

/* Three numbers within one window. */
static void window(struct seq base, uint32_t x, uint32_t y, uint32_t z)
{
	struct seq a = seq_add(base, x), b = seq_add(base, y), c = seq_add(base, z);
	ASSUME(x < HALF);
	ASSUME(y < HALF);
	ASSUME(z < HALF);
	CLAIM(seq_lt(a, b) == (x < y), "in a window order is that of the distances, wherever it wraps");
	CLAIM(!(seq_lt(a, b) && seq_lt(b, c)) || seq_lt(a, c), "in a window order is transitive");
	CLAIM(seq_within(a, base, y) == (x < y), "within: less than so many behind the beginning");
}

void prove_once(void)
{
	struct seq a = seq_of(ANY_U32()), b = seq_of(ANY_U32());
	uint32_t x = ANY_U32(), y = ANY_U32(), z = ANY_U32(), n = ANY_U32();
	order(a, b);
	CLAIM(seq_within(a, b, n) == ((uint32_t)(a.v - b.v) < n), "within holds for ranges of any length");
	window(a, x, y, z);
}
