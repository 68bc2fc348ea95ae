/*
 * body.h - message content as it is received: judged, and unstuffed where it came through DATA.
 *
 * With line.c the only judge of CR, LF, NUL and dot. Content comes out as borrowed spans with CRLF
 * line ends; no byte is ever kept (a CR at the end of a span is remembered, not stored). After the
 * first fault nothing more comes out and bytes are eaten to the real end, which is CRLF.CRLF and
 * nothing else (RFC 5321 4.1.1.4).
 */
#ifndef WEIR_SMTP_BODY_H
#define WEIR_SMTP_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"
#include "smtp/mail.h"

/* RFC 5321 4.5.3.1.6 asks for 1000 at least and wishes for no limit; real mail often exceeds 1000
 * and nothing is stored per line here, so the bound only stops what is no text at all. */
#define SMTP_TEXT_LINE_MAX 65536u

struct smtp_body_rules {
	uint64_t bytes_max;      /* content bytes, unstuffed; 0: no limit */
	uint32_t line_bytes_max; /* without CRLF; 0: SMTP_TEXT_LINE_MAX */
	bool dots;               /* DATA: lone dot ends, leading dots are stuffed. False: BDAT */
	bool seven_bit;          /* 8-bit content is a fault */
};

struct smtp_body {
	struct smtp_body_rules rules;
	uint64_t bytes;      /* content bytes so far, unstuffed */
	uint32_t line_bytes; /* of the line under way */
	uint8_t at;          /* enum in body.c */
	uint8_t fault;       /* enum smtp_body_fault: the first one */
};

enum smtp_body_outcome {
	BODY_MORE = 1, /* all bytes eaten */
	BODY_CONTENT,  /* *content: the next piece */
	BODY_DONE,     /* DATA only: the end was eaten; look at b->fault */
};

void smtp_body_init(struct smtp_body *b, const struct smtp_body_rules *rules);
MUST_USE size_t smtp_body_input(struct smtp_body *b, struct span bytes, struct span *content,
                                enum smtp_body_outcome *outcome);
/* BDAT: the last chunk was eaten whole. A CR still remembered was a bare one. */
void smtp_body_finish(struct smtp_body *b);

#endif
