/*
 * toeplitz.h - the hash by which NICs spread TCP connections over their receive queues (pure).
 *
 * As defined by Microsoft's receive-side scaling: the input is source address, destination address,
 * source port, destination port of the frame as received, in network order; each set bit of it XORs
 * the 32 bits of the key that begin at that bit. So it is linear: the hash of a XOR b is the XOR of
 * their hashes, which rss.h lives on.
 */
#ifndef WEIR_PMD_CONFIG_TOEPLITZ_H
#define WEIR_PMD_CONFIG_TOEPLITZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/span.h"

#define TOEPLITZ_INPUT_BYTES_MAX 36u /* two IPv6 addresses and two ports */
#define TOEPLITZ_KEY_BYTES_MIN   40u /* input and the four bytes that its last bit reaches */

/* The key has input.bytes + 4 bytes or more. */
uint32_t toeplitz(struct span key, struct span input);
/* The same for input that lies `offset` bytes behind the beginning, all bytes before it being zero.
 */
uint32_t toeplitz_at(struct span key, size_t offset, struct span input);
/* Of a TCP frame from `source` to `destination`, of one family. */
uint32_t toeplitz_tcp(struct span key, struct endpoint source, struct endpoint destination);

#endif
