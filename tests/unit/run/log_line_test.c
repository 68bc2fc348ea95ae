/*
 * log_line_test.c - one transaction, one line.
 */
#include "run/log_line.h"

#include <string.h>

#include "../unit.h"

static struct relay_report report_make(void)
{
	struct relay_report r = {
		.queue_id = "19r82N2rRZC00",
		.wall_us = 1795288970098941,
		.worker = 1,
		.outcome = RELAY_OUTCOME_DELIVERED,
		.reply_code = 250,
		.reply_text = "2.0.0 queued as 4711",
		.near = { .addr = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } }, .port = 52664 },
		.next = { .addr = { .family = IP_V6, .bytes = { 0x20, 0x01, 0, 2, [15] = 1 } }, .port = 25 },
		.helo = "mail.example.test",
		.sender = "a@b.test",
		.recipient = "u@example.test",
		.recipients = 2,
		.body_bytes = 4048,
		.near_conn = { 3, 1, { 12, 5 } },
		.near_tls = "TLSv1.3",
		.near_cipher = "TLS_AES_128_GCM_SHA256",
		.next_tls = "",
		.next_cipher = "",
		.level = "opportunistic",
		.total_us = 16121,
		.engine_us = 7,
	};
	r.stage_us[RELAY_STAGE_BODY] = 1000;
	return r;
}

static const char *line_of(const struct relay_report *r)
{
	static char line[LOG_LINE_BYTES];
	struct text t = text_of(line, sizeof(line));
	log_line(&t, r);
	CU_ASSERT_FALSE(t.cut);
	return line;
}

static bool has(const char *line, const char *fragment)
{
	return strstr(line, fragment) != NULL;
}

static unsigned feeds_of(const char *line)
{
	unsigned feeds = 0;
	for (; *line != '\0'; line++)
		feeds += *line == '\n';
	return feeds;
}

static void the_whole_line_of_a_delivered_message(void)
{
	const struct relay_report r = report_make();
	CU_ASSERT_STRING_EQUAL(
		line_of(&r),
		"time=2026-11-21T19:22:50.098941Z id=19r82N2rRZC00 worker=1 outcome=delivered code=250 "
		"text=\"2.0.0 queued as 4711\" rule=- from=a@b.test to=u@example.test nrcpt=2 size=4048 "
		"chunked=no helo=mail.example.test near=198.18.0.1:52664 near_conn=3.1.12.5 "
		"near_tls=TLSv1.3/TLS_AES_128_GCM_SHA256 next=[2001:2::1]:25 next_conn=- next_tls=- level=opportunistic "
		"verified=no reused=no total_ms=16.121 engine_ms=0.007 stage_envelope_ms=0.000 "
		"stage_next_tls_ms=0.000 stage_body_ms=1.000 stage_verdict_ms=0.000 stage_reply_ms=0.000\n");
}

static void the_null_sender_is_not_an_absent_one(void)
{
	struct relay_report r = report_make();
	r.sender[0] = '\0';
	CU_ASSERT_TRUE(has(line_of(&r), " from=<> "));
}

static void without_a_next_leg_there_is_a_dash(void)
{
	struct relay_report r = report_make();
	r.next.port = 0;
	CU_ASSERT_TRUE(has(line_of(&r), " next=- "));
}

static void quotes_and_backslashes_are_escaped(void)
{
	struct relay_report r = report_make();
	snprintf(r.helo, sizeof(r.helo), "%s", "a\"b\\c");
	CU_ASSERT_TRUE(has(line_of(&r), " helo=\"a\\\"b\\\\c\" "));
}

static void line_feeds_and_other_bytes_cannot_make_a_second_line(void)
{
	struct relay_report r = report_make();
	snprintf(r.reply_text, sizeof(r.reply_text), "%s", "ok\r\ntime=0 \xc3\xa9");
	CU_ASSERT_TRUE(has(line_of(&r), " text=\"ok\\x0d\\x0atime=0 \\xc3\\xa9\" "));
	CU_ASSERT_EQUAL(feeds_of(line_of(&r)), 1);
}

static void an_equals_sign_cannot_pretend_to_be_a_field(void)
{
	struct relay_report r = report_make();
	snprintf(r.recipient, sizeof(r.recipient), "%s", "outcome=delivered");
	CU_ASSERT_TRUE(has(line_of(&r), " to=\"outcome=delivered\" "));
}

static void a_value_that_is_a_dash_is_quoted(void)
{
	struct relay_report r = report_make();
	snprintf(r.helo, sizeof(r.helo), "%s", "-");
	CU_ASSERT_TRUE(has(line_of(&r), " helo=\"-\" "));
}

static void the_longest_report_fits(void)
{
	struct relay_report r = report_make();
	memset(r.reply_text, 0xff, sizeof(r.reply_text) - 1);
	memset(r.rule, 0xff, sizeof(r.rule) - 1);
	memset(r.helo, 0xff, sizeof(r.helo) - 1);
	memset(r.sender, 0xff, sizeof(r.sender) - 1);
	memset(r.recipient, 0xff, sizeof(r.recipient) - 1);
	r.total_us = r.engine_us = r.body_bytes = UINT64_MAX;
	for (uint32_t i = 0; i < RELAY_STAGE_COUNT; i++)
		r.stage_us[i] = UINT64_MAX;
	const char *line = line_of(&r);
	CU_ASSERT_EQUAL(line[strlen(line) - 1], '\n');
}

static void a_time_before_1970_is_a_dash(void)
{
	struct relay_report r = report_make();
	r.wall_us = -1;
	CU_ASSERT_EQUAL(strncmp(line_of(&r), "time=- ", 7), 0);
}

UNIT("run/log_line",
     { "the whole line of a delivered message", the_whole_line_of_a_delivered_message },
     { "the null sender is not an absent one", the_null_sender_is_not_an_absent_one },
     { "without a next leg there is a dash", without_a_next_leg_there_is_a_dash },
     { "quotes and backslashes are escaped", quotes_and_backslashes_are_escaped },
     { "line feeds and other bytes cannot make a second line",
       line_feeds_and_other_bytes_cannot_make_a_second_line },
     { "an equals sign cannot pretend to be a field", an_equals_sign_cannot_pretend_to_be_a_field },
     { "a value that is a dash is quoted", a_value_that_is_a_dash_is_quoted },
     { "the longest report fits", the_longest_report_fits },
     { "a time before 1970 is a dash", a_time_before_1970_is_a_dash })
