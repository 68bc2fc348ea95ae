/*
 * path_memory.c - see path_memory_int.h.
 */
#include "tcp/path_memory_int.h"

#include "base/span.h"

static struct path_entry *set_of(const struct path_memory *m, uint16_t vlan, struct ip_addr remote)
{
	struct siphash_key key = m->key;
	key.k0 ^= vlan;
	uint64_t hash = siphash(key, span_of(remote.bytes, ip_addr_bytes(remote)));
	return &m->entries[hash % PATH_MEMORY_SETS * PATH_MEMORY_WAYS];
}

static bool is_of(const struct path_entry *e, uint16_t vlan, struct ip_addr remote)
{
	return e->vlan == vlan && ip_addr_equal(e->remote, remote);
}

const struct path_entry *path_memory_find(const struct path_memory *m, uint16_t vlan, struct ip_addr remote,
                                          struct instant now)
{
	if (!instant_before(now, m->until))
		return NULL;
	const struct path_entry *set = set_of(m, vlan, remote);
	for (unsigned i = 0; i < PATH_MEMORY_WAYS; i++)
		if (is_of(&set[i], vlan, remote) && instant_before(now, set[i].until))
			return &set[i];
	return NULL;
}

void path_memory_set(struct path_memory *m, const struct path_entry *entry, struct instant now)
{
	struct path_entry *set = set_of(m, entry->vlan, entry->remote);
	struct path_entry *at = set;
	for (unsigned i = 0; i < PATH_MEMORY_WAYS; i++) {
		if (is_of(&set[i], entry->vlan, entry->remote)) {
			at = &set[i];
			break;
		}
		if (instant_before(set[i].until, at->until))
			at = &set[i];
	}
	if (!instant_before(now, entry->until) && !is_of(at, entry->vlan, entry->remote))
		return; /* there was nothing to forget */
	*at = *entry;
	if (instant_before(m->until, entry->until))
		m->until = entry->until;
}
