/*
 * domain_test.c - names, patterns, and the table against a walk over all patterns.
 */
#include "policy/domain.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

static struct span span_str(const char *s)
{
	return span_of(s, strlen(s));
}

static bool valid(const char *name)
{
	return domain_is_valid(span_str(name));
}

static bool pattern(const char *text)
{
	return domain_pattern_is_valid(span_str(text));
}

static void names_are_labels_with_dots_between(void)
{
	CU_ASSERT_TRUE(valid("a"));
	CU_ASSERT_TRUE(valid("example.org"));
	CU_ASSERT_TRUE(valid("xn--bcher-kva.example"));
	CU_ASSERT_TRUE(valid("_dmarc.example.org"));
	CU_ASSERT_TRUE(valid("1.2.example"));
	static const char *const wrong[] = { "",     ".",    "a.",        ".a",
					     "a..b", "-a.b", "a-.b",      "a b",
					     "a/b",  "*.a",  "[1.2.3.4]", "b\xc3\xbc.test" };
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		CU_ASSERT_FALSE(valid(wrong[i]));
	char label[80];
	memset(label, 'a', sizeof(label));
	CU_ASSERT_TRUE(domain_is_valid(span_of(label, 63)));
	CU_ASSERT_FALSE(domain_is_valid(span_of(label, 64)));
	char longest[260];
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 == 0 ? 'a' : '.';
	CU_ASSERT_TRUE(domain_is_valid(span_of(longest, 253)));
	CU_ASSERT_FALSE(domain_is_valid(span_of(longest, 255)));
}

static void patterns_are_names_suffixes_or_the_star(void)
{
	CU_ASSERT_TRUE(pattern("*"));
	CU_ASSERT_TRUE(pattern(".example.org"));
	CU_ASSERT_TRUE(pattern("example.org"));
	CU_ASSERT_FALSE(pattern(""));
	CU_ASSERT_FALSE(pattern("."));
	CU_ASSERT_FALSE(pattern(".."));
	CU_ASSERT_FALSE(pattern("*.example.org"));
	CU_ASSERT_FALSE(pattern("**"));
}

static void lowering_strips_one_dot_and_never_overruns(void)
{
	uint8_t buffer[8];
	struct room room = { buffer, sizeof(buffer) };
	CU_ASSERT_TRUE(span_equal(domain_lower(SPAN("A.Bc"), room), SPAN("a.bc")));
	CU_ASSERT_EQUAL(buffer[4], 0);
	CU_ASSERT_TRUE(span_equal(domain_lower(SPAN("A.B."), room), SPAN("a.b")));
	CU_ASSERT_TRUE(span_equal(domain_lower(SPAN("1234567"), room), SPAN("1234567")));
	CU_ASSERT_EQUAL(domain_lower(SPAN("12345678"), room).bytes, 0);
	CU_ASSERT_EQUAL(domain_lower(SPAN_NONE, room).bytes, 0);
	CU_ASSERT_TRUE(domain_is_comparable(SPAN("a.b")));
	CU_ASSERT_FALSE(domain_is_comparable(SPAN("a\0b")));
	CU_ASSERT_FALSE(domain_is_comparable(SPAN("a\x7f")));
	CU_ASSERT_FALSE(domain_is_comparable(SPAN("\xc3\xa4")));
}

#define PATTERNS 40u
static char texts[PATTERNS][24];

/* Few letters and labels, so that patterns and names meet often. */
static void random_name(struct prng *prng, char *text)
{
	size_t used = 0;
	uint64_t labels = 1 + prng_below(prng, 4);
	for (uint64_t l = 0; l < labels; l++) {
		if (l > 0)
			text[used++] = '.';
		for (uint64_t n = 1 + prng_below(prng, 2); n > 0; n--)
			text[used++] = (char)('a' + prng_below(prng, 2));
	}
	text[used] = '\0';
}

static bool is_below(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix); /* the suffix begins with its dot */
	return n > s && strcmp(name + n - s, suffix) == 0;
}

/* What the contract says, by walking over all patterns: exact, then the longest suffix, then the
 * star. */
static uint32_t found_by_walking(const char *name)
{
	uint32_t best = DOMAIN_NONE;
	size_t best_bytes = 0;
	for (uint32_t i = 0; i < PATTERNS; i++)
		if (strcmp(texts[i], name) == 0)
			return i;
	for (uint32_t i = 0; i < PATTERNS; i++) {
		if (texts[i][0] == '.' && is_below(name, texts[i]) &&
		    strlen(texts[i]) > best_bytes) {
			best = i;
			best_bytes = strlen(texts[i]);
		}
	}
	for (uint32_t i = 0; best == DOMAIN_NONE && i < PATTERNS; i++)
		if (strcmp(texts[i], "*") == 0)
			best = i;
	return best;
}

static void the_table_finds_what_walking_finds(void)
{
	struct prng prng;
	uint32_t found = 0, missed = 0;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct arena arena;
		struct domain_table table;
		void *memory = aligned_alloc(64, 1 << 20);
		arena_init(&arena, memory, 1 << 20);
		prng_seed(&prng, seed);
		CU_ASSERT_TRUE_FATAL(domain_table_init(&table, &arena, PATTERNS));
		for (uint32_t i = 0; i < PATTERNS; i++) {
			texts[i][0] = '.';
			random_name(&prng, prng_chance(&prng, 500) ? texts[i] : texts[i] + 1);
			if (seed % 2 == 0 && i == 7)
				memcpy(texts[i], "*", sizeof("*"));
			domain_table_add(&table, span_str(texts[i]), i);
		}
		for (int run = 0; run < 2000; run++) {
			char name[24];
			random_name(&prng, name);
			uint32_t value = domain_table_find(&table, span_str(name));
			CU_ASSERT_EQUAL(value, found_by_walking(name));
			found += value != DOMAIN_NONE;
			missed += value == DOMAIN_NONE;
		}
		free(memory);
	}
	CU_ASSERT_TRUE(found > 1000);
	CU_ASSERT_TRUE(missed > 1000);
}

static void an_empty_table_finds_nothing(void)
{
	struct arena arena;
	struct domain_table table;
	void *memory = aligned_alloc(64, 4096);
	arena_init(&arena, memory, 4096);
	CU_ASSERT_TRUE_FATAL(domain_table_init(&table, &arena, 0));
	CU_ASSERT_EQUAL(domain_table_find(&table, SPAN("a.b")), DOMAIN_NONE);
	CU_ASSERT_EQUAL(domain_table_find(&table, SPAN_NONE), DOMAIN_NONE);
	domain_table_add(&table, SPAN("*"), 3);
	CU_ASSERT_EQUAL(domain_table_find(&table, SPAN_NONE), 3);
	free(memory);
}

UNIT("policy/domain", { "names are labels with dots between", names_are_labels_with_dots_between },
     { "patterns are names, suffixes or the star", patterns_are_names_suffixes_or_the_star },
     { "lowering strips one dot and never overruns", lowering_strips_one_dot_and_never_overruns },
     { "the table finds what walking over all patterns finds", the_table_finds_what_walking_finds },
     { "an empty table finds nothing", an_empty_table_finds_nothing })
