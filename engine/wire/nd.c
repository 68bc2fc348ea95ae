/*
 * nd.c - see nd.h.
 */
#include "wire/nd.h"

#include "wire/checksum.h"

enum { ND_TYPE_SOLICIT = 135, ND_TYPE_ADVERTISE = 136 };
enum { ND_OPTION_SOURCE_MAC = 1, ND_OPTION_TARGET_MAC = 2 };
enum { ND_FLAG_ROUTER = 0x80, ND_FLAG_SOLICITED = 0x40, ND_FLAG_OVERRIDE = 0x20 };

/* An option of length 0 would never end the walk and condemns the packet (RFC 4861 4.6). */
static bool parse_options(struct reader *r, struct nd_message *m)
{
	uint8_t wanted = m->kind == ND_SOLICIT ? ND_OPTION_SOURCE_MAC : ND_OPTION_TARGET_MAC;
	for (unsigned i = 0; r->left.bytes > 0; i++) {
		uint8_t type = reader_u8(r);
		uint8_t units = reader_u8(r);
		if (!r->ok || units == 0 || i == ND_OPTIONS_MAX)
			return false;
		struct span body = reader_take(r, (size_t)units * 8 - 2);
		if (!r->ok)
			return false;
		if (type == wanted && units == 1) {
			memcpy(m->mac, body.data, 6);
			m->mac_known = true;
		}
	}
	return true;
}

static bool solicit_valid(const struct ip_view *ip, const struct nd_message *m)
{
	static const uint8_t unspecified[16] = { 0 };
	/* Duplicate address detection comes from :: and may carry no address option (7.1.1). */
	bool probing = span_equal(span_of(ip->src.bytes, 16), span_of(unspecified, 16));
	return !probing || (!m->mac_known && ip_is_multicast(ip->dst));
}

bool nd_parse(const struct ip_view *ip, struct nd_message *m)
{
	struct reader r = reader_of(ip->payload);
	uint8_t type = reader_u8(&r);
	uint8_t code = reader_u8(&r);
	(void)reader_be16(&r);
	uint32_t flags = reader_be32(&r) >> 24;
	*m = (struct nd_message){ .target.family = IP_V6 };
	reader_copy(&r, m->target.bytes, 16);
	if (!r.ok || code != 0 || ip->hop_limit != ND_HOP_LIMIT || ip_is_multicast(m->target))
		return false;
	if (type != ND_TYPE_SOLICIT && type != ND_TYPE_ADVERTISE)
		return false;
	m->kind = type == ND_TYPE_SOLICIT ? ND_SOLICIT : ND_ADVERTISE;
	m->router = (flags & ND_FLAG_ROUTER) != 0;
	m->solicited = (flags & ND_FLAG_SOLICITED) != 0;
	m->override = (flags & ND_FLAG_OVERRIDE) != 0;
	if (!parse_options(&r, m))
		return false;
	if (m->kind == ND_SOLICIT)
		return solicit_valid(ip, m);
	return !(m->solicited && ip_is_multicast(ip->dst)); /* 7.1.2 */
}

static uint32_t advert_flags(const struct nd_message *m)
{
	if (m->kind == ND_SOLICIT)
		return 0;
	uint32_t flags = m->router ? ND_FLAG_ROUTER : 0;
	flags |= m->solicited ? ND_FLAG_SOLICITED : 0;
	flags |= m->override ? ND_FLAG_OVERRIDE : 0;
	return flags << 24;
}

void nd_emit(struct writer *w, struct ip_addr src, struct ip_addr dst, const struct nd_message *m)
{
	size_t begin = w->used;
	writer_u8(w, m->kind == ND_SOLICIT ? ND_TYPE_SOLICIT : ND_TYPE_ADVERTISE);
	writer_u8(w, 0);
	writer_be16(w, 0);
	writer_be32(w, advert_flags(m));
	writer_bytes(w, span_of(m->target.bytes, 16));
	writer_u8(w, m->kind == ND_SOLICIT ? ND_OPTION_SOURCE_MAC : ND_OPTION_TARGET_MAC);
	writer_u8(w, 1);
	writer_bytes(w, span_of(m->mac, 6));
	if (!w->ok)
		return;
	struct span all = span_after(writer_span(w), begin);
	struct checksum sum = checksum_pseudo(src, dst, IP_ICMP6, (uint32_t)all.bytes);
	writer_patch_be16(w, begin + 2, checksum_finish(checksum_add(sum, all)));
}

struct ip_addr nd_solicited_node(struct ip_addr target)
{
	struct ip_addr group = { .family = IP_V6, .bytes = { 0xff, 0x02 } };
	group.bytes[11] = 1;
	group.bytes[12] = 0xff;
	memcpy(group.bytes + 13, target.bytes + 13, 3);
	return group;
}

void nd_group_mac(struct ip_addr group, uint8_t *mac)
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group.bytes + 12, 4);
}
