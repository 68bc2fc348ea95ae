/*
 * sha256_test.c - FIPS 180-4's examples, and any split against the whole.
 */
#include "bench/gen/sha256.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/unit/unit.h"

static void value_of(struct span s, size_t piece, char text[65])
{
	struct sha256 h;
	uint8_t value[SHA256_BYTES];
	sha256_init(&h, NULL);
	for (size_t at = 0; at < s.bytes; at += piece)
		sha256_add(&h, span_head(span_after(s, at), piece));
	sha256_value(&h, value);
	for (unsigned i = 0; i < SHA256_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", value[i]);
}

static void the_published_examples_come_out(void)
{
	static const struct {
		const char *message, *value;
	} known[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	char text[65] = "";
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		value_of(span_of(known[i].message, strlen(known[i].message)), 64, text);
		CU_ASSERT_STRING_EQUAL(text, known[i].value);
	}
}

static void a_million_letters_come_out(void)
{
	static char letters[1000000];
	char text[65] = "";
	memset(letters, 'a', sizeof(letters));
	value_of(span_of(letters, sizeof(letters)), 1000000, text);
	CU_ASSERT_STRING_EQUAL(text,
	                       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void any_split_gives_the_same_value(void)
{
	uint8_t bytes[400];
	char whole[65], split[65];
	struct prng p;
	prng_seed(&p, 5);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)prng_u64(&p);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		value_of(span_of(bytes, n), 400, whole);
		value_of(span_of(bytes, n), 1 + prng_below(&p, 130), split);
		CU_ASSERT_STRING_EQUAL(whole, split);
	}
}

UNIT("bench/sha256", { "the published examples come out", the_published_examples_come_out },
     { "a million letters come out", a_million_letters_come_out },
     { "any split gives the same value", any_split_gives_the_same_value })
