/*
 * steps_smtp.c - lines, commands, and the header of a message (steps.h).
 */
#include <string.h>

#include "bench/gen/mail.h"
#include "bench/steps/steps.h"
#include "mime/header.h"
#include "smtp/command.h"
#include "smtp/line.h"

#define LINES 64u
#define LINE_BYTES_MAX 2048u
#define HEADER_MESSAGES 16u

static const char mail_line[] = "MAIL FROM:<someone.somewhere@example.org> SIZE=123456 BODY=8BITMIME";
static const char lines_text[] = "RCPT TO:<user.1234.0@mailbox.example.test>\r\n";

static struct block_pool *pool;
static uint8_t lines[LINES * (sizeof(lines_text) - 1)];
static uint8_t header[4096];
static size_t header_bytes;

static void line_make(void)
{
	pool = steps_pool(64);
	for (unsigned i = 0; i < LINES; i++)
		memcpy(lines + i * (sizeof(lines_text) - 1), lines_text, sizeof(lines_text) - 1);
}

static void line_batch(void)
{
	struct smtp_line l;
	struct span left = span_of(lines, sizeof(lines)), line;
	enum smtp_line_outcome outcome;
	smtp_line_init(&l, LINE_BYTES_MAX);
	while (left.bytes > 0) {
		left = span_after(left, smtp_line_input(&l, pool, left, &line, &outcome));
		steps_sink += line.bytes;
		smtp_line_done(&l, pool);
	}
	smtp_line_fini(&l, pool);
}

static void command_batch(void)
{
	struct span line = span_of(mail_line, sizeof(mail_line) - 1);
	for (unsigned i = 0; i < LINES; i++) {
		struct smtp_mail mail;
		struct smtp_command c = smtp_command_parse(line);
		steps_sink += (uint64_t)smtp_command_mail(c.argument, true, &mail) + mail.size;
	}
}

/* The header of a made message, with the trace fields that two servers put on top. */
static void header_make(void)
{
	static const char trace[] =
		"Received: from mail.example.org (mail.example.org [192.0.2.25])\r\n"
		"\tby mx.example.test (weir) with ESMTPS id 4fQ2kx1vJpz9s\r\n"
		"\tfor <user.1@example.test>; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
		"Received: by mail.example.org (Postfix, from userid 1000)\r\n"
		"\tid 4fQ2kw6kWbz9r; Thu, 01 Jan 2026 00:00:00 +0000 (UTC)\r\n"
		"Authentication-Results: mx.example.test; spf=pass smtp.mailfrom=example.org\r\n";
	static struct mail_mix mix = { .seed = 1,
		                       .mime = true,
		                       .domain_count = 1,
		                       .domains = { "example.test" },
		                       .domain_weights = { 1 },
		                       .sender_domain = "example.org" };
	static struct mail_maker maker;
	pool = pool != NULL ? pool : steps_pool(64);
	mail_maker_init(&maker, &mix, 1);
	struct span rest = mail_maker_peek(&maker);
	memcpy(header, trace, sizeof(trace) - 1);
	memcpy(header + sizeof(trace) - 1, rest.data, rest.bytes);
	header_bytes = sizeof(trace) - 1 + rest.bytes;
}

static void header_batch(void)
{
	for (unsigned i = 0; i < HEADER_MESSAGES; i++) {
		struct mime_header h;
		struct mime_header_event event = { 0 };
		struct span left = span_of(header, header_bytes);
		mime_header_init(&h, pool);
		while (left.bytes > 0 && event.kind != MIME_HEADER_END) {
			size_t eaten = mime_header_input(&h, left, &event);
			left = span_after(left, eaten);
			steps_sink += event.value.bytes;
			if (eaten == 0)
				break;
		}
		mime_header_fini(&h);
	}
}

const struct step steps_smtp[] = {
	{ "line", "line", "a command line of 44 bytes found and judged", line_make, steps_nothing, line_batch,
	  LINES },
	{ "command", "command", "MAIL with SIZE and BODY parsed", steps_nothing, steps_nothing, command_batch,
	  LINES },
	{ "mime-header", "message", "the header of a message: 12 fields, unfolded", header_make, steps_nothing,
	  header_batch, HEADER_MESSAGES },
};
const uint32_t steps_smtp_count = COUNT_OF(steps_smtp);
