/*
 * vlan_test.c - addresses in VLANs: whose frames are taken, what the answers carry, and neighbours
 * that have the same address in two of them.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/nd.h"

#define RED 100u
#define BLUE 200u

static struct rig rig;
static struct tcp_config config;
static struct instant now = { .us = 100 * SECOND_US };
static uint8_t bytes[2048];
static uint8_t room[RIG_FRAME_BYTES];
static struct tcp_frame_meta meta;
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 9 };
static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 8 };

/* 198.18.0.1 without a tag, and two VLANs with one network between them. */
static void begin(void)
{
	static const char *const text[] = { "198.18.0.1/24", "198.18.1.1/24 vlan 100",
		                            "198.18.1.2/24 vlan 200", "2001:2::1/64 vlan 100" };
	config = rig_config(1);
	config.address_count = COUNT_OF(text);
	for (uint32_t i = 0; i < COUNT_OF(text); i++)
		CU_ASSERT_FATAL(ip_interface_parse(span_of(text[i], strlen(text[i])), &config.addresses[i]));
	rig_make(&rig, &config, 16, now);
	CU_ASSERT(tcp_listen(rig.stack, (struct endpoint){ .port = 25 }, 1));
}

static uint64_t drops(enum tcp_drop drop)
{
	return tcp_counters(rig.stack)->drops[drop];
}

/* The next frame sent; its tag agrees with what the port is told of it. */
static bool output(struct eth_view *eth)
{
	size_t n = tcp_output(rig.stack, (struct room){ room, sizeof(room) }, &meta, now);
	if (n == 0)
		return false;
	CU_ASSERT_FATAL(eth_parse(span_of(room, n), eth));
	CU_ASSERT_EQUAL(meta.l2_bytes, eth->l3_offset);
	return true;
}

static void input(const struct writer *w)
{
	CU_ASSERT_FATAL(w->ok);
	tcp_input(rig.stack, writer_span(w), 0, now);
}

static struct writer frame(uint16_t vlan, const uint8_t *dst, const uint8_t *src, uint16_t type)
{
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	eth_emit_vlan(&w, dst, src, vlan, type);
	return w;
}

static void segment(uint16_t vlan, const char *to, uint16_t port, uint8_t flags)
{
	struct ip_addr src = rig_addr("198.18.1.9"), dst = rig_addr(to);
	struct tcp_seg seg = { .src_port = 5000, .dst_port = port, .flags = flags, .seq = { 1 } };
	if (dst.bytes[2] == 0)
		src = rig_addr("198.18.0.9");
	struct writer w = frame(vlan, config.mac, peer_mac, ETH_IP4);
	ip4_emit(&w, src, dst, IP_TCP, 20);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	tcp_seg_seal(&w, l4, src, dst, false);
	input(&w);
}

static void arp(uint16_t vlan, const uint8_t *mac, const char *sender, const char *target)
{
	struct arp_message m = { .operation = ARP_REQUEST,
		                 .sender = rig_addr(sender),
		                 .target = rig_addr(target) };
	memcpy(m.sender_mac, mac, 6);
	struct writer w = frame(vlan, eth_broadcast, mac, ETH_ARP);
	arp_emit(&w, &m);
	input(&w);
}

static void each_address_has_its_vlan_and_no_other(void)
{
	static const struct {
		const char *to;
		uint16_t vlan;
	} right[] = { { "198.18.0.1", 0 }, { "198.18.1.1", RED }, { "198.18.1.2", BLUE } };
	static const uint16_t vlans[] = { 0, RED, BLUE, 1, 4095 };
	begin();
	for (unsigned i = 0; i < COUNT_OF(right); i++) {
		for (unsigned v = 0; v < COUNT_OF(vlans); v++) {
			struct eth_view eth;
			uint64_t before = drops(TCP_DROP_VLAN_OTHER);
			segment(vlans[v], right[i].to, 9, TCP_SYN); /* nobody listens: RST */
			bool answered = output(&eth);
			CU_ASSERT_EQUAL(answered, vlans[v] == right[i].vlan);
			CU_ASSERT(!answered || eth.vlan == right[i].vlan);
			CU_ASSERT_EQUAL(drops(TCP_DROP_VLAN_OTHER) - before, !answered);
		}
	}
	rig_free(&rig);
}

static void a_tag_of_vlan_0_is_none(void)
{
	struct eth_view eth;
	begin();
	struct ip_addr src = rig_addr("198.18.0.9"), dst = rig_addr("198.18.0.1");
	struct tcp_seg seg = { .src_port = 5000, .dst_port = 9, .flags = TCP_SYN };
	struct writer w = frame(0, config.mac, peer_mac, ETH_TAG);
	writer_be16(&w, 0xe000); /* priority 7 */
	writer_be16(&w, ETH_IP4);
	ip4_emit(&w, src, dst, IP_TCP, 20);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	tcp_seg_seal(&w, l4, src, dst, false);
	input(&w);
	CU_ASSERT_FATAL(output(&eth));
	CU_ASSERT_EQUAL(eth.vlan, 0);
	CU_ASSERT_EQUAL(eth.l3_offset, 14);
	rig_free(&rig);
}

