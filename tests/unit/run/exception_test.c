/*
 * exception_test.c - the exception path over made-up ports: who gets a frame, how many, and by whom.
 */
#include "run/exception.h"

#include <string.h>

#include "../unit.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ip4.h"

struct port_queue {
	uint8_t frames[PORT_BURST][64];
	uint32_t waiting, handed;
	uint32_t forwarded, over, copied; /* of its burst: sent by another port, handed to worker 0 */
	uint32_t queued, room, takes;     /* to be sent by it; how many it can hold, and takes at once */
};

static struct port_queue nic, tap;
static struct exception x;
static struct tcp_config config;
static struct instant now;

/* ---- the made-up ports ---- */

uint32_t port_rx(struct port_queue *q, struct tcp_frame frames[PORT_BURST])
{
	uint32_t count = q->waiting;
	for (uint32_t i = 0; i < count; i++) {
		frames[i] = (struct tcp_frame){ .head = span_of(q->frames[i], 64) };
	}
	q->waiting = 0;
	return count;
}

uint32_t port_hops(const struct port_queue *q, uint32_t index)
{
	return index < q->handed ? 1 : 0;
}

void port_hand_over(struct port_queue *q, uint32_t index, uint16_t to, uint32_t hops)
{
	(void)index;
	CU_ASSERT_EQUAL(hops, 1);
	CU_ASSERT_EQUAL(to, 0);
	q->over++;
}

void port_copy_over(struct port_queue *q, uint32_t index, uint16_t to)
{
	(void)index;
	CU_ASSERT_EQUAL(to, 0);
	q->copied++;
}

bool port_forward(struct port_queue *q, uint32_t index, struct port_queue *to)
{
	(void)index;
	if (to->queued == to->room)
		return false;
	q->forwarded++;
	to->queued++;
	return true;
}

uint32_t port_tx_offer(struct port_queue *q, uint32_t *refused)
{
	uint32_t taken = q->queued < q->takes ? q->queued : q->takes;
	*refused = q->queued - taken;
	q->queued = 0;
	return taken;
}

/* ---- frames ---- */

static void begin(bool first, uint32_t rate)
{
	memset(&nic, 0, sizeof(nic));
	memset(&tap, 0, sizeof(tap));
	nic.room = tap.room = tap.takes = 64;
	config = (struct tcp_config){ .mac = { 2, 0, 0, 0, 0, 1 },
		                      .address_count = 1,
		                      .addresses = { { .addr = { IP_V4, { 198, 18, 0, 1 } }, .bits = 24 } } };
	now = (struct instant){ .us = 1000000000 };
	exception_init(&x, &config, first ? &tap : NULL, rate);
	CU_ASSERT(exception_is_on(&x));
}

static struct span packet(uint8_t room[64], uint8_t from, uint8_t to)
{
	static const uint8_t peer[6] = { 2, 0, 0, 0, 0, 9 };
	struct writer w = writer_of((struct room){ room, 64 });
	struct ip_addr src = { IP_V4, { 198, 18, 0, from } }, dst = { IP_V4, { 198, 18, 0, to } };
	eth_emit(&w, config.mac, peer, ETH_IP4);
	ip4_emit(&w, src, dst, IP_TCP, 30);
	writer_zeros(&w, 30);
	return span_of(room, 64);
}

static struct span arp(uint8_t room[64], uint16_t operation, uint8_t target)
{
	static const uint8_t peer[6] = { 2, 0, 0, 0, 0, 9 };
	struct writer w = writer_of((struct room){ room, 64 });
	struct arp_message m = { .operation = operation,
		                 .sender = { IP_V4, { 198, 18, 0, 9 } },
		                 .target = { IP_V4, { 198, 18, 0, target } } };
	eth_emit(&w, eth_broadcast, peer, ETH_ARP);
	arp_emit(&w, &m);
	return span_of(room, 64);
}

static bool input(struct span frame)
{
	return exception_input(&x, &nic, 0, frame, now);
}

/* ---- the cases ---- */

static void what_is_ours_never_gets_there(void)
{
	uint8_t room[64];
	begin(true, 1000);
	CU_ASSERT_FALSE(input(packet(room, 9, 1)));
	CU_ASSERT_FALSE(input(arp(room, ARP_REQUEST, 1)));
	CU_ASSERT_EQUAL(nic.forwarded, 0);
}

