/*
 * stuff_test.c - each line that begins with a dot gets one more, whatever the cuts and however full
 * the pool.
 */
#include <stdlib.h>

#include "base/prng.h"
#include "smtp/stuff.h"
#include "tests/unit/unit.h"

#define BLOCKS 3u

static struct block blocks[BLOCKS] __attribute__((aligned(64)));
static struct block_pool pool;
static char out_text[65536];
static size_t out_bytes;

static void drain(struct byteq *q)
{
	out_bytes += byteq_copy_out(q, 0, (struct room){ .data = (uint8_t *)out_text + out_bytes,
	                                                 .bytes = sizeof(out_text) - 1 - out_bytes });
	out_text[out_bytes] = '\0';
	byteq_clear(q, &pool);
}

static const char *stuff(struct span content, size_t piece_max, struct prng *rng)
{
	struct smtp_stuff s;
	struct byteq q = { .bytes = 0 };
	size_t taken = 0;
	size_t counted = 0;
	size_t written;

	block_pool_init(&pool, blocks, BLOCKS);
	out_bytes = 0;
	smtp_stuff_init(&s);
	while (taken < content.bytes) {
		size_t want = rng != NULL ? 1 + prng_below(rng, piece_max) : piece_max;
		struct span piece = span_head(span_after(content, taken), want);
		taken += smtp_stuff_write(&s, &q, &pool, piece, &written);
		counted += written;
		if (byteq_bytes(&q) > 10000 || written == 0)
			drain(&q);
	}
	drain(&q);
	CU_ASSERT_EQUAL(counted, out_bytes);
	struct span end = smtp_stuff_end(&s);
	memcpy(out_text + out_bytes, end.data, end.bytes);
	out_bytes += end.bytes;
	out_text[out_bytes] = '\0';
	return out_text;
}

#define STUFFS(content, wanted)                                                                    \
	do {                                                                                       \
		CU_ASSERT_STRING_EQUAL(stuff(SPAN(content), SIZE_MAX, NULL), wanted);              \
		CU_ASSERT_STRING_EQUAL(stuff(SPAN(content), 1, NULL), wanted);                     \
	} while (0)

static void leading_dots_are_doubled_and_others_are_not(void)
{
	STUFFS("a.b\r\n.c\r\n..\r\n.\r\nd\r\n", "a.b\r\n..c\r\n...\r\n..\r\nd\r\n.\r\n");
	STUFFS(".\r\n", "..\r\n.\r\n");
	STUFFS("...\r\n", "....\r\n.\r\n");
}

static void an_empty_body_is_a_lone_dot(void)
{
	STUFFS("", ".\r\n");
}

static void a_body_without_final_line_end_gets_one(void)
{
	STUFFS("a", "a\r\n.\r\n");
	STUFFS("a\r\n.", "a\r\n..\r\n.\r\n");
}

static void a_dot_behind_a_bare_lf_is_doubled_to_be_safe(void)
{
	STUFFS("a\n.\r\nb\r\n", "a\n..\r\nb\r\n.\r\n");
}

static void a_pool_that_runs_out_loses_and_doubles_nothing(void)
{
	uint8_t text[60000];
	struct prng rng;

	for (uint64_t seed = 0; seed < 200; seed++) {
		prng_seed(&rng, seed);
		size_t bytes = 1 + prng_below(&rng, sizeof(text) / 2);
		for (size_t i = 0; i < bytes; i++)
			text[i] = (uint8_t)"..\nxyz"[prng_below(&rng, 6)];
		stuff(span_of(text, bytes), 50000, &rng);
		size_t at = 0;
		for (size_t i = 0; i < bytes; i++) {
			bool begins = i == 0 || text[i - 1] == '\n';
			if (begins && text[i] == '.')
				CU_ASSERT_EQUAL_FATAL(out_text[at++], '.');
			CU_ASSERT_EQUAL_FATAL((uint8_t)out_text[at++], text[i]);
		}
		CU_ASSERT_EQUAL_FATAL(out_bytes - at, text[bytes - 1] == '\n' ? 3 : 5);
	}
}

UNIT("smtp/stuff",
     { "leading dots are doubled and others are not", leading_dots_are_doubled_and_others_are_not },
     { "an empty body is a lone dot", an_empty_body_is_a_lone_dot },
     { "a body without final line end gets one", a_body_without_final_line_end_gets_one },
     { "a dot behind a bare LF is doubled to be safe", a_dot_behind_a_bare_lf_is_doubled_to_be_safe },
     { "a pool that runs out loses and doubles nothing", a_pool_that_runs_out_loses_and_doubles_nothing })
