/*
 * pair.h - a client machine and a server machine wired together in memory, for unit tests. What the
 * client sends is received by the server, judged, and compared with what was handed over.
 */
#ifndef WEIR_TESTS_UNIT_SMTP_PAIR_H
#define WEIR_TESTS_UNIT_SMTP_PAIR_H

#include "smtp/client.h"
#include "tests/unit/smtp/near.h"

struct pair {
	struct near near; /* the server's side, with its relay */
	struct smtp_client_config config;
	struct smtp_client client;
	struct near_text sent;   /* all bytes the client sent */
	struct near_text events; /* "READY REPLY(MAIL 250) ..." */
	struct prng rng;
	size_t piece_max; /* bytes that travel at once */
	enum smtp_client_fault fault;
};

static const char *const pair_requests[SMTP_REQUEST_COUNT] = {
	[SMTP_REQUEST_GREETING] = "GREETING", [SMTP_REQUEST_EHLO] = "EHLO",
	[SMTP_REQUEST_HELO] = "HELO",         [SMTP_REQUEST_STARTTLS] = "STARTTLS",
	[SMTP_REQUEST_MAIL] = "MAIL",         [SMTP_REQUEST_RCPT] = "RCPT",
	[SMTP_REQUEST_DATA] = "DATA",         [SMTP_REQUEST_CHUNK] = "CHUNK",
	[SMTP_REQUEST_END] = "END",           [SMTP_REQUEST_RSET] = "RSET",
	[SMTP_REQUEST_QUIT] = "QUIT",
};

static inline void pair_open(struct pair *p, const struct smtp_server_config *server, bool chunking,
                             uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	near_open(&p->near, server);
	p->near.keep_output = true;
	p->sent.data = calloc(1, NEAR_TEXT_BYTES);
	p->events.data = calloc(1, NEAR_TEXT_BYTES);
	p->config = (struct smtp_client_config){
		.helo = SPAN("weir.test"),
		.greeting_timeout_us = 20 * SECOND_US,
		.command_timeout_us = 300 * SECOND_US,
		.data_timeout_us = 120 * SECOND_US,
		.final_timeout_us = 600 * SECOND_US,
		.chunking = chunking,
	};
	prng_seed(&p->rng, seed);
	p->piece_max = 65536;
	smtp_client_init(&p->client, &p->config, &p->near.pool, p->near.now);
}

static inline void pair_shut(struct pair *p)
{
	smtp_client_fini(&p->client);
	near_shut(&p->near);
	free(p->sent.data);
	free(p->events.data);
}

static inline void pair_note(struct pair *p, const struct smtp_client_event *event)
{
	char text[128];

	switch (event->kind) {
	case CLIENT_NONE:
		return;
	case CLIENT_READY:
		near_text_str(&p->events, "READY ");
		return;
	case CLIENT_REPLY:
		snprintf(text, sizeof(text), "REPLY(%s %u) ", pair_requests[event->request], event->reply->code);
		near_text_str(&p->events, text);
		return;
	case CLIENT_TLS_GO:
		near_text_str(&p->events, "TLS_GO ");
		smtp_client_tls_started(&p->client, p->near.now);
		return;
	case CLIENT_FAULT:
		p->fault = event->fault;
		near_text_str(&p->events, "FAULT ");
		return;
	}
}

/* Feeds the client. */
static inline void pair_tell(struct pair *p, struct span bytes)
{
	struct smtp_client_event event;
	size_t eaten = 0;
	size_t step;

	do {
		step = smtp_client_input(&p->client, span_after(bytes, eaten), p->near.now, &event);
		eaten += step;
		pair_note(p, &event);
	} while (step > 0 || event.kind != CLIENT_NONE);
}

