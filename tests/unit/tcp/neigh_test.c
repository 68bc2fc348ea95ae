/*
 * neigh_test.c - ARP and ND as a stack on a wire sees them: answers, questions, who waits and who
 * fails.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip6.h"
#include "wire/nd.h"

static struct rig rig;
static struct instant now;
static uint8_t frame[RIG_FRAME_BYTES];
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 9 };

static void begin(void)
{
	struct tcp_config config = rig_config(1);
	config.connections_max = 2000;
	config.route_count = 1;
	config.routes[0] = tcp_gateway(rig_addr("198.18.0.254"));
	now = (struct instant){ .us = 500 * SECOND_US };
	rig_make(&rig, &config, 16, now);
}

static struct span output(void)
{
	struct tcp_frame_meta meta;
	return span_of(frame,
	               tcp_output(rig.stack, (struct room){ frame, sizeof(frame) }, &meta, now));
}

static bool output_arp(struct arp_message *m, const uint8_t **dst)
{
	struct eth_view eth;
	struct span f = output();
	if (f.bytes == 0 || !eth_parse(f, &eth) || eth.type != ETH_ARP)
		return false;
	*dst = eth.dst;
	return arp_parse(eth.payload, m);
}

static void input_arp(uint16_t operation, const char *sender, const char *target)
{
	uint8_t bytes[64];
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	struct arp_message m = { .operation = operation,
		                 .sender = rig_addr(sender),
		                 .target = rig_addr(target) };
	memcpy(m.sender_mac, peer_mac, 6);
	eth_emit(&w, operation == ARP_REQUEST ? eth_broadcast : rig.stack->config.mac, peer_mac,
	         ETH_ARP);
	arp_emit(&w, &m);
	tcp_input(rig.stack, writer_span(&w), 0, now);
}

static struct handle connect_to(const char *address)
{
	struct handle id;
	struct endpoint to = { .addr = rig_addr(address), .port = 25 };
	CU_ASSERT_EQUAL_FATAL(tcp_connect(rig.stack, to, 1, now, &id), TCP_CONNECT_STARTED);
	return id;
}

static void pass(uint64_t us)
{
	struct instant end = instant_add(now, us);
	while (instant_before(now, end)) {
		now = instant_earlier(end, instant_add(now, 1000));
		tcp_expire(rig.stack, now);
	}
}

static void a_request_for_us_is_answered_and_its_sender_learnt(void)
{
	struct arp_message m;
	const uint8_t *dst;
	begin();
	input_arp(ARP_REQUEST, "198.18.0.9", "198.18.0.1");
	CU_ASSERT_FATAL(output_arp(&m, &dst));
	CU_ASSERT_EQUAL(m.operation, ARP_REPLY);
	CU_ASSERT(ip_addr_equal(m.sender, rig_addr("198.18.0.1")));
	CU_ASSERT_EQUAL(memcmp(dst, peer_mac, 6), 0);
	(void)connect_to("198.18.0.9");
	struct eth_view eth;
	CU_ASSERT_FATAL(eth_parse(output(), &eth)); /* the SYN, without a question */
	CU_ASSERT_EQUAL(eth.type, ETH_IP4);
	CU_ASSERT_EQUAL(memcmp(eth.dst, peer_mac, 6), 0);
	rig_free(&rig);
}

static void a_request_for_others_is_neither_answered_nor_learnt(void)
{
	begin();
	input_arp(ARP_REQUEST, "198.18.0.9", "198.18.0.77");
	CU_ASSERT_EQUAL(output().bytes, 0);
	CU_ASSERT_EQUAL(rig.stack->neighbours.used, 0);
	rig_free(&rig);
}

