/*
 * line.h - the judge of CR, LF and NUL in command and reply lines (RFC 5321 2.3.8), and the scanner
 * that body.c builds on.
 *
 * Only CRLF ends a line. A line that lies within the given span is borrowed, without a copy; a line
 * that is split between calls is gathered in one pool block, which smtp_line_done() gives back.
 * Bounds: bytes_max per line (longer ones are swallowed to their CRLF and reported),
 * SMTP_LINE_SWALLOW_MAX for what is swallowed.
 */
#ifndef WEIR_SMTP_LINE_H
#define WEIR_SMTP_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/check.h"
#include "base/span.h"

#define SMTP_LINE_SWALLOW_MAX 1048576u /* bytes of one overlong line; whoever sends more is cut off */

enum smtp_line_outcome {
	LINE_PART = 1, /* all bytes eaten, the line goes on */
	LINE_WHOLE,    /* *line, without its CRLF */
	LINE_LONG,     /* over bytes_max; swallowed to its CRLF */
	LINE_BAD,      /* held a bare CR or a NUL; swallowed to its CRLF */
	LINE_BARE_LF,  /* a LF without CR; eaten up to and with that LF */
	LINE_ENDLESS,  /* over SMTP_LINE_SWALLOW_MAX without CRLF */
	LINE_NO_ROOM,  /* the line must be gathered and there is no block: nothing eaten */
};

struct smtp_line {
	struct block *gather; /* the beginning of a split line */
	uint32_t bytes;       /* of the line so far */
	uint16_t bytes_max;   /* at most BLOCK_DATA_BYTES */
	bool after_cr;
	bool bad;
	bool whole; /* `gather` holds a finished line that was handed out */
};

void smtp_line_init(struct smtp_line *l, uint16_t bytes_max);
/* Eats bytes up to the end of one line; returns how many. *line is valid until smtp_line_done(). */
MUST_USE size_t smtp_line_input(struct smtp_line *l, struct block_pool *pool, struct span bytes,
                                struct span *line, enum smtp_line_outcome *outcome);
/* The line last handed out is no longer needed. */
void smtp_line_done(struct smtp_line *l, struct block_pool *pool);
/* Gives back everything; an unfinished line is forgotten. */
void smtp_line_fini(struct smtp_line *l, struct block_pool *pool);

/* Index of the first CR, LF or NUL, or s.bytes when there is none. */
size_t smtp_line_scan(struct span s);
/* Index of the first LF, or s.bytes when there is none. */
size_t smtp_line_scan_lf(struct span s);

#endif
