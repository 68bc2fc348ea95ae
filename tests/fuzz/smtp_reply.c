/*
 * smtp_reply.c - fuzz target: a next hop's bytes into the client machine, which tries to send a
 * message whatever it is told. The machine may call the peer faulty; it may not crash, lose blocks,
 * or commit before it was told.
 *
 * The first byte chooses settings, the second seeds the pieces.
 */
#include <stdlib.h>

#include "base/prng.h"
#include "smtp/client.h"

#define BLOCKS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct block blocks[BLOCKS] __attribute__((aligned(64)));
static struct block_pool pool;
static struct smtp_client client;
static bool ended;

static void ask(uint8_t choice)
{
	struct instant now = { 0 };
	struct smtp_mailbox box = { .local = SPAN("a"), .domain = SPAN("b.test"), .path = SPAN("a@b.test") };
	struct smtp_mail mail = { .sender = box, .body = SMTP_BODY_8BITMIME, .size = 10, .smtputf8 = true };

	if ((choice & 2) != 0 && smtp_client_can(&client, SMTP_REQUEST_STARTTLS)) {
		smtp_client_starttls(&client, now);
	} else if (smtp_client_can(&client, SMTP_REQUEST_MAIL)) {
		smtp_client_mail(&client, &mail, now);
		smtp_client_rcpt(&client, &box, now);
		smtp_client_data(&client, now);
		ended = false;
	}
	if (!smtp_client_can(&client, SMTP_REQUEST_CHUNK))
		return;
	(void)!smtp_client_body(&client, SPAN(".line\r\n"), now);
	if ((choice & 4) != 0 && smtp_client_abandon(&client, now))
		return;
	smtp_client_body_end(&client, now);
	ended = true;
}

static void send_all(void)
{
	struct byteq out = { .bytes = 0 };

	while (smtp_client_output(&client, &out, 100, (struct instant){ 0 }) > 0)
		byteq_clear(&out, &pool);
	if (smtp_client_committed(&client) && !ended)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_client_config config = { .helo = SPAN("fuzz.test"), .chunking = size > 0 && (data[0] & 1) != 0 };
	struct smtp_client_event event = { .kind = CLIENT_NONE };
	struct prng cuts;
	size_t at = 2;

	if (size < 2)
		return 0;
	prng_seed(&cuts, data[1]);
	block_pool_init(&pool, blocks, BLOCKS);
	smtp_client_init(&client, &config, &pool, (struct instant){ 0 });
	while (at < size && event.kind != CLIENT_FAULT) {
		struct span piece = span_head(span_of(data + at, size - at), 1 + prng_below(&cuts, 40));
		size_t step = smtp_client_input(&client, piece, (struct instant){ 0 }, &event);
		at += step;
		if (event.kind == CLIENT_TLS_GO)
			smtp_client_tls_started(&client, (struct instant){ 0 });
		ask(data[0]);
		send_all();
		if (step == 0 && event.kind == CLIENT_NONE)
			break;
	}
	smtp_client_fini(&client);
	if (pool.free_count != BLOCKS)
		abort();
	return 0;
}
