/*
 * metrics.h - a view of the workers as Prometheus text (format 0.0.4).
 *
 * Labels are bounded: worker, core, port, queue, direction, side, reason, stage; never an address or a domain.
 */
#ifndef WEIR_RUN_METRICS_H
#define WEIR_RUN_METRICS_H

#include "run/buffer.h"
#include "run/view.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(const struct view *view, struct buffer *out);

#endif
