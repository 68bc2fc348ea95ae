/*
 * toeplitz.c - the Toeplitz hash, bit by bit. See toeplitz.h.
 *
 * Runs at launch and once for each new connection to a next hop (some 100 input bits), never for
 * each frame: the NIC does that.
 */
#include "pmd-config/toeplitz.h"

static uint32_t key_word(struct span key, size_t byte)
{
	return (uint32_t)key.data[byte] << 24 | (uint32_t)key.data[byte + 1] << 16 |
	       (uint32_t)key.data[byte + 2] << 8 | key.data[byte + 3];
}

uint32_t toeplitz_at(struct span key, size_t offset, struct span input)
{
	CHECK(offset + input.bytes + 4 <= key.bytes);
	uint32_t hash = 0;
	for (size_t i = 0; i < input.bytes; i++) {
		uint64_t window = (uint64_t)key_word(key, offset + i) << 8 |
				  key.data[offset + i + 4];
		/* Bit b (from the left) of the byte takes the 32 key bits that begin b bits further
		 * on. */
		for (unsigned bit = 0; bit < 8; bit++)
			if ((input.data[i] & (0x80u >> bit)) != 0)
				hash ^= (uint32_t)(window >> (8 - bit));
	}
	return hash;
}

uint32_t toeplitz(struct span key, struct span input)
{
	return toeplitz_at(key, 0, input);
}

uint32_t toeplitz_tcp(struct span key, struct endpoint source, struct endpoint destination)
{
	uint8_t input[TOEPLITZ_INPUT_BYTES_MAX];
	struct writer w = writer_of((struct room){ input, sizeof(input) });
	CHECK(source.addr.family == destination.addr.family);
	writer_bytes(&w, span_of(source.addr.bytes, ip_addr_bytes(source.addr)));
	writer_bytes(&w, span_of(destination.addr.bytes, ip_addr_bytes(destination.addr)));
	writer_be16(&w, source.port);
	writer_be16(&w, destination.port);
	return toeplitz(key, writer_span(&w));
}
