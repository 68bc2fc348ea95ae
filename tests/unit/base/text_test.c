/*
 * text_test.c - texts are cut, never overrun, always ended by a NUL, and say what libc's printf would.
 */
#include "base/text.h"

#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/unit/base/dies.h"
#include "tests/unit/unit.h"

#define GUARD 0x5a

static char buffer[128];

static struct text fresh(size_t capacity)
{
	memset(buffer, GUARD, sizeof(buffer));
	return text_of(buffer, capacity);
}

/* Nothing behind the capacity was touched, and the text ends where it says. */
static bool is_sound(const struct text *t)
{
	for (size_t i = t->capacity; i < sizeof(buffer); i++)
		if (buffer[i] != GUARD)
			return false;
	return t->used < t->capacity && t->begin[t->used] == '\0' && text_as_span(t).bytes == t->used;
}

static void a_new_text_is_empty_and_ended(void)
{
	struct text t = fresh(1);
	CU_ASSERT_STRING_EQUAL(buffer, "");
	CU_ASSERT_FALSE(t.cut);
	CU_ASSERT_TRUE(is_sound(&t));
}

static void text_in_nothing(void)
{
	(void)text_of(buffer, 0);
}

static void a_buffer_of_no_bytes_is_our_own_bug(void)
{
	CU_ASSERT_TRUE(dies_by_check(text_in_nothing));
}

static void pieces_follow_each_other(void)
{
	struct text t = fresh(64);
	text_str(&t, "a");
	text_str(&t, "");
	text_char(&t, '-');
	text_span(&t, SPAN("b\0c"));
	text_span(&t, SPAN_NONE);
	text_u64(&t, 10);
	CU_ASSERT_TRUE(span_equal(text_as_span(&t), SPAN("a-b\0c10")));
	CU_ASSERT_FALSE(t.cut);
	CU_ASSERT_TRUE(is_sound(&t));
}

/* Each of the writers, into each capacity: what is there is a prefix, and cut says whether all of it is. */
static void write_all(struct text *t)
{
	text_str(t, "abc");
	text_span(t, SPAN("defgh"));
	text_char(t, 'i');
	text_u64(t, 12345);
	text_u64_padded(t, 7, 3);
	text_hex(t, 0xbeef, 6);
	text_printable(t, SPAN("p q\x80"));
}

static void every_capacity_cuts_and_none_overruns(void)
{
	static const char whole[] = "abcdefghi1234500700beefp?q?";
	for (size_t capacity = 1; capacity <= sizeof(whole) + 3; capacity++) {
		struct text t = fresh(capacity);
		write_all(&t);
		size_t expected = capacity - 1 < sizeof(whole) - 1 ? capacity - 1 : sizeof(whole) - 1;
		CU_ASSERT_TRUE(is_sound(&t));
		CU_ASSERT_EQUAL(t.used, expected);
		CU_ASSERT_EQUAL(memcmp(buffer, whole, expected), 0);
		CU_ASSERT_EQUAL(t.cut, capacity < sizeof(whole));
	}
}

static void a_span_that_fills_exactly_is_not_cut(void)
{
	struct text t = fresh(4);
	text_span(&t, SPAN("abc"));
	CU_ASSERT_FALSE(t.cut);
	text_span(&t, SPAN_NONE);
	text_str(&t, "");
	CU_ASSERT_FALSE(t.cut);
	text_span(&t, SPAN("d"));
	CU_ASSERT_TRUE(t.cut);
	CU_ASSERT_STRING_EQUAL(buffer, "abc");
	text_str(&t, ""); /* cut stays said */
	CU_ASSERT_TRUE(t.cut);
}

static void printable_replaces_what_could_hurt_a_log(void)
{
	for (unsigned c = 0; c < 256; c++) {
		uint8_t byte = (uint8_t)c;
		struct text t = fresh(8);
		text_printable(&t, span_of(&byte, 1));
		char expected = c >= 0x21 && c <= 0x7e ? (char)c : '?';
		CU_ASSERT_EQUAL(buffer[0], expected);
		CU_ASSERT_EQUAL(t.used, 1);
	}
	struct text t = fresh(64);
	text_printable(&t, SPAN("250 ok\r\nQUIT\0\x1b[0m"));
	CU_ASSERT_STRING_EQUAL(buffer, "250?ok??QUIT??[0m");
}

static bool number_agrees(uint64_t v, unsigned digits)
{
	char expected[80];
	struct text t = fresh(64);
	snprintf(expected, sizeof(expected), "%0*llu", (int)digits, (unsigned long long)v);
	text_u64_padded(&t, v, digits);
	if (strcmp(buffer, expected) != 0)
		return false;
	t = fresh(64);
	snprintf(expected, sizeof(expected), "%llu", (unsigned long long)v);
	text_u64(&t, v);
	return strcmp(buffer, expected) == 0;
}

static bool hex_agrees(uint64_t v, unsigned digits)
{
	char expected[80];
	struct text t = fresh(64);
	snprintf(expected, sizeof(expected), "%0*llx", (int)digits, (unsigned long long)v);
	text_hex(&t, v, digits);
	return strcmp(buffer, expected) == 0;
}

static void numbers_agree_with_printf(void)
{
	static const uint64_t edges[] = { 0, 1, 9, 10, 99, 100, 999, 4294967295u, 4294967296u, UINT64_MAX,
		                          UINT64_MAX - 1, 10000000000000000000u, 9999999999999999999u };
	struct prng p;
	unsigned wrong = 0;
	prng_seed(&p, 21);
	for (size_t i = 0; i < COUNT_OF(edges); i++)
		for (unsigned digits = 1; digits <= 30; digits++)
			wrong += !number_agrees(edges[i], digits) || (digits <= 16 && !hex_agrees(edges[i], digits));
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t v = prng_u64(&p) >> prng_below(&p, 64);
		wrong += !number_agrees(v, 1 + (unsigned)prng_below(&p, 24));
		wrong += !hex_agrees(v, 1 + (unsigned)prng_below(&p, 16));
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void numbers_of_no_digits_still_show_a_zero(void)
{
	struct text t = fresh(64);
	text_u64_padded(&t, 0, 0);
	text_hex(&t, 0, 0);
	CU_ASSERT_STRING_EQUAL(buffer, "00");
}

UNIT("base/text", { "a new text is empty and ended", a_new_text_is_empty_and_ended },
     { "a buffer of no bytes is our own bug", a_buffer_of_no_bytes_is_our_own_bug },
     { "pieces follow each other, NUL bytes included", pieces_follow_each_other },
     { "every capacity cuts and none overruns", every_capacity_cuts_and_none_overruns },
     { "a span that fills exactly is not cut", a_span_that_fills_exactly_is_not_cut },
     { "printable replaces what could hurt a log", printable_replaces_what_could_hurt_a_log },
     { "numbers agree with printf", numbers_agree_with_printf },
     { "numbers of no digits still show a zero", numbers_of_no_digits_still_show_a_zero })
