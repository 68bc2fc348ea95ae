/*
 * share_test.c - two hosts behind one port: which frames are ours, the kernel's, or both's, and what
 * the kernel may send.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/nd.h"

static struct tcp_config config;
static uint8_t bytes[256];
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 9 };

static struct writer frame(const uint8_t *dst, uint16_t vlan, uint16_t type)
{
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	config = rig_config(1); /* 198.18.0.1 and 2001:2::1, untagged */
	eth_emit_vlan(&w, dst == NULL ? config.mac : dst, peer_mac, vlan, type);
	return w;
}

static struct span packet(const uint8_t *dst_mac, uint16_t vlan, const char *from, const char *to, uint8_t protocol)
{
	struct ip_addr src = rig_addr(from), dst = rig_addr(to);
	struct writer w = frame(dst_mac, vlan, src.family == IP_V4 ? ETH_IP4 : ETH_IP6);
	if (src.family == IP_V4)
		ip4_emit(&w, src, dst, protocol, 20);
	else
		ip6_emit(&w, src, dst, protocol, 20, 64);
	writer_zeros(&w, 20);
	return writer_span(&w);
}

static enum tcp_share ip(const char *from, const char *to, uint8_t protocol)
{
	return tcp_frame_share(packet(NULL, 0, from, to, protocol), &config);
}

static struct span arp(uint16_t vlan, uint16_t operation, const char *sender, const char *target)
{
	struct arp_message m = { .operation = operation, .sender = rig_addr(sender), .target = rig_addr(target) };
	struct writer w = frame(eth_broadcast, vlan, ETH_ARP);
	arp_emit(&w, &m);
	return writer_span(&w);
}

static void our_addresses_are_ours_alone(void)
{
	CU_ASSERT_EQUAL(ip("198.18.0.9", "198.18.0.1", IP_TCP), TCP_SHARE_OURS);
	CU_ASSERT_EQUAL(ip("198.18.0.9", "198.18.0.1", IP_ICMP), TCP_SHARE_OURS);
	CU_ASSERT_EQUAL(ip("198.18.0.9", "198.18.0.1", 17), TCP_SHARE_OURS);
	CU_ASSERT_EQUAL(ip("2001:2::9", "2001:2::1", IP_TCP), TCP_SHARE_OURS);
	CU_ASSERT_EQUAL(ip("198.18.0.1", "198.18.0.3", IP_TCP), TCP_SHARE_OURS); /* a lie: refused there */
	CU_ASSERT_EQUAL(tcp_frame_share(packet(NULL, 7, "198.18.0.9", "198.18.0.1", IP_TCP), &config),
	                TCP_SHARE_OURS); /* counted there as of another VLAN */
}

static void other_addresses_are_the_kernels(void)
{
	CU_ASSERT_EQUAL(ip("198.18.0.9", "198.18.0.3", IP_TCP), TCP_SHARE_KERNEL);
	CU_ASSERT_EQUAL(ip("198.18.0.9", "198.18.0.3", 89), TCP_SHARE_KERNEL);
	CU_ASSERT_EQUAL(ip("2001:2::9", "2001:2::3", IP_TCP), TCP_SHARE_KERNEL);
	CU_ASSERT_EQUAL(ip("0.0.0.0", "255.255.255.255", 17), TCP_SHARE_KERNEL); /* DHCP */
	CU_ASSERT_EQUAL(ip("198.18.0.9", "224.0.0.5", 89), TCP_SHARE_KERNEL);
	CU_ASSERT_EQUAL(ip("2001:2::9", "ff02::5", 89), TCP_SHARE_KERNEL);
	CU_ASSERT_EQUAL(tcp_frame_share(packet(NULL, 7, "198.18.0.9", "198.18.1.3", IP_TCP), &config),
	                TCP_SHARE_KERNEL);
}

static void fragments_go_by_their_address(void)
{
	struct span f = packet(NULL, 0, "198.18.0.9", "198.18.0.3", IP_TCP);
	bytes[14 + 6] = 0x20; /* more fragments */
	CU_ASSERT_EQUAL(tcp_frame_share(f, &config), TCP_SHARE_KERNEL);
	f = packet(NULL, 0, "198.18.0.9", "198.18.0.1", IP_TCP);
	bytes[14 + 6] = 0x20;
	CU_ASSERT_EQUAL(tcp_frame_share(f, &config), TCP_SHARE_OURS);
}

static void other_protocols_are_the_kernels(void)
{
	static const uint8_t lldp[6] = { 0x01, 0x80, 0xc2, 0, 0, 0x0e };
	static const uint16_t types[] = { 0x88cc, 0x8847, ETH_TAG_OUTER, 0x0026 };
	for (unsigned i = 0; i < COUNT_OF(types); i++) {
		struct writer w = frame(lldp, 0, types[i]);
		writer_zeros(&w, 40);
		CU_ASSERT_EQUAL(tcp_frame_share(writer_span(&w), &config), TCP_SHARE_KERNEL);
	}
}

