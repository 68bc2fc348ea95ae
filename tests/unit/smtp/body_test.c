/*
 * body_test.c - judging and unstuffing, against a slow model that shares nothing with the machine.
 */
#include <stdlib.h>

#include "base/prng.h"
#include "smtp/body.h"
#include "tests/unit/unit.h"

#define TEXT_MAX 4096u

struct result {
	uint8_t content[TEXT_MAX];
	size_t bytes; /* of content */
	size_t eaten; /* up to and with the end */
	bool done;
	enum smtp_body_fault fault;
};

static const struct smtp_body_rules data_rules = { .dots = true };
static const struct smtp_body_rules chunk_rules = { .dots = false };

static void feed(struct result *r, const struct smtp_body_rules *rules, struct span all, size_t piece_max,
                 struct prng *rng)
{
	struct smtp_body b;
	enum smtp_body_outcome outcome = BODY_MORE;

	memset(r, 0, sizeof(*r));
	smtp_body_init(&b, rules);
	while (r->eaten < all.bytes && outcome != BODY_DONE) {
		size_t want = rng != NULL ? 1 + prng_below(rng, piece_max) : piece_max;
		struct span piece = span_head(span_after(all, r->eaten), want);
		struct span content;
		r->eaten += smtp_body_input(&b, piece, &content, &outcome);
		CU_ASSERT_EQUAL(outcome == BODY_CONTENT, content.bytes > 0);
		memcpy(r->content + r->bytes, content.data != NULL ? content.data : r->content, content.bytes);
		r->bytes += content.bytes;
		CU_ASSERT_EQUAL(b.bytes, r->bytes);
	}
	r->done = outcome == BODY_DONE;
	if (!rules->dots)
		smtp_body_finish(&b);
	r->fault = (enum smtp_body_fault)b.fault;
}

/* The model: the end is the first CRLF.CRLF, with a CRLF thought in front of everything. */
static void model(struct result *r, struct span all, bool dots)
{
	char text[TEXT_MAX + 3] = "\r\n";

	memset(r, 0, sizeof(*r));
	memcpy(text + 2, all.data, all.bytes);
	size_t end = all.bytes + 2;
	for (size_t i = 0; dots && i + 5 <= all.bytes + 2 && !r->done; i++)
		if (memcmp(text + i, "\r\n.\r\n", 5) == 0) {
			r->done = true;
			end = i + 2;
		}
	r->eaten = r->done ? end - 2 + 3 : all.bytes;
	for (size_t i = 2; i < end; i++) {
		bool cr_before = text[i - 1] == '\r' && i > 2;
		bool spoilt = (text[i] == '\n') != cr_before || text[i] == '\0';
		if (spoilt)
			r->fault = SMTP_FAULT_NUL; /* which one does not matter to the model */
		bool stuffed = dots && text[i] == '.' && memcmp(text + i - 2, "\r\n", 2) == 0;
		if (!stuffed)
			r->content[r->bytes++] = (uint8_t)text[i];
	}
	if (text[end - 1] == '\r' && end > 2)
		r->fault = SMTP_FAULT_BARE_CR;
}

static void compare(const struct smtp_body_rules *rules, struct span all, size_t piece_max, struct prng *rng)
{
	static struct result got;
	static struct result want;

	feed(&got, rules, all, piece_max, rng);
	model(&want, all, rules->dots);
	CU_ASSERT_EQUAL_FATAL(got.done, want.done);
	CU_ASSERT_EQUAL_FATAL(got.eaten, want.eaten);
	if (rules->dots && !want.done)
		return; /* unfinished: the model judges too early */
	CU_ASSERT_EQUAL_FATAL(got.fault != SMTP_FAULT_NONE, want.fault != SMTP_FAULT_NONE);
	if (want.fault != SMTP_FAULT_NONE)
		return;
	CU_ASSERT_EQUAL_FATAL(got.bytes, want.bytes);
	CU_ASSERT_EQUAL_FATAL(memcmp(got.content, want.content, got.bytes), 0);
}

