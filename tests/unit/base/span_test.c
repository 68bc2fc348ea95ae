/*
 * span_test.c - borrowed bytes and the two cursors: every function at its edges, and the promise that a
 * cursor which overran once does nothing more.
 */
#include "base/span.h"

#include "base/check.h"
#include "base/prng.h"
#include "tests/unit/unit.h"

#define ROUNDS 20000u

static void a_literal_is_taken_without_its_nul(void)
{
	CU_ASSERT_EQUAL(SPAN("").bytes, 0);
	CU_ASSERT_EQUAL(SPAN("abc").bytes, 3);
	CU_ASSERT_EQUAL(SPAN("a\0b").bytes, 3);
	CU_ASSERT_EQUAL(SPAN_NONE.bytes, 0);
}

static void head_and_after_split_without_overrun(void)
{
	struct span s = SPAN("abcdef");
	for (size_t i = 0; i <= 8; i++) {
		struct span head = span_head(s, i), after = span_after(s, i);
		CU_ASSERT_EQUAL(head.bytes, i < 6 ? i : 6);
		CU_ASSERT_EQUAL(head.bytes + after.bytes, 6);
		CU_ASSERT_PTR_EQUAL(head.data, s.data);
		if (i < 6)
			CU_ASSERT_PTR_EQUAL(after.data, s.data + i);
	}
	CU_ASSERT_EQUAL(span_after(s, SIZE_MAX).bytes, 0);
	CU_ASSERT_EQUAL(span_head(s, SIZE_MAX).bytes, 6);
	CU_ASSERT_EQUAL(span_after(SPAN_NONE, 0).bytes, 0);
	CU_ASSERT_EQUAL(span_head(SPAN_NONE, 3).bytes, 0);
}

static void equality_is_of_all_bytes(void)
{
	CU_ASSERT_TRUE(span_equal(SPAN_NONE, SPAN("")));
	CU_ASSERT_TRUE(span_equal(SPAN("a\0b"), SPAN("a\0b")));
	CU_ASSERT_FALSE(span_equal(SPAN("a\0b"), SPAN("a\0c")));
	CU_ASSERT_FALSE(span_equal(SPAN("ab"), SPAN("abc")));
	CU_ASSERT_FALSE(span_equal(SPAN("ab"), SPAN("aB")));
	CU_ASSERT_FALSE(span_equal(SPAN_NONE, SPAN("a")));
}

/* Only A-Z fold: not the neighbours of the letters, nor 8-bit bytes that a locale would fold. */
static void only_ascii_letters_compare_without_case(void)
{
	unsigned wrong = 0;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			uint8_t x = (uint8_t)a, y = (uint8_t)b;
			bool letters = (a ^ b) == 32 && ((a >= 'A' && a <= 'Z') || (b >= 'A' && b <= 'Z'));
			wrong += span_equal_nocase(span_of(&x, 1), span_of(&y, 1)) != (a == b || letters);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(span_equal_nocase(SPAN_NONE, SPAN("")));
	CU_ASSERT_TRUE(span_equal_nocase(SPAN("StartTLS"), SPAN("STARTtls")));
	CU_ASSERT_FALSE(span_equal_nocase(SPAN("StartTLS"), SPAN("StartTLS ")));
}

static void prefixes_and_suffixes(void)
{
	CU_ASSERT_TRUE(span_starts_nocase(SPAN("MAIL FROM:"), SPAN("mail")));
	CU_ASSERT_TRUE(span_starts_nocase(SPAN("mail"), SPAN("MAIL")));
	CU_ASSERT_TRUE(span_starts_nocase(SPAN("x"), SPAN_NONE));
	CU_ASSERT_TRUE(span_starts_nocase(SPAN_NONE, SPAN_NONE));
	CU_ASSERT_FALSE(span_starts_nocase(SPAN("MAI"), SPAN("MAIL")));
	CU_ASSERT_FALSE(span_starts_nocase(SPAN_NONE, SPAN("x")));
	CU_ASSERT_FALSE(span_starts_nocase(SPAN("xMAIL"), SPAN("MAIL")));
	CU_ASSERT_TRUE(span_ends_nocase(SPAN("a.Example.TEST"), SPAN(".example.test")));
	CU_ASSERT_TRUE(span_ends_nocase(SPAN("test"), SPAN("TEST")));
	CU_ASSERT_TRUE(span_ends_nocase(SPAN("x"), SPAN_NONE));
	CU_ASSERT_TRUE(span_ends_nocase(SPAN_NONE, SPAN_NONE));
	CU_ASSERT_FALSE(span_ends_nocase(SPAN("est"), SPAN("test")));
	CU_ASSERT_FALSE(span_ends_nocase(SPAN("testx"), SPAN("test")));
}

