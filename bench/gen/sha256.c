/*
 * sha256.c - FIPS 180-4, sections 4.1.2, 4.2.2, 5.1.1, 5.3.3 and 6.2 in their order (sha256.h).
 */
#include "bench/gen/sha256.h"

#include <string.h>

#define LENGTH_AT 56u /* in the last block: the message's length in bits */

static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned by)
{
	return x >> by | x << (32 - by);
}

static uint32_t load32(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void store32(uint8_t *to, uint32_t x)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(x >> (24 - 8 * i));
}

static void schedule(uint32_t w[64], const uint8_t *block)
{
	for (unsigned t = 0; t < 16; t++)
		w[t] = load32(block + 4 * t);
	for (unsigned t = 16; t < 64; t++) {
		uint32_t a = w[t - 15], b = w[t - 2];
		w[t] = w[t - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[t - 7] +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

/* 6.2.2: the working variables a..h are v[0]..v[7]. */
static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64], v[8];
	schedule(w, block);
	memcpy(v, state, sizeof(v));
	for (unsigned t = 0; t < 64; t++) {
		uint32_t a = v[0], e = v[4];
		uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
		              ((e & v[5]) ^ (~e & v[6])) + k[t] + w[t];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
		              ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += v[i];
}

void sha256_compress_plain(uint32_t state[8], const uint8_t *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		compress(state, blocks + i * SHA256_BLOCK_BYTES);
}

void sha256_init(struct sha256 *h, sha256_compress *how)
{
	static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		                           0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	h->compress = how != NULL ? how : sha256_compress_plain;
	h->bytes = 0;
	memcpy(h->state, start, sizeof(start));
}

void sha256_add(struct sha256 *h, struct span s)
{
	size_t begun = h->bytes % SHA256_BLOCK_BYTES;
	h->bytes += s.bytes;
	if (begun > 0) {
		size_t take = SHA256_BLOCK_BYTES - begun;
		take = take < s.bytes ? take : s.bytes;
		memcpy(h->block + begun, s.data, take);
		if (begun + take < SHA256_BLOCK_BYTES)
			return;
		h->compress(h->state, h->block, 1);
		s = span_after(s, take);
	}
	size_t whole = s.bytes / SHA256_BLOCK_BYTES;
	if (whole > 0)
		h->compress(h->state, s.data, whole);
	s = span_after(s, whole * SHA256_BLOCK_BYTES);
	if (s.bytes > 0)
		memcpy(h->block, s.data, s.bytes);
}

void sha256_value(const struct sha256 *h, uint8_t value[SHA256_BYTES])
{
	uint8_t end[2 * SHA256_BLOCK_BYTES] = { 0 };
	uint32_t state[8];
	size_t begun = h->bytes % SHA256_BLOCK_BYTES;
	size_t blocks = begun < LENGTH_AT ? 1 : 2;
	uint64_t bits = h->bytes * 8;
	memcpy(state, h->state, sizeof(state));
	memcpy(end, h->block, begun);
	end[begun] = 0x80;
	store32(end + (blocks - 1) * SHA256_BLOCK_BYTES + LENGTH_AT, (uint32_t)(bits >> 32));
	store32(end + (blocks - 1) * SHA256_BLOCK_BYTES + LENGTH_AT + 4, (uint32_t)bits);
	h->compress(state, end, blocks);
	for (unsigned i = 0; i < 8; i++)
		store32(value + 4 * i, state[i]);
}
