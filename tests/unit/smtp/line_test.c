/*
 * line_test.c - only CRLF ends a line; whole lines are borrowed, split ones gathered; and the
 * scanners.
 */
#include <stdlib.h>

#include "base/prng.h"
#include "smtp/line.h"
#include "tests/unit/unit.h"

#define BLOCKS 2u

static struct block blocks[BLOCKS] __attribute__((aligned(64)));
static struct block_pool pool;
static struct smtp_line l;
static struct span line;
static enum smtp_line_outcome outcome;

static void start(uint16_t bytes_max)
{
	block_pool_init(&pool, blocks, BLOCKS);
	smtp_line_init(&l, bytes_max);
}

static size_t feed(const char *text, size_t bytes)
{
	smtp_line_done(&l, &pool);
	return smtp_line_input(&l, &pool, span_of(text, bytes), &line, &outcome);
}

#define FEED(literal) feed(literal, sizeof(literal) - 1)
#define IS(literal) CU_ASSERT_TRUE(span_equal(line, SPAN(literal)))

static void stop(void)
{
	smtp_line_fini(&l, &pool);
	CU_ASSERT_EQUAL(pool.free_count, BLOCKS);
}

static void a_whole_line_is_borrowed_without_a_block(void)
{
	static const char text[] = "NOOP\r\nRSET\r\n";

	start(100);
	CU_ASSERT_EQUAL(feed(text, 12), 6);
	CU_ASSERT_EQUAL(outcome, LINE_WHOLE);
	IS("NOOP");
	CU_ASSERT_PTR_EQUAL(line.data, text);
	CU_ASSERT_EQUAL(pool.low_mark, BLOCKS);
	stop();
}

static void a_split_line_is_gathered_and_its_block_given_back(void)
{
	start(100);
	CU_ASSERT_EQUAL(FEED("NO"), 2);
	CU_ASSERT_EQUAL(outcome, LINE_PART);
	CU_ASSERT_EQUAL(FEED("OP\r"), 3);
	CU_ASSERT_EQUAL(outcome, LINE_PART);
	CU_ASSERT_EQUAL(FEED("\nRSET\r\n"), 1);
	CU_ASSERT_EQUAL(outcome, LINE_WHOLE);
	IS("NOOP");
	CU_ASSERT_EQUAL(pool.free_count, BLOCKS - 1);
	CU_ASSERT_EQUAL(FEED("RSET\r\n"), 6);
	IS("RSET");
	CU_ASSERT_EQUAL(pool.free_count, BLOCKS);
	stop();
}

static void an_empty_line_is_a_line(void)
{
	start(100);
	CU_ASSERT_EQUAL(FEED("\r\n"), 2);
	CU_ASSERT_EQUAL(outcome, LINE_WHOLE);
	CU_ASSERT_EQUAL(line.bytes, 0);
	CU_ASSERT_EQUAL(FEED("\r"), 1);
	CU_ASSERT_EQUAL(FEED("\n"), 1);
	CU_ASSERT_EQUAL(outcome, LINE_WHOLE);
	CU_ASSERT_EQUAL(line.bytes, 0);
	stop();
}

static void a_line_of_the_greatest_length_passes_and_one_more_byte_does_not(void)
{
	start(4);
	FEED("abcd\r\n");
	CU_ASSERT_EQUAL(outcome, LINE_WHOLE);
	CU_ASSERT_EQUAL(FEED("abcde\r\nNOOP\r\n"), 7);
	CU_ASSERT_EQUAL(outcome, LINE_LONG);
	CU_ASSERT_EQUAL(FEED("ab"), 2);
	CU_ASSERT_EQUAL(FEED("cd\r\n"), 4);
	CU_ASSERT_EQUAL(outcome, LINE_WHOLE);
	CU_ASSERT_EQUAL(FEED("ab"), 2);
	CU_ASSERT_EQUAL(FEED("cde"), 3);
	CU_ASSERT_EQUAL(pool.free_count, BLOCKS);
	CU_ASSERT_EQUAL(FEED("\r\nx"), 2);
	CU_ASSERT_EQUAL(outcome, LINE_LONG);
	stop();
}

