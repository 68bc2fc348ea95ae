/*
 * match_hs_test.c - Hyperscan says what the plain matcher says: random rules and bodies, random
 * splits, and every split point of every literal.
 */
#include "policy/match_hs.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

#define RULES         12u
#define LITERALS      3u
#define LITERAL_BYTES 40u
#define BODY_BYTES    4096u

static char literals[RULES][LITERALS][LITERAL_BYTES + 1];
static const char *items[RULES][LITERALS];
static struct settings_content rules[RULES];
static struct settings settings;
static struct prng prng;

struct pair { /* both matchers over the same rules */
	struct match_hs_database *db;
	struct content *hs, *plain;
	void *memory;
};

/* Three kinds of bytes: few letters (many near misses), mail-like, any but NUL (a rule is a text).
 */
static uint8_t random_byte(uint64_t kind)
{
	if (kind == 0)
		return (uint8_t)('a' + prng_below(&prng, 3));
	if (kind == 1)
		return (uint8_t)(" \r\n.=-<>EICARxyz0123456789?*+()[]{}|\\^$"[prng_below(&prng,
											 38)]);
	return (uint8_t)(1 + prng_below(&prng, 255));
}

static void random_rules(uint64_t kind)
{
	for (uint32_t r = 0; r < RULES; r++) {
		uint32_t count = 1 + (uint32_t)prng_below(&prng, LITERALS);
		for (uint32_t l = 0; l < count; l++) {
			size_t bytes = 1 + prng_below(&prng,
						      prng_chance(&prng, 300) ? 4 : LITERAL_BYTES);
			for (size_t i = 0; i < bytes; i++)
				literals[r][l][i] = (char)random_byte(kind);
			literals[r][l][bytes] = '\0';
			items[r][l] = literals[r][l];
		}
		rules[r] = (struct settings_content){ .name = "r",
						      .literals = { count, items[r] } };
	}
	settings = (struct settings){ .content_count = RULES, .content = rules };
}

static void pair_make(struct pair *p, uint32_t streams)
{
	char error[256] = "";
	p->db = match_hs_compile(&settings, error, sizeof(error));
	CU_ASSERT_STRING_EQUAL(error, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->db);
	p->hs = match_hs_make(p->db, streams);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->hs);
	p->memory = malloc(content_plain_bytes(&settings, streams));
	p->plain = content_plain_make(&settings, streams, p->memory);
}

static void pair_free(struct pair *p)
{
	CU_ASSERT_EQUAL(content_head(p->hs)->streams, 0);
	CU_ASSERT_EQUAL(content_head(p->hs)->matches, content_head(p->plain)->matches);
	CU_ASSERT_EQUAL(content_head(p->hs)->bytes_scanned, content_head(p->plain)->bytes_scanned);
	content_ops_of(p->hs)->free(p->hs);
	content_ops_of(p->plain)->free(p->plain);
	match_hs_database_free(p->db);
	free(p->memory);
}

/* Both see the same pieces and must agree after each; returns the rule. `step` 0: random pieces. */
static uint32_t agree(struct pair *p, struct span body, size_t step)
{
	struct content_stream *hs = content_ops_of(p->hs)->open(p->hs);
	struct content_stream *plain = content_ops_of(p->plain)->open(p->plain);
	CU_ASSERT_PTR_NOT_NULL_FATAL(hs);
	while (body.bytes > 0) {
		struct span piece = span_head(body, step != 0 ? step : prng_below(&prng, 200));
		body = span_after(body, piece.bytes);
		CU_ASSERT_TRUE(content_ops_of(p->hs)->scan(p->hs, hs, piece));
		CU_ASSERT_TRUE(content_ops_of(p->plain)->scan(p->plain, plain, piece));
		CU_ASSERT_EQUAL(content_ops_of(p->hs)->matched(hs),
				content_ops_of(p->plain)->matched(plain));
	}
	uint32_t rule = content_ops_of(p->hs)->close(p->hs, hs);
	CU_ASSERT_EQUAL(rule, content_ops_of(p->plain)->close(p->plain, plain));
	return rule;
}

/* Random bytes, some NUL, with whole and damaged literals put in. */
static size_t random_body(uint8_t *body, uint64_t kind)
{
	size_t bytes = prng_below(&prng, BODY_BYTES);
	for (size_t i = 0; i < bytes; i++)
		body[i] = prng_chance(&prng, 10) ? 0
			  : kind == 0            ? (uint8_t)('d' + prng_below(&prng, 9))
						 : random_byte(kind);
	for (uint64_t n = prng_below(&prng, 4); n > 0; n--) {
		const char *literal = items[prng_below(&prng, RULES)][0];
		size_t length = strlen(literal);
		if (length >= bytes)
			continue;
		size_t at = prng_below(&prng, bytes - length);
		memcpy(body + at, literal, length);
		if (prng_chance(&prng, 300))
			body[at + prng_below(&prng, length)] ^= 0x20;
	}
	return bytes;
}

