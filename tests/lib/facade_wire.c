/*
 * facade_wire.c - the facade's wire: IP packets in and out, neighbours that always answer, and the
 * order of a SYN's options.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/facade_int.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/nd.h"
#include "wire/tcp_seg.h"

#define FRAME_BYTES (FACADE_PACKET_BYTES_MAX + ETH_HEADER_BYTES_MAX)

static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

/* Of the address of that type's family. */
static uint16_t vlan_of(const struct facade *f, uint16_t type)
{
	return f->options.stack.addresses[type == ETH_IP6 ? 1 : 0].vlan;
}

static void frame_in(struct facade *f, struct span payload, uint16_t type)
{
	static uint8_t frame[FRAME_BYTES];
	struct writer w = writer_of((struct room){ .data = frame, .bytes = sizeof(frame) });
	eth_emit_vlan(&w, f->options.stack.mac, peer_mac, vlan_of(f, type), type);
	writer_bytes(&w, payload);
	if (w.ok && f->scatter == NULL)
		tcp_input(f->stack, writer_span(&w), 0, f->now);
	if (!w.ok || f->scatter == NULL)
		return;
	scatter_again(f->scatter);
	struct tcp_frame in_pieces = scatter_frame(f->scatter, writer_span(&w), TCP_FRAME_FINAL);
	(void)tcp_input_burst(f->stack, &in_pieces, 1, f->now);
}

void facade_inject(struct facade *f, struct span packet)
{
	bool v6 = packet.bytes > 0 && packet.data[0] >> 4 == 6;
	frame_in(f, packet, v6 ? ETH_IP6 : ETH_IP4);
	facade_news(f);
}

/* ---- neighbours ---- */

static void answer_arp(struct facade *f, struct span payload)
{
	uint8_t bytes[ARP_BYTES];
	struct arp_message m;
	if (!arp_parse(payload, &m) || m.operation != ARP_REQUEST)
		return;
	struct arp_message reply = { .operation = ARP_REPLY, .sender = m.target, .target = m.sender };
	struct writer w = writer_of((struct room){ .data = bytes, .bytes = sizeof(bytes) });
	memcpy(reply.sender_mac, peer_mac, 6);
	memcpy(reply.target_mac, m.sender_mac, 6);
	arp_emit(&w, &reply);
	frame_in(f, writer_span(&w), ETH_ARP);
}

/* True when the packet was neighbour discovery, which is dealt with here. */
static bool answer_nd(struct facade *f, const struct ip_view *ip)
{
	uint8_t bytes[IP6_HEADER_BYTES + ND_BYTES];
	struct nd_message m;
	if (ip->protocol != IP_ICMP6 || !nd_parse(ip, &m))
		return false;
	if (m.kind != ND_SOLICIT)
		return true;
	struct nd_message reply = { .kind = ND_ADVERTISE,
		                    .target = m.target,
		                    .solicited = true,
		                    .override = true };
	struct writer w = writer_of((struct room){ .data = bytes, .bytes = sizeof(bytes) });
	memcpy(reply.mac, peer_mac, 6);
	ip6_emit(&w, m.target, ip->src, IP_ICMP6, ND_BYTES, ND_HOP_LIMIT);
	nd_emit(&w, m.target, ip->src, &reply);
	frame_in(f, writer_span(&w), ETH_IP6);
	return true;
}

/* ---- the order of options ---- */

static void emit_linux_options(struct writer *w, const struct tcp_options *o)
{
	if (o->mss_known) {
		writer_be16(w, 0x0204);
		writer_be16(w, o->mss);
	}
	if (o->sack_permitted || o->stamps_known)
		writer_be16(w, o->sack_permitted ? 0x0402 : 0x0101);
	if (o->stamps_known) {
		writer_be16(w, 0x080a);
		writer_be32(w, o->stamp);
		writer_be32(w, o->stamp_echo);
	} else if (o->sack_permitted) {
		writer_be16(w, 0x0101);
	}
	if (o->shift_known)
		writer_be32(w, 0x01030300u | o->shift);
}

