/*
 * telemetry_int.h - what the answers of telemetry.c and telemetry_conn.c are made of. Stays in this folder.
 */
#ifndef WEIR_RUN_TELEMETRY_INT_H
#define WEIR_RUN_TELEMETRY_INT_H

#include <rte_telemetry.h>

/* An empty dictionary under `key` of another, to be filled in; NULL: there is no memory, or no room for it. */
struct rte_tel_data *telemetry_child(struct rte_tel_data *parent, const char *key);

#endif