static void other_stations_and_bad_frames_are_counted_by_us(void)
{
	static const uint8_t other[6] = { 2, 9, 9, 9, 9, 9 };
	CU_ASSERT_EQUAL(tcp_frame_share(packet(other, 0, "198.18.0.9", "198.18.0.3", IP_TCP), &config),
	                TCP_SHARE_OURS);
	struct span f = packet(NULL, 0, "198.18.0.9", "198.18.0.3", IP_TCP);
	for (size_t n = 0; n < 14 + 20; n++)
		CU_ASSERT_EQUAL(tcp_frame_share(span_head(f, n), &config), TCP_SHARE_OURS);
	bytes[14] = 0x65; /* says IPv6 under IPv4's type */
	CU_ASSERT_EQUAL(tcp_frame_share(f, &config), TCP_SHARE_OURS);
	f = packet(NULL, 0, "198.18.0.9", "198.18.0.3", IP_TCP);
	bytes[6] = 1; /* from a group */
	CU_ASSERT_EQUAL(tcp_frame_share(f, &config), TCP_SHARE_OURS);
}

static void questions_for_us_are_ours_and_news_is_for_both(void)
{
	CU_ASSERT_EQUAL(tcp_frame_share(arp(0, ARP_REQUEST, "198.18.0.9", "198.18.0.1"), &config), TCP_SHARE_OURS);
	CU_ASSERT_EQUAL(tcp_frame_share(arp(0, ARP_REQUEST, "198.18.0.9", "198.18.0.3"), &config), TCP_SHARE_BOTH);
	CU_ASSERT_EQUAL(tcp_frame_share(arp(0, ARP_REPLY, "198.18.0.9", "198.18.0.1"), &config), TCP_SHARE_BOTH);
	CU_ASSERT_EQUAL(tcp_frame_share(arp(0, ARP_REPLY, "198.18.0.9", "198.18.0.3"), &config), TCP_SHARE_BOTH);
	arp(0, ARP_REQUEST, "198.18.0.9", "198.18.0.3");
	bytes[15] = 6; /* another hardware */
	CU_ASSERT_EQUAL(tcp_frame_share(span_of(bytes, 42), &config), TCP_SHARE_KERNEL);
}

static enum tcp_share nd(enum nd_kind kind, const char *target)
{
	struct ip_addr peer = rig_addr("2001:2::9"), group = rig_addr("ff02::1");
	struct nd_message m = { .kind = kind, .target = rig_addr(target) };
	uint8_t mac[6];
	nd_group_mac(group, mac);
	struct writer w = frame(mac, 0, ETH_IP6);
	ip6_emit(&w, peer, group, IP_ICMP6, ND_BYTES, ND_HOP_LIMIT);
	nd_emit(&w, peer, group, &m);
	return tcp_frame_share(writer_span(&w), &config);
}

static void neighbour_discovery_goes_by_its_target(void)
{
	CU_ASSERT_EQUAL(nd(ND_SOLICIT, "2001:2::1"), TCP_SHARE_OURS);
	CU_ASSERT_EQUAL(nd(ND_SOLICIT, "2001:2::3"), TCP_SHARE_KERNEL);
	CU_ASSERT_EQUAL(nd(ND_ADVERTISE, "2001:2::3"), TCP_SHARE_BOTH);
	CU_ASSERT_EQUAL(ip("fe80::1", "ff02::1", IP_ICMP6), TCP_SHARE_KERNEL); /* routers, listeners */
}

static void the_kernel_may_not_speak_in_our_name(void)
{
	CU_ASSERT(tcp_frame_may_leave(packet(NULL, 0, "198.18.0.3", "198.18.0.9", IP_TCP), &config));
	CU_ASSERT(!tcp_frame_may_leave(packet(NULL, 0, "198.18.0.1", "198.18.0.9", IP_TCP), &config));
	CU_ASSERT(!tcp_frame_may_leave(packet(NULL, 7, "198.18.0.1", "198.18.0.9", IP_TCP), &config));
	CU_ASSERT(!tcp_frame_may_leave(packet(NULL, 0, "2001:2::1", "2001:2::9", IP_TCP), &config));
	CU_ASSERT(tcp_frame_may_leave(arp(0, ARP_REQUEST, "198.18.0.3", "198.18.0.1"), &config));
	CU_ASSERT(!tcp_frame_may_leave(arp(0, ARP_REPLY, "198.18.0.1", "198.18.0.9"), &config));
	struct writer w = frame(eth_broadcast, 0, 0x88cc);
	CU_ASSERT(tcp_frame_may_leave(writer_span(&w), &config));
	CU_ASSERT(!tcp_frame_may_leave(span_of(bytes, 13), &config));
}

UNIT("tcp/share", { "our addresses are ours alone", our_addresses_are_ours_alone },
     { "other addresses, and groups, are the kernel's", other_addresses_are_the_kernels },
     { "fragments go by their address", fragments_go_by_their_address },
     { "other protocols are the kernel's, two tags among them", other_protocols_are_the_kernels },
     { "other stations' frames and bad ones are counted by us", other_stations_and_bad_frames_are_counted_by_us },
     { "ARP questions for us are ours, news of neighbours is for both",
       questions_for_us_are_ours_and_news_is_for_both },
     { "neighbour discovery goes by its target", neighbour_discovery_goes_by_its_target },
     { "the kernel may not speak in our name", the_kernel_may_not_speak_in_our_name })
