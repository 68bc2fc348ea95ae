/*
 * mail_test.c - test messages: what the maker writes in any pieces the checker accepts in any
 * pieces, and every change is found.
 */
#define _GNU_SOURCE /* memmem */
#include "bench/gen/mail.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define MESSAGE_MAX (1u << 21)

static uint8_t message[MESSAGE_MAX];

static void mix_init(struct mail_mix *mix)
{
	*mix = (struct mail_mix){
		.seed = 42,
		.size_count = 5,
		.sizes = { { 0, 1 }, { 1, 1 }, { 70, 1 }, { 5000, 4 }, { 300000, 1 } },
		.domain_count = 2,
		.domains = { "example.test", "bank.test" },
		.domain_weights = { 9, 1 },
		.sender_domain = "gen.test",
		.hostile_per_mille = 200,
		.eicar_per_mille = 100,
	};
}

/* Writes the whole message in pieces of at most `piece` bytes. */
static size_t make(const struct mail_mix *mix, uint64_t number, size_t piece)
{
	struct mail_maker maker;
	size_t used = 0;
	mail_maker_init(&maker, mix, number);
	for (struct span s = mail_maker_peek(&maker); s.bytes > 0; s = mail_maker_peek(&maker)) {
		size_t bytes = s.bytes < piece ? s.bytes : piece;
		if (used + bytes > MESSAGE_MAX)
			break;
		memcpy(message + used, s.data, bytes);
		mail_maker_take(&maker, bytes);
		used += bytes;
	}
	CU_ASSERT_EQUAL(used, maker.bytes);
	return used;
}

static enum mail_verdict check(struct mail_checker *c, size_t bytes, size_t piece)
{
	mail_checker_init(c, NULL);
	mail_checker_input(
		c, SPAN("Received: from a (b [198.18.0.1])\r\n\tby c; Thu, 01 Jan 2026\r\n"));
	for (size_t at = 0; at < bytes; at += piece)
		mail_checker_input(c,
		                   span_of(message + at, bytes - at < piece ? bytes - at : piece));
	return mail_checker_end(c);
}

static void any_split_is_right(void)
{
	struct mail_mix mix;
	struct mail_checker c;
	mix_init(&mix);
	for (uint64_t number = 0; number < 200; number++) {
		size_t bytes = make(&mix, number, 1 + number * 7 % 3000);
		CU_ASSERT_EQUAL(check(&c, bytes, 1 + number % 40), MAIL_RIGHT);
		CU_ASSERT_EQUAL(c.number, number);
		CU_ASSERT_EQUAL(c.run, mail_run(&mix));
	}
}

static void every_line_is_well_formed(void)
{
	struct mail_mix mix;
	uint64_t lone_dots = 0, longest = 0, eight_bit = 0, empty = 0, dots = 0;
	mix_init(&mix);
	for (uint64_t number = 0; number < 100; number++) {
		size_t bytes = make(&mix, number, 4096);
		size_t line = 0;
		for (size_t i = 0; i < bytes; i++) {
			eight_bit += message[i] > 0x7f;
			if (message[i] != '\n') {
				line++;
				CU_ASSERT_TRUE(message[i] != 0);
				CU_ASSERT_TRUE(message[i] != '\r' ||
				               (i + 1 < bytes && message[i + 1] == '\n'));
				continue;
			}
			CU_ASSERT_TRUE_FATAL(line > 0 && message[i - 1] == '\r');
			CU_ASSERT_TRUE(line - 1 <= MAIL_LINE_BYTES_MAX);
			longest += line - 1 == MAIL_LINE_BYTES_MAX;
			empty += line == 1;
			lone_dots += line == 2 && message[i - 2] == '.';
			dots += line > 2 && message[i - line] == '.';
			line = 0;
		}
		CU_ASSERT_EQUAL(line, 0);
	}
	CU_ASSERT_TRUE(lone_dots > 0);
	CU_ASSERT_TRUE(longest > 0);
	CU_ASSERT_TRUE(eight_bit > 0);
	CU_ASSERT_TRUE(empty > 100); /* one a message ends its header */
	CU_ASSERT_TRUE(dots > 0);
}

static void every_changed_byte_is_found(void)
{
	struct mail_mix mix;
	struct mail_checker c;
	mix_init(&mix);
	mix.size_count = 1;
	mix.sizes[0].body_bytes = 300;
	size_t bytes = make(&mix, 7, 4096);
	for (size_t i = 0; i < bytes; i++) {
		message[i] ^= 0x01;
		enum mail_verdict verdict = check(&c, bytes, 64);
		CU_ASSERT_NOT_EQUAL(verdict, MAIL_RIGHT);
		message[i] ^= 0x01;
	}
	CU_ASSERT_EQUAL(check(&c, bytes, 64), MAIL_RIGHT);
}

