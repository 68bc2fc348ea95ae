/*
 * steer.c - which workers must see a received frame. See steer.h.
 *
 * Extension headers before ICMPv6 are not walked: RFC 4861 senders put none there.
 */
#include "run/steer.h"

#include "wire/eth.h"

#define ARP_OPERATION_OFFSET 6u
#define ARP_REPLY 2u
#define IPV6_NEXT_HEADER_OFFSET 6u
#define IPV6_HEADER_REST 33u /* from behind the next-header octet to the end of the header */
#define IPV6_NEXT_ICMP 58u
#define ICMPV6_NEIGHBOUR_ADVERTISEMENT 136u

static bool is_arp_reply(struct reader r)
{
	reader_take(&r, ARP_OPERATION_OFFSET);
	return reader_be16(&r) == ARP_REPLY && r.ok;
}

static bool is_advertisement(struct reader r)
{
	reader_take(&r, IPV6_NEXT_HEADER_OFFSET);
	if (reader_u8(&r) != IPV6_NEXT_ICMP)
		return false;
	reader_take(&r, IPV6_HEADER_REST);
	return reader_u8(&r) == ICMPV6_NEIGHBOUR_ADVERTISEMENT && r.ok;
}

bool frame_is_neighbour_news(struct span frame)
{
	struct eth_view eth;
	if (!eth_parse(frame, &eth))
		return false;
	if (eth.type == ETH_ARP)
		return is_arp_reply(reader_of(eth.payload));
	return eth.type == ETH_IP6 && is_advertisement(reader_of(eth.payload));
}
