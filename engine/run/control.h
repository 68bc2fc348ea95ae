/*
 * control.h - the main thread while the engine runs: it takes the reports, writes the log, serves metrics, watches the
 * workers, and answers signals. It never polls: it sleeps until something happens or CONTROL_TURN_MS have passed.
 */
#ifndef WEIR_RUN_CONTROL_H
#define WEIR_RUN_CONTROL_H

#include "base/check.h"
#include "run/engine.h"

#define CONTROL_TURN_MS 5u         /* how long a report may wait in its ring */
#define CONTROL_LOG_MS 200u        /* how long a line may wait in memory */
#define CONTROL_WATCH_MS 1000u     /* busy ratio, stalls, wall clock */
#define CONTROL_DRAIN_MS 30000u    /* for transactions to end after SIGTERM */
#define CONTROL_REPORTS_MAX 4096u  /* taken from one worker in one turn */

/* Blocks the signals that control answers, in this thread and all that it starts: before EAL is. */
void control_signals_block(void);
/* Runs until a stop is asked for and done. Exit status of the process. */
MUST_USE int control_run(struct engine *e);

#endif
