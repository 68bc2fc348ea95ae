/*
 * fragment_bounds_test.c - datagrams in pieces: the bounds, floods, time, and random cuts.
 */
#include "pieces.h"
#include "tests/unit/unit.h"

/* ---- bounds and time ---- */

static void a_source_has_sixty_four_datagrams(void)
{
	open_up();
	for (uint32_t i = 0; i < 100; i++) {
		echo_make(IP_V4, 64, i);
		piece(0, 32, true);
	}
	CU_ASSERT(rig.stack->fragments->live == FRAGMENT_SOURCE_MAX);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_SOURCE) == 100 - FRAGMENT_SOURCE_MAX);
	echo_make(IP_V4, 64, 500);
	d.source = 77; /* somebody else */
	piece(0, 32, true);
	CU_ASSERT(rig.stack->fragments->live == FRAGMENT_SOURCE_MAX + 1);
	close_down();
}

static void too_many_pieces_cost_the_datagram(void)
{
	open_up();
	echo_make(IP_V6, 10000, 1);
	for (uint32_t i = 0; i < FRAGMENT_PIECES_MAX; i++)
		piece(i * 16, i * 16 + 8, true);
	CU_ASSERT(rig.stack->fragments->live == 1);
	piece(5000, 5008, true);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_PIECES) == 1);
	CU_ASSERT(rig.stack->fragments->chunks_free == FRAGMENT_CHUNKS);
	close_down();
}

/* As from an attacker with all the addresses of the world: small and large pieces, never a whole. */
static void flood_in(uint32_t count, uint32_t bytes)
{
	echo_make(IP_V6, 9000, 0);
	for (uint32_t i = 0; i < count; i++) {
		d.id = i;
		d.source = (uint8_t)(10 + i % 200);
		piece(16, 16 + bytes, true);
		now.us += 1;
	}
}

static void in_a_flood_the_newest_are_put_together(void)
{
	open_up();
	flood_in(20000, 8);
	CU_ASSERT(rig.stack->fragments->live == FRAGMENT_DATAGRAMS_MAX);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_EVICTED) == 20000 - FRAGMENT_DATAGRAMS_MAX);
	echo_make(IP_V4, 1000, 7);
	piece(0, 400, true);
	flood_in(500, 8000);
	CU_ASSERT(rig.stack->fragments->live < 450); /* so many chunks there are */
	echo_make(IP_V4, 1000, 8);
	piece(0, 400, true);
	piece(400, 1000, false);
	CU_ASSERT(echoed());
	close_down();
}

static void time_takes_what_stays_incomplete(void)
{
	open_up();
	echo_make(IP_V4, 64, 1);
	piece(0, 32, true);
	echo_make(IP_V6, 64, 1);
	piece(0, 32, true);
	CU_ASSERT(tcp_deadline(rig.stack).us == now.us + 15 * SECOND_US);
	pass_time(15 * SECOND_US - 1);
	CU_ASSERT(rig.stack->fragments->live == 2);
	pass_time(1);
	CU_ASSERT(rig.stack->fragments->live == 1 && dropped(TCP_DROP_FRAGMENT_TIMEOUT) == 1);
	pass_time(45 * SECOND_US - 1);
	CU_ASSERT(rig.stack->fragments->live == 1);
	pass_time(1);
	CU_ASSERT(rig.stack->fragments->live == 0 && dropped(TCP_DROP_FRAGMENT_TIMEOUT) == 2);
	close_down();
}

static void a_dead_datagram_is_forgotten_in_time(void)
{
	open_up();
	overlap(IP_V4, 0, 400, 392, 1000, 1);
	pass_time(15 * SECOND_US);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_TIMEOUT) == 0);
	echo_make(IP_V4, 1000, 1);
	piece(0, 400, true);
	piece(400, 1000, false);
	CU_ASSERT(echoed());
	close_down();
}

/* Random pieces of random datagrams against a slow model: what comes out is what was cut, or nothing. */
static void random_cuts_come_together_or_not_at_all(void)
{
	struct prng p;
	open_up();
	prng_seed(&p, 11);
	for (uint32_t round = 0; round < 2000; round++) {
		uint32_t bytes = 16 + (uint32_t)prng_below(&p, 1200), at = 0, count = 0;
		uint32_t cuts[40];
		echo_make(prng_chance(&p, 500) ? IP_V4 : IP_V6, bytes, round);
		while (at < bytes && count < 38) {
			cuts[count++] = at;
			at += 8 * (1 + (uint32_t)prng_below(&p, 12)) + (at == 0 ? 32 : 0);
		}
		cuts[count] = bytes;
		bool lost = prng_chance(&p, 200);
		for (uint32_t left = count; left > (lost ? 1u : 0u); left--) {
			uint32_t pick = (uint32_t)prng_below(&p, left), from = cuts[pick], to = bytes;
			for (uint32_t i = 0; i < count; i++)
				if (cuts[i] > from && cuts[i] < to)
					to = cuts[i];
			piece(from, to, to < bytes);
			cuts[pick] = cuts[left - 1];
			cuts[left - 1] = from;
		}
		CU_ASSERT(echoed() == !lost);
		pass_time(SECOND_US); /* so that the lost ones of a source stay below its bound */
	}
	close_down();
}

static void the_dead_expire_in_the_order_in_which_they_died(void)
{
	open_up();
	echo_make(IP_V4, 1000, 1);
	piece(0, 400, true);
	pass_time(10 * SECOND_US);
	d.id = 2;
	piece(0, 400, true);
	piece(392, 1000, false);
	pass_time(SECOND_US);
	d.id = 1;
	piece(392, 1000, false); /* began before that one, and dies after it */
	CU_ASSERT(rig.stack->fragments->live == 0 && rig.stack->fragments->dead == 2);
	pass_time(13 * SECOND_US);
	CU_ASSERT(rig.stack->fragments->dead == 2);
	CU_ASSERT(instant_since(now, fragment_deadline(rig.stack->fragments)) == SECOND_US);
	pass_time(SECOND_US);
	CU_ASSERT(rig.stack->fragments->dead == 1);
	CU_ASSERT(instant_since(now, fragment_deadline(rig.stack->fragments)) == SECOND_US);
	pass_time(SECOND_US);
	CU_ASSERT(rig.stack->fragments->dead == 0);
	close_down();
}

UNIT("tcp/fragment_bounds",
     { "a source has sixty four datagrams", a_source_has_sixty_four_datagrams },
     { "too many pieces cost the datagram", too_many_pieces_cost_the_datagram },
     { "in a flood the newest are put together", in_a_flood_the_newest_are_put_together },
     { "time takes what stays incomplete", time_takes_what_stays_incomplete },
     { "a dead datagram is forgotten in time", a_dead_datagram_is_forgotten_in_time },
     { "the dead expire in the order in which they died", the_dead_expire_in_the_order_in_which_they_died },
     { "random cuts come together or not at all", random_cuts_come_together_or_not_at_all })
