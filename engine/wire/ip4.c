/*
 * ip4.c - see ip4.h.
 */
#include "wire/ip4.h"

#include "wire/checksum.h"
#include "wire/load.h"

#define IP4_DONT_FRAGMENT 0x4000u
#define IP4_MORE 0x2000u
#define IP4_OFFSET 0x1fffu
#define IP4_CHECKSUM_OFFSET 10u

static struct ip_addr ip4_addr(const uint8_t *p)
{
	struct ip_addr a = { .family = IP_V4 };
	memcpy(a.bytes, p, 4);
	return a;
}

static enum ip_outcome ip4_judge(struct span l3, struct span header, bool checked)
{
	uint16_t total = load_be16(l3.data + 2);
	if (total < header.bytes || total > l3.bytes)
		return IP_BAD_HEADER;
	if (!checked && checksum_finish(checksum_add((struct checksum){ 0 }, header)) != 0)
		return IP_BAD_CHECKSUM;
	if ((load_be16(l3.data + 6) & (IP4_MORE | IP4_OFFSET)) != 0)
		return IP_FRAGMENT;
	return IP_OK;
}

static void ip4_piece(struct span l3, struct ip_view *view)
{
	uint16_t piece = load_be16(l3.data + 6);
	view->fragment_id = load_be16(l3.data + 4);
	view->fragment_offset = (piece & IP4_OFFSET) * 8u;
	view->fragment_more = (piece & IP4_MORE) != 0;
}

enum ip_outcome ip4_parse(struct span l3, uint16_t l3_offset, bool checked, struct ip_view *view)
{
	if (l3.bytes < IP4_HEADER_BYTES || l3.data[0] >> 4 != 4)
		return IP_BAD_HEADER;
	size_t header_bytes = (size_t)(l3.data[0] & 0x0f) * 4;
	if (header_bytes < IP4_HEADER_BYTES || header_bytes > l3.bytes)
		return IP_BAD_HEADER;
	enum ip_outcome outcome = ip4_judge(l3, span_head(l3, header_bytes), checked);
	if (outcome != IP_OK && outcome != IP_FRAGMENT)
		return outcome;
	if (outcome == IP_FRAGMENT)
		ip4_piece(l3, view);
	view->traffic_class = l3.data[1];
	view->hop_limit = l3.data[8];
	view->protocol = l3.data[9];
	view->src = ip4_addr(l3.data + 12);
	view->dst = ip4_addr(l3.data + 16);
	view->l3_offset = l3_offset;
	view->l4_offset = (uint16_t)(l3_offset + header_bytes);
	view->payload = span_after(span_head(l3, load_be16(l3.data + 2)), header_bytes);
	return outcome;
}

void ip4_seal(struct writer *w, size_t begin)
{
	writer_patch_be16(w, begin + IP4_CHECKSUM_OFFSET, 0);
	if (!w->ok)
		return;
	struct span header = span_of(w->begin + begin, IP4_HEADER_BYTES);
	struct checksum sum = checksum_add((struct checksum){ 0 }, header);
	writer_patch_be16(w, begin + IP4_CHECKSUM_OFFSET, checksum_finish(sum));
}

void ip4_emit(struct writer *w, struct ip_addr src, struct ip_addr dst, uint8_t protocol,
              uint16_t payload_bytes)
{
	size_t begin = w->used;
	writer_be16(w, 0x4500);
	writer_be16(w, (uint16_t)(IP4_HEADER_BYTES + payload_bytes));
	writer_be16(w, 0);
	writer_be16(w, IP4_DONT_FRAGMENT);
	writer_u8(w, IP_HOP_LIMIT);
	writer_u8(w, protocol);
	writer_be16(w, 0);
	writer_bytes(w, span_of(src.bytes, 4));
	writer_bytes(w, span_of(dst.bytes, 4));
	ip4_seal(w, begin);
}

void ip4_mark(struct writer *w, size_t begin, enum ip_ecn ecn)
{
	writer_patch_be16(w, begin, (uint16_t)(0x4500u | ecn));
	ip4_seal(w, begin);
}
