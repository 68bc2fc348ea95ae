/*
 * wire_extension.c - fuzz target: IPv6 extension headers. The input is the chain; it is put behind a header whose
 * lengths are right, so that no byte is spent on getting there. Against a second, plain reading of the chain.
 */
#include <stdlib.h>

#include "wire/ip6.h"

#define CHAIN_BYTES_MAX 1024u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool fact)
{
	if (!fact)
		abort();
}

struct reading {
	enum ip_outcome outcome;
	uint8_t protocol;
	size_t skipped;
};

static bool is_extension(uint8_t protocol)
{
	return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60;
}

/* RFC 8200 4, and the bounds of ip6.h, one header after the other. */
static struct reading read_plainly(uint8_t protocol, const uint8_t *p, size_t bytes)
{
	struct reading r = { .outcome = IP_BAD_EXTENSION, .protocol = protocol };
	for (unsigned count = 0; is_extension(r.protocol); count++) {
		const uint8_t *at = p + r.skipped;
		size_t left = bytes - r.skipped;
		if (count == IP6_EXTENSIONS_MAX || left < 8)
			return r;
		bool fragment = r.protocol == 44;
		size_t here = fragment ? 8 : 8 + (size_t)at[1] * 8;
		if (here > left || (r.protocol == 43 && (at[2] == 0 || at[3] != 0)))
			return r;
		r.protocol = at[0];
		r.skipped += here;
		if (fragment) {
			r.outcome = IP_FRAGMENT;
			return r;
		}
		if (r.skipped > IP6_EXTENSION_BYTES_MAX)
			return r;
	}
	r.outcome = IP_OK;
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t packet[IP6_HEADER_BYTES + CHAIN_BYTES_MAX];
	struct ip_view view;
	if (size < 1 || size - 1 > CHAIN_BYTES_MAX)
		return 0;
	struct span chain = span_of(data + 1, size - 1);
	struct writer w = writer_of((struct room){ packet, sizeof(packet) });
	struct ip_addr a = { .family = IP_V6, .bytes = { 0x20, 1, 0, 2 } };
	ip6_emit(&w, a, a, data[0], (uint16_t)chain.bytes, 64);
	writer_bytes(&w, chain);
	demand(w.ok);
	struct reading r = read_plainly(data[0], chain.data, chain.bytes);
	enum ip_outcome outcome = ip6_parse(writer_span(&w), 14, &view);
	demand(outcome == r.outcome);
	if (outcome == IP_BAD_EXTENSION)
		return 0;
	demand(view.protocol == r.protocol);
	demand(view.payload.bytes == chain.bytes - r.skipped);
	demand(view.payload.bytes == 0 || view.payload.data == packet + IP6_HEADER_BYTES + r.skipped);
	demand(view.l4_offset == 14 + IP6_HEADER_BYTES + r.skipped);
	if (outcome == IP_OK)
		return 0;
	demand(view.fragment_offset % 8 == 0 && view.fragment_offset <= 0xfff8);
	struct reading rest = read_plainly(view.protocol, view.payload.data, view.payload.bytes);
	struct span behind = view.payload;
	outcome = ip6_rest_parse(&view);
	demand(outcome == (rest.outcome == IP_FRAGMENT ? IP_BAD_EXTENSION : rest.outcome));
	demand(outcome != IP_OK || view.payload.bytes == behind.bytes - rest.skipped);
	return 0;
}
