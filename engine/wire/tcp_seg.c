/*
 * tcp_seg.c - see tcp_seg.h.
 */
#include "wire/tcp_seg.h"

#include "wire/checksum.h"
#include "wire/load.h"

#define TCP_CHECKSUM_OFFSET 16u

enum tcp_option {
	TCP_OPTION_END = 0,
	TCP_OPTION_NOP = 1,
	TCP_OPTION_MSS = 2,
	TCP_OPTION_SHIFT = 3,
	TCP_OPTION_SACK_PERMITTED = 4,
	TCP_OPTION_SACK = 5,
	TCP_OPTION_STAMPS = 8,
};

static void parse_sack(struct span body, struct tcp_options *o)
{
	if (body.bytes % 8 != 0)
		return;
	o->sack_count = 0;
	for (size_t at = 0; at + 8 <= body.bytes && o->sack_count < TCP_SACK_BLOCKS_MAX; at += 8) {
		o->sack[o->sack_count].begin = seq_of(load_be32(body.data + at));
		o->sack[o->sack_count].end = seq_of(load_be32(body.data + at + 4));
		o->sack_count++;
	}
}

/* A known option whose length is wrong for its kind is treated as unknown. */
static void parse_option(uint8_t kind, struct span body, struct tcp_options *o)
{
	if (kind == TCP_OPTION_MSS && body.bytes == 2) {
		o->mss_known = true;
		o->mss = load_be16(body.data);
	} else if (kind == TCP_OPTION_SHIFT && body.bytes == 1) {
		o->shift_known = true;
		o->shift = body.data[0] < TCP_SHIFT_MAX ? body.data[0] : TCP_SHIFT_MAX;
	} else if (kind == TCP_OPTION_SACK_PERMITTED && body.bytes == 0) {
		o->sack_permitted = true;
	} else if (kind == TCP_OPTION_SACK) {
		parse_sack(body, o);
	} else if (kind == TCP_OPTION_STAMPS && body.bytes == 8) {
		o->stamps_known = true;
		o->stamp = load_be32(body.data);
		o->stamp_echo = load_be32(body.data + 4);
	}
}

/* NOP, NOP, timestamps: what nearly every segment after the handshake carries (RFC 7323 appendix
 * A). */
static bool parse_stamps_only(struct span bytes, struct tcp_options *o)
{
	if (bytes.bytes != 12 || load_be32(bytes.data) != 0x0101080a)
		return false;
	o->stamps_known = true;
	o->stamp = load_be32(bytes.data + 4);
	o->stamp_echo = load_be32(bytes.data + 8);
	return true;
}

bool tcp_options_parse(struct span bytes, struct tcp_options *o)
{
	memset(o, 0, offsetof(struct tcp_options, sack));
	if (parse_stamps_only(bytes, o))
		return true;
	struct reader r = reader_of(bytes);
	while (r.left.bytes > 0) { /* each step takes at least a byte: at most 40 */
		uint8_t kind = reader_u8(&r);
		if (kind == TCP_OPTION_END)
			return true;
		if (kind == TCP_OPTION_NOP)
			continue;
		uint8_t length = reader_u8(&r);
		if (!r.ok || length < 2)
			return false;
		struct span body = reader_take(&r, length - 2u);
		if (!r.ok)
			return false;
		parse_option(kind, body, o);
	}
	return true;
}

