/*
 * client_state.h - the next side's machine as memory: fields are private to client*.c, the size is
 * public.
 *
 * An idle (pooled) session holds no block.
 */
#ifndef WEIR_SMTP_CLIENT_STATE_H
#define WEIR_SMTP_CLIENT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/instant.h"
#include "smtp/line.h"
#include "smtp/reply.h"
#include "smtp/stuff.h"

#define SMTP_CLIENT_PENDING_MAX 128u /* requests whose replies are awaited */
#define SMTP_CLIENT_PENDING_RESERVE 4u /* places that chunks leave for what ends a transaction, and
					 envelopes for chunks */

struct smtp_client_config;

struct smtp_client_request {
	uint32_t kind : 8;   /* enum smtp_request */
	uint32_t bytes : 24; /* that stand for it in `out`; 0: nothing is sent for it */
};

struct smtp_client {
	const struct smtp_client_config *config;
	struct block_pool *pool;
	struct byteq out;   /* framed: commands, chunks, stuffed content */
	struct byteq chunk; /* content of the BDAT chunk being gathered */
	struct block *spare; /* held while a chunk is gathered, so that it can always be framed */
	size_t allowed;     /* bytes at the front of `out` that may leave now */
	struct instant since; /* the last progress; deadlines run from here */
	struct smtp_line line;
	uint64_t size_limit;
	uint32_t extensions;
	uint32_t reply_bytes; /* of the reply being read */
	uint16_t first;       /* of `requests`, a ring */
	uint16_t count;       /* unanswered requests */
	uint16_t released;    /* of them, from the front, those whose bytes may leave */
	uint16_t gates;       /* of those, such as must be answered before more leaves (RFC 2920 3.1) */
	uint8_t phase;        /* enum smtp_client_phase */
	uint8_t owed;         /* enum smtp_request to be queued when there is room, or 0 */
	uint8_t chunks;       /* BDAT chunks unanswered */
	bool tls;
	bool bdat;         /* of the transaction */
	bool chunk_failed; /* a chunk was refused: the rest is swallowed */
	bool end_wanted;   /* the end was ordered and is not framed yet */
	bool end_framed;
	bool committed;
	struct smtp_stuff stuff;
	struct smtp_client_request requests[SMTP_CLIENT_PENDING_MAX];
	struct smtp_reply reply; /* being read, or last reported */
};

#endif
