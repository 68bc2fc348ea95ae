/*
 * near.h - a near sender for unit tests: feeds a server machine, plays a simple relay, and writes
 * down what happened. Replies and events are kept apart, because when a reply leaves depends on how
 * the input was cut.
 *
 * The relay played here says 250 to everything, except: recipients or senders that hold "bad"
 * (550), "later" (451); a body fault gets the fault's reply.
 */
#ifndef WEIR_TESTS_UNIT_SMTP_NEAR_H
#define WEIR_TESTS_UNIT_SMTP_NEAR_H

#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "base/prng.h"
#include "smtp/server.h"
#include "tests/unit/unit.h"

#define NEAR_BLOCKS 64u
#define NEAR_TEXT_BYTES 1048576u

struct near_text {
	char *data;
	size_t bytes;
};

struct near {
	struct smtp_server_config config;
	struct smtp_server server;
	struct block_pool pool;
	void *memory;
	struct instant now;
	struct near_text replies;
	struct near_text events; /* "MAIL(a@b) RCPT(c@d) DATA BODY_END " and so on */
	struct near_text body;   /* content of all messages, each behind its events */
	size_t eaten;
	enum smtp_reply_id data_answer;    /* instead of 354, when set */
	enum smtp_reply_id chunk_answer;   /* instead of 250, when set */
	bool auto_tls;                     /* SERVER_STARTTLS: flush, start TLS, go on */
	bool keep_output;                  /* do not take replies out while feeding */
	bool tls_pending;                  /* with keep_output: TLS starts when the 220 is on its way */
	bool closed;
	enum smtp_reply_id close_reply; /* the machine's last word */
};

static inline void near_text_add(struct near_text *t, struct span s)
{
	if (s.bytes > NEAR_TEXT_BYTES - 1 - t->bytes)
		abort();
	if (s.bytes > 0)
		memcpy(t->data + t->bytes, s.data, s.bytes);
	t->bytes += s.bytes;
	t->data[t->bytes] = '\0';
}

static inline void near_text_str(struct near_text *t, const char *s)
{
	near_text_add(t, span_of(s, strlen(s)));
}

static inline struct smtp_server_config near_config(void)
{
	return (struct smtp_server_config){
		.hostname = SPAN("mx.weir.test"),
		.message_bytes_max = 1000000,
		.recipients_max = 100,
		.command_timeout_us = 300 * SECOND_US,
		.data_timeout_us = 180 * SECOND_US,
		.starttls = true,
		.chunking = true,
		.smtputf8 = true,
	};
}

static inline void near_open(struct near *n, const struct smtp_server_config *config)
{
	memset(n, 0, sizeof(*n));
	n->config = config != NULL ? *config : near_config();
	n->memory = aligned_alloc(64, NEAR_BLOCKS * sizeof(struct block));
	block_pool_init(&n->pool, n->memory, NEAR_BLOCKS);
	n->replies.data = calloc(1, NEAR_TEXT_BYTES);
	n->events.data = calloc(1, NEAR_TEXT_BYTES);
	n->body.data = calloc(1, NEAR_TEXT_BYTES);
	n->now = (struct instant){ .us = 1000 };
	smtp_server_init(&n->server, &n->config, &n->pool, n->now);
}

/* Every test ends by proving the pool full again. */
static inline void near_shut(struct near *n)
{
	smtp_server_fini(&n->server);
	CU_ASSERT_EQUAL(n->pool.free_count, NEAR_BLOCKS);
	free(n->memory);
	free(n->replies.data);
	free(n->events.data);
	free(n->body.data);
}

static inline void near_flush(struct near *n)
{
	struct byteq out = { .bytes = 0 };
	uint8_t buffer[4096];

	while (smtp_server_output(&n->server, &out, sizeof(buffer), n->now) > 0) {
		size_t bytes = byteq_copy_out(&out, 0, (struct room){ .data = buffer, .bytes = sizeof(buffer) });
		near_text_add(&n->replies, span_of(buffer, bytes));
		byteq_consume(&out, &n->pool, bytes);
	}
}

static inline bool near_holds(struct span s, const char *word)
{
	size_t bytes = strlen(word);

	for (size_t i = 0; i + bytes <= s.bytes; i++)
		if (memcmp(s.data + i, word, bytes) == 0)
			return true;
	return false;
}

static inline void near_answer_mailbox(struct near *n, const char *name, struct span path,
                                       enum smtp_reply_id good)
{
	near_text_str(&n->events, name);
	near_text_add(&n->events, path);
	near_text_str(&n->events, ") ");
	enum smtp_reply_id id = good;
	if (near_holds(path, "bad"))
		id = SMTP_REPLY_NO_ROUTE;
	if (near_holds(path, "later"))
		id = SMTP_REPLY_NEXT_UNREACHABLE;
	smtp_server_answer_id(&n->server, id, n->now);
}

