/*
 * log.h - the log file: lines gathered in memory, written by control, reopened for rotation.
 *
 * A line that cannot be written (disk full) is counted and gone; mail goes on.
 */
#ifndef WEIR_RUN_LOG_H
#define WEIR_RUN_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "relay/relay.h"

#define LOG_PENDING_BYTES_MAX (1024u * 1024u) /* gathered and not yet written; above: lines are dropped */
#define LOG_WRITE_BYTES 65536u                /* written as soon as so much has gathered */

struct log;

/* `path` NULL: standard output. NULL with the reason in `error`. */
MUST_USE struct log *log_open(const char *path, char *error, size_t error_bytes);
void log_report(struct log *log, const struct relay_report *report);
void log_flush(struct log *log);
/* Opens the path again, for a file that was moved away. Keeps the old one when that fails (false). */
bool log_reopen(struct log *log);
uint64_t log_lines(const struct log *log);
uint64_t log_lines_dropped(const struct log *log);
void log_close(struct log *log);

#endif
