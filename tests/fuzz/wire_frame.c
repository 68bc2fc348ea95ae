/*
 * wire_frame.c - fuzz target: any bytes as a whole frame, through every parser of wire/. Views must
 * lie inside the frame, and what was parsed must survive being written and parsed again.
 */
#include <stdlib.h>

#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/nd.h"
#include "wire/tcp_seg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool fact)
{
	if (!fact)
		abort();
}

static void demand_inside(struct span frame, struct span part)
{
	if (part.bytes == 0)
		return;
	demand(part.data >= frame.data);
	demand(part.data + part.bytes <= frame.data + frame.bytes);
}

static void again(const struct tcp_seg *seg)
{
	uint8_t room[128];
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	struct tcp_seg other;
	struct ip_view ip = { .src.family = IP_V4, .dst.family = IP_V4 };
	if (tcp_seg_header_bytes(&seg->options) > TCP_HEADER_BYTES + TCP_OPTION_BYTES_MAX)
		return; /* padded to words it may take more than the peer used */
	tcp_seg_emit(&w, seg);
	tcp_seg_seal(&w, 0, ip.src, ip.dst, false);
	ip.payload = writer_span(&w);
	demand(tcp_seg_parse(&ip, false, &other) == TCP_SEG_OK);
	demand(other.seq.v == seg->seq.v && other.ack.v == seg->ack.v);
	demand(other.flags == seg->flags && other.window == seg->window);
	demand(other.options.stamp == seg->options.stamp);
	demand(other.options.sack_count == seg->options.sack_count);
	demand(other.options.shift <= TCP_SHIFT_MAX);
}

static void packet(struct span frame, const struct ip_view *ip)
{
	struct tcp_seg seg;
	struct icmp_message m;
	struct icmp_quote quote;
	struct nd_message nd;
	demand_inside(frame, ip->payload);
	demand(ip->l4_offset <= frame.bytes);
	if (tcp_seg_parse(ip, true, &seg) == TCP_SEG_OK) {
		demand_inside(frame, seg.payload);
		again(&seg);
	}
	(void)!tcp_seg_parse(ip, false, &seg);
	if (icmp_parse(ip, true, &m)) {
		demand_inside(frame, m.body);
		(void)!icmp_quote_parse(ip->src.family, &m, &quote);
		(void)icmp_reported_mtu(ip->src.family, &m);
	}
	(void)!nd_parse(ip, &nd);
}

static void tag_again(const struct eth_view *eth)
{
	uint8_t room[ETH_HEADER_BYTES_MAX];
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	struct eth_view other;
	eth_emit_vlan(&w, eth->dst, eth->src, eth->vlan, eth->type);
	demand(w.ok);
	if (eth_is_tag(eth->type))
		return; /* more tags than we write */
	demand(eth_parse(writer_span(&w), &other));
	demand(other.vlan == eth->vlan && other.type == eth->type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span frame = span_of(data, size);
	struct eth_view eth;
	struct ip_view ip;
	struct arp_message arp;
	if (!eth_parse(frame, &eth))
		return 0;
	demand_inside(frame, eth.payload);
	demand(eth.vlan < 4096);
	demand(eth.l3_offset + eth.payload.bytes == frame.bytes);
	tag_again(&eth);
	if (ip4_parse(eth.payload, eth.l3_offset, true, &ip) == IP_OK)
		packet(frame, &ip);
	if (ip6_parse(eth.payload, eth.l3_offset, &ip) == IP_OK)
		packet(frame, &ip);
	(void)!ip4_parse(eth.payload, eth.l3_offset, false, &ip);
	(void)!arp_parse(eth.payload, &arp);
	return 0;
}
