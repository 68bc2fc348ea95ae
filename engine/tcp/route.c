/*
 * route.c - where a packet for an address goes first: to itself when it is on a link of ours, else
 * to the gateway of its family. Two steps, no table: a stack has at most TCP_ADDRESSES_MAX
 * prefixes, and this runs once per connection and per lost neighbour, not per segment.
 */
#include "tcp/stack_int.h"

/* fe80::/10 is on every link: routers often are known by such an address only. */
static bool is_link_local(struct ip_addr a)
{
	return a.family == IP_V6 && a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80;
}

static bool on_link(const struct tcp_stack *s, uint16_t vlan, struct ip_addr a, uint8_t *local)
{
	for (uint32_t i = 0; i < s->config.address_count; i++) {
		struct ip_interface p = s->config.addresses[i];
		if (vlan != ROUTE_ANY_VLAN && p.vlan != vlan)
			continue;
		if (p.addr.family == a.family && (is_link_local(a) || ip_interface_holds(p, a))) {
			*local = (uint8_t)i;
			return true;
		}
	}
	return false;
}

bool route_find(const struct tcp_stack *s, uint16_t vlan, struct ip_addr remote, struct ip_addr *hop,
                uint8_t *local)
{
	*hop = remote;
	if (on_link(s, vlan, remote, local))
		return true;
	for (uint32_t i = 0; i < s->config.gateway_count; i++) {
		*hop = s->config.gateways[i];
		if (hop->family == remote.family && on_link(s, vlan, *hop, local))
			return true;
	}
	return false;
}
