/*
 * recorder.h - the flight recorder: the last events of one worker, dumped when a CHECK fails.
 *
 * Machines record state changes and faults; recording is a handful of stores. What an event means is
 * decided by its kind, whose names live with the module that records it.
 */
#ifndef WEIR_BASE_RECORDER_H
#define WEIR_BASE_RECORDER_H

#include <stdint.h>

#include "base/instant.h"

#define RECORDER_EVENTS 1024u /* a power of two; about the last turn or two under load */

struct recorder_event {
	struct instant at;
	const char *what; /* a literal */
	uint64_t object;  /* handle or address that identifies the object */
	uint32_t from;    /* state before, or any number */
	uint32_t to;      /* state after, or any number */
};

struct recorder {
	uint64_t count;
	struct recorder_event events[RECORDER_EVENTS];
};

static inline void recorder_note(struct recorder *r, struct instant now, const char *what,
                                 uint64_t object, uint32_t from, uint32_t to)
{
	if (r == 0)
		return;
	r->events[r->count++ % RECORDER_EVENTS] = (struct recorder_event){
		.at = now, .what = what, .object = object, .from = from, .to = to
	};
}

#endif
