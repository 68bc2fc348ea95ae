/*
 * header.h - the message header as a stream of unfolded fields (RFC 5322 2.2, 2.2.3).
 *
 * Fed with body content as it passes (spans cut anywhere), it reports each header field once,
 * unfolded, and the end of the header. It never holds the message: one field up to MIME_FIELD_MAX,
 * the rest of a longer field is skipped and flagged. Pure; blocks come from the worker's pool and
 * are given back at the end.
 */
#ifndef WEIR_MIME_HEADER_H
#define WEIR_MIME_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/check.h"
#include "base/span.h"

#define MIME_FIELD_MAX 4000u    /* bytes of one unfolded field kept (fits one block) */
#define MIME_HEADER_MAX 1048576u /* bytes of the whole header; beyond, the header is ended and flagged */

enum mime_header_event_kind {
	MIME_NONE = 1,   /* all bytes eaten */
	MIME_FIELD,      /* one field: name, value */
	MIME_HEADER_END, /* the empty line was seen, or a line that cannot be a field: bytes from here on are body */
};

struct mime_header_event {
	enum mime_header_event_kind kind;
	struct span name;  /* without colon and trailing white space */
	struct span value; /* unfolded, without leading and trailing white space. MIME_HEADER_END: the bytes of
	                    * the first body line that were eaten before it was clear that it is no
	                    * field */
	bool cut;          /* MIME_FIELD: longer than MIME_FIELD_MAX; MIME_HEADER_END: header over its bound */
};

struct mime_header {
	struct block_pool *pool;
	struct block *field; /* the field being collected; NULL between fields */
	uint32_t header_bytes;
	uint8_t state;    /* header.c's */
	bool open;        /* a field is being collected, with or without a block */
	bool reported;    /* the block's field was handed out and is given back at the next call */
	bool cut;         /* of the field */
	bool header_cut;
};

void mime_header_init(struct mime_header *h, struct block_pool *pool);
void mime_header_fini(struct mime_header *h);
/* Eats bytes up to and including one event; returns how many. After MIME_HEADER_END nothing is
 * eaten. When no block can be had the field is skipped and reported with cut set and an empty
 * value. */
MUST_USE size_t mime_header_input(struct mime_header *h, struct span bytes,
                                  struct mime_header_event *event);
/* The message ended inside its header: reports the field still open (MIME_FIELD), then
 * MIME_HEADER_END. */
void mime_header_end(struct mime_header *h, struct mime_header_event *event);

#endif
