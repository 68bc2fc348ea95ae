/*
 * stack_test.c - the first steps of a frame: what is dropped, for which reason, and what is
 * answered; and the memory of a stack.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/nd.h"

static struct rig rig;
static struct tcp_config config;
static struct instant now = { .us = 100 * SECOND_US };
static uint8_t bytes[2048];
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 9 };

static void begin(void)
{
	config = rig_config(1);
	config.rx_checksum_offload = true;
	rig_make(&rig, &config, 16, now);
}

static uint64_t drops(enum tcp_drop drop)
{
	return tcp_counters(rig.stack)->drops[drop];
}

static size_t output(uint8_t *room, size_t size)
{
	struct tcp_frame_meta meta;
	return tcp_output(rig.stack, (struct room){ room, size }, &meta, now);
}

/* A SYN to port 25 between these addresses, in a frame to `mac`. */
static struct span syn(const uint8_t *mac, const char *from, const char *to)
{
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	struct ip_addr src = rig_addr(from), dst = rig_addr(to);
	struct tcp_seg seg = { .src_port = 5000, .dst_port = 25, .flags = TCP_SYN };
	bool v4 = src.family == IP_V4;
	eth_emit(&w, mac, peer_mac, v4 ? ETH_IP4 : ETH_IP6);
	if (v4)
		ip4_emit(&w, src, dst, IP_TCP, 20);
	else
		ip6_emit(&w, src, dst, IP_TCP, 20, 64);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	tcp_seg_seal(&w, l4, src, dst, false);
	return writer_span(&w);
}

static void every_reason_has_its_counter(void)
{
	uint8_t room[2048];
	begin();
	const uint8_t *mac = config.mac;
	static const uint8_t other[6] = { 2, 9, 9, 9, 9, 9 };
	tcp_input(rig.stack, span_of(bytes, 5), 0, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_ETHERNET), 1);
	tcp_input(rig.stack, syn(other, "198.18.0.9", "198.18.0.1"), 0, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_NOT_OUR_MAC), 1);
	tcp_input(rig.stack, syn(eth_broadcast, "198.18.0.9", "198.18.0.1"), 0, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_GROUP_SEGMENT), 1);
	tcp_input(rig.stack, syn(mac, "127.0.0.1", "198.18.0.1"), 0, now);
	tcp_input(rig.stack, syn(mac, "198.18.0.1", "198.18.0.1"), 0, now); /* LAND */
	tcp_input(rig.stack, syn(mac, "ff02::1", "2001:2::1"), 0, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_IP_SOURCE), 3);
	tcp_input(rig.stack, syn(mac, "198.18.0.9", "198.18.0.2"), 0, now);
	tcp_input(rig.stack, syn(mac, "2001:2::9", "ff02::1"), 0, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_IP_DESTINATION), 2);
	CU_ASSERT_EQUAL(output(room, sizeof(room)), 0); /* none of these is answered */
	tcp_input(rig.stack, syn(mac, "198.18.0.9", "198.18.0.1"), 0, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_NO_CONNECTION), 1);
	CU_ASSERT(output(room, sizeof(room)) > 0); /* RST */
	rig_free(&rig);
}

static void checksums_are_believed_only_from_a_port_that_checks(void)
{
	begin();
	struct span f = syn(config.mac, "198.18.0.9", "198.18.0.1");
	bytes[f.bytes - 4] ^= 1; /* the TCP checksum field */
	tcp_input(rig.stack, f, 0, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_TCP_CHECKSUM), 1);
	tcp_input(rig.stack, f, TCP_FRAME_CHECKED, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_TCP_CHECKSUM), 1);
	CU_ASSERT_EQUAL(drops(TCP_DROP_NO_CONNECTION), 1);
	rig_free(&rig);
	config.rx_checksum_offload = false;
	rig_make(&rig, &config, 16, now);
	tcp_input(rig.stack, f, TCP_FRAME_CHECKED, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_TCP_CHECKSUM), 1);
	rig_free(&rig);
}

/* The SYN with a destination options header of eight bytes of padding before TCP. */
static struct span syn_behind_options(void)
{
	static const uint8_t padding[8] = { IP_TCP, 0, 1, 4 };
	const size_t l4 = 14 + IP6_HEADER_BYTES;
	struct span f = syn(config.mac, "2001:2::9", "2001:2::1");
	memmove(bytes + l4 + sizeof(padding), bytes + l4, f.bytes - l4);
	memcpy(bytes + l4, padding, sizeof(padding));
	bytes[14 + 5] += sizeof(padding);
	bytes[14 + 6] = 60; /* destination options */
	return span_of(bytes, f.bytes + sizeof(padding));
}

static void checksums_behind_extension_headers_are_not_believed(void)
{
	begin();
	struct span f = syn_behind_options();
	tcp_input(rig.stack, f, TCP_FRAME_CHECKED, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_NO_CONNECTION), 1);
	bytes[f.bytes - 4] ^= 1; /* the TCP checksum field */
	tcp_input(rig.stack, f, TCP_FRAME_CHECKED, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_TCP_CHECKSUM), 1);
	CU_ASSERT_EQUAL(drops(TCP_DROP_NO_CONNECTION), 1);
	rig_free(&rig);
}

