/*
 * steer.c - which workers must see a received frame. See steer.h.
 *
 * Extension headers before ICMPv6 are not walked: RFC 4861 senders put none there.
 */
#include "run/steer.h"

#define TYPE_VLAN 0x8100u
#define TYPE_QINQ 0x88a8u
#define TYPE_ARP 0x0806u
#define TYPE_IPV6 0x86ddu
#define VLAN_TAGS_MAX 2u
#define MAC_BYTES 6u
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
	struct reader r = reader_of(frame);
	reader_take(&r, MAC_BYTES + MAC_BYTES);
	uint16_t type = reader_be16(&r);
	for (uint32_t i = 0; i < VLAN_TAGS_MAX && (type == TYPE_VLAN || type == TYPE_QINQ); i++) {
		reader_be16(&r);
		type = reader_be16(&r);
	}
	if (type == TYPE_ARP)
		return is_arp_reply(r);
	return type == TYPE_IPV6 && is_advertisement(r);
}
