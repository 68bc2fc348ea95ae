/*
 * stuff.h - dot-stuffing of content that leaves through DATA (RFC 5321 4.5.2).
 *
 * The stuffing belongs to our line structure, not to what was received: a dot that was unstuffed on
 * the near side is stuffed anew, and a body that came in BDAT chunks is stuffed for the first time.
 */
#ifndef WEIR_SMTP_STUFF_H
#define WEIR_SMTP_STUFF_H

#include <stdbool.h>

#include "base/blocks.h"
#include "base/check.h"
#include "base/span.h"

struct smtp_stuff {
	bool line_start; /* the last byte written was a LF, or none was written yet */
};

void smtp_stuff_init(struct smtp_stuff *s);
/* Appends `content`, stuffed, to `out`; returns how much of the content was taken (less than all
 * when the pool ran out). *written counts the bytes appended. Content may be cut anywhere between
 * calls. */
MUST_USE size_t smtp_stuff_write(struct smtp_stuff *s, struct byteq *out, struct block_pool *pool,
                                 struct span content, size_t *written);
/* What ends the body: ".CRLF", led by a CRLF where the last line has none. */
struct span smtp_stuff_end(const struct smtp_stuff *s);

#endif
