/*
 * log_line.h - a transaction as one line of `key=value` fields. A function of the report alone.
 */
#ifndef WEIR_RUN_LOG_LINE_H
#define WEIR_RUN_LOG_LINE_H

#include "base/text.h"
#include "relay/relay.h"

#define LOG_LINE_BYTES 4096u /* longest line: every text of a report with each byte as \xNN fits */

/* The line with its line feed. */
void log_line(struct text *t, const struct relay_report *report);

#endif
