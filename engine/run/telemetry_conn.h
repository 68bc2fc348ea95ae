/*
 * telemetry_conn.h - connections over DPDK's telemetry socket: /weir/conns,WORKER.PORT.SLOT.0 lists some of a
 * worker's, /weir/conn,ID tells all of one. weirctl asks these; the answers are for programs.
 */
#ifndef WEIR_RUN_TELEMETRY_CONN_H
#define WEIR_RUN_TELEMETRY_CONN_H

#include <stdbool.h>

#include "base/check.h"
#include "run/engine.h"

/* False: DPDK refused one of the commands. */
MUST_USE bool telemetry_conn_start(struct engine *e);
/* From now on the commands find nothing: call before the workers end. */
void telemetry_conn_stop(void);

#endif
