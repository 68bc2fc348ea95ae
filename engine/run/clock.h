/*
 * clock.h - the processor's time stamp counter as an instant. Only run/ (and the generator) reads clocks.
 *
 * clock_start() once, after EAL is up. Every thread of the process then sees the same time line: the counter is
 * invariant and common to all cores on the processors that weir supports.
 */
#ifndef WEIR_RUN_CLOCK_H
#define WEIR_RUN_CLOCK_H

#include <stdint.h>

#include "base/instant.h"

void clock_start(void);
uint64_t clock_cycles(void); /* the raw counter */
uint64_t clock_hz(void);
struct instant clock_at(uint64_t cycles); /* microseconds since clock_start() plus one second; never zero */
uint64_t clock_us_of(uint64_t cycles); /* a duration */
struct instant clock_now(void);
/* Microseconds since 1970 minus clock_now(): add to an instant for the wall time. A system call. */
int64_t clock_wall_offset_us(void);

#endif
