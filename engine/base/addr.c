/*
 * addr.c - IP addresses and endpoints as values. See addr.h.
 *
 * Text forms: dotted quad (exactly four decimal parts without leading zeros), RFC 4291 2.2 for IPv6 in,
 * RFC 5952 (lower case, longest run of zeros shortened, a dotted quad behind ::ffff:) for IPv6 out.
 */
#include "base/addr.h"

bool endpoint_equal(struct endpoint a, struct endpoint b)
{
	return a.port == b.port && ip_addr_equal(a.addr, b.addr);
}

bool ip_prefix_holds(struct ip_prefix p, struct ip_addr a)
{
	if (p.addr.family != a.family || a.family == IP_NONE)
		return false;
	unsigned whole = p.bits / 8;
	if (memcmp(p.addr.bytes, a.bytes, whole) != 0)
		return false;
	if (p.bits % 8 == 0)
		return true;
	uint8_t mask = (uint8_t)(0xff00u >> (p.bits % 8));
	return (p.addr.bytes[whole] & mask) == (a.bytes[whole] & mask);
}

static bool part_parse(struct span text, uint64_t max, uint64_t *out)
{
	if (text.bytes > 1 && text.data[0] == '0')
		return false;
	return span_to_u64(text, out) && *out <= max;
}

static bool ip4_parse(struct span text, uint8_t out[4])
{
	for (unsigned i = 0; i < 4; i++) {
		size_t dot = span_find(text, '.');
		uint64_t part;
		if ((dot == text.bytes) != (i == 3) || !part_parse(span_head(text, dot), 255, &part))
			return false;
		out[i] = (uint8_t)part;
		text = span_after(text, dot + 1);
	}
	return true;
}

static bool hex_group_parse(struct span text, uint16_t *out)
{
	unsigned v = 0;
	if (text.bytes == 0 || text.bytes > 4)
		return false;
	for (size_t i = 0; i < text.bytes; i++) {
		uint8_t c = ascii_lower(text.data[i]);
		if (c >= '0' && c <= '9')
			v = v * 16 + (c - (unsigned)'0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + 10 + (c - (unsigned)'a');
		else
			return false;
	}
	*out = (uint16_t)v;
	return true;
}

/* Groups separated by ':' into `out`, the last two perhaps as a dotted quad where `ends` says that the address
 * ends here. Returns the groups read, 9 for a mistake. An empty text has none. */
static unsigned groups_parse(struct span text, bool ends, uint16_t out[8])
{
	unsigned count = 0;
	while (text.bytes > 0) {
		size_t colon = span_find(text, ':');
		struct span group = span_head(text, colon);
		uint8_t quad[4];
		if (ends && colon == text.bytes && count <= 6 && ip4_parse(group, quad)) {
			out[count] = (uint16_t)(quad[0] << 8 | quad[1]);
			out[count + 1] = (uint16_t)(quad[2] << 8 | quad[3]);
			return count + 2;
		}
		if (count == 8 || !hex_group_parse(group, &out[count]))
			return 9;
		count++;
		if (colon + 1 == text.bytes)
			return 9; /* ends in a single colon */
		text = span_after(text, colon + 1);
	}
	return count;
}

static size_t find_double_colon(struct span text)
{
	for (size_t i = 0; i + 1 < text.bytes; i++)
		if (text.data[i] == ':' && text.data[i + 1] == ':')
			return i;
	return text.bytes;
}

static bool ip6_parse(struct span text, uint8_t out[16])
{
	uint16_t head[8] = { 0 }, tail[8] = { 0 };
	size_t gap = find_double_colon(text);
	unsigned heads = groups_parse(span_head(text, gap), gap == text.bytes, head);
	unsigned tails = 0;
	if (gap < text.bytes) {
		struct span rest = span_after(text, gap + 2);
		tails = groups_parse(rest, true, tail);
		if (heads + tails > 7)
			return false;
	} else if (heads != 8) {
		return false;
	}
	for (unsigned i = 0; i < tails; i++)
		head[8 - tails + i] = tail[i];
	for (unsigned i = 0; i < 8; i++) {
		out[2 * i] = (uint8_t)(head[i] >> 8);
		out[2 * i + 1] = (uint8_t)head[i];
	}
	return true;
}

bool ip_addr_parse(struct span text, struct ip_addr *out)
{
	struct ip_addr a = { .family = IP_V4 };
	if (!ip4_parse(text, a.bytes)) {
		a = (struct ip_addr){ .family = IP_V6 };
		if (!ip6_parse(text, a.bytes))
			return false;
	}
	*out = a;
	return true;
}

bool ip_prefix_parse(struct span text, struct ip_prefix *out)
{
	size_t slash = span_find(text, '/');
	struct ip_addr addr;
	uint64_t bits;
	if (slash == text.bytes || !ip_addr_parse(span_head(text, slash), &addr))
		return false;
	if (!part_parse(span_after(text, slash + 1), addr.family == IP_V4 ? 32 : 128, &bits))
		return false;
	*out = (struct ip_prefix){ .addr = addr, .bits = (uint8_t)bits };
	return true;
}

bool ip_interface_parse(struct span text, struct ip_interface *out)
{
	struct ip_prefix p;
	uint64_t vlan = 0;
	size_t blank = span_find(text, ' ');
	struct span tail = span_after(text, blank);
	if (!ip_prefix_parse(span_head(text, blank), &p))
		return false;
	if (blank < text.bytes) {
		struct span word = SPAN(" vlan ");
		if (!span_equal(span_head(tail, word.bytes), word) ||
		    !part_parse(span_after(tail, word.bytes), IP_VLAN_MAX, &vlan) || vlan == 0)
			return false;
	}
	*out = (struct ip_interface){ .addr = p.addr, .bits = p.bits, .vlan = (uint16_t)vlan };
	return true;
}

bool endpoint_parse(struct span text, struct endpoint *out)
{
	size_t colon = span_find_last(text, ':');
	struct span host = span_head(text, colon);
	struct ip_addr addr;
	uint64_t port;
	if (colon == text.bytes || !part_parse(span_after(text, colon + 1), 65535, &port) || port == 0)
		return false;
	bool bracketed = host.bytes >= 2 && host.data[0] == '[' && host.data[host.bytes - 1] == ']';
	if (bracketed)
		host = span_of(host.data + 1, host.bytes - 2);
	if (!ip_addr_parse(host, &addr) || (addr.family == IP_V6) != bracketed)
		return false;
	*out = (struct endpoint){ .addr = addr, .port = (uint16_t)port };
	return true;
}

static uint16_t group_of(struct ip_addr a, unsigned i)
{
	return (uint16_t)(a.bytes[2 * i] << 8 | a.bytes[2 * i + 1]);
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952 4.2). */
static void longest_zeros(struct ip_addr a, unsigned *begin, unsigned *length)
{
	*begin = 8;
	*length = 1;
	for (unsigned i = 0; i < 8; i++) {
		unsigned run = 0;
		while (i + run < 8 && group_of(a, i + run) == 0)
			run++;
		if (run > *length) {
			*begin = i;
			*length = run;
		}
	}
}

static void text_ip4(struct text *t, const uint8_t quad[4])
{
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			text_char(t, '.');
		text_u64(t, quad[i]);
	}
}

