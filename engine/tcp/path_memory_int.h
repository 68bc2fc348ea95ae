/*
 * path_memory_int.h - what size the path to a host carries, remembered beyond one connection (RFC 8201 5.2, RFC 4821
 * 5.2), so that the next one need not lose segments to learn it.
 *
 * A fixed table: the keyed hash of an address (IPv6: the whole of it) and its VLAN names a set of PATH_MEMORY_WAYS
 * entries; where all are taken the one that dies first gives way. Who enters something here, and for how long, is
 * path_mtu.c's to know: only what a connection itself has found about its own remote end, so nobody can
 * enter anything about another host, and forgetting costs what it costs to learn again.
 */
#ifndef WEIR_TCP_PATH_MEMORY_INT_H
#define WEIR_TCP_PATH_MEMORY_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/instant.h"
#include "base/prng.h"

#define PATH_MEMORY_SETS 256u /* a power of two */
#define PATH_MEMORY_WAYS 4u

struct path_entry {
	struct ip_addr remote;
	bool settled; /* nothing larger is worth a try before `until` */
	uint16_t vlan;
	uint16_t mtu; /* IP bytes that are known to pass */
	struct instant until;
};

struct path_memory {
	struct path_entry *entries; /* PATH_MEMORY_SETS * PATH_MEMORY_WAYS, zeroed at first */
	struct siphash_key key;
	struct instant until; /* when the last of them dies: mostly there are none, and nobody need look */
};

/* NULL: nothing is known. */
const struct path_entry *path_memory_find(const struct path_memory *m, uint16_t vlan, struct ip_addr remote,
                                          struct instant now);
/* Replaces what is known of the host. An entry that is dead already is one forgotten. */
void path_memory_set(struct path_memory *m, const struct path_entry *entry, struct instant now);

#endif