static size_t noise(uint8_t *text, size_t max, struct prng *rng)
{
	static const char *const bits[] = { "\r\n", ".", "\r\n.", "\r\n.\r\n", "\r", "\n", "x", "text", "\xff",
		                            "0123456789abcdef0123456789abcdef" };
	size_t bytes = 0;
	size_t count = prng_below(rng, 30);
	bool clean = prng_chance(rng, 600);

	for (size_t i = 0; i < count; i++) {
		size_t which = prng_below(rng, sizeof(bits) / sizeof(bits[0]) + 1);
		if (clean && (which == 4 || which == 5 || which == 10))
			which = 6;
		if (which == 10) {
			text[bytes++] = '\0';
			continue;
		}
		size_t add = strlen(bits[which]);
		if (bytes + add + 5 > max)
			break;
		memcpy(text + bytes, bits[which], add);
		bytes += add;
	}
	if (prng_chance(rng, 800)) {
		memcpy(text + bytes, "\r\n.\r\n", 5);
		bytes += 5;
	}
	return bytes;
}

static void random_data_is_judged_and_unstuffed_as_the_model_says(void)
{
	uint8_t text[1024];
	struct prng rng;

	for (uint64_t seed = 0; seed < 20000; seed++) {
		prng_seed(&rng, seed);
		struct span all = span_of(text, noise(text, sizeof(text), &rng));
		compare(&data_rules, all, SIZE_MAX, NULL);
		compare(&data_rules, all, 1, NULL);
		compare(&data_rules, all, 40, &rng);
	}
}

static void random_chunks_are_judged_as_the_model_says(void)
{
	uint8_t text[1024];
	struct prng rng;

	for (uint64_t seed = 0; seed < 10000; seed++) {
		prng_seed(&rng, seed);
		struct span all = span_of(text, noise(text, sizeof(text), &rng));
		compare(&chunk_rules, all, SIZE_MAX, NULL);
		compare(&chunk_rules, all, 1, NULL);
		compare(&chunk_rules, all, 40, &rng);
	}
}

static struct result got;

#define JUDGE(rules, text, fault_)                                                                 \
	do {                                                                                       \
		feed(&got, rules, SPAN(text), SIZE_MAX, NULL);                                     \
		CU_ASSERT_EQUAL(got.fault, fault_);                                                \
	} while (0)

static void each_fault_has_its_name(void)
{
	JUDGE(&data_rules, "a\rb\r\n.\r\n", SMTP_FAULT_BARE_CR);
	JUDGE(&data_rules, "a\nb\r\n.\r\n", SMTP_FAULT_BARE_LF);
	JUDGE(&data_rules, "a\0b\r\n.\r\n", SMTP_FAULT_NUL);
	JUDGE(&data_rules, "a\nb\rc\r\n.\r\n", SMTP_FAULT_BARE_LF); /* the first one counts */
	JUDGE(&chunk_rules, "a\r", SMTP_FAULT_BARE_CR);
	JUDGE(&chunk_rules, ".\r\n", SMTP_FAULT_NONE);
	CU_ASSERT_EQUAL(got.bytes, 3);
}

static void the_size_limit_counts_unstuffed_bytes_exactly(void)
{
	struct smtp_body_rules rules = { .dots = true, .bytes_max = 6 };

	JUDGE(&rules, "..34\r\n.\r\n", SMTP_FAULT_NONE);
	CU_ASSERT_EQUAL(got.bytes, 5);
	JUDGE(&rules, "..345\r\n.\r\n", SMTP_FAULT_NONE);
	CU_ASSERT_EQUAL(got.bytes, 6);
	JUDGE(&rules, "..3456\r\n.\r\n", SMTP_FAULT_TOO_BIG);
	CU_ASSERT_EQUAL(got.bytes, 6);
	CU_ASSERT_TRUE(got.done);
	feed(&got, &rules, SPAN("..3456\r\n.\r\n"), 1, NULL);
	CU_ASSERT_EQUAL(got.fault, SMTP_FAULT_TOO_BIG);
}

