/*
 * control_int.h - frames that belong to no connection: ARP, ND, echo replies, RST and ACK for
 * segments without one. A bounded ring of whole frames, sent before the connections' frames; when
 * it is full, or too much was asked in one millisecond, the answer is withheld and counted.
 */
#ifndef WEIR_TCP_CONTROL_INT_H
#define WEIR_TCP_CONTROL_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/span.h"
#include "tcp/limits.h"
#include "tcp/tcp.h"
#include "wire/tcp_seg.h"

struct control_frame {
	struct tcp_frame_meta meta;
	uint16_t bytes;
	uint8_t data[TCP_CONTROL_BYTES_MAX];
};

struct controls {
	struct control_frame *frames; /* TCP_CONTROL_FRAMES_MAX of them */
	uint32_t first, count;
	uint32_t answered; /* in the millisecond below */
	uint64_t answered_ms;
};

/* A writer over a free frame; false (counted) when there is none. `answer`: somebody outside caused
 * it, so the rate limit holds. Finish with control_commit(). */
MUST_USE bool control_begin(struct tcp_stack *s, struct writer *w, bool answer, struct instant now);
void control_commit(struct tcp_stack *s, const struct writer *w, struct tcp_frame_meta meta);
/* Ethernet and IP header for an L4 payload of known size, from our address number `local`. */
void control_headers(struct tcp_stack *s, struct writer *w, const uint8_t *mac, uint8_t local,
                     struct ip_addr dst, uint8_t protocol, uint16_t bytes);
/* A TCP segment without data. */
void control_segment(struct tcp_stack *s, const uint8_t *mac, uint8_t local,
                     struct ip_addr dst, const struct tcp_seg *seg, struct instant now);
/* The same for a SYN cookie: one small answer to each SYN, so without the rate limit. */
void control_answer_syn(struct tcp_stack *s, const uint8_t *mac, uint8_t local,
                        struct ip_addr dst, const struct tcp_seg *seg, struct instant now);
size_t control_output(struct tcp_stack *s, struct room room, struct tcp_frame_meta *meta);

#endif