static void both_agree_on_random_rules_bodies_and_splits(void)
{
	static uint8_t body[BODY_BYTES];
	uint32_t matched = 0, unmatched = 0;
	prng_seed(&prng, 42);
	for (uint64_t set = 0; set < 30; set++) {
		struct pair p;
		random_rules(set % 3);
		pair_make(&p, 1);
		for (int run = 0; run < 40; run++) {
			size_t bytes = random_body(body, set % 3);
			bool match = agree(&p, span_of(body, bytes), 0) != CONTENT_NO_RULE;
			matched += match;
			unmatched += !match;
		}
		pair_free(&p);
	}
	CU_ASSERT_TRUE(matched > 200);
	CU_ASSERT_TRUE(unmatched > 20);
}

static void a_literal_is_found_across_every_split(void)
{
	prng_seed(&prng, 7);
	struct pair p;
	random_rules(2);
	pair_make(&p, 1);
	for (uint32_t r = 0; r < RULES; r++) {
		const char *literal = items[r][0];
		size_t bytes = strlen(literal);
		for (size_t at = 0; at <= bytes; at++) {
			struct content_stream *s = content_ops_of(p.hs)->open(p.hs);
			CU_ASSERT_TRUE(content_ops_of(p.hs)->scan(p.hs, s, span_of(literal, at)));
			CU_ASSERT_TRUE(content_ops_of(p.hs)->scan(p.hs, s, SPAN_NONE));
			CU_ASSERT_TRUE(content_ops_of(p.hs)->scan(
				p.hs, s, span_of(literal + at, bytes - at)));
			CU_ASSERT_TRUE(content_ops_of(p.hs)->close(p.hs, s) <= r);
			(void)agree(&p, span_of(literal, bytes), at == 0 ? 1 : at);
		}
		CU_ASSERT_TRUE(agree(&p, span_of(literal, bytes), 1) <= r);
	}
	content_head(p.hs)->matches =
		content_head(p.plain)->matches; /* the splits were shown to one of them only */
	content_head(p.hs)->bytes_scanned = content_head(p.plain)->bytes_scanned;
	pair_free(&p);
}

static void the_test_virus_is_found_byte_by_byte(void)
{
	static const char *eicar[] = { "EICAR-STANDARD-ANTIVIRUS-TEST-FILE" };
	rules[0] = (struct settings_content){ .name = "eicar", .literals = { 1, eicar } };
	settings = (struct settings){ .content_count = 1, .content = rules };
	struct pair p;
	pair_make(&p, 1);
	struct span body = SPAN(
		"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\r\n");
	for (size_t step = 1; step <= body.bytes; step++)
		CU_ASSERT_EQUAL(agree(&p, body, step), 0);
	CU_ASSERT_EQUAL(agree(&p, SPAN("eicar-standard-antivirus-test-file"), 5), CONTENT_NO_RULE);
	pair_free(&p);
}

static void streams_are_pooled_and_independent(void)
{
	prng_seed(&prng, 9);
	random_rules(1);
	struct pair p;
	pair_make(&p, 3);
	struct content_stream *s[3];
	const char *literal = items[5][0];
	for (int i = 0; i < 3; i++)
		CU_ASSERT_PTR_NOT_NULL_FATAL(s[i] = content_ops_of(p.hs)->open(p.hs));
	CU_ASSERT_PTR_NULL(content_ops_of(p.hs)->open(p.hs));
	CU_ASSERT_EQUAL(content_head(p.hs)->streams, 3);
	CU_ASSERT_TRUE(content_ops_of(p.hs)->scan(p.hs, s[1], span_of(literal, strlen(literal))));
	CU_ASSERT_TRUE(content_ops_of(p.hs)->matched(s[1]) <= 5);
	CU_ASSERT_EQUAL(content_ops_of(p.hs)->matched(s[0]), CONTENT_NO_RULE);
	for (int i = 0; i < 3; i++)
		(void)content_ops_of(p.hs)->close(p.hs, s[i]);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(s[i] = content_ops_of(p.hs)->open(p.hs));
		CU_ASSERT_EQUAL(content_ops_of(p.hs)->matched(s[i]), CONTENT_NO_RULE);
	}
	for (int i = 0; i < 3; i++)
		(void)content_ops_of(p.hs)->close(p.hs, s[i]);
	content_head(p.plain)->matches = content_head(p.hs)->matches;
	content_head(p.plain)->bytes_scanned = content_head(p.hs)->bytes_scanned;
	pair_free(&p);
}

static void without_rules_nothing_matches(void)
{
	settings = (struct settings){ .content_count = 0 };
	struct pair p;
	pair_make(&p, 2);
	CU_ASSERT_EQUAL(agree(&p, SPAN("anything at all"), 4), CONTENT_NO_RULE);
	pair_free(&p);
}

UNIT("policy/match_hs",
     { "both matchers agree on random rules, bodies and splits",
       both_agree_on_random_rules_bodies_and_splits },
     { "a literal is found across every split", a_literal_is_found_across_every_split },
     { "the test virus is found byte by byte", the_test_virus_is_found_byte_by_byte },
     { "streams are pooled and independent", streams_are_pooled_and_independent },
     { "without rules nothing matches", without_rules_nothing_matches })