enum tcp_seg_outcome tcp_seg_parse(const struct ip_view *ip, bool checked, struct tcp_seg *seg)
{
	struct span l4 = ip->payload;
	if (l4.bytes < TCP_HEADER_BYTES)
		return TCP_SEG_BAD_HEADER;
	size_t header_bytes = (size_t)(l4.data[12] >> 4) * 4;
	if (header_bytes < TCP_HEADER_BYTES || header_bytes > l4.bytes)
		return TCP_SEG_BAD_HEADER;
	if (!checked) {
		struct checksum sum =
			checksum_pseudo(ip->src, ip->dst, IP_TCP, (uint32_t)l4.bytes);
		if (checksum_finish(checksum_add(sum, l4)) != 0)
			return TCP_SEG_BAD_CHECKSUM;
	}
	seg->src_port = load_be16(l4.data);
	seg->dst_port = load_be16(l4.data + 2);
	seg->seq = seq_of(load_be32(l4.data + 4));
	seg->ack = seq_of(load_be32(l4.data + 8));
	seg->flags = l4.data[13];
	seg->window = load_be16(l4.data + 14);
	seg->payload = span_after(l4, header_bytes);
	struct span options = span_after(span_head(l4, header_bytes), TCP_HEADER_BYTES);
	return tcp_options_parse(options, &seg->options) ? TCP_SEG_OK : TCP_SEG_BAD_OPTIONS;
}

/* The same layout that emit_options() writes: every option padded to whole words. */
uint8_t tcp_seg_header_bytes(const struct tcp_options *o)
{
	unsigned bytes = TCP_HEADER_BYTES;
	bytes += o->mss_known ? 4u : 0u;
	bytes += o->shift_known ? 4u : 0u;
	bytes += o->sack_permitted ? 4u : 0u;
	bytes += o->stamps_known ? 12u : 0u;
	bytes += o->sack_count > 0 ? 4u + 8u * o->sack_count : 0u;
	return (uint8_t)bytes;
}

static void emit_sack(struct writer *w, const struct tcp_options *o)
{
	writer_be16(w, TCP_OPTION_NOP << 8 | TCP_OPTION_NOP);
	writer_u8(w, TCP_OPTION_SACK);
	writer_u8(w, (uint8_t)(2 + 8 * o->sack_count));
	for (unsigned i = 0; i < o->sack_count; i++) {
		writer_be32(w, o->sack[i].begin.v);
		writer_be32(w, o->sack[i].end.v);
	}
}

static void emit_options(struct writer *w, const struct tcp_options *o)
{
	if (o->mss_known) {
		writer_be16(w, TCP_OPTION_MSS << 8 | 4);
		writer_be16(w, o->mss);
	}
	if (o->shift_known)
		writer_be32(w, TCP_OPTION_NOP << 24 | TCP_OPTION_SHIFT << 16 | 3 << 8 | o->shift);
	if (o->sack_permitted)
		writer_be32(w, TCP_OPTION_NOP << 24 | TCP_OPTION_NOP << 16 |
		                       TCP_OPTION_SACK_PERMITTED << 8 | 2);
	if (o->stamps_known) {
		writer_be32(w, TCP_OPTION_NOP << 24 | TCP_OPTION_NOP << 16 |
		                       TCP_OPTION_STAMPS << 8 | 10);
		writer_be32(w, o->stamp);
		writer_be32(w, o->stamp_echo);
	}
	if (o->sack_count > 0)
		emit_sack(w, o);
}

void tcp_seg_emit(struct writer *w, const struct tcp_seg *seg)
{
	uint8_t header_bytes = tcp_seg_header_bytes(&seg->options);
	CHECK(header_bytes <= TCP_HEADER_BYTES + TCP_OPTION_BYTES_MAX);
	writer_be16(w, seg->src_port);
	writer_be16(w, seg->dst_port);
	writer_be32(w, seg->seq.v);
	writer_be32(w, seg->ack.v);
	writer_u8(w, (uint8_t)(header_bytes / 4 << 4));
	writer_u8(w, seg->flags);
	writer_be16(w, seg->window);
	writer_be32(w, 0); /* checksum and urgent pointer */
	emit_options(w, &seg->options);
}

void tcp_seg_seal(struct writer *w, size_t begin, struct ip_addr src, struct ip_addr dst,
                  bool offload)
{
	if (!w->ok)
		return;
	struct span all = span_after(writer_span(w), begin);
	struct checksum sum = checksum_pseudo(src, dst, IP_TCP, (uint32_t)all.bytes);
	uint16_t field = offload ? checksum_partial(sum) : checksum_finish(checksum_add(sum, all));
	writer_patch_be16(w, begin + TCP_CHECKSUM_OFFSET, field);
}
