/*
 * reply.h - SMTP replies as values, and the table of every text we ever say (replies.def).
 *
 * A reply is either one of ours, by id, or forwarded from the next hop: class, code and text of the
 * next hop's lines, re-framed (RFC 5321 4.2). It is bounded and holds its own copy, so it can wait.
 */
#ifndef WEIR_SMTP_REPLY_H
#define WEIR_SMTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"

#define SMTP_REPLY_TEXT_MAX 1000u /* bytes of all lines of one reply kept; longer ones are cut at a line */
#define SMTP_REPLY_LINES_MAX 16u  /* a longer next-hop reply is read to its end, its further lines dropped */

/* Rows of replies.def: REPLY(NAME, code, "x.y.z" or "", "text"). */
enum smtp_reply_id {
	SMTP_REPLY_NONE = 0,
#define REPLY(name, code, enhanced, text) SMTP_REPLY_##name,
#include "smtp/replies.def"
#undef REPLY
	SMTP_REPLY_COUNT
};

struct smtp_reply {
	uint16_t code;  /* 200..599; 0: no reply */
	uint16_t lines; /* >= 1 once there is a code */
	uint16_t bytes; /* of text, lines separated by '\n', without code; the enhanced code leads the text */
	char text[SMTP_REPLY_TEXT_MAX];
};

/* Our own reply. */
void smtp_reply_set(struct smtp_reply *r, enum smtp_reply_id id);
/* Our own reply with the row's text replaced after the enhanced code (policy texts); one line,
 * printable. */
void smtp_reply_set_text(struct smtp_reply *r, enum smtp_reply_id id, struct span text);
/* From parts: code 200..599, enhanced "" or "x.y.z", one line of text. */
void smtp_reply_make(struct smtp_reply *r, uint16_t code, struct span enhanced, struct span text);

#define SMTP_REPLY_WIRE_MAX (SMTP_REPLY_TEXT_MAX + 6 * SMTP_REPLY_LINES_MAX) /* formatted, at most */

struct byteq;
struct block_pool;

/* Appends the reply's lines to `out`: "250-text CRLF ... 250 text CRLF". The caller has made sure
 * that SMTP_REPLY_WIRE_MAX bytes fit. */
void smtp_reply_write(const struct smtp_reply *r, struct byteq *out, struct block_pool *pool);
/* Reads one line (without CRLF) of a next-hop reply into *r, which is zeroed before the first.
 * Further lines must have the same code. *last says that the reply is complete. False: this is no
 * reply line. */
MUST_USE bool smtp_reply_line(struct smtp_reply *r, struct span line, bool *last);
/* The row's name, for logs and tests. */
const char *smtp_reply_name(enum smtp_reply_id id);

static inline bool smtp_reply_positive(const struct smtp_reply *r)
{
	return r->code >= 200 && r->code < 400;
}
static inline bool smtp_reply_transient(const struct smtp_reply *r)
{
	return r->code >= 400 && r->code < 500;
}

#endif
