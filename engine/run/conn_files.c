/*
 * conn_files.c - see conn_files.h. A folder that is full, gone or not ours costs the report, which is counted, and
 * nothing else.
 */
#include "run/conn_files.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 32u
#define MODE 0640 /* addresses are in it */

static void name_make(char name[NAME_BYTES], uint32_t number, const char *ending)
{
	snprintf(name, NAME_BYTES, "%03u.%s", number % CONN_FILES_MAX, ending);
}

static bool is_newer(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* Behind the newest file, or where the first is missing. */
static uint32_t find_next(int folder)
{
	struct stat newest = { 0 }, about;
	uint32_t next = 0;
	for (uint32_t i = 0; i < CONN_FILES_MAX; i++) {
		char name[NAME_BYTES];
		name_make(name, i, "txt");
		if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0 || is_newer(&newest, &about))
			continue;
		newest = about;
		next = (i + 1) % CONN_FILES_MAX;
	}
	return next;
}

void conn_files_open(struct conn_files *f, const char *path)
{
	*f = (struct conn_files){ .folder = -1 };
	if (path == NULL)
		return;
	f->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->folder < 0)
		fprintf(stderr, "weir: log.black_box: %s cannot be opened: no connections are kept\n", path);
	else
		f->next = find_next(f->folder);
}

static bool write_all(int file, struct span bytes)
{
	while (bytes.bytes > 0) {
		ssize_t written = write(file, bytes.data, bytes.bytes);
		if (written <= 0)
			return false;
		bytes = span_after(bytes, (size_t)written);
	}
	return true;
}

static bool file_write(const struct conn_files *f, const char *ending, struct span bytes)
{
	char name[NAME_BYTES];
	const char *making = "making";
	name_make(name, f->next, ending);
	(void)unlinkat(f->folder, making, 0); /* left by a crash */
	int file = openat(f->folder, making, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	if (file < 0)
		return false;
	bool good = write_all(file, bytes);
	good = close(file) == 0 && good;
	return good && renameat(f->folder, making, f->folder, name) == 0;
}

void conn_files_write(struct conn_files *f, const struct conn_report *report)
{
	static char text[BLACK_BOX_TEXT_BYTES];
	static uint8_t capture[BLACK_BOX_PCAPNG_BYTES];
	struct text t = text_of(text, sizeof(text));
	struct writer w = writer_of((struct room){ .data = capture, .bytes = sizeof(capture) });
	black_box_text(&t, &report->record, report->id, report->wall_us);
	black_box_pcapng(&w, &report->record, report->id, report->wall_us);
	if (f->folder < 0 || !file_write(f, "pcapng", writer_span(&w)) || !file_write(f, "txt", text_as_span(&t))) {
		f->failed++;
		return;
	}
	f->written++;
	f->next = (f->next + 1) % CONN_FILES_MAX;
}

void conn_files_close(struct conn_files *f)
{
	if (f->folder >= 0)
		close(f->folder);
	f->folder = -1;
}