static void finding_the_first_and_the_last(void)
{
	CU_ASSERT_EQUAL(span_find(SPAN("a:b:c"), ':'), 1);
	CU_ASSERT_EQUAL(span_find_last(SPAN("a:b:c"), ':'), 3);
	CU_ASSERT_EQUAL(span_find(SPAN(":"), ':'), 0);
	CU_ASSERT_EQUAL(span_find_last(SPAN(":"), ':'), 0);
	CU_ASSERT_EQUAL(span_find(SPAN("abc"), ':'), 3);
	CU_ASSERT_EQUAL(span_find_last(SPAN("abc"), ':'), 3);
	CU_ASSERT_EQUAL(span_find(SPAN("a\0\xff"), 0xff), 2);
	CU_ASSERT_EQUAL(span_find(SPAN("a\0b"), 0), 1);
	CU_ASSERT_EQUAL(span_find(SPAN_NONE, 0), 0);
	CU_ASSERT_EQUAL(span_find_last(SPAN_NONE, 0), 0);
	CU_ASSERT_EQUAL(span_find(span_head(SPAN("abc"), 2), 'c'), 2); /* not past the end */
}

static void trimming_takes_spaces_and_tabs_only(void)
{
	CU_ASSERT_TRUE(span_equal(span_trim(SPAN(" \t a b \t ")), SPAN("a b")));
	CU_ASSERT_TRUE(span_equal(span_trim(SPAN("a")), SPAN("a")));
	CU_ASSERT_TRUE(span_equal(span_trim(SPAN("a\r\n")), SPAN("a\r\n")));
	CU_ASSERT_EQUAL(span_trim(SPAN(" \t \t")).bytes, 0);
	CU_ASSERT_EQUAL(span_trim(SPAN_NONE).bytes, 0);
}

static void numbers_are_digits_without_overflow(void)
{
	static const struct {
		struct span text;
		uint64_t value;
	} good[] = { { SPAN("0"), 0 },
		     { SPAN("7"), 7 },
		     { SPAN("00000000000000000042"), 42 },
		     { SPAN("18446744073709551615"), UINT64_MAX },
		     { SPAN("18446744073709551609"), UINT64_MAX - 6 },
		     { SPAN("9999999999999999999"), 9999999999999999999u } };
	static const struct span bad[] = { SPAN(""),      SPAN("-1"),
		                           SPAN("+1"),    SPAN(" 1"),
		                           SPAN("1 "),    SPAN("1\0"),
		                           SPAN("0x1"),   SPAN("1e3"),
		                           SPAN("1,000"), SPAN("18446744073709551616"),
		                           SPAN("/"),     SPAN(":"),
		                           SPAN("\xb2"),  SPAN("99999999999999999999"),
		                           SPAN("1a"),    SPAN("000000000000000000042"),
		                           SPAN_NONE,     SPAN("18446744073709551620") };
	uint64_t v;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		v = 1;
		CU_ASSERT_TRUE(span_to_u64(good[i].text, &v));
		CU_ASSERT_EQUAL(v, good[i].value);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		v = 12345;
		CU_ASSERT_FALSE(span_to_u64(bad[i], &v));
		CU_ASSERT_EQUAL(v, 12345); /* untouched */
	}
}