static inline void near_event(struct near *n, const struct smtp_server_event *event)
{
	switch (event->kind) {
	case SERVER_NONE:
		break;
	case SERVER_MAIL:
		near_answer_mailbox(n, "MAIL(", event->mail.sender.path, SMTP_REPLY_SENDER_OK);
		break;
	case SERVER_RCPT:
		near_answer_mailbox(n, "RCPT(", event->recipient.path, SMTP_REPLY_RECIPIENT_OK);
		break;
	case SERVER_DATA:
		near_text_str(&n->events, event->chunked ? "DATA(chunked) " : "DATA ");
		smtp_server_answer_id(&n->server, n->data_answer != 0 ? n->data_answer : SMTP_REPLY_START_MAIL,
		                      n->now);
		break;
	case SERVER_BODY:
		near_text_add(&n->body, event->body);
		break;
	case SERVER_CHUNK:
		near_text_str(&n->events, "CHUNK ");
		smtp_server_answer_id(&n->server, n->chunk_answer != 0 ? n->chunk_answer : SMTP_REPLY_CHUNK_OK,
		                      n->now);
		break;
	case SERVER_BODY_END:
		near_text_str(&n->events, "BODY_END ");
		smtp_server_answer_id(&n->server, SMTP_REPLY_DELIVERED, n->now);
		break;
	case SERVER_BODY_BAD:
		near_text_str(&n->events, "BODY_BAD(");
		near_text_str(&n->events, smtp_reply_name(event->fault_reply));
		near_text_str(&n->events, ") ");
		smtp_server_answer_id(&n->server, event->fault_reply, n->now);
		break;
	case SERVER_RESET:
		near_text_str(&n->events, "RESET ");
		break;
	case SERVER_STARTTLS:
		near_text_str(&n->events, "STARTTLS ");
		n->tls_pending = n->auto_tls;
		if (n->auto_tls && !n->keep_output) {
			near_flush(n);
			smtp_server_tls_started(&n->server, n->now);
		}
		break;
	case SERVER_CLOSE:
		near_text_str(&n->events, "CLOSE ");
		n->closed = true;
		n->close_reply = event->fault_reply;
		break;
	}
}

/* Feeds one piece to the end of what the machine will eat. */
static inline size_t near_piece(struct near *n, struct span piece)
{
	struct smtp_server_event event;
	size_t eaten = 0;
	size_t step;

	do {
		step = smtp_server_input(&n->server, span_after(piece, eaten), n->now, &event);
		eaten += step;
		near_event(n, &event);
		if (!n->keep_output)
			near_flush(n);
	} while (step > 0 || event.kind != SERVER_NONE);
	n->eaten += eaten;
	return eaten;
}

/* Feeds everything in pieces of 1..piece_max bytes (seeded), or of exactly piece_max when rng is
 * NULL. */
static inline void near_feed(struct near *n, struct span all, size_t piece_max, struct prng *rng)
{
	size_t at = 0;

	while (at < all.bytes) {
		size_t want = rng != NULL ? 1 + prng_below(rng, piece_max) : piece_max;
		struct span piece = span_head(span_after(all, at), want);
		size_t eaten = near_piece(n, piece);
		at += eaten;
		if (eaten < piece.bytes)
			break; /* closed, or waiting for the handshake */
	}
	near_flush(n);
}

static inline void near_say(struct near *n, const char *text)
{
	near_feed(n, span_of(text, strlen(text)), SIZE_MAX, NULL);
}

/* What the machine said since the last call. */
static inline const char *near_heard(struct near *n)
{
	static char last[65536];

	near_flush(n);
	size_t bytes = n->replies.bytes < sizeof(last) - 1 ? n->replies.bytes : sizeof(last) - 1;
	memcpy(last, n->replies.data, bytes);
	last[bytes] = '\0';
	n->replies.bytes = 0;
	n->replies.data[0] = '\0';
	return last;
}

#define NEAR_SAYS(near_, said, heard)                                                              \
	do {                                                                                       \
		near_say((near_), (said));                                                         \
		CU_ASSERT_STRING_EQUAL(near_heard(near_), (heard));                                \
	} while (0)
/* Only the code of the first line matters. */
#define NEAR_GETS(near_, said, code)                                                               \
	do {                                                                                       \
		near_say((near_), (said));                                                         \
		CU_ASSERT_NSTRING_EQUAL(near_heard(near_), (code), strlen(code));                  \
	} while (0)

#endif
