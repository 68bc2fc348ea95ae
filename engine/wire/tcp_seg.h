/*
 * tcp_seg.h - TCP segments (RFC 9293 3.1) and their options: MSS, window scale and timestamps (RFC
 * 7323), SACK-permitted and SACK (RFC 2018). Unknown options are skipped by their length; an option
 * with a length that does not fit ends the walk and refuses the segment (MUST-7 asks to survive
 * them; MUST-64, MUST-68).
 */
#ifndef WEIR_WIRE_TCP_SEG_H
#define WEIR_WIRE_TCP_SEG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"
#include "wire/ip.h"
#include "wire/seq.h"

#define TCP_HEADER_BYTES 20u
#define TCP_OPTION_BYTES_MAX 40u
#define TCP_SACK_BLOCKS_MAX 4u
#define TCP_SHIFT_MAX 14u /* RFC 7323 2.3 */

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40, /* RFC 3168 6.1 */
	TCP_CWR = 0x80,
};

struct tcp_sack_block {
	struct seq begin, end;
};

struct tcp_options {
	bool mss_known, shift_known, stamps_known, sack_permitted;
	uint8_t shift; /* at most TCP_SHIFT_MAX */
	uint8_t sack_count;
	uint16_t mss;
	uint32_t stamp, stamp_echo;
	struct tcp_sack_block sack[TCP_SACK_BLOCKS_MAX];
};

struct tcp_seg {
	uint16_t src_port, dst_port;
	struct seq seq, ack;
	uint8_t flags;
	uint16_t window; /* unscaled */
	struct tcp_options options;
	struct span payload;
};

enum tcp_seg_outcome {
	TCP_SEG_OK = 1,
	TCP_SEG_BAD_HEADER,
	TCP_SEG_BAD_CHECKSUM,
	TCP_SEG_BAD_OPTIONS,
};

MUST_USE enum tcp_seg_outcome tcp_seg_parse(const struct ip_view *ip, bool checked,
                                            struct tcp_seg *seg);
/* Only the options: `bytes` is what stands between the fixed header and the payload. */
MUST_USE bool tcp_options_parse(struct span bytes, struct tcp_options *options);

/* Bytes that the header with these options takes. */
uint8_t tcp_seg_header_bytes(const struct tcp_options *options);
/* Header and options with checksum 0; the payload follows, then tcp_seg_seal(). `payload` of the
 * segment is not looked at. */
void tcp_seg_emit(struct writer *w, const struct tcp_seg *seg);
/* Writes the checksum of the segment that starts at `begin`; with `offload` only the pseudo-header
 * sum. */
void tcp_seg_seal(struct writer *w, size_t begin, struct ip_addr src, struct ip_addr dst,
                  bool offload);

/* Sequence numbers the segment occupies: data, SYN and FIN (SEG.LEN of RFC 9293). */
static inline uint32_t tcp_seg_len(const struct tcp_seg *seg)
{
	return (uint32_t)seg->payload.bytes + ((seg->flags & TCP_SYN) != 0) +
	       ((seg->flags & TCP_FIN) != 0);
}

#endif
