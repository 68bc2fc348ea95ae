/*
 * server_state.h - the near side's machine as memory: fields are private to server*.c, the size is
 * public.
 *
 * An idle session holds no block: the HELO name is kept inline, a split command line and queued
 * replies are in blocks only as long as they exist.
 */
#ifndef WEIR_SMTP_SERVER_STATE_H
#define WEIR_SMTP_SERVER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/instant.h"
#include "smtp/body.h"
#include "smtp/line.h"
#include "smtp/mail.h"

struct smtp_server_config;

struct smtp_server {
	const struct smtp_server_config *config;
	struct block_pool *pool;
	struct instant deadline;
	struct byteq out;    /* replies */
	size_t out_held;     /* of them, at the end, those that wait until a refused chunk is eaten */
	struct block *spare; /* held while an answer is owed, so that there is always room to write it */
	struct smtp_line line;
	struct smtp_body body;
	uint64_t chunk_left;
	uint64_t swallowed; /* bytes eaten for nothing since the last good message */
	uint32_t recipients;
	uint16_t owed;    /* enum smtp_reply_id: the next reply, written when there is a block */
	uint16_t goodbye; /* enum smtp_reply_id: says so and closes as soon as no answer is owed */
	uint16_t said; /* bytes of the reply last said */
	uint16_t errors;
	uint16_t junk;
	uint8_t phase;         /* enum smtp_server_phase */
	uint8_t after_swallow; /* enum smtp_server_phase */
	uint8_t waits;         /* enum smtp_server_event_kind that awaits its answer, or 0 */
	uint8_t body_type;     /* enum smtp_body_type of the transaction */
	bool smtputf8;         /* of the transaction */
	bool transaction;      /* MAIL was answered positively and the end was not reported */
	bool chunk_last;
	bool esmtp;
	bool tls;
	bool tls_implicit;
	bool close_due;    /* SERVER_CLOSE is to be reported */
	uint8_t helo_bytes;
	uint8_t helo[255]; /* SMTP_HELO_MAX */
};

_Static_assert(sizeof(struct smtp_server) <= 640, "an idle near session is small");

#endif