static void a_line_without_end_is_cut_off(void)
{
	char *text = malloc(65536);

	start(100);
	memset(text, 'x', 65536);
	for (int i = 0; i < 16; i++) {
		feed(text, 65536);
		CU_ASSERT_EQUAL(outcome, LINE_PART);
	}
	FEED("x");
	CU_ASSERT_EQUAL(outcome, LINE_ENDLESS);
	free(text);
	stop();
}

static void a_bare_cr_or_nul_spoils_the_line_up_to_its_crlf(void)
{
	start(100);
	CU_ASSERT_EQUAL(FEED("NO\rOP\r\nNOOP\r\n"), 7);
	CU_ASSERT_EQUAL(outcome, LINE_BAD);
	CU_ASSERT_EQUAL(FEED("NO\0OP\r\nNOOP\r\n"), 7);
	CU_ASSERT_EQUAL(outcome, LINE_BAD);
	CU_ASSERT_EQUAL(FEED("NOOP\r\r\n"), 7);
	CU_ASSERT_EQUAL(outcome, LINE_BAD);
	CU_ASSERT_EQUAL(FEED("NOOP\r"), 5);
	CU_ASSERT_EQUAL(FEED("RSET\r\n"), 6);
	CU_ASSERT_EQUAL(outcome, LINE_BAD);
	stop();
}

static void a_bare_lf_is_told_at_once(void)
{
	start(100);
	CU_ASSERT_EQUAL(FEED("NOOP\nRSET\r\n"), 5);
	CU_ASSERT_EQUAL(outcome, LINE_BARE_LF);
	CU_ASSERT_EQUAL(FEED("NO"), 2);
	CU_ASSERT_EQUAL(FEED("OP\n"), 3);
	CU_ASSERT_EQUAL(outcome, LINE_BARE_LF);
	stop();
}

static void without_a_block_a_split_line_is_not_eaten(void)
{
	start(100);
	struct block *a = block_take(&pool);
	struct block *b = block_take(&pool);
	CU_ASSERT_EQUAL(FEED("NO"), 0);
	CU_ASSERT_EQUAL(outcome, LINE_NO_ROOM);
	CU_ASSERT_EQUAL(FEED("NOOP\r\n"), 6);
	CU_ASSERT_EQUAL(outcome, LINE_WHOLE);
	block_give(&pool, a);
	block_give(&pool, b);
	stop();
}

static void the_scanners_find_what_a_plain_loop_finds(void)
{
	uint8_t text[200];
	struct prng rng;

	prng_seed(&rng, 7);
	for (int round = 0; round < 20000; round++) {
		size_t bytes = prng_below(&rng, sizeof(text));
		size_t offset = prng_below(&rng, 8);
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = prng_chance(&rng, 15) ? (uint8_t)"\r\n\0\x8d"[prng_below(&rng, 4)]
							: (uint8_t)(1 + prng_below(&rng, 8));
		if (offset > bytes)
			offset = bytes;
		size_t any = offset;
		while (any < bytes && text[any] != '\r' && text[any] != '\n' && text[any] != 0)
			any++;
		size_t lf = offset;
		while (lf < bytes && text[lf] != '\n')
			lf++;
		struct span s = span_of(text + offset, bytes - offset);
		CU_ASSERT_EQUAL_FATAL(smtp_line_scan(s), any - offset);
		CU_ASSERT_EQUAL_FATAL(smtp_line_scan_lf(s), lf - offset);
	}
}

UNIT("smtp/line",
     { "a whole line is borrowed without a block", a_whole_line_is_borrowed_without_a_block },
     { "a split line is gathered and its block given back", a_split_line_is_gathered_and_its_block_given_back },
     { "an empty line is a line", an_empty_line_is_a_line },
     { "a line of the greatest length passes and one more byte does not",
       a_line_of_the_greatest_length_passes_and_one_more_byte_does_not },
     { "a line without end is cut off", a_line_without_end_is_cut_off },
     { "a bare CR or NUL spoils the line up to its CRLF", a_bare_cr_or_nul_spoils_the_line_up_to_its_crlf },
     { "a bare LF is told at once", a_bare_lf_is_told_at_once },
     { "without a block a split line is not eaten", without_a_block_a_split_line_is_not_eaten },
     { "the scanners find what a plain loop finds", the_scanners_find_what_a_plain_loop_finds })
