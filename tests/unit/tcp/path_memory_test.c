/*
 * path_memory_test.c - what is remembered of paths: for whom, for how long, and in how much room.
 */
#include "tcp/path_memory_int.h"

#include <string.h>

#include "rig.h"
#include "tests/unit/unit.h"

static struct path_entry entries[PATH_MEMORY_SETS * PATH_MEMORY_WAYS];
static struct path_memory memory;
static const struct instant begin = { .us = 5 * SECOND_US };

static struct instant after(uint64_t seconds)
{
	return instant_add(begin, seconds * SECOND_US);
}

static void empty(void)
{
	memset(entries, 0, sizeof(entries));
	memory = (struct path_memory){ .entries = entries, .key = { 1, 2 } };
}

static void learn(const char *remote, uint16_t vlan, uint16_t mtu, uint64_t until)
{
	struct path_entry e = { .remote = rig_addr(remote), .vlan = vlan, .mtu = mtu, .until = after(until) };
	path_memory_set(&memory, &e, begin);
}

/* The size remembered, or 0. */
static uint16_t size_of(const char *remote, uint16_t vlan, uint64_t at)
{
	const struct path_entry *e = path_memory_find(&memory, vlan, rig_addr(remote), after(at));
	return e != NULL ? e->mtu : 0;
}

static void what_was_learnt_is_known_until_it_dies(void)
{
	empty();
	CU_ASSERT_EQUAL(size_of("192.0.2.1", 0, 0), 0);
	learn("192.0.2.1", 0, 1400, 600);
	CU_ASSERT_EQUAL(size_of("192.0.2.1", 0, 599), 1400);
	CU_ASSERT_EQUAL(size_of("192.0.2.1", 0, 600), 0);
	learn("192.0.2.1", 0, 1300, 700); /* learnt again: the newer stands */
	CU_ASSERT_EQUAL(size_of("192.0.2.1", 0, 600), 1300);
	learn("192.0.2.1", 0, 0, 0); /* forgotten */
	CU_ASSERT_EQUAL(size_of("192.0.2.1", 0, 0), 0);
}

static void hosts_are_told_apart_by_their_whole_address_and_vlan(void)
{
	empty();
	learn("2001:db8::1", 0, 1400, 600);
	learn("192.0.2.1", 5, 1300, 600);
	CU_ASSERT_EQUAL(size_of("2001:db8::1", 0, 1), 1400);
	CU_ASSERT_EQUAL(size_of("2001:db8::2", 0, 1), 0);
	CU_ASSERT_EQUAL(size_of("2001:db8::1", 5, 1), 0);
	CU_ASSERT_EQUAL(size_of("192.0.2.1", 5, 1), 1300);
	CU_ASSERT_EQUAL(size_of("192.0.2.1", 0, 1), 0);
}

static struct ip_addr host(uint32_t number)
{
	struct ip_addr a = rig_addr("10.0.0.0");
	a.bytes[1] = (uint8_t)(number >> 16);
	a.bytes[2] = (uint8_t)(number >> 8);
	a.bytes[3] = (uint8_t)number;
	return a;
}

static void when_a_set_is_full_the_first_to_die_gives_way(void)
{
	uint32_t known = 0, oldest = 0;
	empty();
	for (uint32_t i = 0; i < 100000; i++) {
		struct path_entry e = { .remote = host(i), .mtu = 1400, .until = after(1 + i) };
		path_memory_set(&memory, &e, begin);
		CU_ASSERT(path_memory_find(&memory, 0, host(i), begin) != NULL);
	}
	for (uint32_t i = 100000; i-- > 0;)
		if (path_memory_find(&memory, 0, host(i), begin) != NULL) {
			known++;
			oldest = i;
		}
	CU_ASSERT_EQUAL(known, PATH_MEMORY_SETS * PATH_MEMORY_WAYS);
	CU_ASSERT(oldest > 90000);
}

static void to_forget_what_is_not_known_costs_nobody_anything(void)
{
	empty();
	for (uint32_t i = 0; i < 2000; i++) {
		struct path_entry e = { .remote = host(i), .mtu = 1400, .until = after(600) };
		path_memory_set(&memory, &e, begin);
	}
	struct path_entry before[COUNT_OF(entries)];
	memcpy(before, entries, sizeof(entries));
	for (uint32_t i = 5000; i < 6000; i++) {
		struct path_entry nothing = { .remote = host(i) };
		path_memory_set(&memory, &nothing, begin);
	}
	CU_ASSERT(memcmp(before, entries, sizeof(entries)) == 0);
}

UNIT("tcp/path_memory",
     { "what was learnt is known until it dies, is replaced, or is forgotten", what_was_learnt_is_known_until_it_dies },
     { "hosts are told apart by their whole address and their VLAN", hosts_are_told_apart_by_their_whole_address_and_vlan },
     { "when a set is full, the entry that dies first gives way", when_a_set_is_full_the_first_to_die_gives_way },
     { "forgetting a host that is not known changes nothing", to_forget_what_is_not_known_costs_nobody_anything })
