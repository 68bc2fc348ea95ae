/*
 * launch.h - from checked settings to running workers, and back.
 */
#ifndef WEIR_RUN_LAUNCH_H
#define WEIR_RUN_LAUNCH_H

#include <stdbool.h>
#include <stdio.h>

#include "base/check.h"
#include "pmd-config/config_file.h"
#include "run/engine.h"

enum launch_outcome {
	LAUNCH_RUNNING = 1,
	LAUNCH_REFUSED, /* the settings are at fault */
	LAUNCH_FAILED,  /* memory, devices, cores */
};

/* Starts everything; e->log is open already. Unless it is running, the reason is on `messages`, and the process is to
 * end. */
MUST_USE enum launch_outcome launch_start(struct engine *e, const struct config *config, FILE *messages);
/* Stops the workers at once and gives devices back. */
void launch_stop(struct engine *e);

#endif