static void a_connection_waits_for_its_neighbour(void)
{
	struct arp_message m;
	const uint8_t *dst;
	begin();
	(void)connect_to("198.18.0.9");
	CU_ASSERT_FATAL(output_arp(&m, &dst));
	CU_ASSERT_EQUAL(m.operation, ARP_REQUEST);
	CU_ASSERT(eth_is_group(dst));
	CU_ASSERT(ip_addr_equal(m.target, rig_addr("198.18.0.9")));
	CU_ASSERT_EQUAL(output().bytes, 0);
	input_arp(ARP_REPLY, "198.18.0.9", "198.18.0.1");
	struct eth_view eth;
	CU_ASSERT_FATAL(eth_parse(output(), &eth));
	CU_ASSERT_EQUAL(eth.type, ETH_IP4);
	CU_ASSERT_EQUAL(output().bytes, 0);
	rig_free(&rig);
}

static void what_is_off_the_link_goes_to_the_gateway(void)
{
	struct arp_message m;
	const uint8_t *dst;
	struct handle id;
	begin();
	(void)connect_to("203.0.113.5");
	CU_ASSERT_FATAL(output_arp(&m, &dst));
	CU_ASSERT(ip_addr_equal(m.target, rig_addr("198.18.0.254")));
	struct endpoint self = { .addr = rig_addr("198.18.0.1"), .port = 25 };
	CU_ASSERT_EQUAL(tcp_connect(rig.stack, self, 1, now, &id), TCP_CONNECT_NO_ROUTE);
	struct ip_addr hop;
	uint8_t local;
	CU_ASSERT(route_find(rig.stack, ROUTE_ANY_VLAN, rig_addr("fe80::1"), &hop, &local));
	CU_ASSERT_EQUAL(local, 1);
	struct endpoint far = { .addr = rig_addr("2001:db8::1"), .port = 25 };
	CU_ASSERT_EQUAL(tcp_connect(rig.stack, far, 1, now, &id), TCP_CONNECT_NO_ROUTE);
	rig_free(&rig);
}

static void after_three_questions_the_connection_is_unreachable(void)
{
	struct arp_message m;
	const uint8_t *dst;
	struct tcp_event e;
	begin();
	struct handle id = connect_to("198.18.0.9");
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_FATAL(output_arp(&m, &dst));
		CU_ASSERT(!tcp_next_event(rig.stack, &e));
		pass(SECOND_US + 2000);
	}
	CU_ASSERT_FATAL(tcp_next_event(rig.stack, &e));
	CU_ASSERT(handle_equal(e.id, id));
	CU_ASSERT(e.bits == TCP_CLOSED && e.why == TCP_CLOSE_UNREACHABLE);
	tcp_release(rig.stack, id, now);
	CU_ASSERT_EQUAL(output().bytes, 0);
	CU_ASSERT(rig_is_empty(&rig));
	CU_ASSERT_EQUAL(rig.stack->neighbours.used, 0);
	rig_free(&rig);
}

static void a_stale_neighbour_is_used_while_it_is_asked(void)
{
	struct arp_message m;
	const uint8_t *dst;
	struct eth_view eth;
	begin();
	input_arp(ARP_REQUEST, "198.18.0.9", "198.18.0.1");
	CU_ASSERT(output_arp(&m, &dst));
	pass(TCP_NEIGHBOUR_FRESH_US + SECOND_US);
	(void)connect_to("198.18.0.9");
	bool syn = false, asked = false;
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_FATAL(eth_parse(output(), &eth));
		CU_ASSERT_EQUAL(memcmp(eth.dst, peer_mac, 6), 0); /* both go to the known MAC */
		syn |= eth.type == ETH_IP4;
		asked |= eth.type == ETH_ARP;
	}
	CU_ASSERT(syn && asked);
	rig_free(&rig);
}

