/*
 * ip6_chain.c - ip6_parse() for all packets of up to 136 bytes: it reads nothing behind them, takes at most so many
 * headers, and its view lies inside.
 */
#include "prove.h"
#include "wire/ip6.h"

#define PACKET_BYTES 136u

void prove_once(void)
{
	uint8_t bytes[PACKET_BYTES];
	struct ip_view view;
	uint32_t count = ANY_U32() % (PACKET_BYTES + 1);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)ANY_U32();
	const uint8_t *begin = bytes + sizeof(bytes) - count; /* ends where the packet does */
	enum ip_outcome outcome = ip6_parse(span_of(begin, count), 14, &view);
	if (outcome != IP_OK && outcome != IP_FRAGMENT)
		return;
	CLAIM(count >= IP6_HEADER_BYTES, "what is shorter than a header is refused");
	CLAIM(view.payload.bytes <= count - IP6_HEADER_BYTES, "the payload is no longer than the packet");
	CLAIM(view.payload.bytes == 0 || (view.payload.data >= begin + IP6_HEADER_BYTES &&
	                                  view.payload.data + view.payload.bytes <= bytes + sizeof(bytes)),
	      "the payload lies inside the packet");
	CLAIM(view.l4_offset >= 14 + IP6_HEADER_BYTES, "it lies behind the headers");
	CLAIM(outcome != IP_FRAGMENT || view.fragment_offset % 8 == 0, "a fragment begins on eight bytes");
	if (outcome == IP_FRAGMENT)
		CLAIM(ip6_rest_parse(&view) != IP_FRAGMENT, "no fragment lies in a fragment");
}
