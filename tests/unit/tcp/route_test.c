/*
 * route_test.c - the way to an address: links, routes, gateways; the longest wins, in the VLAN that
 * was asked for.
 */
#include "rig.h"
#include "tests/unit/unit.h"

static struct tcp_stack stack;

static void link_add(const char *text)
{
	struct tcp_config *c = &stack.config;
	CU_ASSERT_FATAL(ip_interface_parse(span_of(text, strlen(text)), &c->addresses[c->address_count++]));
}

static void route_add(const char *to, const char *via)
{
	struct tcp_config *c = &stack.config;
	struct tcp_route *r = &c->routes[c->route_count++];
	CU_ASSERT_FATAL(ip_prefix_parse(span_of(to, strlen(to)), &r->to));
	r->via = rig_addr(via);
}

static void begin(void)
{
	memset(&stack, 0, sizeof(stack));
	link_add("198.18.0.1/24");
	link_add("198.18.1.1/24");
	link_add("2001:2::1/64");
}

/* Does the way to `remote` go over `hop`, with `own` as our address? "": there is no way. */
static bool goes(uint16_t vlan, const char *remote, const char *hop, const char *own)
{
	struct ip_addr found;
	uint8_t local;
	if (!route_find(&stack, vlan, rig_addr(remote), &found, &local))
		return hop[0] == '\0';
	return hop[0] != '\0' && ip_addr_equal(found, rig_addr(hop)) &&
	       ip_addr_equal(stack_addr(&stack, local), rig_addr(own));
}

static void what_is_on_a_link_is_its_own_hop(void)
{
	begin();
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.18.1.7", "198.18.1.7", "198.18.1.1"));
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "2001:2::7", "2001:2::7", "2001:2::1"));
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.18.2.7", "", ""));
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "2001:2:1::7", "", ""));
}

static void the_longest_route_wins_in_any_order(void)
{
	static const char *const routes[][2] = { { "0.0.0.0/0", "198.18.0.254" },
		                                 { "198.19.0.0/16", "198.18.0.253" },
		                                 { "198.19.7.0/24", "198.18.1.254" },
		                                 { "198.19.7.9/32", "198.18.0.252" } };
	for (unsigned first = 0; first < COUNT_OF(routes); first++) {
		begin();
		for (unsigned i = 0; i < COUNT_OF(routes); i++) {
			unsigned at = (first + i) % COUNT_OF(routes);
			route_add(routes[at][0], routes[at][1]);
		}
		CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.20.0.1", "198.18.0.254", "198.18.0.1"));
		CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.19.8.1", "198.18.0.253", "198.18.0.1"));
		CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.19.7.1", "198.18.1.254", "198.18.1.1"));
		CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.19.7.9", "198.18.0.252", "198.18.0.1"));
		CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.18.0.9", "198.18.0.9", "198.18.0.1"));
		CU_ASSERT(goes(ROUTE_ANY_VLAN, "2001:db8::1", "", "")); /* the other family has none */
	}
}

static void a_longer_route_takes_a_part_of_a_link(void)
{
	begin();
	route_add("198.18.0.128/25", "198.18.1.254");
	route_add("198.18.1.0/24", "198.18.0.254"); /* as long as the link, which is nearer */
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.18.0.127", "198.18.0.127", "198.18.0.1"));
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.18.0.128", "198.18.1.254", "198.18.1.1"));
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.18.1.7", "198.18.1.7", "198.18.1.1"));
}

static void of_two_equal_ones_the_first_wins(void)
{
	begin();
	route_add("0.0.0.0/0", "198.18.0.254");
	route_add("0.0.0.0/0", "198.18.1.254");
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.20.0.1", "198.18.0.254", "198.18.0.1"));
}

static void a_gateway_is_the_route_to_everything(void)
{
	begin();
	stack.config.routes[stack.config.route_count++] = tcp_gateway(rig_addr("198.18.0.254"));
	stack.config.routes[stack.config.route_count++] = tcp_gateway(rig_addr("2001:2::fe"));
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "203.0.113.1", "198.18.0.254", "198.18.0.1"));
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "2001:db8::1", "2001:2::fe", "2001:2::1"));
}

static void a_router_that_is_no_neighbour_is_passed_over(void)
{
	begin();
	route_add("198.19.0.0/16", "198.20.0.1");
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.19.0.1", "", ""));
	route_add("0.0.0.0/0", "198.18.0.254");
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "198.19.0.1", "198.18.0.254", "198.18.0.1"));
}

