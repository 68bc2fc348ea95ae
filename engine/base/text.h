/*
 * text.h - building short texts without stdio: reply lines, descriptions, log fields.
 *
 * A text writes into a caller's buffer and is cut at its end, never overrun; `cut` says so. The result
 * is always NUL-terminated (capacity must be at least 1).
 */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct text {
	char *begin;
	size_t used;
	size_t capacity; /* bytes of the buffer, with the NUL */
	bool cut;
};

struct text text_of(char *buffer, size_t capacity);
void text_str(struct text *t, const char *s);
void text_span(struct text *t, struct span s);
/* Like text_span, but bytes outside 0x21..0x7e become '?': for logs and replies that quote a peer. */
void text_printable(struct text *t, struct span s);
void text_char(struct text *t, char c);
void text_u64(struct text *t, uint64_t v);
/* Decimal with at least `digits` digits, zero-padded. */
void text_u64_padded(struct text *t, uint64_t v, unsigned digits);
void text_hex(struct text *t, uint64_t v, unsigned digits);

static inline struct span text_as_span(const struct text *t)
{
	return span_of(t->begin, t->used);
}

#endif
