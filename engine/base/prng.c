/*
 * prng.c - xoshiro256** (Blackman and Vigna, public domain algorithm), SipHash-2-4 (Aumasson and Bernstein) and
 * FNV-1a, from their published descriptions. See prng.h.
 */
#include "base/prng.h"

#include "base/check.h"

static uint64_t rotate_left(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

/* SplitMix64 spreads one word over the state, so that near seeds give far streams. */
static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void prng_seed(struct prng *p, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		p->state[i] = splitmix(&seed);
}

uint64_t prng_u64(struct prng *p)
{
	uint64_t *s = p->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
	CHECK(bound >= 1);
	return (uint64_t)(((unsigned __int128)prng_u64(p) * bound) >> 64);
}

bool prng_chance(struct prng *p, uint32_t per_mille)
{
	return prng_below(p, 1000) < per_mille;
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static void sip_rounds(struct sip *s, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		s->v0 += s->v1;
		s->v1 = rotate_left(s->v1, 13) ^ s->v0;
		s->v0 = rotate_left(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate_left(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate_left(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate_left(s->v1, 17) ^ s->v2;
		s->v2 = rotate_left(s->v2, 32);
	}
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_rounds(s, 2);
	s->v0 ^= word;
}

static uint64_t load_le(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint64_t siphash(struct siphash_key key, struct span text)
{
	struct sip s = { .v0 = key.k0 ^ 0x736f6d6570736575u,
		         .v1 = key.k1 ^ 0x646f72616e646f6du,
		         .v2 = key.k0 ^ 0x6c7967656e657261u,
		         .v3 = key.k1 ^ 0x7465646279746573u };
	size_t whole = text.bytes / 8 * 8;
	for (size_t i = 0; i < whole; i += 8)
		sip_word(&s, load_le(text.data + i, 8));
	uint64_t last = (uint64_t)text.bytes << 56;
	if (text.bytes > whole)
		last |= load_le(text.data + whole, text.bytes - whole);
	sip_word(&s, last);
	s.v2 ^= 0xff;
	sip_rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_bytes(uint64_t hash, struct span s)
{
	for (size_t i = 0; i < s.bytes; i++)
		hash = (hash ^ s.data[i]) * 0x100000001b3u;
	return hash;
}