static void each_vlan_has_its_own_ways(void)
{
	begin();
	link_add("198.18.2.1/24 vlan 5");
	link_add("198.18.0.1/24 vlan 6"); /* the same network again */
	route_add("0.0.0.0/0", "198.18.1.254");
	route_add("0.0.0.0/0", "198.18.2.254");
	CU_ASSERT(goes(0, "203.0.113.1", "198.18.1.254", "198.18.1.1"));
	CU_ASSERT(goes(5, "203.0.113.1", "198.18.2.254", "198.18.2.1"));
	CU_ASSERT(goes(6, "203.0.113.1", "", ""));
	CU_ASSERT(goes(5, "198.18.0.9", "198.18.2.254", "198.18.2.1"));
	CU_ASSERT(goes(7, "198.18.0.9", "", ""));
	struct ip_addr hop;
	uint8_t local;
	CU_ASSERT(route_find(&stack, 6, rig_addr("198.18.0.9"), &hop, &local));
	CU_ASSERT_EQUAL(local, 4);
}

static void link_local_routers_are_on_every_link(void)
{
	begin();
	route_add("2001:db8::/32", "fe80::1");
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "2001:db8::1", "fe80::1", "2001:2::1"));
	link_add("fe80::2/64");
	CU_ASSERT(goes(ROUTE_ANY_VLAN, "2001:db8::1", "fe80::1", "fe80::2"));
}

/* Against a slow and obvious model: try all lengths from the longest down. */
static void random_tables_agree_with_a_model(void)
{
	struct prng rng;
	unsigned wrong = 0, found = 0;
	prng_seed(&rng, 20);
	for (unsigned round = 0; round < 2000; round++) {
		begin();
		for (unsigned i = 0; i < TCP_ROUTES_MAX; i++) {
			struct tcp_route *r = &stack.config.routes[stack.config.route_count++];
			uint32_t bits = (uint32_t)prng_below(&rng, 33);
			r->to = (struct ip_prefix){ .addr = rig_addr("198.18.0.0"), .bits = (uint8_t)bits };
			r->to.addr.bytes[2] = (uint8_t)(prng_below(&rng, 4) << 6);
			r->to.addr.bytes[3] = (uint8_t)prng_below(&rng, 256);
			r->via = rig_addr("198.18.0.0");
			r->via.bytes[2] = (uint8_t)prng_below(&rng, 3); /* one in three is no neighbour */
			r->via.bytes[3] = (uint8_t)(2 + i);
		}
		struct ip_addr a = rig_addr("198.18.0.0"), hop, wanted = { 0 };
		a.bytes[2] = (uint8_t)prng_below(&rng, 256);
		a.bytes[3] = (uint8_t)prng_below(&rng, 256);
		for (int bits = 32; bits >= 0 && wanted.family == IP_NONE; bits--) {
			if (bits == 24 && a.bytes[2] < 2)
				wanted = a;
			for (unsigned i = 0; i < TCP_ROUTES_MAX && wanted.family == IP_NONE; i++) {
				const struct tcp_route *r = &stack.config.routes[i];
				if (r->to.bits == bits && ip_prefix_holds(r->to, a) && r->via.bytes[2] < 2)
					wanted = r->via;
			}
		}
		uint8_t local;
		bool is = route_find(&stack, ROUTE_ANY_VLAN, a, &hop, &local);
		wrong += is ? !ip_addr_equal(hop, wanted) || local != hop.bytes[2] : wanted.family != IP_NONE;
		found += is;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(found > 1000 && found <= 2000);
}

UNIT("tcp/route", { "what is on a link is its own hop", what_is_on_a_link_is_its_own_hop },
     { "the longest route wins, in whatever order they stand", the_longest_route_wins_in_any_order },
     { "a longer route takes a part of a link", a_longer_route_takes_a_part_of_a_link },
     { "of two equal ones the first wins", of_two_equal_ones_the_first_wins },
     { "a gateway is the route to everything of its family", a_gateway_is_the_route_to_everything },
     { "a router that is no neighbour is passed over", a_router_that_is_no_neighbour_is_passed_over },
     { "each VLAN has its own ways", each_vlan_has_its_own_ways },
     { "link-local routers are on every link", link_local_routers_are_on_every_link },
     { "random tables agree with a model", random_tables_agree_with_a_model })
