/*
 * log.c - the log file. See log.h.
 */
#include "run/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/log_line.h"

#define LOG_MODE 0640 /* addresses are in it */

struct log {
	const char *path; /* NULL: standard output */
	int file;
	uint64_t lines, dropped;
	uint64_t pending_lines;
	size_t used;
	char pending[LOG_PENDING_BYTES_MAX];
};

static int file_open(const char *path)
{
	if (path == NULL)
		return STDOUT_FILENO;
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
}

struct log *log_open(const char *path, char *error, size_t error_bytes)
{
	struct log *log = calloc(1, sizeof(*log));
	int file = log == NULL ? -1 : file_open(path);
	if (file < 0) {
		snprintf(error, error_bytes, "the log cannot be opened: %s: %s", path == NULL ? "-" : path,
		         strerror(errno));
		free(log);
		return NULL;
	}
	log->path = path;
	log->file = file;
	return log;
}

void log_report(struct log *log, const struct relay_report *report)
{
	char line[LOG_LINE_BYTES];
	struct text t = text_of(line, sizeof(line));
	log_line(&t, report);
	if (log->used + t.used > sizeof(log->pending))
		log_flush(log);
	if (log->used + t.used > sizeof(log->pending)) {
		log->dropped++;
		return;
	}
	memcpy(log->pending + log->used, line, t.used);
	log->used += t.used;
	log->pending_lines++;
	if (log->used >= LOG_WRITE_BYTES)
		log_flush(log);
}

/* A partial write keeps the rest for the next flush; an error drops what is pending, so that a full disk does not
 * hold everything back for ever. */
void log_flush(struct log *log)
{
	size_t done = 0;
	while (done < log->used) {
		ssize_t written = write(log->file, log->pending + done, log->used - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			break;
		if (written <= 0) {
			log->dropped += log->pending_lines;
			log->pending_lines = 0;
			log->used = 0;
			return;
		}
		done += (size_t)written;
	}
	log->used -= done;
	memmove(log->pending, log->pending + done, log->used);
	if (log->used > 0)
		return;
	log->lines += log->pending_lines;
	log->pending_lines = 0;
}

bool log_reopen(struct log *log)
{
	log_flush(log);
	if (log->path == NULL)
		return true;
	int file = file_open(log->path);
	if (file < 0)
		return false;
	close(log->file);
	log->file = file;
	return true;
}

uint64_t log_lines(const struct log *log)
{
	return log->lines;
}

uint64_t log_lines_dropped(const struct log *log)
{
	return log->dropped;
}

void log_close(struct log *log)
{
	log_flush(log);
	log->dropped += log->pending_lines;
	if (log->path != NULL)
		close(log->file);
	free(log);
}