static void two_tags_are_refused(void)
{
	begin();
	for (unsigned i = 0; i < 3; i++) {
		struct writer w = frame(0, config.mac, peer_mac, i == 0 ? ETH_TAG_OUTER : ETH_TAG);
		writer_be16(&w, RED);
		writer_be16(&w, i == 1 ? ETH_TAG : ETH_TAG_OUTER);
		writer_be16(&w, RED);
		writer_be16(&w, ETH_IP4);
		writer_zeros(&w, 40);
		input(&w);
		CU_ASSERT_EQUAL(drops(TCP_DROP_VLAN_STACKED), i + 1);
	}
	rig_free(&rig);
}

static void arp_is_answered_in_the_vlan_of_its_target(void)
{
	struct eth_view eth;
	struct arp_message m;
	begin();
	arp(RED, peer_mac, "198.18.1.9", "198.18.1.1");
	CU_ASSERT_FATAL(output(&eth) && eth.type == ETH_ARP && arp_parse(eth.payload, &m));
	CU_ASSERT(eth.vlan == RED && m.operation == ARP_REPLY);
	CU_ASSERT(ip_addr_equal(m.sender, rig_addr("198.18.1.1")));
	arp(BLUE, peer_mac, "198.18.1.9", "198.18.1.1");
	arp(0, peer_mac, "198.18.1.9", "198.18.1.1");
	CU_ASSERT(!output(&eth));
	CU_ASSERT_EQUAL(drops(TCP_DROP_VLAN_OTHER), 2);
	CU_ASSERT_EQUAL(rig.stack->neighbours.used, 1); /* of VLAN 100 alone */
	rig_free(&rig);
}

static void solicit(uint16_t vlan)
{
	uint8_t mac[6];
	nd_group_mac(nd_solicited_node(rig_addr("2001:2::1")), mac);
	struct writer w = frame(vlan, mac, peer_mac, ETH_IP6);
	rig_solicitation(&w, rig_addr("2001:2::1"), rig_addr("2001:2::9"), peer_mac);
	input(&w);
}

static void solicitations_are_answered_in_their_vlan(void)
{
	struct eth_view eth;
	begin();
	solicit(0);
	solicit(BLUE);
	CU_ASSERT(!output(&eth));
	CU_ASSERT_EQUAL(drops(TCP_DROP_VLAN_OTHER), 2);
	solicit(RED);
	CU_ASSERT_FATAL(output(&eth));
	CU_ASSERT(eth.vlan == RED && eth.type == ETH_IP6);
	rig_free(&rig);
}

static void announcements_carry_their_tags(void)
{
	static const uint16_t wanted[] = { 0, RED, BLUE, RED };
	struct eth_view eth;
	begin();
	tcp_announce(rig.stack, now);
	for (unsigned i = 0; i < COUNT_OF(wanted); i++) {
		CU_ASSERT_FATAL(output(&eth));
		CU_ASSERT_EQUAL(eth.vlan, wanted[i]);
	}
	CU_ASSERT(!output(&eth));
	rig_free(&rig);
}

/* 198.18.1.9 is one machine in each VLAN. */
static void neighbours_of_one_address_are_told_apart(void)
{
	struct eth_view eth;
	begin();
	arp(RED, peer_mac, "198.18.1.9", "198.18.1.1");
	arp(BLUE, other_mac, "198.18.1.9", "198.18.1.2");
	while (output(&eth))
		;
	CU_ASSERT_EQUAL(rig.stack->neighbours.used, 2);
	segment(RED, "198.18.1.1", 25, TCP_SYN);
	CU_ASSERT_FATAL(output(&eth));
	CU_ASSERT(eth.vlan == RED && memcmp(eth.dst, peer_mac, 6) == 0);
	segment(BLUE, "198.18.1.2", 25, TCP_SYN);
	CU_ASSERT_FATAL(output(&eth));
	CU_ASSERT(eth.vlan == BLUE && memcmp(eth.dst, other_mac, 6) == 0);
	rig_free(&rig);
}

static void a_chosen_address_chooses_the_vlan(void)
{
	struct endpoint to = { .addr = rig_addr("198.18.1.9"), .port = 25 };
	struct endpoint from = { .addr = rig_addr("198.18.1.2") };
	struct handle id;
	struct eth_view eth;
	struct arp_message m;
	begin();
	CU_ASSERT_EQUAL(tcp_connect_from(rig.stack, from, to, 1, now, &id), TCP_CONNECT_STARTED);
	CU_ASSERT_FATAL(output(&eth) && eth.type == ETH_ARP && arp_parse(eth.payload, &m));
	CU_ASSERT(eth.vlan == BLUE && ip_addr_equal(m.sender, from.addr));
	from.addr = rig_addr("198.18.0.1"); /* its VLAN has no way there */
	CU_ASSERT_EQUAL(tcp_connect_from(rig.stack, from, to, 1, now, &id), TCP_CONNECT_NO_ROUTE);
	rig_free(&rig);
}

