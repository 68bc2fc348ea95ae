/*
 * crash.h - the last words: when a CHECK fails or the process is hit by a fatal signal, the flight recorder of the
 * thread concerned goes to standard error, by async-signal-safe means only.
 */
#ifndef WEIR_RUN_CRASH_H
#define WEIR_RUN_CRASH_H

#include <stdint.h>

#include "base/recorder.h"

#define CRASH_EVENTS_SHOWN 64u

/* Hooks CHECK and SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT; the signal's own effect follows the dump. */
void crash_install(void);
/* This thread's recorder, and what to call the thread. NULL: none. */
void crash_recorder_set(const struct recorder *recorder, uint32_t worker);
/* One event as a line into `line`; returns its bytes. Split out for the tests. */
uint32_t crash_event_line(const struct recorder_event *e, char *line, uint32_t bytes);

#endif