static void a_line_over_the_bound_is_a_fault_and_one_at_it_is_not(void)
{
	struct smtp_body_rules rules = { .dots = true, .line_bytes_max = 8 };

	JUDGE(&rules, "12345678\r\n12345678\r\n.\r\n", SMTP_FAULT_NONE);
	JUDGE(&rules, "123456789\r\n.\r\n", SMTP_FAULT_LONG_LINE);
	CU_ASSERT_TRUE(got.done);
	feed(&got, &rules, SPAN("12345678\r\n12345678\r\n.\r\n"), 3, NULL);
	CU_ASSERT_EQUAL(got.fault, SMTP_FAULT_NONE);
	feed(&got, &rules, SPAN("123456789\r\n.\r\n"), 3, NULL);
	CU_ASSERT_EQUAL(got.fault, SMTP_FAULT_LONG_LINE);
}

static void eight_bit_content_is_a_fault_only_where_asked(void)
{
	struct smtp_body_rules rules = { .dots = true, .seven_bit = true };

	JUDGE(&rules, "\xc3\xbc\r\n.\r\n", SMTP_FAULT_EIGHT_BIT);
	JUDGE(&rules, "u\r\n.\r\n", SMTP_FAULT_NONE);
	JUDGE(&data_rules, "\xc3\xbc\r\n.\r\n", SMTP_FAULT_NONE);
}

static void which_fault_comes_first_does_not_depend_on_the_cuts(void)
{
	static struct result cut;
	uint8_t text[1024];
	struct prng rng;

	for (uint64_t seed = 0; seed < 20000; seed++) {
		prng_seed(&rng, seed);
		struct smtp_body_rules rules = {
			.bytes_max = 1 + prng_below(&rng, 60),
			.line_bytes_max = 1 + (uint32_t)prng_below(&rng, 40),
			.dots = prng_chance(&rng, 500),
			.seven_bit = prng_chance(&rng, 500),
		};
		struct span all = span_of(text, noise(text, sizeof(text), &rng));
		feed(&got, &rules, all, SIZE_MAX, NULL);
		feed(&cut, &rules, all, 1, NULL);
		CU_ASSERT_EQUAL_FATAL(cut.fault, got.fault);
		CU_ASSERT_EQUAL_FATAL(cut.eaten, got.eaten);
		feed(&cut, &rules, all, 12, &rng);
		CU_ASSERT_EQUAL_FATAL(cut.fault, got.fault);
	}
}

static void clean_text_comes_out_in_one_borrowed_piece(void)
{
	static const char text[] = "one\r\ntwo\r\n\r\nthree\r\n.\r\n";
	struct smtp_body b;
	struct span content;
	enum smtp_body_outcome outcome;

	smtp_body_init(&b, &data_rules);
	CU_ASSERT_EQUAL(smtp_body_input(&b, SPAN("one\r\ntwo\r\n\r\nthree\r\n.\r\n"), &content, &outcome), 19);
	CU_ASSERT_EQUAL(content.bytes, 19);
	CU_ASSERT_EQUAL(memcmp(content.data, text, 19), 0);
	CU_ASSERT_EQUAL(smtp_body_input(&b, SPAN(".\r\n"), &content, &outcome), 3);
	CU_ASSERT_EQUAL(outcome, BODY_DONE);
}

UNIT("smtp/body",
     { "random DATA is judged and unstuffed as the model says",
       random_data_is_judged_and_unstuffed_as_the_model_says },
     { "random chunks are judged as the model says", random_chunks_are_judged_as_the_model_says },
     { "each fault has its name", each_fault_has_its_name },
     { "the size limit counts unstuffed bytes exactly", the_size_limit_counts_unstuffed_bytes_exactly },
     { "a line over the bound is a fault and one at it is not",
       a_line_over_the_bound_is_a_fault_and_one_at_it_is_not },
     { "8-bit content is a fault only where asked", eight_bit_content_is_a_fault_only_where_asked },
     { "which fault comes first does not depend on the cuts",
       which_fault_comes_first_does_not_depend_on_the_cuts },
     { "clean text comes out in one borrowed piece", clean_text_comes_out_in_one_borrowed_piece })