/* The tag is no part of the MTU, and its room no part of the packet. */
static void an_echo_of_the_whole_mtu_fits(void)
{
	struct ip_addr src = rig_addr("198.18.1.9"), dst = rig_addr("198.18.1.1");
	struct eth_view eth;
	begin();
	struct writer w = frame(RED, config.mac, peer_mac, ETH_IP4);
	ip4_emit(&w, src, dst, IP_ICMP, 1480);
	size_t l4 = w.used;
	writer_u8(&w, 8);
	writer_zeros(&w, 1479);
	writer_patch_be16(&w, l4 + 2, (uint16_t)~0x0800u);
	input(&w);
	CU_ASSERT_FATAL(output(&eth));
	CU_ASSERT(eth.vlan == RED && eth.payload.bytes == 1500);
	rig_free(&rig);
}

/* Four bytes to a connection of 198.18.1.1, in a frame of this VLAN. */
static void data(uint16_t vlan, uint32_t seq, struct seq ack)
{
	struct ip_addr src = rig_addr("198.18.1.9"), dst = rig_addr("198.18.1.1");
	struct tcp_seg seg = { .src_port = 5000,
		               .dst_port = 25,
		               .seq = { seq },
		               .ack = ack,
		               .flags = TCP_ACK,
		               .window = 1000 };
	struct writer w = frame(vlan, config.mac, peer_mac, ETH_IP4);
	ip4_emit(&w, src, dst, IP_TCP, 24);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	writer_be32(&w, 0x51554954);
	tcp_seg_seal(&w, l4, src, dst, false);
	input(&w);
}

static void segments_of_another_vlan_reach_no_connection(void)
{
	static const uint16_t wrong[] = { 0, BLUE, 4095 };
	struct eth_view eth;
	struct ip_view ip;
	struct tcp_seg answer;
	struct tcp_event e;
	begin();
	arp(RED, peer_mac, "198.18.1.9", "198.18.1.1");
	CU_ASSERT_FATAL(output(&eth));
	segment(RED, "198.18.1.1", 25, TCP_SYN);
	CU_ASSERT_FATAL(output(&eth));
	CU_ASSERT_FATAL(ip4_parse(eth.payload, eth.l3_offset, false, &ip) == IP_OK);
	CU_ASSERT_FATAL(tcp_seg_parse(&ip, false, &answer) == TCP_SEG_OK);
	struct seq ack = seq_add(answer.seq, 1);
	data(RED, 2, ack); /* ends the handshake */
	CU_ASSERT_FATAL(tcp_next_event(rig.stack, &e) && (e.bits & TCP_ACCEPTED) != 0);
	CU_ASSERT_EQUAL(byteq_bytes(tcp_rx(rig.stack, e.id)), 4);
	for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
		data(wrong[i], 6, ack); /* new bytes, then old ones */
		data(wrong[i], 2, ack);
		CU_ASSERT_EQUAL(drops(TCP_DROP_VLAN_OTHER), 2 * (i + 1));
	}
	CU_ASSERT_EQUAL(byteq_bytes(tcp_rx(rig.stack, e.id)), 4);
	data(RED, 6, ack);
	CU_ASSERT_EQUAL(byteq_bytes(tcp_rx(rig.stack, e.id)), 8);
	tcp_abort(rig.stack, e.id, now);
	rig_free(&rig);
}

static void the_port_is_told_where_the_header_begins(void)
{
	struct ip_view ip;
	struct eth_view eth;
	begin();
	rig_free(&rig);
	config.tx_checksum_offload = true;
	rig_make(&rig, &config, 16, now);
	segment(RED, "198.18.1.1", 9, TCP_SYN);
	CU_ASSERT_FATAL(output(&eth));
	CU_ASSERT(meta.checksum_wanted && meta.l2_bytes == 18 && meta.l3_bytes == 20 && meta.l4_bytes == 20);
	CU_ASSERT_EQUAL(ip4_parse(eth.payload, eth.l3_offset, false, &ip), IP_OK);
	rig_free(&rig);
}

UNIT("tcp/vlan",
     { "each address is there in its VLAN and in no other", each_address_has_its_vlan_and_no_other },
     { "a tag of VLAN 0 is none", a_tag_of_vlan_0_is_none },
     { "two tags are refused", two_tags_are_refused },
     { "ARP is answered in the VLAN of its target", arp_is_answered_in_the_vlan_of_its_target },
     { "so are neighbour solicitations", solicitations_are_answered_in_their_vlan },
     { "announcements carry their tags", announcements_carry_their_tags },
     { "neighbours of one address in two VLANs are told apart", neighbours_of_one_address_are_told_apart },
     { "who connects from a chosen address goes by its VLAN", a_chosen_address_chooses_the_vlan },
     { "an echo of the whole MTU fits with its tag", an_echo_of_the_whole_mtu_fits },
     { "segments of another VLAN reach no connection", segments_of_another_vlan_reach_no_connection },
     { "the port is told where the IP header begins", the_port_is_told_where_the_header_begins })
