/*
 * route.c - where a packet for an address goes first: to itself when it is on a link of ours, else to
 * the router of the longest route that holds it.
 *
 * A link is a route too, the one without a router: a longer route inside a network of ours takes its
 * part of it. Of two that are equally long the link wins, then the one that was written first. Our
 * address towards the packet's destination is the one whose link holds the hop. Looked up once per
 * connection and per lost neighbour, not per segment: a walk over TCP_ROUTES_MAX will do.
 */
#include "tcp/stack_int.h"

#define NOWHERE (-1)

/* fe80::/10 is on every link: routers often are known by such an address only. */
#define LINK_LOCAL_BITS 10

static bool is_link_local(struct ip_addr a)
{
	return a.family == IP_V6 && a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80;
}

/* How long a match the link is for `a`. */
static int link_match(struct ip_interface link, struct ip_addr a)
{
	if (ip_interface_holds(link, a))
		return link.bits;
	return link.addr.family == IP_V6 && is_link_local(a) ? LINK_LOCAL_BITS : NOWHERE;
}

/* The longest match among our links, and whose it is. */
static int links_match(const struct tcp_stack *s, uint16_t vlan, struct ip_addr a, uint8_t *local)
{
	int longest = NOWHERE;
	for (uint32_t i = 0; i < s->config.address_count; i++) {
		struct ip_interface link = s->config.addresses[i];
		int match = link_match(link, a);
		if (match <= longest || (vlan != ROUTE_ANY_VLAN && link.vlan != vlan))
			continue;
		longest = match;
		*local = (uint8_t)i;
	}
	return longest;
}

bool route_find(const struct tcp_stack *s, uint16_t vlan, struct ip_addr remote, struct ip_addr *hop,
                uint8_t *local)
{
	int longest = links_match(s, vlan, remote, local);
	*hop = remote;
	for (uint32_t i = 0; i < s->config.route_count; i++) {
		const struct tcp_route *r = &s->config.routes[i];
		uint8_t facing;
		if (r->to.bits <= longest || !ip_prefix_holds(r->to, remote) ||
		    links_match(s, vlan, r->via, &facing) == NOWHERE)
			continue;
		longest = r->to.bits;
		*hop = r->via;
		*local = facing;
	}
	return longest != NOWHERE;
}
