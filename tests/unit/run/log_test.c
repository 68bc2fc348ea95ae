/*
 * log_test.c - the log file: written, rotated, and not there. Works in a folder of its own under /tmp.
 */
#include "run/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"

#define FOLDER "/tmp/log_test.XXXXXX"

static char folder[] = FOLDER;
static char path[64], moved[64];

static void folder_open(void)
{
	snprintf(folder, sizeof(folder), "%s", FOLDER);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(moved, sizeof(moved), "%s/log.1", folder);
}

static void folder_shut(void)
{
	(void)unlink(path);
	(void)unlink(moved);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static struct log *log_make(const char *at)
{
	char error[256];
	struct log *log = log_open(at, error, sizeof(error));
	CU_ASSERT_PTR_NOT_NULL_FATAL(log);
	return log;
}

static struct relay_report report_make(const char *id)
{
	struct relay_report r = { .outcome = RELAY_OUTCOME_DELIVERED, .near_tls = "", .next_tls = "", .level = "" };
	snprintf(r.queue_id, sizeof(r.queue_id), "%s", id);
	return r;
}

/* How many lines of the file hold `text`. */
static unsigned lines_with(const char *file, const char *text)
{
	char line[LOG_WRITE_BYTES];
	unsigned count = 0;
	FILE *f = fopen(file, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		count += strstr(line, text) != NULL;
	if (f != NULL)
		fclose(f);
	return count;
}

static void lines_wait_for_the_flush(void)
{
	folder_open();
	struct log *log = log_make(path);
	const struct relay_report r = report_make("AAA");
	log_report(log, &r);
	CU_ASSERT_EQUAL(lines_with(path, "id=AAA"), 0);
	log_flush(log);
	CU_ASSERT_EQUAL(lines_with(path, "id=AAA"), 1);
	CU_ASSERT_EQUAL(log_lines(log), 1);
	log_close(log);
	folder_shut();
}

static void closing_writes_what_waits(void)
{
	folder_open();
	struct log *log = log_make(path);
	const struct relay_report r = report_make("BBB");
	for (int i = 0; i < 1000; i++)
		log_report(log, &r);
	log_close(log);
	CU_ASSERT_EQUAL(lines_with(path, "id=BBB"), 1000);
	folder_shut();
}

static void an_existing_log_is_appended_to(void)
{
	folder_open();
	for (int i = 0; i < 2; i++) {
		struct log *log = log_make(path);
		const struct relay_report r = report_make("CCC");
		log_report(log, &r);
		log_close(log);
	}
	CU_ASSERT_EQUAL(lines_with(path, "id=CCC"), 2);
	folder_shut();
}

static void reopening_splits_the_log_at_that_moment(void)
{
	folder_open();
	struct log *log = log_make(path);
	const struct relay_report before = report_make("DDD"), after = report_make("EEE");
	log_report(log, &before);
	CU_ASSERT_EQUAL(rename(path, moved), 0);
	CU_ASSERT_TRUE(log_reopen(log));
	log_report(log, &after);
	log_close(log);
	CU_ASSERT_EQUAL(lines_with(moved, "id=DDD"), 1);
	CU_ASSERT_EQUAL(lines_with(moved, "id=EEE"), 0);
	CU_ASSERT_EQUAL(lines_with(path, "id=EEE"), 1);
	folder_shut();
}

static void a_full_disk_drops_lines_and_counts_them(void)
{
	struct log *log = log_make("/dev/full");
	const struct relay_report r = report_make("FFF");
	log_report(log, &r);
	log_report(log, &r);
	log_flush(log);
	CU_ASSERT_EQUAL(log_lines(log), 0);
	CU_ASSERT_EQUAL(log_lines_dropped(log), 2);
	log_close(log);
}

static void a_folder_that_is_not_there_is_said(void)
{
	char error[256] = "";
	CU_ASSERT_PTR_NULL(log_open("no/such/folder/log", error, sizeof(error)));
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "no/such/folder/log"));
}

UNIT("run/log", { "lines wait for the flush", lines_wait_for_the_flush },
     { "closing writes what waits", closing_writes_what_waits },
     { "an existing log is appended to", an_existing_log_is_appended_to },
     { "reopening splits the log at that moment", reopening_splits_the_log_at_that_moment },
     { "a full disk drops lines and counts them", a_full_disk_drops_lines_and_counts_them },
     { "a folder that is not there is said", a_folder_that_is_not_there_is_said })
