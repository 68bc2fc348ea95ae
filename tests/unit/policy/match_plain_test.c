/*
 * match_plain_test.c - the oracle itself, against searching the whole text at once.
 */
#include "policy/content.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

#define RULES 4u

static const char *first[] = { "abab", "needle" }, *second[] = { "aab" },
		  *third[] = { "needle in", "\xff\x01" }, *fourth[] = { "a" };
static const struct settings_content rules[RULES] = {
	{ .name = "1", .literals = { 2, first } },
	{ .name = "2", .literals = { 1, second } },
	{ .name = "3", .literals = { 2, third } },
	{ .name = "4", .literals = { 1, fourth } },
};
static const struct settings settings = { .content_count = RULES, .content = rules };
static void *memory;

static struct content *make(const struct settings *s, uint32_t streams)
{
	free(memory);
	memory = malloc(content_plain_bytes(s, streams));
	return content_plain_make(s, streams, memory);
}

static bool feed(struct content *c, struct content_stream *s, struct span bytes)
{
	return content_ops_of(c)->scan(c, s, bytes);
}

static uint32_t scan_text(struct content *c, struct span text, size_t step)
{
	struct content_stream *s = content_ops_of(c)->open(c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	while (text.bytes > 0) {
		CU_ASSERT_TRUE(feed(c, s, span_head(text, step)));
		text = span_after(text, step);
	}
	return content_ops_of(c)->close(c, s);
}

static void the_lowest_rule_that_occurs_is_told(void)
{
	struct content *c = make(&settings, 2);
	CU_ASSERT_EQUAL(scan_text(c, SPAN("xx"), 1), CONTENT_NO_RULE);
	CU_ASSERT_EQUAL(scan_text(c, SPAN("xax"), 1), 3);
	CU_ASSERT_EQUAL(scan_text(c, SPAN("aaab"), 2), 1);
	CU_ASSERT_EQUAL(scan_text(c, SPAN("aababaab"), 3), 0);
	CU_ASSERT_EQUAL(scan_text(c, SPAN("a needle in"), 1), 0);
	CU_ASSERT_EQUAL(scan_text(c, SPAN("\xff\x01"), 1), 2);
	CU_ASSERT_EQUAL(scan_text(c, SPAN("nee\0dle"), 7), CONTENT_NO_RULE);
	CU_ASSERT_EQUAL(content_head(c)->streams, 0);
	CU_ASSERT_EQUAL(content_head(c)->matches, 5);
}

static void a_match_is_told_as_soon_as_it_is_there(void)
{
	struct content *c = make(&settings, 1);
	struct content_stream *s = content_ops_of(c)->open(c);
	CU_ASSERT_TRUE(feed(c, s, SPAN("xab")));
	CU_ASSERT_EQUAL(content_ops_of(c)->matched(s), 3);
	CU_ASSERT_TRUE(feed(c, s, SPAN("ab")));
	CU_ASSERT_EQUAL(content_ops_of(c)->matched(s), 0);
	CU_ASSERT_EQUAL(content_ops_of(c)->close(c, s), 0);
}

static void streams_are_bounded_and_begin_afresh(void)
{
	struct content *c = make(&settings, 2);
	struct content_stream *a = content_ops_of(c)->open(c), *b = content_ops_of(c)->open(c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_PTR_NULL(content_ops_of(c)->open(c));
	CU_ASSERT_EQUAL(content_head(c)->streams, 2);
	CU_ASSERT_TRUE(feed(c, a, SPAN("need")));
	CU_ASSERT_TRUE(feed(c, b, SPAN("xx")));
	CU_ASSERT_EQUAL(content_ops_of(c)->close(c, a), CONTENT_NO_RULE);
	a = content_ops_of(c)->open(c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_TRUE(feed(c, a, SPAN("le")));
	CU_ASSERT_EQUAL(content_ops_of(c)->close(c, a), CONTENT_NO_RULE);
	CU_ASSERT_EQUAL(content_ops_of(c)->close(c, b), CONTENT_NO_RULE);
	CU_ASSERT_EQUAL(content_head(c)->streams, 0);
}

static bool occurs(const char *literal, const uint8_t *text, size_t bytes)
{
	size_t n = strlen(literal);
	for (size_t i = 0; i + n <= bytes; i++)
		if (memcmp(text + i, literal, n) == 0)
			return true;
	return false;
}

static uint32_t found_by_searching(const uint8_t *text, size_t bytes)
{
	for (uint32_t r = 0; r < RULES; r++)
		for (uint32_t i = 0; i < rules[r].literals.count; i++)
			if (occurs(rules[r].literals.items[i], text, bytes))
				return r;
	return CONTENT_NO_RULE;
}

static void streaming_finds_what_searching_finds(void)
{
	struct content *c = make(&settings, 1);
	struct prng prng;
	static const char letters[] = "abx";
	prng_seed(&prng, 3);
	uint32_t counts[RULES + 1] = { 0 };
	for (int run = 0; run < 3000; run++) {
		uint8_t text[40];
		size_t bytes = prng_below(&prng, 12);
		for (size_t i = 0; i < bytes; i++)
			text[i] = (uint8_t)
				letters[prng_chance(&prng, 400) ? 2 : prng_below(&prng, 2)];
		uint32_t rule = found_by_searching(text, bytes);
		CU_ASSERT_EQUAL(scan_text(c, span_of(text, bytes), 1 + prng_below(&prng, 4)), rule);
		counts[rule == CONTENT_NO_RULE ? RULES : rule]++;
	}
	CU_ASSERT_TRUE(counts[0] > 50);
	CU_ASSERT_TRUE(counts[1] > 50);
	CU_ASSERT_TRUE(counts[RULES] > 50);
}

static void without_rules_nothing_matches(void)
{
	static const struct settings none = { .content_count = 0 };
	struct content *c = make(&none, 3);
	CU_ASSERT_EQUAL(scan_text(c, SPAN("needle"), 2), CONTENT_NO_RULE);
	CU_ASSERT_EQUAL(content_head(c)->bytes_scanned, 6);
	content_ops_of(c)->free(c);
	free(memory);
	memory = NULL;
}

UNIT("policy/match_plain",
     { "the lowest rule that occurs is told", the_lowest_rule_that_occurs_is_told },
     { "a match is told as soon as it is there", a_match_is_told_as_soon_as_it_is_there },
     { "streams are bounded and begin afresh", streams_are_bounded_and_begin_afresh },
     { "streaming finds what searching the whole finds", streaming_finds_what_searching_finds },
     { "without rules nothing matches", without_rules_nothing_matches })
