/*
 * frame_cut.h - a frame of several segments as tcp_output() left it in cut_room, for wire/cut.h to cut.
 */
#ifndef WEIR_TCP_FRAME_CUT_H
#define WEIR_TCP_FRAME_CUT_H

#include "tcp/tcp.h"
#include "wire/cut.h"

/* `frame` is borrowed; `meta` is what tcp_output() said of it, with segment_bytes. */
static inline struct cut frame_cut(struct span frame, const struct tcp_frame_meta *meta)
{
	uint16_t l4_offset = (uint16_t)(meta->l2_bytes + meta->l3_bytes);
	return (struct cut){ .frame = frame,
		                 .l3_offset = meta->l2_bytes,
		                 .l4_offset = l4_offset,
		                 .payload_offset = (uint16_t)(l4_offset + meta->l4_bytes),
		                 .segment_bytes = meta->segment_bytes,
		                 .ipv6 = meta->ipv6 };
}

#endif
