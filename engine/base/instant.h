/*
 * instant.h - points in time, in microseconds of the worker's clock.
 *
 * The clock is read once per turn by the worker and handed down as an argument; nobody else knows the
 * time. An instant is a struct so that it cannot be mixed with a duration by accident; durations are
 * plain uint64_t with the unit in their name (`_us`).
 */
#ifndef WEIR_BASE_INSTANT_H
#define WEIR_BASE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

struct instant {
	uint64_t us;
};

#define INSTANT_NEVER ((struct instant){ .us = UINT64_MAX })
#define MS_US ((uint64_t)1000)
#define SECOND_US ((uint64_t)1000000)
#define MINUTE_US (60 * SECOND_US)

/* Saturates at INSTANT_NEVER: "never plus anything" stays never. */
static inline struct instant instant_add(struct instant at, uint64_t us)
{
	return (struct instant){ .us = at.us > UINT64_MAX - us ? UINT64_MAX : at.us + us };
}

static inline bool instant_before(struct instant a, struct instant b)
{
	return a.us < b.us;
}

/* Has the deadline `at` been reached at `now`? A deadline of INSTANT_NEVER is never reached. */
static inline bool instant_reached(struct instant at, struct instant now)
{
	return at.us != UINT64_MAX && at.us <= now.us;
}

static inline struct instant instant_earlier(struct instant a, struct instant b)
{
	return a.us < b.us ? a : b;
}

/* Microseconds from `earlier` to `later`; 0 when the order is the other way round. */
static inline uint64_t instant_since(struct instant earlier, struct instant later)
{
	return later.us > earlier.us ? later.us - earlier.us : 0;
}

#endif
