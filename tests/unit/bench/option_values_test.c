/*
 * option_values_test.c - texts of the generator's command line as values, good and bad.
 */
#include "bench/gen/option_values.h"

#include <stdio.h>

#include "tests/unit/unit.h"

static void sizes_take_a_suffix_and_nothing_else(void)
{
	uint32_t value = 0;
	char good[][8] = { "0", "4096", "4K", "4k", "5M" };
	const uint32_t expected[] = { 0, 4096, 4096, 4096, 5242880 };
	char bad[][12] = { "", "K", "-1", "4KB", "4 K", "4.5K", "99999M", "4294967296" };
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		CU_ASSERT_TRUE(value_bytes(good[i], &value));
		CU_ASSERT_EQUAL(value, expected[i]);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		CU_ASSERT_FALSE(value_bytes(bad[i], &value));
}

static void shares_and_times_are_decimals_in_range(void)
{
	uint32_t share = 0;
	uint64_t us = 0;
	CU_ASSERT_TRUE(value_percent("0.5", &share));
	CU_ASSERT_EQUAL(share, 5);
	CU_ASSERT_TRUE(value_percent("100", &share));
	CU_ASSERT_EQUAL(share, 1000);
	CU_ASSERT_FALSE(value_percent("100.1", &share));
	CU_ASSERT_FALSE(value_percent("-1", &share));
	CU_ASSERT_FALSE(value_percent("1%", &share));
	CU_ASSERT_FALSE(value_percent("nan", &share));
	CU_ASSERT_FALSE(value_percent("1.", &share));
	CU_ASSERT_FALSE(value_percent(".5", &share));
	CU_ASSERT_FALSE(value_percent("1.5.5", &share));
	CU_ASSERT_TRUE(value_seconds("0.25", &us));
	CU_ASSERT_EQUAL(us, 250000);
	CU_ASSERT_FALSE(value_seconds("", &us));
	CU_ASSERT_FALSE(value_seconds("1e9", &us));
}

static void names_hold_nothing_that_could_break_a_command(void)
{
	char to[8];
	CU_ASSERT_TRUE(value_name("a.test", to, sizeof(to)));
	CU_ASSERT_STRING_EQUAL(to, "a.test");
	CU_ASSERT_FALSE(value_name("", to, sizeof(to)));
	CU_ASSERT_FALSE(value_name("toolong8", to, sizeof(to)));
	CU_ASSERT_FALSE(value_name("a b", to, sizeof(to)));
	CU_ASSERT_FALSE(value_name("a\r\nb", to, sizeof(to)));
	CU_ASSERT_FALSE(value_name("a>b", to, sizeof(to)));
	CU_ASSERT_FALSE(value_name("a@b", to, sizeof(to)));
}

static void words_are_known_or_refused(void)
{
	unsigned stage = 0;
	enum gen_tls tls = 0;
	char text[] = "198.18.0.1:25:5";
	CU_ASSERT_TRUE(value_stage("mail", &stage));
	CU_ASSERT_EQUAL(stage, GEN_STAGE_MAIL);
	CU_ASSERT_TRUE(value_stage("end", &stage));
	CU_ASSERT_EQUAL(stage, GEN_STAGE_END);
	CU_ASSERT_FALSE(value_stage("quit", &stage));
	CU_ASSERT_TRUE(value_tls_word("offer", "off", "offer", &tls));
	CU_ASSERT_EQUAL(tls, GEN_TLS_STARTTLS);
	CU_ASSERT_FALSE(value_tls_word("starttls", "off", "offer", &tls));
	CU_ASSERT_STRING_EQUAL(value_cut(text, ':'), "5");
	CU_ASSERT_STRING_EQUAL(text, "198.18.0.1:25");
	CU_ASSERT_PTR_NULL(value_cut(text, ';'));
}

UNIT("bench/option_values",
     { "sizes take a suffix K or M and nothing else", sizes_take_a_suffix_and_nothing_else },
     { "shares and times are decimals in range", shares_and_times_are_decimals_in_range },
     { "names hold nothing that could break a command",
       names_hold_nothing_that_could_break_a_command },
     { "words are known or refused", words_are_known_or_refused })
