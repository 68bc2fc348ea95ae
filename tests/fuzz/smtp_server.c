/*
 * smtp_server.c - fuzz target: a near sender's bytes into the server machine, twice: in one piece
 * and in seeded pieces. Events, content and replies must be the same, and all blocks must come
 * back.
 *
 * The first byte chooses settings and the answers of the relay, the second seeds the pieces
 * and says whether TLS is on from the start.
 */
#include <stdlib.h>

#include "base/prng.h"
#include "smtp/server.h"

#define BLOCKS 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	uint64_t replies;
	uint64_t events;
	uint64_t content;
	size_t eaten;
};

static struct block blocks[BLOCKS] __attribute__((aligned(64)));
static struct block_pool pool;
static struct smtp_server server;
static uint8_t choice;
static uint8_t seed;

static void take_replies(struct outcome *o)
{
	struct byteq out = { .bytes = 0 };

	while (smtp_server_output(&server, &out, 1000, (struct instant){ 0 }) > 0)
		for (; byteq_bytes(&out) > 0; byteq_consume(&out, &pool, byteq_peek(&out).bytes))
			for (size_t i = 0; i < byteq_peek(&out).bytes; i++)
				o->replies = hash_bytes(o->replies, span_head(span_after(byteq_peek(&out), i), 1));
}

static void react(struct outcome *o, const struct smtp_server_event *event, size_t left)
{
	struct instant now = { 0 };

	/* Bytes behind STARTTLS are injection, in this piece or in the next. */
	if (event->kind == SERVER_STARTTLS && smtp_server_starttls_injected(&server, left, now))
		return;
	bool refuse = (choice & 0x80) != 0 && o->events % 3 == 0;

	if (event->kind == SERVER_BODY)
		for (size_t i = 0; i < event->body.bytes; i++)
			o->content = hash_bytes(o->content, span_head(span_after(event->body, i), 1));
	if (event->kind == SERVER_NONE || event->kind == SERVER_BODY)
		return;
	o->events = hash_bytes(o->events, span_of(&event->kind, sizeof(event->kind)));
	o->events = hash_bytes(o->events, event->mail.sender.path);
	o->events = hash_bytes(o->events, event->recipient.path);
	if (event->kind == SERVER_STARTTLS) {
		take_replies(o);
		smtp_server_tls_started(&server, now);
	}
	if (!smtp_server_waits_for_answer(&server))
		return;
	if (event->kind == SERVER_BODY_BAD)
		smtp_server_answer_id(&server, event->fault_reply, now);
	else if (refuse)
		smtp_server_answer_id(&server, SMTP_REPLY_NEXT_LOST, now);
	else
		smtp_server_answer_id(&server, event->kind == SERVER_DATA ? SMTP_REPLY_START_MAIL : SMTP_REPLY_OK,
		                      now);
}

static struct outcome run(struct span all, struct prng *cuts)
{
	struct outcome o = { .replies = HASH_START, .events = HASH_START, .content = HASH_START };
	struct smtp_server_config config = {
		.hostname = SPAN("fuzz.test"),
		.message_bytes_max = (choice & 1) != 0 ? 20 : 100000,
		.recipients_max = 3,
		.command_timeout_us = SECOND_US,
		.data_timeout_us = SECOND_US,
		.starttls = (choice & 2) != 0,
		.tls_required = (choice & 4) != 0,
		.chunking = (choice & 8) == 0,
		.smtputf8 = (choice & 16) == 0,
		.seven_bit_strict = (choice & 32) != 0,
		.text_line_bytes_max = (choice & 64) != 0 ? 10 : 0,
	};
	struct smtp_server_event event;
	size_t step = 0;

	block_pool_init(&pool, blocks, BLOCKS);
	smtp_server_init(&server, &config, &pool, (struct instant){ 0 });
	if ((seed & 1) != 0)
		smtp_server_tls_implicit(&server);
	for (size_t end = 0; end < all.bytes || step > 0;) {
		if (cuts == NULL)
			end = all.bytes;
		else if (end < all.bytes)
			end += 1 + prng_below(cuts, all.bytes - end < 9 ? all.bytes - end : 9);
		do {
			struct span left = span_after(span_head(all, end), o.eaten);
			step = smtp_server_input(&server, left, (struct instant){ 0 }, &event);
			o.eaten += step;
			react(&o, &event, all.bytes - o.eaten);
			take_replies(&o);
		} while (step > 0 || event.kind != SERVER_NONE);
	}
	smtp_server_fini(&server);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct prng cuts;

	if (size < 2)
		return 0;
	choice = data[0];
	seed = data[1];
	prng_seed(&cuts, seed);
	struct outcome whole = run(span_of(data + 2, size - 2), NULL);
	if (pool.free_count != BLOCKS)
		abort();
	struct outcome cut = run(span_of(data + 2, size - 2), &cuts);
	if (pool.free_count != BLOCKS)
		abort();
	/* A fault found by a limit may stop the content a little earlier or later; what counts is
	 * the event. */
	bool exact = (choice & (1 | 32 | 64)) == 0;
	if (whole.replies != cut.replies || whole.events != cut.events || whole.eaten != cut.eaten)
		abort();
	if (exact && whole.content != cut.content)
		abort();
	return 0;
}
