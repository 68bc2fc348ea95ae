/*
 * telemetry.h - the same view over DPDK's telemetry socket: /weir/workers, /weir/relay, /weir/tcp, /weir/budget, and
 * busy cycles for DPDK's own /eal/lcore/usage.
 */
#ifndef WEIR_RUN_TELEMETRY_H
#define WEIR_RUN_TELEMETRY_H

#include <stdbool.h>

#include "base/check.h"
#include "run/view.h"

/* Fills a view; called on DPDK's telemetry thread. */
typedef void telemetry_view(void *context, struct view *view);

/* False: DPDK refused one of the commands (one of that name is there already). */
MUST_USE bool telemetry_start(telemetry_view *fill, void *context);
/* From now on the commands answer nothing: call before what the view points to goes away. */
void telemetry_stop(void);

#endif