static void a_reader_reads_big_endian_in_order(void)
{
	static const uint8_t bytes[] = { 0x01, 0xfe, 0xdc, 0xff, 0x80, 0x00, 0x7f, 'a', 'b', 'c', 'd' };
	uint8_t copy[2];
	struct reader r = reader_of(span_of(bytes, sizeof(bytes)));
	CU_ASSERT_EQUAL(reader_u8(&r), 0x01);
	CU_ASSERT_EQUAL(reader_be16(&r), 0xfedc);
	CU_ASSERT_EQUAL(reader_be32(&r), 0xff80007fu);
	CU_ASSERT_TRUE(span_equal(reader_take(&r, 1), SPAN("a")));
	reader_copy(&r, copy, 2);
	CU_ASSERT_EQUAL(copy[0], 'b');
	CU_ASSERT_EQUAL(copy[1], 'c');
	CU_ASSERT_EQUAL(r.left.bytes, 1);
	CU_ASSERT_TRUE(r.ok);
	CU_ASSERT_EQUAL(reader_u8(&r), 'd');
	CU_ASSERT_TRUE(r.ok); /* read to the very end */
	CU_ASSERT_EQUAL(reader_take(&r, 0).bytes, 0);
	CU_ASSERT_TRUE(r.ok);
}

static void a_reader_that_overran_yields_zero_for_ever(void)
{
	uint8_t copy[4] = { 9, 9, 9, 9 };
	struct reader r = reader_of(SPAN("abc"));
	CU_ASSERT_EQUAL(reader_be32(&r), 0);
	CU_ASSERT_FALSE(r.ok);
	CU_ASSERT_EQUAL(reader_u8(&r), 0); /* although a byte was there */
	CU_ASSERT_EQUAL(reader_be16(&r), 0);
	CU_ASSERT_EQUAL(reader_take(&r, 1).bytes, 0);
	CU_ASSERT_EQUAL(reader_take(&r, 0).bytes, 0);
	reader_copy(&r, copy, 3);
	CU_ASSERT_EQUAL(copy[0] | copy[1] | copy[2], 0);
	CU_ASSERT_EQUAL(copy[3], 9);
	CU_ASSERT_FALSE(r.ok);
}

static void an_empty_reader(void)
{
	uint8_t byte = 1;
	struct reader r = reader_of(SPAN_NONE);
	CU_ASSERT_EQUAL(reader_take(&r, 0).bytes, 0);
	reader_copy(&r, &byte, 0);
	CU_ASSERT_TRUE(r.ok);
	CU_ASSERT_EQUAL(byte, 1);
	CU_ASSERT_EQUAL(reader_take(&r, SIZE_MAX).bytes, 0);
	CU_ASSERT_FALSE(r.ok);
}

static void a_writer_writes_big_endian_in_order(void)
{
	static const uint8_t expected[] = { 0x01, 0xfe, 0xdc, 0xff, 0x80, 0x00, 0x7f, 'a', 'b', 0, 0, 0 };
	uint8_t to[12] = { 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9 };
	struct writer w = writer_of((struct room){ .data = to, .bytes = sizeof(to) });
	writer_u8(&w, 0x01);
	writer_be16(&w, 0xfedc);
	writer_be32(&w, 0xff80007fu);
	writer_bytes(&w, SPAN("ab"));
	writer_bytes(&w, SPAN_NONE);
	writer_zeros(&w, 3);
	writer_zeros(&w, 0);
	CU_ASSERT_TRUE(w.ok);
	CU_ASSERT_TRUE(span_equal(writer_span(&w), span_of(expected, sizeof(expected))));
	writer_u8(&w, 1);
	CU_ASSERT_FALSE(w.ok);
}

static void a_writer_that_overran_writes_nothing_more(void)
{
	uint8_t to[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };
	struct writer w = writer_of((struct room){ .data = to, .bytes = 4 });
	writer_u8(&w, 1);
	writer_u8(&w, 2);
	writer_be32(&w, 0x33333333u); /* two bytes short: none of it is written */
	CU_ASSERT_FALSE(w.ok);
	writer_u8(&w, 4);
	writer_be16(&w, 5);
	writer_bytes(&w, SPAN("x"));
	writer_bytes(&w, SPAN_NONE);
	writer_zeros(&w, 1);
	writer_patch_be16(&w, 0, 0x7777);
	CU_ASSERT_FALSE(w.ok);
	CU_ASSERT_EQUAL(w.used, 2);
	CU_ASSERT_EQUAL(to[0], 1);
	CU_ASSERT_EQUAL(to[1], 2);
	for (size_t i = 2; i < sizeof(to); i++)
		CU_ASSERT_EQUAL(to[i], 9);
}

