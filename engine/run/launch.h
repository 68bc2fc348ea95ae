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

/* What the loader cannot check by itself: certificates, keys, trust, content rules. All mistakes are written to
 * `errors` as FILE:LINE: SETTING: what is wrong. */
MUST_USE bool launch_check(const struct config *config, FILE *errors);
/* Starts everything; e->log is open already. False with the reason on `messages`: the process is to end. */
MUST_USE bool launch_start(struct engine *e, const struct config *config, FILE *messages);
/* Stops the workers at once and gives devices back. */
void launch_stop(struct engine *e);

#endif
