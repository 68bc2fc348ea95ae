/*
 * options_test.c - the command line.
 */
#include "run/options.h"

#include <string.h>

#include "../unit.h"

#define PARSE(...)                                                                                 \
	const char *words[] = { "weir", __VA_ARGS__ };                                             \
	struct options o;                                                                          \
	options_parse((int)(sizeof(words) / sizeof(words[0])), (char *const *)words, &o)

static void without_arguments_the_default_file_is_run(void)
{
	const char *words[] = { "weir" };
	struct options o;
	options_parse(1, (char *const *)words, &o);
	CU_ASSERT_EQUAL(o.action, OPTIONS_RUN);
	CU_ASSERT_STRING_EQUAL(o.config, OPTIONS_CONFIG_DEFAULT);
}

static void the_file_is_taken_in_all_four_spellings(void)
{
	static const char *const spellings[][2] = {
		{ "-c", "a.conf" }, { "-ca.conf", NULL }, { "--config", "a.conf" }, { "--config=a.conf", NULL }
	};
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		const char *words[] = { "weir", spellings[i][0], spellings[i][1] };
		struct options o;
		options_parse(spellings[i][1] == NULL ? 2 : 3, (char *const *)words, &o);
		CU_ASSERT_EQUAL(o.action, OPTIONS_RUN);
		CU_ASSERT_STRING_EQUAL(o.config, "a.conf");
	}
}

static void test_and_show_take_a_file_in_either_order(void)
{
	{
		PARSE("-t", "-c", "a.conf");
		CU_ASSERT_EQUAL(o.action, OPTIONS_TEST);
		CU_ASSERT_STRING_EQUAL(o.config, "a.conf");
	}
	{
		PARSE("-c", "a.conf", "-T");
		CU_ASSERT_EQUAL(o.action, OPTIONS_SHOW);
		CU_ASSERT_STRING_EQUAL(o.config, "a.conf");
	}
}

static void a_file_that_is_missing_is_wrong(void)
{
	PARSE("-c");
	CU_ASSERT_EQUAL(o.action, OPTIONS_WRONG);
	CU_ASSERT_STRING_EQUAL(o.wrong, "");
}

static void an_empty_file_name_is_wrong(void)
{
	PARSE("--config=");
	CU_ASSERT_EQUAL(o.action, OPTIONS_WRONG);
}

static void an_unknown_argument_is_named(void)
{
	PARSE("-t", "--frobnicate", "-c", "a.conf");
	CU_ASSERT_EQUAL(o.action, OPTIONS_WRONG);
	CU_ASSERT_STRING_EQUAL(o.wrong, "--frobnicate");
}

static void help_wins_over_what_follows(void)
{
	PARSE("-h", "--frobnicate");
	CU_ASSERT_EQUAL(o.action, OPTIONS_HELP);
}

static void the_manual_fits_one_screen_and_names_every_option(void)
{
	static const char *const options[] = { "-c, --config", "-t, --test", "-T, --show",
		                               "-V, --version", "--settings", "-h, --help" };
	const char *page = options_help();
	unsigned lines = 0, column = 0, widest = 0;
	for (const char *s = page; *s != '\0'; s++) {
		column = *s == '\n' ? 0 : column + 1;
		lines += *s == '\n';
		widest = column > widest ? column : widest;
	}
	CU_ASSERT_TRUE(lines <= 40);
	CU_ASSERT_TRUE(widest <= 80);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(page, options[i]));
}

UNIT("run/options",
     { "without arguments the default file is run", without_arguments_the_default_file_is_run },
     { "the file is taken in all four spellings", the_file_is_taken_in_all_four_spellings },
     { "test and show take a file in either order", test_and_show_take_a_file_in_either_order },
     { "a file that is missing is wrong", a_file_that_is_missing_is_wrong },
     { "an empty file name is wrong", an_empty_file_name_is_wrong },
     { "an unknown argument is named", an_unknown_argument_is_named },
     { "help wins over what follows", help_wins_over_what_follows },
     { "the manual fits one screen and names every option",
       the_manual_fits_one_screen_and_names_every_option })