static void a_patch_stays_within_what_was_written(void)
{
	uint8_t to[6] = { 0 };
	struct writer w = writer_of((struct room){ .data = to, .bytes = sizeof(to) });
	writer_be32(&w, 0);
	writer_patch_be16(&w, 0, 0x0102);
	writer_patch_be16(&w, 2, 0x0304);
	CU_ASSERT_TRUE(w.ok);
	CU_ASSERT_TRUE(span_equal(writer_span(&w), SPAN("\x01\x02\x03\x04")));
	static const size_t outside[] = { 3, 4, 5, SIZE_MAX, SIZE_MAX - 1 };
	for (size_t i = 0; i < COUNT_OF(outside); i++) {
		struct writer copy = w;
		writer_patch_be16(&copy, outside[i], 0xffff);
		CU_ASSERT_FALSE(copy.ok);
	}
	CU_ASSERT_TRUE(span_equal(span_of(to, 6), SPAN("\x01\x02\x03\x04\x00\x00")));
	struct writer empty = writer_of((struct room){ .data = to, .bytes = 1 });
	writer_patch_be16(&empty, 0, 1);
	CU_ASSERT_FALSE(empty.ok);
}

static void a_writer_into_no_room(void)
{
	struct writer w = writer_of((struct room){ .data = NULL, .bytes = 0 });
	writer_bytes(&w, SPAN_NONE);
	writer_zeros(&w, 0);
	CU_ASSERT_TRUE(w.ok);
	CU_ASSERT_EQUAL(writer_span(&w).bytes, 0);
	writer_zeros(&w, SIZE_MAX);
	CU_ASSERT_FALSE(w.ok);
}

/* What a writer wrote in random pieces, a reader reads back in the same pieces. */
static bool round_trip(struct prng *p)
{
	uint8_t to[64];
	uint8_t kinds[64];
	uint32_t sent[64];
	unsigned count = 0;
	struct writer w = writer_of((struct room){ .data = to, .bytes = prng_below(p, sizeof(to) + 1) });
	while (w.ok) {
		kinds[count] = (uint8_t)prng_below(p, 3);
		sent[count] = (uint32_t)prng_u64(p);
		if (kinds[count] == 0)
			writer_u8(&w, (uint8_t)sent[count]);
		else if (kinds[count] == 1)
			writer_be16(&w, (uint16_t)sent[count]);
		else
			writer_be32(&w, sent[count]);
		if (w.ok)
			count++;
		if (count == 64)
			break;
	}
	struct reader r = reader_of(writer_span(&w));
	for (unsigned i = 0; i < count; i++) {
		bool same = kinds[i] == 0 ? reader_u8(&r) == (uint8_t)sent[i] :
		            kinds[i] == 1 ? reader_be16(&r) == (uint16_t)sent[i] :
		                            reader_be32(&r) == sent[i];
		if (!same)
			return false;
	}
	return r.ok && r.left.bytes == 0;
}

static void what_was_written_is_read_back(void)
{
	struct prng p;
	unsigned wrong = 0;
	prng_seed(&p, 11);
	for (unsigned i = 0; i < ROUNDS; i++)
		wrong += !round_trip(&p);
	CU_ASSERT_EQUAL(wrong, 0);
}

UNIT("base/span", { "a literal is taken without its NUL", a_literal_is_taken_without_its_nul },
     { "head and after split without overrun", head_and_after_split_without_overrun },
     { "equality is of all bytes", equality_is_of_all_bytes },
     { "only ASCII letters compare without case", only_ascii_letters_compare_without_case },
     { "prefixes and suffixes", prefixes_and_suffixes },
     { "finding the first and the last", finding_the_first_and_the_last },
     { "trimming takes spaces and tabs only", trimming_takes_spaces_and_tabs_only },
     { "numbers are one to twenty digits without overflow", numbers_are_digits_without_overflow },
     { "a reader reads big-endian, in order, to the very end", a_reader_reads_big_endian_in_order },
     { "a reader that overran yields zero for ever", a_reader_that_overran_yields_zero_for_ever },
     { "an empty reader gives nothing and overruns at the first byte", an_empty_reader },
     { "a writer writes big-endian, in order, to the very end", a_writer_writes_big_endian_in_order },
     { "a writer that overran writes nothing more, patches included",
       a_writer_that_overran_writes_nothing_more },
     { "a patch stays within what was written", a_patch_stays_within_what_was_written },
     { "a writer into no room", a_writer_into_no_room },
     { "what was written in random pieces is read back", what_was_written_is_read_back })