/* The same SYN with its options as Linux lays them out: shorter, so lengths and sums follow. */
static void reorder(const struct ip_view *ip, const struct tcp_seg *seg, struct writer *w)
{
	uint8_t bytes[TCP_OPTION_BYTES_MAX];
	struct writer options = writer_of((struct room){ .data = bytes, .bytes = sizeof(bytes) });
	emit_linux_options(&options, &seg->options);
	uint16_t l4_bytes = (uint16_t)(TCP_HEADER_BYTES + options.used);
	if (ip->src.family == IP_V4)
		ip4_emit(w, ip->src, ip->dst, IP_TCP, l4_bytes);
	else
		ip6_emit(w, ip->src, ip->dst, IP_TCP, l4_bytes, IP_HOP_LIMIT);
	size_t l4 = w->used;
	writer_bytes(w, span_head(ip->payload, TCP_HEADER_BYTES));
	writer_bytes(w, writer_span(&options));
	w->begin[l4 + 12] = (uint8_t)(l4_bytes / 4 << 4);
	writer_patch_be16(w, l4 + 16, 0);
	tcp_seg_seal(w, l4, ip->src, ip->dst, false);
}

/* ---- out ---- */

static void keep(struct facade *f, struct span packet)
{
	struct facade_packet *p = malloc(sizeof(*p) + packet.bytes);
	if (p == NULL || ++f->packets > FACADE_PACKETS_MAX) {
		fprintf(stderr, "tcp_facade: more than %u packets wait to be taken\n",
		        FACADE_PACKETS_MAX);
		abort();
	}
	p->next = NULL;
	p->at = f->now;
	p->bytes = (uint32_t)packet.bytes;
	memcpy(p->data, packet.data, packet.bytes);
	if (f->last != NULL)
		f->last->next = p;
	else
		f->first = p;
	f->last = p;
}

static void ip_out(struct facade *f, const struct eth_view *eth)
{
	static uint8_t bytes[FACADE_PACKET_BYTES_MAX];
	struct ip_view ip;
	struct tcp_seg seg;
	enum ip_outcome outcome = eth->type == ETH_IP4 ? ip4_parse(eth->payload, 0, false, &ip)
	                                               : ip6_parse(eth->payload, 0, &ip);
	if (outcome == IP_OK && eth->type == ETH_IP6 && answer_nd(f, &ip))
		return;
	bool syn = f->options.order == FACADE_ORDER_LINUX && outcome == IP_OK &&
	           ip.protocol == IP_TCP && tcp_seg_parse(&ip, true, &seg) == TCP_SEG_OK &&
	           (seg.flags & TCP_SYN) != 0 && seg.payload.bytes == 0;
	if (!syn) {
		keep(f, eth->payload);
		return;
	}
	struct writer w = writer_of((struct room){ .data = bytes, .bytes = sizeof(bytes) });
	reorder(&ip, &seg, &w);
	keep(f, writer_span(&w));
}

void facade_collect(struct facade *f)
{
	static uint8_t frame[FRAME_BYTES];
	struct room room = { .data = frame, .bytes = sizeof(frame) };
	struct tcp_frame_meta meta;
	struct eth_view eth;
	size_t bytes;
	while ((bytes = tcp_output(f->stack, room, &meta, f->now)) > 0) {
		if (!eth_parse(span_of(frame, bytes), &eth))
			abort();
		CHECK(eth.vlan == vlan_of(f, eth.type));
		CHECK(meta.l2_bytes == eth.l3_offset);
		if (eth.type == ETH_ARP)
			answer_arp(f, eth.payload);
		else
			ip_out(f, &eth);
	}
}

size_t facade_take(struct facade *f, struct room room, struct instant *at)
{
	facade_collect(f);
	struct facade_packet *p = f->first;
	if (p == NULL)
		return 0;
	size_t bytes = p->bytes < room.bytes ? p->bytes : room.bytes;
	memcpy(room.data, p->data, bytes);
	*at = p->at;
	f->first = p->next;
	if (f->first == NULL)
		f->last = NULL;
	f->packets--;
	free(p);
	return bytes;
}
