/*
 * clock.c - TSC to microseconds by one multiplication. See clock.h.
 */
#include "run/clock.h"

#include <rte_cycles.h>
#include <time.h>

static uint64_t first_cycles;
static uint64_t us_per_cycle_32; /* microseconds per cycle, times 2^32 */

void clock_start(void)
{
	first_cycles = rte_rdtsc();
	us_per_cycle_32 = (SECOND_US << 32) / rte_get_tsc_hz();
}

uint64_t clock_cycles(void)
{
	return rte_rdtsc();
}

uint64_t clock_hz(void)
{
	return rte_get_tsc_hz();
}

/* 128 bits in between: cycles * 2^32 would overflow after a second. */
uint64_t clock_us_of(uint64_t cycles)
{
	return (uint64_t)((unsigned __int128)cycles * us_per_cycle_32 >> 32);
}

struct instant clock_at(uint64_t cycles)
{
	return (struct instant){ .us = clock_us_of(cycles - first_cycles) + SECOND_US };
}

struct instant clock_now(void)
{
	return clock_at(rte_rdtsc());
}

int64_t clock_wall_offset_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	int64_t wall_us = (int64_t)t.tv_sec * (int64_t)SECOND_US + t.tv_nsec / 1000;
	return wall_us - (int64_t)clock_now().us;
}