static void the_first_worker_gives_the_kernel_its_own(void)
{
	uint8_t room[64];
	begin(true, 1000);
	CU_ASSERT_TRUE(input(packet(room, 9, 3)));
	CU_ASSERT_FALSE(input(arp(room, ARP_REPLY, 1))); /* for both */
	CU_ASSERT_EQUAL(nic.forwarded, 2);
	CU_ASSERT_FALSE(exception_turn(&x, &nic, now));
	CU_ASSERT_EQUAL(x.counters.in_passed, 2);
	nic.handed = 1; /* from another worker: the same */
	CU_ASSERT_TRUE(input(packet(room, 9, 3)));
	CU_ASSERT_EQUAL(nic.forwarded, 3);
	CU_ASSERT_EQUAL(nic.over + nic.copied, 0);
}

static void other_workers_hand_it_to_the_first(void)
{
	uint8_t room[64];
	begin(false, 1000);
	CU_ASSERT_TRUE(input(packet(room, 9, 3)));
	CU_ASSERT_EQUAL(nic.over, 1);
	CU_ASSERT_FALSE(input(arp(room, ARP_REQUEST, 3)));
	CU_ASSERT_EQUAL(nic.copied, 1);
	CU_ASSERT_FALSE(input(arp(room, ARP_REPLY, 3))); /* news, which all workers are told anyway */
	nic.handed = 1;
	CU_ASSERT_FALSE(input(arp(room, ARP_REQUEST, 3))); /* nothing circles */
	CU_ASSERT(nic.over == 1 && nic.copied == 1 && nic.forwarded == 0);
	CU_ASSERT_EQUAL(x.counters.in_handed, 2);
	CU_ASSERT_FALSE(exception_turn(&x, &nic, now));
}

static void a_flood_is_cut_to_the_rate(void)
{
	uint8_t room[64];
	for (unsigned first = 0; first < 2; first++) {
		begin(first != 0, 10000);
		tap.room = UINT32_MAX;
		for (unsigned ms = 0; ms < 1000; ms++) {
			for (unsigned i = 0; i < 100; i++)
				CU_ASSERT_TRUE(input(packet(room, 9, 3)));
			now.us += 1000;
		}
		uint32_t through = nic.forwarded + nic.over;
		CU_ASSERT(through >= 10000 && through <= 11000);
		CU_ASSERT_EQUAL(x.counters.in_limited, 100000 - through);
	}
}

static void what_the_kernel_does_not_take_is_counted(void)
{
	uint8_t room[64];
	begin(true, 1000);
	tap.takes = 1;
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_TRUE(input(packet(room, 9, 3)));
	CU_ASSERT_FALSE(exception_turn(&x, &nic, now));
	CU_ASSERT(x.counters.in_passed == 1 && x.counters.in_full == 2);
	tap.room = 0;
	CU_ASSERT_TRUE(input(packet(room, 9, 3)));
	CU_ASSERT_EQUAL(x.counters.in_full, 3);
}

static void what_the_kernel_sends_leaves_by_the_port(void)
{
	begin(true, 1000);
	packet(tap.frames[0], 3, 9);
	packet(tap.frames[1], 1, 9); /* in our name */
	packet(tap.frames[2], 3, 9);
	nic.room = 1;
	tap.waiting = 3;
	CU_ASSERT_TRUE(exception_turn(&x, &nic, now));
	CU_ASSERT(x.counters.out_passed == 1 && x.counters.out_ours == 1 && x.counters.out_full == 1);
}

static void a_flood_of_the_kernels_waits_there(void)
{
	begin(true, 1000);
	nic.room = UINT32_MAX;
	for (unsigned ms = 0; ms < 1000; ms++, now.us += 1000) {
		for (unsigned i = 0; i < PORT_BURST && tap.waiting == 0; i++)
			packet(tap.frames[i], 3, 9);
		tap.waiting = PORT_BURST;
		(void)exception_turn(&x, &nic, now);
	}
	CU_ASSERT(x.counters.out_passed >= 1000 && x.counters.out_passed <= 1000 + 100 + PORT_BURST);
	CU_ASSERT_EQUAL(tap.waiting, PORT_BURST); /* not taken, not dropped */
}

UNIT("run/exception", { "what is ours never gets there", what_is_ours_never_gets_there },
     { "the first worker gives the kernel its own", the_first_worker_gives_the_kernel_its_own },
     { "other workers hand it to the first, and nothing circles", other_workers_hand_it_to_the_first },
     { "a flood is cut to the rate, on each worker", a_flood_is_cut_to_the_rate },
     { "what the kernel does not take is counted", what_the_kernel_does_not_take_is_counted },
     { "what the kernel sends leaves by the port, but not in our name", what_the_kernel_sends_leaves_by_the_port },
     { "a flood of the kernel's waits there", a_flood_of_the_kernels_waits_there })
