/*
 * scatter.h - frames as a device that puts segments together may bring them: in pieces of any lengths, somewhere in
 * memory (tcp_config.large_frames). Between the pieces lie bytes that belong to nobody: who reads beyond a piece
 * reads them.
 *
 * Every other frame has its headers in the first piece; the others are cut anywhere. All chance comes from one seed.
 */
#ifndef WEIR_TESTS_SCATTER_H
#define WEIR_TESTS_SCATTER_H

#include <stdint.h>
#include <string.h>

#include "base/prng.h"
#include "tcp/tcp.h"

#define SCATTER_PIECES 100u /* of a frame, at most */
#define SCATTER_BYTES (4u << 20) /* a burst of 32 of the longest */
#define SCATTER_GAP 7u

struct scatter {
	struct prng prng;
	uint32_t most; /* bytes of a piece; 0: frames are whole */
	uint32_t pieces;
	size_t used;
	struct span spans[TCP_BURST_MAX * SCATTER_PIECES];
	uint8_t memory[SCATTER_BYTES];
};

static inline void scatter_init(struct scatter *s, uint64_t seed, uint32_t most)
{
	prng_seed(&s->prng, seed ^ 0x9e3);
	s->most = most;
	s->pieces = 0;
	s->used = 0;
}

/* What was scattered before is no longer needed. */
static inline void scatter_again(struct scatter *s)
{
	s->pieces = 0;
	s->used = 0;
}

static inline struct span scatter_piece(struct scatter *s, struct span piece)
{
	uint8_t *at = s->memory + s->used;
	memset(at, 0xdd, SCATTER_GAP);
	if (piece.bytes > 0)
		memcpy(at + SCATTER_GAP, piece.data, piece.bytes);
	s->used += SCATTER_GAP + piece.bytes;
	return span_of(at + SCATTER_GAP, piece.bytes);
}

static inline struct tcp_frame scatter_frame(struct scatter *s, struct span frame, uint32_t flags)
{
	size_t head = s->most == 0 ? frame.bytes : prng_below(&s->prng, s->most + 1);
	if (prng_chance(&s->prng, 500))
		head += TCP_CUT_HEADERS_MAX;
	struct tcp_frame f = { .head = scatter_piece(s, span_head(frame, head)),
		               .more = s->spans + s->pieces,
		               .flags = flags };
	for (frame = span_after(frame, head); frame.bytes > 0; f.more_count++) {
		size_t bytes = f.more_count + 1 == SCATTER_PIECES ? frame.bytes : prng_below(&s->prng, s->most + 1);
		s->spans[s->pieces++] = scatter_piece(s, span_head(frame, bytes));
		frame = span_after(frame, bytes);
	}
	return f;
}

#endif
