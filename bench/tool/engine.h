/*
 * engine.h - what weir says about itself: its metrics endpoint, read before and after.
 *
 * Only what a report needs is kept: the busy time of its workers, and the delays it caused by stage.
 */
#ifndef WEIR_BENCH_TOOL_ENGINE_H
#define WEIR_BENCH_TOOL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

#define ENGINE_TEXT_BYTES 262144u
#define ENGINE_WORKER_BUSY "weir_worker_busy_seconds_total"
#define ENGINE_DELAYS "weir_message_engine_"

/* "ADDRESS:PORT" -> the endpoint's text. False: it does not answer. */
MUST_USE bool engine_read(const char *where, char *text, size_t bytes);
/* The sum of all rows of that name; labels do not matter. */
double engine_sum(const char *text, const char *name);

#endif
