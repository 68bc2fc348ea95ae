/*
 * letters_test.c - mbox files and Maildirs become messages that may travel.
 */
#define _GNU_SOURCE /* mkdtemp */
#include "bench/tool/letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char folder[64];

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/letters-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void write_file(const char *name, const char *text, size_t bytes)
{
	FILE *f = fopen(path_of(name), "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite(text, 1, bytes, f);
	fclose(f);
}

static bool letter_is(const struct mail_letter *l, const char *text)
{
	return l->bytes.bytes == strlen(text) && memcmp(l->bytes.data, text, l->bytes.bytes) == 0;
}

static void an_mbox_is_parted_at_its_from_lines(void)
{
	static const char mbox[] = "From a@b Thu Jan  1 00:00:00 2026\nSubject: one\n\n>From here\n>>From there\nbody\n"
				   "From c@d Thu Jan  1 00:00:00 2026\nSubject: two\r\n\r\n\xc3\xa9";
	struct mail_mix mix = { 0 };
	char error[256] = "";
	begin();
	write_file("mbox", mbox, sizeof(mbox) - 1);
	CU_ASSERT_TRUE_FATAL(letters_load(path_of("mbox"), &mix, error, sizeof(error)));
	CU_ASSERT_EQUAL_FATAL(mix.letter_count, 2);
	CU_ASSERT_TRUE(letter_is(&mix.letters[0], "Subject: one\r\n\r\nFrom here\r\n>From there\r\nbody\r\n"));
	CU_ASSERT_TRUE(letter_is(&mix.letters[1], "Subject: two\r\n\r\n\xc3\xa9\r\n"));
	CU_ASSERT_TRUE(!mix.letters[0].eight_bit && mix.letters[1].eight_bit);
	unlink(path_of("mbox"));
	rmdir(folder);
}

/* The loader keeps what it read: these come behind the two of the mbox. */
static void a_maildir_is_read_whole_and_long_lines_are_broken(void)
{
	static char longest[1500];
	struct mail_mix mix = { 0 };
	char error[256] = "";
	begin();
	mkdir(path_of("cur"), 0700);
	mkdir(path_of("new"), 0700);
	memset(longest, 'x', sizeof(longest));
	write_file("cur/1", longest, sizeof(longest));
	write_file("new/2", "A: b\n\nc\0d\n", 10);
	CU_ASSERT_TRUE_FATAL(letters_load(folder, &mix, error, sizeof(error)));
	CU_ASSERT_EQUAL_FATAL(mix.letter_count, 4);
	CU_ASSERT_EQUAL(mix.letters[2].bytes.bytes, 1500 + 4);
	CU_ASSERT_EQUAL(memcmp(mix.letters[2].bytes.data + 998, "\r\n", 2), 0);
	CU_ASSERT_TRUE(letter_is(&mix.letters[3], "A: b\r\n\r\nc d\r\n"));
	unlink(path_of("cur/1"));
	unlink(path_of("new/2"));
	rmdir(path_of("cur"));
	rmdir(path_of("new"));
	rmdir(folder);
}

static void what_is_no_mail_is_refused_by_name(void)
{
	struct mail_mix mix = { 0 };
	char error[256] = "";
	CU_ASSERT_FALSE(letters_load("/nowhere/mbox", &mix, error, sizeof(error)));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "/nowhere/mbox"));
}

UNIT("bench/letters", { "an mbox is parted at its From lines", an_mbox_is_parted_at_its_from_lines },
     { "a Maildir is read whole, long lines are broken, NUL is not kept",
       a_maildir_is_read_whole_and_long_lines_are_broken },
     { "what is no mail is refused by its name", what_is_no_mail_is_refused_by_name })
