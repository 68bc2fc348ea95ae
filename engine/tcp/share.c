/*
 * share.c - one cable, two hosts: which received frames are ours, and which the kernel's, whose
 * interface stands behind the same port with the same MAC (the exception path).
 *
 * The rule: an address of ours is ours alone, whatever is sent to it. Everything else that this
 * station gets at all (its MAC, broadcast, groups) is the kernel's. What tells of neighbours is for
 * both, as each keeps its own table. Judged by the frame and the settings alone, so that any worker
 * comes to the same answer; what cannot be read is ours, to be counted where it always was.
 */
#include "tcp/tcp.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/ip6.h"
#include "wire/nd.h"

#define IP4_SOURCE_OFFSET 12u
#define IP4_BYTES 20u
#define IP6_SOURCE_OFFSET 8u
#define IP6_BYTES 40u

struct pair {
	struct ip_addr src, dst;
};

/* In whatever VLAN: one that is ours elsewhere is refused by the stack, with its reason. */
static bool owned(const struct tcp_config *config, struct ip_addr a)
{
	for (uint32_t i = 0; i < config->address_count; i++)
		if (ip_addr_equal(config->addresses[i].addr, a))
			return true;
	return false;
}

/* Only where addresses stand: fragments and whatever the stack refuses may be the kernel's. */
static bool addresses_of(const struct eth_view *eth, struct pair *pair)
{
	bool v4 = eth->type == ETH_IP4;
	size_t bytes = v4 ? 4 : 16;
	struct span l3 = eth->payload;
	if (l3.bytes < (v4 ? IP4_BYTES : IP6_BYTES) || l3.data[0] >> 4 != (v4 ? 4 : 6))
		return false;
	const uint8_t *at = l3.data + (v4 ? IP4_SOURCE_OFFSET : IP6_SOURCE_OFFSET);
	*pair = (struct pair){ .src.family = v4 ? IP_V4 : IP_V6, .dst.family = v4 ? IP_V4 : IP_V6 };
	memcpy(pair->src.bytes, at, bytes);
	memcpy(pair->dst.bytes, at + bytes, bytes);
	return true;
}

static enum tcp_share arp_share(const struct eth_view *eth, const struct tcp_config *config)
{
	struct arp_message m;
	if (!arp_parse(eth->payload, &m))
		return TCP_SHARE_KERNEL; /* for other protocols than IPv4 */
	bool asked_for_ours = m.operation == ARP_REQUEST && owned(config, m.target);
	return asked_for_ours ? TCP_SHARE_OURS : TCP_SHARE_BOTH;
}

/* To a group: neighbour discovery about us, or advertisements, and all that groups are for. */
static enum tcp_share group_share(const struct eth_view *eth, const struct tcp_config *config)
{
	struct ip_view ip;
	struct nd_message m;
	if (eth->type != ETH_IP6 || ip6_parse(eth->payload, eth->l3_offset, &ip) != IP_OK ||
	    ip.protocol != IP_ICMP6 || !nd_parse(&ip, &m))
		return TCP_SHARE_KERNEL;
	if (m.kind == ND_ADVERTISE)
		return TCP_SHARE_BOTH;
	return owned(config, m.target) ? TCP_SHARE_OURS : TCP_SHARE_KERNEL;
}

static enum tcp_share ip_share(const struct eth_view *eth, const struct tcp_config *config)
{
	struct pair pair;
	if (!addresses_of(eth, &pair))
		return TCP_SHARE_OURS;
	if (owned(config, pair.dst) || owned(config, pair.src))
		return TCP_SHARE_OURS;
	if (ip_is_multicast(pair.dst))
		return group_share(eth, config);
	return TCP_SHARE_KERNEL;
}

enum tcp_share tcp_frame_share(struct span frame, const struct tcp_config *config)
{
	struct eth_view eth;
	if (!eth_parse(frame, &eth) || eth_is_group(eth.src))
		return TCP_SHARE_OURS;
	if (!eth_is_group(eth.dst) &&
	    !span_equal(span_of(eth.dst, ETH_MAC_BYTES), span_of(config->mac, ETH_MAC_BYTES)))
		return TCP_SHARE_OURS; /* another station's: refused there */
	if (eth.type == ETH_ARP)
		return arp_share(&eth, config);
	if (eth.type == ETH_IP4 || eth.type == ETH_IP6)
		return ip_share(&eth, config);
	return TCP_SHARE_KERNEL;
}

bool tcp_frame_may_leave(struct span frame, const struct tcp_config *config)
{
	struct eth_view eth;
	struct arp_message m;
	struct pair pair;
	if (!eth_parse(frame, &eth))
		return false;
	if (eth.type == ETH_ARP)
		return !arp_parse(eth.payload, &m) || !owned(config, m.sender);
	if (eth.type == ETH_IP4 || eth.type == ETH_IP6)
		return !addresses_of(&eth, &pair) || !owned(config, pair.src);
	return true;
}