static void unresolved_neighbours_are_bounded(void)
{
	begin();
	char name[32];
	for (unsigned i = 0; i < TCP_NEIGHBOURS_UNRESOLVED_MAX + 20; i++) {
		(void)snprintf(name, sizeof(name), "2001:2::%x", 0x100 + i);
		(void)connect_to(name);
		while (output().bytes > 0)
			;
	}
	CU_ASSERT_EQUAL(rig.stack->neighbours.unresolved, TCP_NEIGHBOURS_UNRESOLVED_MAX);
	CU_ASSERT(rig.stack->counters.drops[TCP_DROP_NEIGHBOUR_FULL] >= 20);
	input_arp(ARP_REQUEST, "198.18.0.9", "198.18.0.1"); /* who is known still gets in */
	CU_ASSERT(output().bytes > 0);
	pass(200 * SECOND_US); /* the 20 without an entry keep asking by their timer, all give up */
	struct tcp_event e;
	unsigned closed = 0;
	while (tcp_next_event(rig.stack, &e)) {
		closed += (e.bits & TCP_CLOSED) != 0;
		tcp_release(rig.stack, e.id, now);
	}
	CU_ASSERT(closed >= TCP_NEIGHBOURS_UNRESOLVED_MAX);
	rig_free(&rig);
}

static void a_full_table_gives_up_somebody(void)
{
	begin();
	for (unsigned i = 0; i < TCP_NEIGHBOURS_MAX + 500; i++) {
		struct ip_addr a = rig_addr("198.18.0.0");
		a.bytes[1] = 19;
		a.bytes[2] = (uint8_t)(i >> 8);
		a.bytes[3] = (uint8_t)i;
		neigh_learn(rig.stack, 0, a, peer_mac, true, true, now);
	}
	CU_ASSERT_EQUAL(rig.stack->neighbours.used, TCP_NEIGHBOURS_MAX);
	rig_free(&rig);
}

static void a_solicitation_for_us_is_answered(void)
{
	uint8_t bytes[128];
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	struct ip_addr own = rig_addr("2001:2::1"), peer = rig_addr("2001:2::9");
	struct nd_message m;
	uint8_t mac[6];
	nd_group_mac(nd_solicited_node(own), mac);
	begin();
	eth_emit(&w, mac, peer_mac, ETH_IP6);
	rig_solicitation(&w, own, peer, peer_mac);
	tcp_input(rig.stack, writer_span(&w), 0, now);
	struct eth_view eth;
	struct ip_view ip;
	struct icmp_message icmp;
	CU_ASSERT_FATAL(eth_parse(output(), &eth));
	CU_ASSERT_EQUAL_FATAL(ip6_parse(eth.payload, 14, &ip), IP_OK);
	CU_ASSERT(icmp_parse(&ip, false, &icmp));
	CU_ASSERT_FATAL(nd_parse(&ip, &m));
	CU_ASSERT(m.kind == ND_ADVERTISE && m.solicited && m.override);
	CU_ASSERT(ip_addr_equal(m.target, own) && ip_addr_equal(ip.dst, peer));
	CU_ASSERT_EQUAL(memcmp(m.mac, rig.stack->config.mac, 6), 0);
	CU_ASSERT_EQUAL(rig.stack->neighbours.used, 1);
	rig_free(&rig);
}

UNIT("tcp/neigh",
     { "an ARP request for us is answered and its sender learnt",
       a_request_for_us_is_answered_and_its_sender_learnt },
     { "an ARP request for others is neither answered nor learnt",
       a_request_for_others_is_neither_answered_nor_learnt },
     { "a connection waits for its neighbour and goes on with the answer",
       a_connection_waits_for_its_neighbour },
     { "what is off the link goes to the gateway of its family",
       what_is_off_the_link_goes_to_the_gateway },
     { "after three questions without an answer the connection is unreachable",
       after_three_questions_the_connection_is_unreachable },
     { "a stale neighbour is used while it is asked", a_stale_neighbour_is_used_while_it_is_asked },
     { "unresolved neighbours are bounded, known ones still get in",
       unresolved_neighbours_are_bounded },
     { "a full table gives up somebody else", a_full_table_gives_up_somebody },
     { "a neighbour solicitation for us is answered", a_solicitation_for_us_is_answered })
