/*
 * ahead_int.h - what a burst of frames will need, seen and fetched before any of them is dealt with (ahead.c), and
 * the short way of those that are most expected (express.c).
 */
#ifndef WEIR_TCP_AHEAD_INT_H
#define WEIR_TCP_AHEAD_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/span.h"

struct tcp_stack;

/* What a frame seems to be, from a glance at its headers. Nothing of it is checked but lengths. */
struct ahead {
	struct span frame;
	const uint8_t *l3;       /* NULL: not TCP directly in plain IPv4 or IPv6; nothing below holds then */
	const uint8_t *src, *dst; /* addresses, */
	uint32_t addr_bytes;     /* of so many bytes, */
	uint8_t family;          /* of this enum ip_family */
	const uint8_t *l4;
	uint32_t l4_bytes;       /* without padding */
	uint16_t vlan;           /* of its tag; 0: none */
	bool marked;             /* congestion experienced */
	uint32_t key;            /* of the connections heard of late */
	uint32_t hash;           /* of the flow table, if not found among those; 0: not known */
	uint32_t ref;            /* whose it seems to be, as in the flow table; FLOW_NONE: nobody's */
};

/* Connections heard of late are found without the keyed hash. Anybody can compute the key and collide on purpose:
 * that costs the keyed hash, as without it, and finds nobody else's connection. */
struct recent {
	uint32_t key, ref;
};

/* ---- ahead.c ---- */
void ahead_look(const struct tcp_stack *s, struct span frame, struct ahead *a);
/* The frame of `a` was for this connection: the next one may be, too. */
void ahead_remember(struct tcp_stack *s, const struct ahead *a, uint32_t ref);
/* ---- express.c ---- */
/* True: the frame was the next bytes of an open connection, which has them now. Else nothing was touched. */
bool express_input(struct tcp_stack *s, const struct ahead *a, bool checked, struct instant now);

#endif
