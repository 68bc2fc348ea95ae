/*
 * tcp_options_all_test.c - tcp_options_parse() for every option at every place.
 *
 * One turn of the parser's loop sees what is left of the options and nothing of what was before. So all that it
 * can do is seen by all kinds (256) with all lengths (256) in all that may be left (1 to 40 bytes): 2.6 million
 * calls, here made as the first turn and once more as a later one, behind NOPs. The bytes end where their memory ends,
 * so that the sanitizers see a read behind them.
 */
#include <stdlib.h>

#include "tests/unit/unit.h"
#include "wire/tcp_seg.h"

enum { END = 0, NOP = 1, MSS = 2, SHIFT = 3, SACK_PERMITTED = 4, SACK = 5, STAMPS = 8 };

/* RFC 9293 3.1: only END and NOP have no length; it counts kind and length themselves. */
static bool is_good(unsigned kind, unsigned length, unsigned left)
{
	if (kind == END || kind == NOP)
		return true;
	return left >= 2 && length >= 2 && length <= left;
}

static bool is_what_it_says(const struct tcp_options *o, unsigned kind, unsigned length, bool good)
{
	bool sack = good && kind == SACK && (length - 2) % 8 == 0;
	unsigned blocks = sack ? (length - 2) / 8 : 0;
	return o->mss_known == (good && kind == MSS && length == 4) &&
	       o->shift_known == (good && kind == SHIFT && length == 3) &&
	       o->sack_permitted == (good && kind == SACK_PERMITTED && length == 2) &&
	       o->stamps_known == (good && kind == STAMPS && length == 10) &&
	       o->sack_count == (blocks < TCP_SACK_BLOCKS_MAX ? blocks : TCP_SACK_BLOCKS_MAX) &&
	       o->shift <= TCP_SHIFT_MAX;
}

/* Counts what is wrong: with `before` NOPs, then the option, then NOPs up to `before` + `left` bytes. */
static unsigned try_all(unsigned before, unsigned left)
{
	uint8_t *bytes = malloc(before + left);
	unsigned wrong = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	memset(bytes, NOP, before + left);
	for (unsigned kind = 0; kind < 256; kind++) {
		for (unsigned length = 0; length < 256; length++) {
			struct tcp_options o;
			bytes[before] = (uint8_t)kind;
			if (left > 1)
				bytes[before + 1] = (uint8_t)(kind == NOP ? NOP : length);
			bool good = is_good(kind, length, left);
			wrong += tcp_options_parse(span_of(bytes, before + left), &o) != good;
			wrong += !is_what_it_says(&o, kind, length, good);
		}
	}
	free(bytes);
	return wrong;
}

static void every_kind_and_length_in_all_that_may_be_left(void)
{
	for (unsigned left = 1; left <= TCP_OPTION_BYTES_MAX; left++)
		CU_ASSERT_EQUAL(try_all(0, left), 0);
}

static void the_same_behind_other_options(void)
{
	for (unsigned left = 1; left < TCP_OPTION_BYTES_MAX; left++)
		CU_ASSERT_EQUAL(try_all(TCP_OPTION_BYTES_MAX - left, left), 0);
}

/* Where all bytes are given, all of them: 16.8 million. */
static void three_bytes_may_be_any(void)
{
	uint8_t *bytes = malloc(3);
	unsigned wrong = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	for (uint32_t v = 0; v < 1u << 24; v++) {
		struct tcp_options o;
		bytes[0] = (uint8_t)(v >> 16);
		bytes[1] = (uint8_t)(v >> 8);
		bytes[2] = (uint8_t)v;
		(void)!tcp_options_parse(span_of(bytes, 3), &o);
		wrong += o.sack_count > 0 || o.mss_known || o.stamps_known || o.shift > TCP_SHIFT_MAX;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(bytes);
}

UNIT("wire/tcp_options_all",
     { "every kind and length in all that may be left", every_kind_and_length_in_all_that_may_be_left },
     { "the same behind other options", the_same_behind_other_options },
     { "three bytes may be any", three_bytes_may_be_any })
