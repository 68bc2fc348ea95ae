/*
 * conn_files_test.c - files appear in order, a start goes on behind the newest, the folder is bounded, and what
 * cannot be written is counted.
 */
#include "run/conn_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"

static char folder[] = "/tmp/weir-conn-files-XXXXXX";

static struct conn_report report_make(uint32_t slot)
{
	struct conn_report r = { .id = { 0, 0, { slot, 1 } }, .wall_us = 1700000000000000 };
	r.record.local = (struct endpoint){ .addr = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } }, .port = 25 };
	r.record.remote = (struct endpoint){ .addr = { .family = IP_V4, .bytes = { 198, 18, 0, 2 } }, .port = 99 };
	r.record.count = 1;
	r.record.entries[0] = (struct black_box_entry){ .mark = BLACK_BOX_IN, .flags = 4, .seq = 17 };
	return r;
}

static void write_one(struct conn_files *f, uint32_t slot)
{
	const struct conn_report r = report_make(slot);
	conn_files_write(f, &r);
}

static unsigned files_in(const char *path)
{
	unsigned count = 0;
	DIR *d = opendir(path);
	const struct dirent *entry;
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	while ((entry = readdir(d)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(d);
	return count;
}

static const char *read_back(const char *name)
{
	static char text[BLACK_BOX_TEXT_BYTES];
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	size_t bytes = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
	text[bytes] = '\0';
	if (file != NULL)
		fclose(file);
	return text;
}

static void folder_empty(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void folder_make(void)
{
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void a_report_becomes_a_text_and_a_capture(void)
{
	struct conn_files f;
	folder_make();
	conn_files_open(&f, folder);
	write_one(&f, 5);
	write_one(&f, 6);
	CU_ASSERT(files_in(folder) == 4 && f.written == 2 && f.failed == 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(read_back("000.txt"), "connection 0.0.5.1, ours 198.18.0.1:25"));
	CU_ASSERT_PTR_NOT_NULL(strstr(read_back("001.txt"), "connection 0.0.6.1"));
	CU_ASSERT(memcmp(read_back("001.pcapng"), "\x0a\x0d\x0d\x0a", 4) == 0);
	conn_files_close(&f);
	folder_empty();
}

static void a_new_start_goes_on_behind_the_newest(void)
{
	struct conn_files f;
	folder_make();
	for (uint32_t start = 0; start < 3; start++) {
		conn_files_open(&f, folder);
		CU_ASSERT(f.next == start);
		write_one(&f, start);
		conn_files_close(&f);
	}
	CU_ASSERT(files_in(folder) == 6);
	folder_empty();
}

static void the_folder_never_holds_more_than_its_bound(void)
{
	struct conn_files f;
	folder_make();
	conn_files_open(&f, folder);
	for (uint32_t i = 0; i < CONN_FILES_MAX + 3; i++)
		write_one(&f, i);
	CU_ASSERT(files_in(folder) == 2 * CONN_FILES_MAX);
	CU_ASSERT_PTR_NOT_NULL(strstr(read_back("002.txt"), "connection 0.0.1002.1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(read_back("003.txt"), "connection 0.0.3.1"));
	conn_files_close(&f);
	folder_empty();
}

static void a_link_in_the_folder_is_not_followed(void)
{
	struct conn_files f;
	char path[128];
	folder_make();
	snprintf(path, sizeof(path), "%s/000.txt", folder);
	CU_ASSERT_EQUAL(symlink("/tmp/weir-conn-files-must-not-exist", path), 0);
	conn_files_open(&f, folder);
	f.next = 0;
	write_one(&f, 1);
	CU_ASSERT(access("/tmp/weir-conn-files-must-not-exist", F_OK) != 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(read_back("000.txt"), "connection 0.0.1.1"));
	conn_files_close(&f);
	folder_empty();
}

static void what_cannot_be_written_is_counted(void)
{
	struct conn_files f;
	folder_make();
	conn_files_open(&f, folder);
	folder_empty();
	write_one(&f, 1);
	CU_ASSERT(f.failed == 1 && f.written == 0);
	conn_files_close(&f);
	conn_files_open(&f, NULL);
	write_one(&f, 1);
	CU_ASSERT(f.failed == 1);
}

UNIT("run/conn_files", { "a report becomes a text and a capture", a_report_becomes_a_text_and_a_capture },
     { "a new start goes on behind the newest", a_new_start_goes_on_behind_the_newest },
     { "the folder never holds more than its bound", the_folder_never_holds_more_than_its_bound },
     { "a link in the folder is not followed", a_link_in_the_folder_is_not_followed },
     { "what cannot be written is counted", what_cannot_be_written_is_counted })
