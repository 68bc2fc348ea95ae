/*
 * rss_test.c - every port picked leads replies to the picker's queue, and every port that does can
 * be picked: compared with trying all ports, under many keys, tables and ranges.
 */
#include "pmd-config/rss.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "pmd-config/toeplitz.h"
#include "tests/unit/unit.h"

static struct rss_ports *ports;
static uint8_t key[PLAN_RSS_KEY_MAX];
static uint16_t reta[PLAN_RETA_MAX];
static struct prng prng;

static void fill(uint32_t key_bytes, uint32_t reta_size, uint16_t queues, bool even)
{
	for (uint32_t i = 0; i < key_bytes; i++)
		key[i] = (uint8_t)prng_u64(&prng);
	for (uint32_t i = 0; i < reta_size; i++)
		reta[i] = (uint16_t)(even ? i % queues : prng_below(&prng, queues));
	reta[0] = 0; /* queue 0 has an entry whatever chance gave */
}

static struct endpoint random_endpoint(uint8_t family)
{
	struct endpoint e = { .addr = { .family = family },
			      .port = (uint16_t)(1 + prng_below(&prng, 65535)) };
	for (uint32_t i = 0; i < ip_addr_bytes(e.addr); i++)
		e.addr.bytes[i] = (uint8_t)prng_u64(&prng);
	return e;
}

/* All candidates against all ports of the range. */
static void compare(const struct rss_setup *setup, struct ip_addr local, struct endpoint remote)
{
	static bool picked[RSS_PORTS_MAX];
	uint32_t turn = (uint32_t)prng_u64(&prng) / 2, right = 0, wrong = 0, missed = 0, count = 0;
	memset(picked, 0, sizeof(picked));
	for (uint32_t c = 0; c < rss_candidates(ports, local); c++) {
		uint16_t port;
		if (!rss_port_pick(ports, local, remote, turn, c, &port))
			break;
		picked[port] = true;
	}
	for (uint32_t port = 0; port < RSS_PORTS_MAX; port++) {
		bool inside = port >= setup->port_first && port <= setup->port_last;
		struct endpoint mine = { .addr = local, .port = (uint16_t)port };
		uint32_t hash = inside ? toeplitz_tcp(setup->key, remote, mine) : 0;
		bool leads = inside && setup->reta[hash & (setup->reta_size - 1)] == setup->queue;
		count += leads;
		right += picked[port] && leads;
		wrong += picked[port] && !leads;
		missed += !picked[port] && leads;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_EQUAL(right, count);
	CU_ASSERT_EQUAL(rss_port_count(ports, local, remote), count);
}

static void compare_with(uint32_t key_bytes, uint32_t reta_size, uint16_t queues, bool even,
			 uint16_t first, uint16_t last)
{
	fill(key_bytes, reta_size, queues, even);
	struct rss_setup setup = { .key = span_of(key, key_bytes),
				   .reta = reta,
				   .reta_size = reta_size,
				   .queue = 0,
				   .port_first = first,
				   .port_last = last };
	CU_ASSERT_TRUE_FATAL(rss_ports_init(ports, &setup));
	for (int family = 0; family < 2; family++) {
		struct endpoint local = random_endpoint(family == 0 ? IP_V4 : IP_V6);
		compare(&setup, local.addr, random_endpoint(local.addr.family));
	}
}

static void begin(void)
{
	prng_seed(&prng, 20260101);
	if (ports == NULL)
		ports = calloc(1, sizeof(*ports));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ports);
}

static void picked_ports_are_those_that_trying_all_finds(void)
{
	begin();
	compare_with(40, 128, 2, true, 32768, 65535);
	compare_with(40, 128, 4, true, 1024, 65535);
	compare_with(52, 512, 8, true, 32768, 60999);
	compare_with(52, 512, 3, false, 10000, 10700);
	compare_with(40, 64, 16, false, 5, 9);
	compare_with(40, 2048, 2, false, 40000, 40031);
	compare_with(40, 1, 1, true, 1, 65535);
}

static void candidates_differ_where_drawers_are_equal(void)
{
	static bool seen[RSS_PORTS_MAX];
	begin();
	fill(40, 128, 4, true);
	struct rss_setup setup = { .key = span_of(key, 40),
				   .reta = reta,
				   .reta_size = 128,
				   .queue = 0,
				   .port_first = 32768,
				   .port_last = 65535 };
	CU_ASSERT_TRUE_FATAL(rss_ports_init(ports, &setup));
	struct endpoint remote = random_endpoint(IP_V4), local = random_endpoint(IP_V4);
	uint32_t count = rss_port_count(ports, local.addr, remote), again = 0;
	for (uint32_t c = 0; c < count; c++) {
		uint16_t port = 0;
		CU_ASSERT_TRUE(rss_port_pick(ports, local.addr, remote, 77, c, &port));
		again += seen[port];
		seen[port] = true;
	}
	CU_ASSERT_EQUAL(again, 0);
	CU_ASSERT_EQUAL(count, 32768 / 4);
}

static void the_reply_queue_is_foretold(void)
{
	begin();
	fill(40, 128, 4, false);
	struct rss_setup setup = { .key = span_of(key, 40),
				   .reta = reta,
				   .reta_size = 128,
				   .queue = 0,
				   .port_first = 32768,
				   .port_last = 65535 };
	CU_ASSERT_TRUE_FATAL(rss_ports_init(ports, &setup));
	for (uint32_t turn = 0; turn < 1000; turn++) {
		struct endpoint remote = random_endpoint(IP_V6), local = random_endpoint(IP_V6);
		CU_ASSERT_TRUE_FATAL(
			rss_port_pick(ports, local.addr, remote, turn, 0, &local.port));
		CU_ASSERT_EQUAL(rss_queue_of(ports, remote, local), 0);
	}
}

static void what_cannot_be_used_is_refused(void)
{
	begin();
	fill(40, 128, 2, true);
	struct rss_setup good = { .key = span_of(key, 40),
				  .reta = reta,
				  .reta_size = 128,
				  .queue = 1,
				  .port_first = 1024,
				  .port_last = 2048 };
	CU_ASSERT_TRUE(rss_ports_init(ports, &good));
	struct rss_setup bad = good;
	bad.key.bytes = 39;
	CU_ASSERT_FALSE(rss_ports_init(ports, &bad));
	bad = good;
	bad.reta_size = 100;
	CU_ASSERT_FALSE(rss_ports_init(ports, &bad));
	bad.reta_size = PLAN_RETA_MAX * 2;
	CU_ASSERT_FALSE(rss_ports_init(ports, &bad));
	bad = good;
	bad.queue = 2;
	CU_ASSERT_FALSE(rss_ports_init(ports, &bad));
	bad = good;
	bad.port_last = 1023;
	CU_ASSERT_FALSE(rss_ports_init(ports, &bad));
	free(ports);
	ports = NULL;
}

UNIT("pmd-config/rss",
     { "the ports that can be picked are those that trying all finds",
       picked_ports_are_those_that_trying_all_finds },
     { "candidates differ until all are named where drawers are equal",
       candidates_differ_where_drawers_are_equal },
     { "the queue of the reply is foretold", the_reply_queue_is_foretold },
     { "keys, tables and ranges that cannot be used are refused", what_cannot_be_used_is_refused })
