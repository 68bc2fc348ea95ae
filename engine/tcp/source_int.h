/*
 * source_int.h - how many connections each source has: an IPv4 address, or an IPv6 /64, which is what
 * one customer is given.
 *
 * A table of keyed hashes and counts, open addressing as in flow.c, as large as all connections
 * could need. Two sources of one hash share their counts: no peer can choose that. Only accepted
 * connections count.
 */
#ifndef WEIR_TCP_SOURCE_INT_H
#define WEIR_TCP_SOURCE_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct tcp_stack;

struct source {
	uint32_t hash;
	uint16_t open; /* with half-open ones; 0: the slot is free */
	uint16_t half_open;
};

struct sources {
	struct source *slots;
	uint32_t mask;
	uint32_t count;
};

void source_init(struct sources *t, struct source *slots, uint32_t count);
uint32_t source_hash(const struct tcp_stack *s, struct ip_addr a);
/* What is counted of a source; zeroes when nothing is. */
struct source source_count(const struct sources *t, uint32_t hash);
/* One connection more, half open as yet. */
void source_add(struct sources *t, uint32_t hash);
/* One of its connections is half open no more. */
void source_opened(struct sources *t, uint32_t hash);
void source_remove(struct sources *t, uint32_t hash);

#endif
