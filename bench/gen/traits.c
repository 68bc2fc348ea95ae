/*
 * traits.c - what a sender's connection is like: TLS or not and which, in turn or pipelined, BDAT or
 * DATA, slow, in small pieces, how many messages (gen_int.h).
 *
 * A share of nothing draws no random number, so that a configuration without shares behaves as if
 * they did not exist.
 */
#include "bench/gen/gen_int.h"

static bool chance(struct prng *prng, uint32_t per_mille)
{
	return per_mille > 0 && prng_chance(prng, per_mille);
}

void traits_choose(struct sender_traits *t, const struct gen_sender_config *c, struct prng *prng)
{
	uint32_t least = c->messages_per_connection, most = c->messages_per_connection_max;
	*t = (struct sender_traits){
		.clear = chance(prng, c->clear_per_mille),
		.tls12 = chance(prng, c->tls12_per_mille),
		.resume = chance(prng, c->resume_per_mille),
		.in_turn = !c->pipelining || chance(prng, c->in_turn_per_mille),
		.bdat = c->chunking || chance(prng, c->bdat_per_mille),
		.slow = chance(prng, c->slow_per_mille),
		.messages = least,
	};
	if (chance(prng, c->fragment_per_mille))
		t->fragment_bytes = c->fragment_bytes;
	if (least > 0 && most > least)
		t->messages = least + (uint32_t)prng_below(prng, most - least + 1);
}

uint64_t slow_credit(uint64_t *credit, struct instant *at, uint32_t per_second, struct instant now)
{
	if (instant_since(*at, now) >= SLOW_TICK_US) {
		*credit = 1 + per_second * SLOW_TICK_US / SECOND_US;
		*at = now;
	}
	return *credit;
}