/* One piece each way; false when nothing moved. */
static inline bool pair_step(struct pair *p)
{
	struct byteq queue = { .bytes = 0 };
	uint8_t buffer[65536];
	size_t room = 1 + prng_below(&p->rng, p->piece_max);

	size_t sent = smtp_client_output(&p->client, &queue, room, p->near.now);
	CU_ASSERT_EQUAL(byteq_copy_out(&queue, 0, (struct room){ .data = buffer, .bytes = sizeof(buffer) }), sent);
	byteq_clear(&queue, &p->near.pool);
	near_text_add(&p->sent, span_of(buffer, sent));
	CU_ASSERT_EQUAL(near_piece(&p->near, span_of(buffer, sent)), sent);

	room = p->near.tls_pending ? 65536 : 1 + prng_below(&p->rng, p->piece_max);
	size_t heard = smtp_server_output(&p->near.server, &queue, room, p->near.now);
	CU_ASSERT_EQUAL(byteq_copy_out(&queue, 0, (struct room){ .data = buffer, .bytes = sizeof(buffer) }),
	                heard);
	byteq_clear(&queue, &p->near.pool);
	if (p->near.tls_pending && heard > 0) {
		p->near.tls_pending = false;
		smtp_server_tls_started(&p->near.server, p->near.now);
	}
	size_t before = p->events.bytes;
	pair_tell(p, span_of(buffer, heard));
	return sent + heard > 0 || p->events.bytes > before;
}

static inline void pair_settle(struct pair *p)
{
	for (uint32_t steps = 0; pair_step(p); steps++)
		if (steps > 10000000)
			abort();
}

static inline struct smtp_mailbox pair_box(const char *address)
{
	char path[300];
	struct smtp_mailbox box;
	struct span rest;
	int bytes = snprintf(path, sizeof(path), "<%s>", address);
	static char kept[8][300];
	static unsigned slot;

	memcpy(kept[slot % 8], path, (size_t)bytes + 1);
	enum smtp_path_outcome outcome = smtp_path_parse(span_of(kept[slot++ % 8], (size_t)bytes), &box, &rest);
	CU_ASSERT(outcome == SMTP_PATH_OK || outcome == SMTP_PATH_NULL);
	return box;
}

static inline void pair_mail(struct pair *p, const char *from, const char *to)
{
	struct smtp_mail mail = { .sender = pair_box(from), .body = SMTP_BODY_8BITMIME, .size = 1000 };
	struct smtp_mailbox recipient = pair_box(to);

	smtp_client_mail(&p->client, &mail, p->near.now);
	smtp_client_rcpt(&p->client, &recipient, p->near.now);
}

/* Hands the content over in random pieces, moving bytes both ways in between. */
static inline void pair_body(struct pair *p, struct span content)
{
	size_t at = 0;

	while (at < content.bytes) {
		size_t want = 1 + prng_below(&p->rng, p->piece_max);
		at += smtp_client_body(&p->client, span_head(span_after(content, at), want), p->near.now);
		pair_step(p);
	}
}

/* For scripted next hops: what the client sends now, without passing it to the server machine. */
static inline const char *pair_hears(struct pair *p)
{
	struct byteq queue = { .bytes = 0 };
	static char text[1048576];
	size_t bytes = 0;

	while (smtp_client_output(&p->client, &queue, 65536, p->near.now) > 0) {
		bytes += byteq_copy_out(&queue, 0, (struct room){ .data = (uint8_t *)text + bytes,
		                                                  .bytes = sizeof(text) - 1 - bytes });
		byteq_clear(&queue, &p->near.pool);
	}
	text[bytes] = '\0';
	return text;
}

/* What happened since the last call. */
static inline const char *pair_events(struct pair *p)
{
	static char text[65536];

	memcpy(text, p->events.data, p->events.bytes + 1);
	p->events.bytes = 0;
	p->events.data[0] = '\0';
	return text;
}

/* The next hop says `said`; these events come of it, and the client sends `sent`. */
#define PAIR_TALK(pair_, said, events_, sent_)                                                     \
	do {                                                                                       \
		pair_tell((pair_), span_of(said, strlen(said)));                                   \
		CU_ASSERT_STRING_EQUAL(pair_events(pair_), events_);                               \
		CU_ASSERT_STRING_EQUAL(pair_hears(pair_), sent_);                                  \
	} while (0)

#define PAIR_EHLO "EHLO weir.test\r\n"
#define PAIR_GREETS(pair_, extensions)                                                             \
	do {                                                                                       \
		PAIR_TALK(pair_, "220 next.test\r\n", "", PAIR_EHLO);                              \
		PAIR_TALK(pair_, "250-next.test\r\n" extensions, "READY ", "");                    \
	} while (0)

#endif
