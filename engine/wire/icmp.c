/*
 * icmp.c - see icmp.h.
 */
#include "wire/icmp.h"

#include "wire/checksum.h"
#include "wire/load.h"

enum { ICMP4_ECHO_REPLY = 0, ICMP4_UNREACHABLE = 3, ICMP4_ECHO = 8, ICMP4_TIME_EXCEEDED = 11 };
enum {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_SOLICIT = 135,
	ICMP6_ADVERTISE = 136
};

/* RFC 1122 4.2.3.9: protocol and port unreachable are hard; RFC 1812 5.2.7.1 adds code 13. */
static enum icmp_kind unreachable4_kind(uint8_t code)
{
	if (code == 4)
		return ICMP_TOO_BIG;
	return code == 2 || code == 3 || code == 13 ? ICMP_HARD_ERROR : ICMP_SOFT_ERROR;
}

static enum icmp_kind icmp4_kind(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP4_ECHO:
		return ICMP_ECHO_REQUEST;
	case ICMP4_ECHO_REPLY:
		return ICMP_ECHO_REPLY;
	case ICMP4_UNREACHABLE:
		return unreachable4_kind(code);
	case ICMP4_TIME_EXCEEDED:
		return ICMP_SOFT_ERROR;
	default:
		return ICMP_OTHER; /* among them source quench: ignored (RFC 6633) */
	}
}

static enum icmp_kind icmp6_kind(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP6_ECHO:
		return ICMP_ECHO_REQUEST;
	case ICMP6_ECHO_REPLY:
		return ICMP_ECHO_REPLY;
	case ICMP6_SOLICIT:
	case ICMP6_ADVERTISE:
		return ICMP_NEIGHBOUR;
	case ICMP6_TOO_BIG:
		return ICMP_TOO_BIG;
	case ICMP6_UNREACHABLE: /* prohibited, port unreachable (RFC 5461 2.1) */
		return code == 1 || code == 4 ? ICMP_HARD_ERROR : ICMP_SOFT_ERROR;
	case ICMP6_TIME_EXCEEDED:
		return ICMP_SOFT_ERROR;
	default:
		return ICMP_OTHER; /* among them router advertisements and redirects: ignored */
	}
}

static struct checksum icmp_seed(struct ip_addr src, struct ip_addr dst, size_t bytes)
{
	if (src.family == IP_V4)
		return (struct checksum){ 0 }; /* no pseudo header (RFC 792) */
	return checksum_pseudo(src, dst, IP_ICMP6, (uint32_t)bytes);
}

bool icmp_parse(const struct ip_view *ip, bool checked, struct icmp_message *m)
{
	struct span all = ip->payload;
	if (all.bytes < ICMP_HEADER_BYTES)
		return false;
	struct checksum seed = icmp_seed(ip->src, ip->dst, all.bytes);
	if (!checked && checksum_finish(checksum_add(seed, all)) != 0)
		return false;
	m->type = all.data[0];
	m->code = all.data[1];
	m->word = load_be32(all.data + 4);
	m->body = span_after(all, ICMP_HEADER_BYTES);
	m->kind = ip->src.family == IP_V4 ? icmp4_kind(m->type, m->code)
	                                  : icmp6_kind(m->type, m->code);
	return true;
}

/* Takes the quoted IP header off the reader. A quote is cut at some length, so its length field
 * says nothing about the bytes that are here. */
static bool take_quoted_ip(struct reader *r, uint8_t family, struct icmp_quote *q)
{
	q->local.addr = q->remote.addr = (struct ip_addr){ .family = family };
	if (family == IP_V6) {
		struct span h = reader_take(r, 40);
		if (!r->ok || h.data[0] >> 4 != 6 || h.data[6] != IP_TCP)
			return false;
		memcpy(q->local.addr.bytes, h.data + 8, 16);
		memcpy(q->remote.addr.bytes, h.data + 24, 16);
		return true;
	}
	struct span h = reader_take(r, 20);
	if (!r->ok || h.data[0] >> 4 != 4 || (h.data[0] & 0x0f) < 5 || h.data[9] != IP_TCP ||
	    (load_be16(h.data + 6) & 0x1fff) != 0)
		return false;
	memcpy(q->local.addr.bytes, h.data + 12, 4);
	memcpy(q->remote.addr.bytes, h.data + 16, 4);
	(void)reader_take(r, (size_t)(h.data[0] & 0x0f) * 4 - 20);
	return r->ok;
}

bool icmp_quote_parse(uint8_t family, const struct icmp_message *m, struct icmp_quote *q)
{
	struct reader r = reader_of(m->body);
	if (!take_quoted_ip(&r, family, q))
		return false;
	q->local.port = reader_be16(&r);
	q->remote.port = reader_be16(&r);
	q->seq = seq_of(reader_be32(&r));
	return r.ok;
}

uint32_t icmp_reported_mtu(uint8_t family, const struct icmp_message *m)
{
	return family == IP_V4 ? m->word & UINT16_MAX : m->word;
}

void icmp_echo_emit(struct writer *w, struct ip_addr src, struct ip_addr dst,
                    const struct icmp_message *request)
{
	size_t begin = w->used;
	writer_u8(w, src.family == IP_V4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY);
	writer_u8(w, 0);
	writer_be16(w, 0);
	writer_be32(w, request->word);
	writer_bytes(w, request->body);
	if (!w->ok)
		return;
	struct span all = span_after(writer_span(w), begin);
	struct checksum sum = checksum_add(icmp_seed(src, dst, all.bytes), all);
	writer_patch_be16(w, begin + 2, checksum_finish(sum));
}
