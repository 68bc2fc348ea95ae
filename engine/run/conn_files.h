/*
 * conn_files.h - the folder of log.black_box: what is kept of connections that ended in disorder.
 *
 * Each leaves two files, 000.txt and 000.pcapng to 999.pcapng; then the oldest are written over, so that the folder
 * never holds more than CONN_FILES_MAX of each (some 20 MiB). A file appears whole, under its name, or not at all. A
 * start goes on behind the newest. Only control writes here.
 */
#ifndef WEIR_RUN_CONN_FILES_H
#define WEIR_RUN_CONN_FILES_H

#include <stdint.h>

#include "tcp/black_box.h"

#define CONN_FILES_MAX 1000u
#define CONN_REPORT_SLOTS 64u /* between two turns of control, of one worker */

struct conn_report { /* travels through a report ring */
	struct conn_id id;
	int64_t wall_us; /* of record.last, in microseconds since 1970 */
	struct black_box_record record;
};

struct conn_files {
	int folder; /* -1: none is wanted, or it cannot be opened */
	uint32_t next;
	uint64_t written, failed; /* reports */
};

/* `path` NULL: nothing is kept. */
void conn_files_open(struct conn_files *f, const char *path);
void conn_files_write(struct conn_files *f, const struct conn_report *report);
void conn_files_close(struct conn_files *f);

#endif