/* ::ffff:0:0/96, the one prefix that says by itself that an IPv4 address is inside (RFC 5952 5). */
static bool is_mapped(struct ip_addr a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	return memcmp(a.bytes, prefix, sizeof(prefix)) == 0;
}

static void text_ip6(struct text *t, struct ip_addr a)
{
	unsigned begin, length;
	if (is_mapped(a)) {
		text_str(t, "::ffff:");
		text_ip4(t, a.bytes + 12);
		return;
	}
	longest_zeros(a, &begin, &length);
	for (unsigned i = 0; i < 8; i++) {
		if (i == begin) {
			text_str(t, "::");
			i += length - 1;
			continue;
		}
		if (i > 0 && i != begin + length)
			text_char(t, ':');
		text_hex(t, group_of(a, i), 1);
	}
}

void text_ip_addr(struct text *t, struct ip_addr a)
{
	if (a.family == IP_V6)
		text_ip6(t, a);
	else if (a.family == IP_V4)
		text_ip4(t, a.bytes);
	else
		text_char(t, '-');
}

void text_ip_prefix(struct text *t, struct ip_prefix p)
{
	text_ip_addr(t, p.addr);
	text_char(t, '/');
	text_u64(t, p.bits);
}

void text_ip_interface(struct text *t, struct ip_interface i)
{
	text_ip_prefix(t, (struct ip_prefix){ .addr = i.addr, .bits = i.bits });
	if (i.vlan == 0)
		return;
	text_str(t, " vlan ");
	text_u64(t, i.vlan);
}

void text_endpoint(struct text *t, struct endpoint e)
{
	if (e.addr.family == IP_V6)
		text_char(t, '[');
	text_ip_addr(t, e.addr);
	if (e.addr.family == IP_V6)
		text_char(t, ']');
	text_char(t, ':');
	text_u64(t, e.port);
}
