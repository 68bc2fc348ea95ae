/*
 * black_box_pcapng.c - a record as a capture file (draft-ietf-opsawg-pcapng): a section header, one Ethernet
 * interface with microseconds, and an enhanced packet for each segment. See black_box.h.
 *
 * The section is big-endian, which its magic says. Lengths are written behind what they count, so each block is
 * patched once it is complete.
 */
#include "tcp/black_box.h"
#include "tcp/tcp.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp_seg.h"

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET 6u
#define MAGIC 0x1a2b3c4du
#define LINK_ETHERNET 1u
#define OPTION_END 0u
#define OPTION_COMMENT 1u
#define OPTION_NAME 2u     /* of an interface */
#define OPTION_PROGRAM 4u  /* of a section */
#define OPTION_RESOLUTION 9u
#define COMMENT_BYTES 192u

static void comments(struct writer *w, const struct black_box_record *r, uint32_t index);
static uint32_t headers(struct writer *w, const struct black_box_record *r, const struct black_box_entry *e);

static bool is_segment(const struct black_box_entry *e)
{
	return e->mark == BLACK_BOX_IN || e->mark == BLACK_BOX_RUN || e->mark == BLACK_BOX_OUT;
}

/* ---- blocks ---- */

static size_t block_begin(struct writer *w, uint32_t type)
{
	size_t begin = w->used;
	writer_be32(w, type);
	writer_be32(w, 0);
	return begin;
}

static void pad(struct writer *w)
{
	writer_zeros(w, (4 - w->used % 4) % 4);
}

/* A block is shorter than 64 KiB, so that the lower half of its length suffices. */
static void block_end(struct writer *w, size_t begin)
{
	writer_be32(w, OPTION_END << 16);
	uint32_t bytes = (uint32_t)(w->used - begin) + 4;
	CHECK(bytes <= UINT16_MAX);
	writer_be32(w, bytes);
	writer_patch_be16(w, begin + 6, (uint16_t)bytes);
}

static void option(struct writer *w, uint16_t code, struct span value)
{
	writer_be16(w, code);
	writer_be16(w, (uint16_t)value.bytes);
	writer_bytes(w, value);
	pad(w);
}

static void section(struct writer *w, const struct black_box_record *r, struct conn_id id, int64_t wall_us)
{
	char line[512];
	struct black_box_record head = *r;
	struct text t = text_of(line, sizeof(line));
	head.count = 0;
	black_box_text(&t, &head, id, wall_us);
	size_t begin = block_begin(w, BLOCK_SECTION);
	writer_be32(w, MAGIC);
	writer_be16(w, 1); /* version 1.0 */
	writer_be16(w, 0);
	writer_be32(w, UINT32_MAX); /* how long the section is, is not said */
	writer_be32(w, UINT32_MAX);
	option(w, OPTION_PROGRAM, SPAN("weir"));
	option(w, OPTION_COMMENT, span_head(text_as_span(&t), t.used - 1)); /* without the line feed */
	block_end(w, begin);
}

static void interface(struct writer *w)
{
	static const uint8_t microseconds[] = { 6 };
	size_t begin = block_begin(w, BLOCK_INTERFACE);
	writer_be16(w, LINK_ETHERNET);
	writer_be16(w, 0);
	writer_be32(w, 0); /* no snap length */
	option(w, OPTION_NAME, SPAN("weir"));
	option(w, OPTION_RESOLUTION, span_of(microseconds, sizeof(microseconds)));
	block_end(w, begin);
}

static void packet(struct writer *w, const struct black_box_record *r, uint32_t index, int64_t wall_us)
{
	uint64_t at = (uint64_t)wall_us - black_box_age_us(r, index);
	size_t begin = block_begin(w, BLOCK_PACKET);
	writer_be32(w, 0); /* interface */
	writer_be32(w, (uint32_t)(at >> 32));
	writer_be32(w, (uint32_t)at);
	size_t lengths = w->used;
	writer_be32(w, 0);
	writer_be32(w, 0);
	uint32_t captured = headers(w, r, &r->entries[index]);
	pad(w);
	writer_patch_be16(w, lengths + 2, (uint16_t)captured);
	uint32_t original = captured + r->entries[index].bytes;
	writer_patch_be16(w, lengths + 4, (uint16_t)(original >> 16));
	writer_patch_be16(w, lengths + 6, (uint16_t)original);
	comments(w, r, index);
	block_end(w, begin);
}

void black_box_pcapng(struct writer *w, const struct black_box_record *r, struct conn_id id, int64_t wall_us)
{
	section(w, r, id, wall_us);
	interface(w);
	for (uint32_t i = 0; i < r->count; i++)
		if (is_segment(&r->entries[i]))
			packet(w, r, i, wall_us);
}

/* ---- a packet ---- */

static void comment(struct writer *w, const struct black_box_entry *e, const char *when)
{
	char line[COMMENT_BYTES];
	struct text t = text_of(line, sizeof(line));
	text_str(&t, when);
	black_box_entry_text(&t, e);
	option(w, OPTION_COMMENT, text_as_span(&t));
}

/* What happened between the packet before and this one, what was odd about this one, and behind the last packet all
 * that followed. */
static void comments(struct writer *w, const struct black_box_record *r, uint32_t index)
{
	const struct black_box_entry *e = &r->entries[index];
	uint32_t first = index, next = index + 1;
	while (first > 0 && !is_segment(&r->entries[first - 1]))
		first--;
	for (; first < index; first++)
		comment(w, &r->entries[first], "before: ");
	if (e->again != 0 || (e->mark != BLACK_BOX_OUT && e->detail != 0))
		comment(w, e, "");
	while (next < r->count && !is_segment(&r->entries[next]))
		next++;
	if (next < r->count)
		return;
	for (uint32_t i = index + 1; i < r->count; i++)
		comment(w, &r->entries[i], "after: ");
}

/* The length fields tell of the payload that is not here. The TCP checksum is left zero: nothing of what it would
 * cover can be verified. */
static uint32_t headers(struct writer *w, const struct black_box_record *r, const struct black_box_entry *e)
{
	static const uint8_t ours[] = { 2, 0, 0, 0, 0, 1 }, theirs[] = { 2, 0, 0, 0, 0, 2 };
	bool in = e->mark != BLACK_BOX_OUT;
	const struct endpoint *from = in ? &r->remote : &r->local, *to = in ? &r->local : &r->remote;
	bool v4 = from->addr.family == IP_V4;
	uint32_t bytes = TCP_HEADER_BYTES + (uint32_t)e->bytes;
	uint32_t most = UINT16_MAX - (v4 ? IP4_HEADER_BYTES : 0);
	uint16_t l4_bytes = (uint16_t)(bytes < most ? bytes : most);
	size_t begin = w->used;
	struct tcp_seg seg = { .src_port = from->port,
		               .dst_port = to->port,
		               .seq = seq_of(e->seq),
		               .ack = seq_of((e->flags & TCP_ACK) != 0 ? e->ack : 0),
		               .flags = e->flags,
		               .window = e->window };
	eth_emit(w, in ? ours : theirs, in ? theirs : ours, v4 ? ETH_IP4 : ETH_IP6);
	if (v4)
		ip4_emit(w, from->addr, to->addr, IP_TCP, l4_bytes);
	else
		ip6_emit(w, from->addr, to->addr, IP_TCP, l4_bytes, IP_HOP_LIMIT);
	tcp_seg_emit(w, &seg);
	return (uint32_t)(w->used - begin);
}