static struct span echo(size_t body)
{
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	struct ip_addr src = rig_addr("198.18.0.9"), dst = rig_addr("198.18.0.1");
	eth_emit(&w, config.mac, peer_mac, ETH_IP4);
	ip4_emit(&w, src, dst, IP_ICMP, (uint16_t)(8 + body));
	size_t l4 = w.used;
	writer_u8(&w, 8);
	writer_zeros(&w, 3);
	writer_be32(&w, 0xabcd0001);
	for (size_t i = 0; i < body; i++)
		writer_u8(&w, (uint8_t)i);
	struct span all = span_after(writer_span(&w), l4);
	uint32_t sum = 0;
	for (size_t i = 0; i < all.bytes; i += 2)
		sum += (uint32_t)all.data[i] << 8 | (i + 1 < all.bytes ? all.data[i + 1] : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	writer_patch_be16(&w, l4 + 2, (uint16_t)~sum);
	return writer_span(&w);
}

static void an_echo_comes_back(void)
{
	uint8_t room[2048];
	begin();
	for (size_t body = 0; body <= 1472; body += 368) {
		struct span request = echo(body);
		struct eth_view eth;
		struct ip_view ip;
		struct icmp_message m;
		tcp_input(rig.stack, request, 0, now);
		size_t n = output(room, sizeof(room));
		CU_ASSERT_EQUAL_FATAL(n, request.bytes);
		CU_ASSERT_FATAL(eth_parse(span_of(room, n), &eth));
		CU_ASSERT_EQUAL(memcmp(eth.dst, peer_mac, 6), 0);
		CU_ASSERT_EQUAL_FATAL(ip4_parse(eth.payload, 14, false, &ip), IP_OK);
		CU_ASSERT_FATAL(icmp_parse(&ip, false, &m));
		CU_ASSERT(m.kind == ICMP_ECHO_REPLY && m.word == 0xabcd0001 &&
		          m.body.bytes == body);
	}
	rig_free(&rig);
}

static void answers_in_one_millisecond_are_bounded(void)
{
	uint8_t room[2048];
	unsigned answered = 0;
	begin();
	for (unsigned i = 0; i < 200; i++)
		tcp_input(rig.stack, echo(4), 0, now);
	while (output(room, sizeof(room)) > 0)
		answered++;
	CU_ASSERT_EQUAL(answered, TCP_CONTROL_PER_MS);
	CU_ASSERT_EQUAL(drops(TCP_DROP_CONTROL_RATE), 200 - TCP_CONTROL_PER_MS);
	struct instant later = instant_add(now, 5000);
	for (unsigned ms = 0; ms < 9; ms++, later = instant_add(later, 1000))
		for (unsigned i = 0; i < 200; i++)
			tcp_input(rig.stack, echo(4), 0, later);
	CU_ASSERT(drops(TCP_DROP_CONTROL_FULL) > 0); /* nobody fetched them */
	CU_ASSERT_EQUAL(rig.stack->controls.count, TCP_CONTROL_FRAMES_MAX);
	rig_free(&rig);
}

static void an_arena_that_is_too_small_yields_no_stack(void)
{
	struct arena dry, wet;
	struct block_pool pool = { 0 };
	config = rig_config(1);
	arena_init(&dry, NULL, 0);
	CU_ASSERT_PTR_NULL(tcp_make(&dry, &config, &pool, NULL, now));
	void *memory = aligned_alloc(64, dry.used);
	arena_init(&wet, memory, dry.used - 64);
	CU_ASSERT_PTR_NULL(tcp_make(&wet, &config, &pool, NULL, now));
	arena_init(&wet, memory, dry.used);
	CU_ASSERT_PTR_NOT_NULL(tcp_make(&wet, &config, &pool, NULL, now));
	CU_ASSERT_EQUAL(wet.used, dry.used);
	free(memory);
}

static void every_drop_has_a_name(void)
{
	for (unsigned i = 0; i < TCP_DROP_COUNT; i++)
		CU_ASSERT(tcp_drop_name((enum tcp_drop)i)[0] != '?');
	CU_ASSERT_STRING_EQUAL(tcp_drop_name(TCP_DROP_PAWS), "PAWS");
}

static void addresses_are_announced(void)
{
	uint8_t room[2048];
	struct eth_view eth;
	struct arp_message m;
	struct ip_view ip;
	struct nd_message nd;
	begin();
	tcp_announce(rig.stack, now);
	size_t n = output(room, sizeof(room));
	CU_ASSERT_FATAL(eth_parse(span_of(room, n), &eth) && arp_parse(eth.payload, &m));
	CU_ASSERT(eth_is_group(eth.dst) && m.operation == ARP_REQUEST);
	CU_ASSERT(ip_addr_equal(m.sender, config.addresses[0].addr));
	CU_ASSERT(ip_addr_equal(m.target, m.sender));
	n = output(room, sizeof(room));
	CU_ASSERT_FATAL(eth_parse(span_of(room, n), &eth));
	CU_ASSERT_FATAL(ip6_parse(eth.payload, 14, &ip) == IP_OK && nd_parse(&ip, &nd));
	CU_ASSERT(nd.kind == ND_ADVERTISE && nd.override && !nd.solicited);
	CU_ASSERT(ip_addr_equal(nd.target, config.addresses[1].addr));
	CU_ASSERT_EQUAL(output(room, sizeof(room)), 0);
	rig_free(&rig);
}

UNIT("tcp/stack", { "its addresses are announced to the link", addresses_are_announced },
     { "every reason to drop a frame has its counter, and none is answered but with RST",
       every_reason_has_its_counter },
     { "a checksum is believed only from a port that checks",
       checksums_are_believed_only_from_a_port_that_checks },
     { "a port is not believed about what stands behind extension headers",
       checksums_behind_extension_headers_are_not_believed },
     { "an echo comes back with its bytes", an_echo_comes_back },
     { "answers are bounded by the millisecond and by the queue",
       answers_in_one_millisecond_are_bounded },
     { "an arena that is too small yields no stack, a counting one says how much is needed",
       an_arena_that_is_too_small_yields_no_stack },
     { "every drop has a name", every_drop_has_a_name })
