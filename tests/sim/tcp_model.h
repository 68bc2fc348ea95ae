/*
 * tcp_model.h - a reference model of one connection, as slow and obvious as can be: an array with one
 * mark for each byte of each stream. It watches what arrives at a host and what leaves it, and tells
 * when the stack says or does something that its own eyes cannot confirm:
 *
 *   an ACK for bytes that did not arrive, or one that goes back
 *   a SACK block about bytes that did not arrive
 *   a window whose right edge moves left by more than the scale's rounding
 *   bytes beyond the window that the peer has advertised, but for one that probes a closed one
 *   bytes other than the stream has at that place, however often they are repeated
 */
#ifndef WEIR_TESTS_SIM_TCP_MODEL_H
#define WEIR_TESTS_SIM_TCP_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "wire/tcp_seg.h"

#define MODEL_STREAM_BYTES (1u << 20) /* longer streams are watched that far */

struct model_end { /* one host, and the stream that it sends */
	bool syn_sent;
	struct seq isn;
	uint8_t shift; /* of the windows it advertises, once scaling is agreed */
	bool scaled;
	uint64_t key;  /* of the stream it sends */
	bool fin_sent;
	uint32_t fin_at;       /* the stream's length, once FIN was sent */
	uint32_t arrived_in_order; /* of this stream, at the other host, with FIN */
	uint8_t arrived[MODEL_STREAM_BYTES + 8]; /* the same byte by byte; index 0 is the first */
	bool edge_known;
	uint32_t edge_told;  /* right edge that it has advertised, in the other's stream */
	uint32_t edge_heard; /* right edge that has reached it, in its own stream */
	uint32_t acked;      /* the highest ACK it has sent */
};

struct model {
	struct model_end end[2];
	const char *fault; /* the first one; NULL: none */
	uint32_t fault_at; /* in the stream concerned */
};

uint8_t model_byte(uint64_t key, uint64_t at);
void model_init(struct model *m, uint64_t key_0, uint64_t key_1);
/* A segment leaves host `from`; one arrives intact at host `to`. */
void model_left(struct model *m, unsigned from, const struct tcp_seg *seg);
void model_arrived(struct model *m, unsigned to, const struct tcp_seg *seg);

#endif
