/*
 * foreign.c - which of several stacks that share an address must see a frame. Only the ports of
 * active opens are divided among stacks (port_stride, port_offset); accepted connections stay where
 * the port's RSS brought their SYN. A fragment has no ports: it stays where it came, and what is put together there
 * is judged by demux.c.
 */
#include "tcp/tcp.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/load.h"

static bool addressed_to(const struct tcp_config *config, struct ip_addr a)
{
	for (uint32_t i = 0; i < config->address_count; i++)
		if (ip_addr_equal(config->addresses[i].addr, a))
			return true;
	return false;
}

int tcp_foreign_owner(struct span frame, const struct tcp_config *config)
{
	struct eth_view eth;
	struct ip_view ip;
	if (config->port_stride <= 1 || !eth_parse(frame, &eth))
		return -1;
	enum ip_outcome outcome = IP_BAD_HEADER; /* checksums are judged by the owner */
	if (eth.type == ETH_IP4)
		outcome = ip4_parse(eth.payload, eth.l3_offset, true, &ip);
	else if (eth.type == ETH_IP6)
		outcome = ip6_parse(eth.payload, eth.l3_offset, &ip);
	if (outcome != IP_OK || ip.protocol != IP_TCP || ip.payload.bytes < 4 ||
	    !addressed_to(config, ip.dst))
		return -1;
	uint16_t port = load_be16(ip.payload.data + 2);
	if (port < config->port_first || port > config->port_last)
		return -1;
	return port % config->port_stride;
}
