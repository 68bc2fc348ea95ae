/*
 * wire.h - the simulated Ethernet between the hosts of a world: delay, jitter, loss, duplication, reordering and
 * corruption, all from one seed.
 *
 * Frames wait in a heap by their time of arrival. A frame goes to the host whose MAC it names, a broadcast or
 * multicast frame to all but the sender. Corruption changes one byte behind the Ethernet header and never touches ARP:
 * a real wire's CRC would catch what IP's checksums do not.
 */
#ifndef WEIR_TESTS_SIM_WIRE_H
#define WEIR_TESTS_SIM_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/prng.h"
#include "base/span.h"

#define WIRE_HOSTS_MAX 4u
#define WIRE_FRAME_BYTES 1600u
#define WIRE_FRAMES_MAX 16384u /* on the way at once; further ones are lost, as in a full switch */

struct wire_faults { /* per mille of frames */
	uint32_t lost, doubled, late, corrupted;
	uint64_t delay_us, jitter_us, late_us_max;
};

struct wire_frame {
	struct instant at;
	uint64_t order; /* of sending: equal times keep it */
	uint8_t host;
	uint16_t bytes;
	uint16_t slot; /* of data */
};

struct wire {
	struct wire_faults faults;
	struct prng prng;
	uint32_t hosts;
	uint8_t macs[WIRE_HOSTS_MAX][6];
	uint32_t count;
	uint64_t order;
	uint64_t trace; /* hash over all frames delivered: equal runs have equal traces */
	uint64_t sent, lost, delivered;
	struct wire_frame heap[WIRE_FRAMES_MAX];
	uint32_t free_count;
	uint16_t free_slots[WIRE_FRAMES_MAX];
	uint8_t data[WIRE_FRAMES_MAX][WIRE_FRAME_BYTES];
};

void wire_init(struct wire *w, uint64_t seed);
uint32_t wire_join(struct wire *w, const uint8_t mac[6]); /* the host's number */
void wire_send(struct wire *w, uint32_t from, struct span frame, struct instant now);
struct instant wire_deadline(const struct wire *w);
/* The next frame that has arrived by `now`, lent until the next call on the wire; false when there is none. */
bool wire_next(struct wire *w, struct instant now, uint32_t *host, struct span *frame);

#endif
