/*
 * rss.h - local ports whose replies come back to the worker that chose them (pure).
 *
 * The NIC hashes each frame's addresses and ports and looks the low bits up in its redirection
 * table, which names a queue. A worker that connects to a next hop must use a local port for which
 * the replies' hash leads to its own queue. The hash is linear, so the part of the local port can
 * be computed beforehand for all ports, and the ports be sorted by it: then, for any destination,
 * one hash of the rest says in which drawers the right ports lie. Picking is O(1), not a search
 * over ports.
 *
 * Contract: one per worker and port device, filled at launch from the key and the table that the
 * device really uses (read back). The struct is large (some 260 KiB) and lives in reserved memory.
 * What is in use is not known here: the caller asks for candidate 0, 1, 2 ... and takes the first
 * that is free towards this destination.
 *
 * Not for devices that steer otherwise (PLAN_STEER_QUEUE, PLAN_STEER_SINGLE): those need no choice.
 */
#ifndef WEIR_PMD_CONFIG_RSS_H
#define WEIR_PMD_CONFIG_RSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/span.h"
#include "pmd-config/plan.h"

#define RSS_PORTS_MAX 65536u

struct rss_drawers { /* the ports of the range, sorted by the low bits of their part of the hash */
	uint32_t first[PLAN_RETA_MAX + 1]; /* where each drawer begins in `ports` */
	uint16_t ports[RSS_PORTS_MAX];
	uint32_t largest; /* ports in the fullest drawer */
};

struct rss_ports {
	uint8_t key[PLAN_RSS_KEY_MAX];
	uint32_t key_bytes;
	uint32_t mask; /* table size - 1 */
	uint16_t own_count;
	uint16_t own[PLAN_RETA_MAX]; /* table entries that lead to our queue */
	uint16_t reta[PLAN_RETA_MAX];
	struct rss_drawers ip4, ip6;
};

struct rss_setup {
	struct span key;      /* TOEPLITZ_KEY_BYTES_MIN..PLAN_RSS_KEY_MAX bytes */
	const uint16_t *reta; /* queue of each entry */
	uint32_t reta_size;   /* a power of two, at most PLAN_RETA_MAX */
	uint16_t queue;       /* ours */
	uint16_t port_first, port_last;
};

/* False: the key or table cannot be used, the range is empty, or no entry leads to our queue. */
MUST_USE bool rss_ports_init(struct rss_ports *p, const struct rss_setup *setup);
/* The queue on which a frame from `source` to `destination` arrives. */
uint16_t rss_queue_of(const struct rss_ports *p, struct endpoint source,
		      struct endpoint destination);
/* A local port for a connection from `local` to `remote` whose replies reach our queue. The
 * candidates below rss_candidates() name every such port at least once, and each only once where
 * all drawers hold equally many (a range of a power of two). `turn` (random, or counted) sets where
 * the naming begins. False: no port of the range does, for this destination. */
MUST_USE bool rss_port_pick(const struct rss_ports *p, struct ip_addr local, struct endpoint remote,
			    uint32_t turn, uint32_t candidate, uint16_t *port);
uint32_t rss_candidates(const struct rss_ports *p, struct ip_addr local);
/* How many ports can be picked towards `remote`: about the range divided by the number of queues.
 */
uint32_t rss_port_count(const struct rss_ports *p, struct ip_addr local, struct endpoint remote);

#endif