static void cut_doubled_and_swapped_bytes_are_found(void)
{
	struct mail_mix mix;
	struct mail_checker c;
	mix_init(&mix);
	mix.size_count = 1;
	mix.sizes[0].body_bytes = 5000;
	size_t bytes = make(&mix, 8, 4096);
	CU_ASSERT_EQUAL(check(&c, bytes - 1, 64), MAIL_CORRUPTED);
	memcpy(message + bytes, "\r\n", 2);
	CU_ASSERT_EQUAL(check(&c, bytes + 2, 64), MAIL_CORRUPTED);
	uint8_t kept[16];
	memcpy(kept, message + 2000, 16);
	memcpy(message + 2000, message + 2016, 16);
	memcpy(message + 2016, kept, 16);
	CU_ASSERT_EQUAL(check(&c, bytes, 64), MAIL_CORRUPTED);
}

static void only_trace_headers_may_stand_on_top(void)
{
	struct mail_mix mix;
	struct mail_checker c;
	mix_init(&mix);
	size_t bytes = make(&mix, 9, 4096);
	mail_checker_init(&c, NULL);
	mail_checker_input(&c, SPAN("Subject: inserted\r\n"));
	mail_checker_input(&c, span_of(message, bytes));
	CU_ASSERT_EQUAL(mail_checker_end(&c), MAIL_CORRUPTED);
	CU_ASSERT_EQUAL(c.number, 9);
	mail_checker_init(&c, NULL);
	mail_checker_input(&c, SPAN("Received: from x\r\n\r\nno id in here\r\n"));
	CU_ASSERT_EQUAL(mail_checker_end(&c), MAIL_UNKNOWN);
	mail_checker_init(&c, NULL);
	CU_ASSERT_EQUAL(mail_checker_end(&c), MAIL_UNKNOWN);
}

static bool holds(size_t bytes, const char *text)
{
	return memmem(message, bytes, text, strlen(text)) != NULL;
}

static void the_plan_is_what_is_made(void)
{
	struct mail_mix mix;
	uint64_t eicar = 0, bank = 0;
	mix_init(&mix);
	for (uint64_t number = 0; number < 300; number++) {
		struct mail_plan plan;
		mail_plan(&mix, number, &plan);
		size_t bytes = make(&mix, number, 4096);
		bool found = holds(bytes, "EICAR-STANDARD-ANTIVIRUS-TEST-FILE");
		CU_ASSERT_EQUAL(found, plan.eicar);
		CU_ASSERT_EQUAL(holds(bytes, "@bank.test>"), plan.domain == 1);
		eicar += plan.eicar;
		bank += plan.domain == 1;
	}
	CU_ASSERT_TRUE(eicar > 10 && eicar < 60);
	CU_ASSERT_TRUE(bank > 10 && bank < 60);
}

static void bodies_have_exactly_the_size_asked_for(bool mime)
{
	struct mail_mix mix;
	mix_init(&mix);
	mix.mime = mime;
	mix.size_count = 1;
	mix.eicar_per_mille = 0;
	for (uint32_t size = 0; size < 40000; size += 1 + size / 3000 * 13) {
		mix.sizes[0].body_bytes = size;
		size_t bytes = make(&mix, size, 4096);
		uint8_t *body = memmem(message, bytes, "\r\n\r\n", 4);
		CU_ASSERT_PTR_NOT_NULL_FATAL(body);
		size_t expected = size == 1 ? 2 : size;
		CU_ASSERT_EQUAL((size_t)(message + bytes - body - 4), expected);
	}
}

static void sizes_are_exact_of_lines(void)
{
	bodies_have_exactly_the_size_asked_for(false);
}

static void sizes_are_exact_of_mime(void)
{
	bodies_have_exactly_the_size_asked_for(true);
}

static unsigned count_of(size_t bytes, const char *text)
{
	unsigned count = 0;
	const uint8_t *at = message, *end = message + bytes;
	while ((at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) {
		count++;
		at++;
	}
	return count;
}

/* Every boundary that is opened is closed, once; encodings are said; all forms occur. */
static void mime_trees_are_whole(void)
{
	struct mail_mix mix;
	unsigned forms[3] = { 0 }, encodings[3] = { 0 };
	mix_init(&mix);
	mix.mime = true;
	mix.eicar_per_mille = 0;
	mix.spread = (struct mail_spread){ 20000, 1500, 1024, 1000000 };
	for (uint64_t number = 0; number < 300; number++) {
		struct mail_plan plan;
		mail_plan(&mix, number, &plan);
		size_t bytes = make(&mix, number, 4096);
		forms[plan.form]++;
		encodings[plan.encoding]++;
		CU_ASSERT_EQUAL(count_of(bytes, "boundary=\""), plan.form);
		CU_ASSERT_EQUAL(count_of(bytes, "--\r\n"), plan.form);
		CU_ASSERT_EQUAL(count_of(bytes, "Disposition: attachment"), plan.attachments);
		CU_ASSERT_EQUAL(count_of(bytes, "Encoding: base64"), plan.attachments);
	}
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_TRUE(forms[i] > 20 && encodings[i] > 20);
}

static void the_same_seed_makes_the_same_messages(void)
{
	static uint8_t first[MESSAGE_MAX];
	struct mail_mix mix;
	mix_init(&mix);
	mix.mime = true;
	for (uint64_t number = 0; number < 60; number++) {
		size_t bytes = make(&mix, number, 4096);
		memcpy(first, message, bytes);
		CU_ASSERT_EQUAL(make(&mix, number, 17), bytes);
		CU_ASSERT_EQUAL(memcmp(first, message, bytes), 0);
		mix.seed++;
		size_t others = make(&mix, number, 4096);
		CU_ASSERT_TRUE(others != bytes || memcmp(first, message, bytes) != 0);
		mix.seed--;
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void log_normal_sizes_have_their_median_and_a_tail(void)
{
	static uint32_t sizes[20001];
	struct mail_mix mix;
	mix_init(&mix);
	mix.eicar_per_mille = 0;
	mix.spread = (struct mail_spread){ 20480, 1500, 1024, 10485760 };
	for (uint64_t number = 0; number < COUNT_OF(sizes); number++) {
		struct mail_plan plan;
		mail_plan(&mix, number, &plan);
		sizes[number] = plan.body_bytes;
	}
	qsort(sizes, COUNT_OF(sizes), sizeof(sizes[0]), by_value);
	CU_ASSERT_TRUE(sizes[10000] > 19500 && sizes[10000] < 21500);
	CU_ASSERT_TRUE(sizes[16827] > 84000 && sizes[16827] < 99000); /* one deviation: e^1.5 */
	CU_ASSERT_EQUAL(sizes[0], 1024);
	CU_ASSERT_TRUE(sizes[20000] > 3000000 && sizes[20000] <= 10485760);
}

static void letters_pass_as_they_are_below_the_id(void)
{
	static const char text[] = "From: a@a.test\r\nSubject: =?utf-8?q?x?=\r\n\r\n.\r\nbody\r\n";
	const struct mail_letter letters[2] = { { span_of(text, sizeof(text) - 1), false }, { SPAN("A: b\r\n\r\n"), true } };
	struct mail_mix mix;
	struct mail_checker c;
	mix_init(&mix);
	mix.letters = letters;
	mix.letter_count = 2;
	size_t bytes = make(&mix, 4, 5);
	CU_ASSERT_TRUE_FATAL(bytes > sizeof(text));
	CU_ASSERT_TRUE(
	               memcmp(message + bytes - (sizeof(text) - 1), text, sizeof(text) - 1) == 0);
	CU_ASSERT_EQUAL(check(&c, bytes, 7), MAIL_RIGHT);
	message[bytes - 3 < MESSAGE_MAX ? bytes - 3 : 0] ^= 1;
	CU_ASSERT_EQUAL(check(&c, bytes, 7), MAIL_CORRUPTED);
	struct mail_plan plan;
	mail_plan(&mix, 5, &plan);
	CU_ASSERT_TRUE(plan.eight_bit);
}

UNIT("bench/mail", { "a message made and judged in any pieces is right", any_split_is_right },
     { "every line ends in CRLF, is no longer than 998 bytes, and all awkward shapes occur",
       every_line_is_well_formed },
     { "every changed byte is found", every_changed_byte_is_found },
     { "a cut, a longer and a shuffled message are corrupted",
       cut_doubled_and_swapped_bytes_are_found },
     { "only trace headers may stand above the message", only_trace_headers_may_stand_on_top },
     { "domain and EICAR string are as planned", the_plan_is_what_is_made },
     { "a body has exactly the size asked for, but one byte becomes two",
       sizes_are_exact_of_lines },
     { "a MIME body has exactly the size asked for", sizes_are_exact_of_mime },
     { "every MIME tree is whole, and all forms and encodings occur", mime_trees_are_whole },
     { "the same seed makes the same messages, another seed others",
       the_same_seed_makes_the_same_messages },
     { "log-normal sizes have their median, their spread and their bounds",
       log_normal_sizes_have_their_median_and_a_tail },
     { "letters of others pass as they are below the id", letters_pass_as_they_are_below_the_id })
