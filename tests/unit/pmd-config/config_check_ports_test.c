/*
 * config_check_ports_test.c - what is said of ports: addresses in VLANs, gateways, routes.
 */
#include "config_text.h"
#include "tests/unit/unit.h"

/* One port with a second address like this, on line 1. */
#define PORTS_AT(address)                                                                           \
	"ports = ( { name = \"p\"; device = \"net_tap0\"; addresses = [ \"198.18.0.2/24\", \"" address \
	"\" ]; } );\n"

static void an_address_may_name_its_vlan(void)
{
	struct config *c = load(PORTS_AT("198.18.1.2/24 vlan 100") CERTIFICATES LISTENERS ROUTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	const struct settings_port *p = &config_settings(c)->ports[0];
	CU_ASSERT_EQUAL(p->address_count, 2);
	CU_ASSERT(p->addresses[0].vlan == 0 && p->addresses[1].vlan == 100 && p->addresses[1].bits == 24);
	config_free(c);
	CU_ASSERT_TRUE(refused(PORTS_AT("198.18.1.2/24 vlan 4095") CERTIFICATES LISTENERS ROUTES,
			       "weir.conf:1: ports[0].addresses[1]: \"198.18.1.2/24 vlan 4095\" is not right "
			       "(a list of 1 to 16 addresses with prefix lengths, \"192.0.2.1/24\" or "
			       "\"192.0.2.1/24 vlan 100\")"));
	CU_ASSERT_TRUE(refused(PORTS_AT("198.18.0.2/24 vlan 7") CERTIFICATES LISTENERS ROUTES,
			       "weir.conf:1: ports[0].addresses[1]: is listed twice"));
}

/* One port with a network in VLAN 7 beside the untagged one; its routes begin on line 2. */
#define PORTS_WITH(ways)                                                                            \
	"ports = ( { name = \"p\"; device = \"net_tap0\"; addresses = [ \"198.18.0.2/24\", "          \
	"\"198.18.1.2/24 vlan 7\", \"2001:2::2/64\" ];\n" ways " } );\n"
#define ROUTED(ways) PORTS_WITH(ways) CERTIFICATES LISTENERS ROUTES

static void routes_lead_where_gateways_do_not(void)
{
	struct config *c = load(PORTS_WITH(
		"gateways = [ \"198.18.0.1\", \"198.18.1.1\" ];\n"
		"routes = ( { to = \"198.19.0.0/16\"; via = \"198.18.0.3\"; },\n"
		"           { to = \"198.19.0.0/16\"; via = \"198.18.1.3\"; },\n"
		"           { to = \"::/0\"; via = \"2001:2::1\"; } );") CERTIFICATES LISTENERS
		"routes = ( { domains = [ \"*\" ]; next = [ \"198.19.0.1:25\", \"[2001:db8::1]:25\" ]; } );\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	const struct settings_port *p = &config_settings(c)->ports[0];
	CU_ASSERT_EQUAL_FATAL(p->route_count, 3);
	CU_ASSERT(p->routes[1].to.bits == 16 && p->routes[1].to.addr.bytes[1] == 19);
	CU_ASSERT(p->routes[1].via.bytes[2] == 1 && p->routes[2].to.bits == 0);
	config_free(c);
	CU_ASSERT_TRUE(refused(PORTS_WITH("routes = ( { to = \"198.19.0.0/16\"; via = \"198.18.0.3\"; } );")
			       CERTIFICATES LISTENERS "routes = ( { domains = [ \"*\" ]; next = [ "
						      "\"198.20.0.1:25\" ]; } );\n",
			       "weir.conf:5: routes[0].next[0]: cannot be reached"));
}

static void routes_that_lead_nowhere_are_refused(void)
{
	static const struct {
		const char *text, *part;
	} wrong[] = {
		{ ROUTED("routes = ( { to = \"198.19.0.0/16\";\n via = \"198.20.0.1\"; } );"),
		  "weir.conf:3: ports[0].routes[0].via: lies in none of the port's networks" },
		{ ROUTED("routes = ( { to = \"198.19.0.0/16\"; via = \"198.18.0.2\"; } );"),
		  "weir.conf:2: ports[0].routes[0].via: is the port's own address" },
		{ ROUTED("routes = ( { to = \"198.19.0.0/16\"; via = \"224.0.0.1\"; } );"),
		  "weir.conf:2: ports[0].routes[0].via: is not the address of a host" },
		{ ROUTED("routes = ( { to = \"198.19.0.0/16\"; via = \"2001:2::1\"; } );"),
		  "weir.conf:2: ports[0].routes[0].via: is of another family than the network" },
		{ ROUTED("routes = ( { to = \"198.19.0.1/16\"; via = \"198.18.0.1\"; } );"),
		  "weir.conf:2: ports[0].routes[0].to: \"198.19.0.1/16\" has bits set behind its length" },
		{ ROUTED("routes = ( { to = \"2001:db8::8000:0:0:0/64\"; via = \"2001:2::1\"; } );"),
		  "ports[0].routes[0].to: \"2001:db8::8000:0:0:0/64\" has bits set behind its length" },
		{ ROUTED("routes = ( { to = \"198.19.0.0\"; via = \"198.18.0.1\"; } );"),
		  "weir.conf:2: ports[0].routes[0].to: \"198.19.0.0\" is not right (a network such as" },
		{ ROUTED("routes = ( { to = \"198.19.0.0/16\"; via = \"198.18.0.1/24\"; } );"),
		  "ports[0].routes[0].via: \"198.18.0.1/24\" is not right (an IPv4 or IPv6 address)" },
		{ ROUTED("routes = ( { to = \"198.19.0.0/16\"; } );"), "ports[0].routes[0].via: is missing" },
		{ ROUTED("routes = ( { to = \"198.19.0.0/16\"; via = \"198.18.0.1\"; vai = 1; } );"),
		  "ports[0].routes[0].vai: unknown setting (did you mean \"via\"?)" },
		{ ROUTED("routes = ( { to = \"198.19.0.0/16\"; via = \"198.18.0.1\"; },\n"
			 "{ to = \"198.19.0.0/16\"; via = \"198.18.0.3\"; } );"),
		  "weir.conf:3: ports[0].routes[1].to: is where another route leads already" },
		{ ROUTED("gateways = [ \"198.18.0.1\" ];\nroutes = ( { to = \"0.0.0.0/0\"; via = "
			 "\"198.18.0.3\"; } );"),
		  "weir.conf:3: ports[0].routes[0].to: is where a gateway leads already" },
		{ ROUTED("gateways = [ \"198.18.1.1\", \"198.18.1.3\" ];"),
		  "weir.conf:2: ports[0].gateways[1]: is the second of its family" },
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		CU_ASSERT_TRUE(refused(wrong[i].text, wrong[i].part));
		CU_ASSERT_EQUAL(lines_said(), 1);
	}
}

static void a_port_has_at_most_64_routes(void)
{
	char text[8192];
	for (unsigned count = 64; count <= 65; count++) {
		int used = snprintf(text, sizeof(text),
				    "ports = ( { name = \"p\"; device = \"net_tap0\"; addresses = [ "
				    "\"198.18.0.2/24\" ]; routes = ( ");
		for (unsigned i = 0; i < count; i++)
			used += snprintf(text + used, sizeof(text) - (size_t)used,
					 "%s{ to = \"198.19.%u.0/24\"; via = \"198.18.0.1\"; }", i > 0 ? ", " : "",
					 i);
		(void)snprintf(text + used, sizeof(text) - (size_t)used, " ); } );\n" CERTIFICATES LISTENERS ROUTES);
		if (count == 65) {
			CU_ASSERT_TRUE(refused(text, "ports[0].routes: has 65 elements (a list of 0 to 64"));
			continue;
		}
		struct config *c = load(text);
		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		CU_ASSERT_EQUAL(config_settings(c)->ports[0].route_count, 64);
		config_free(c);
	}
}

static void an_exception_path_has_an_interface_and_a_rate(void)
{
	struct config *c = load(ROUTED("exception = { interface = \"kern0\"; };"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(config_settings(c)->ports[0].exception.interface, "kern0");
	CU_ASSERT_EQUAL(config_settings(c)->ports[0].exception.rate, 10000);
	config_free(c);
	c = load(ROUTED(""));
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_PTR_NULL(config_settings(c)->ports[0].exception.interface);
	config_free(c);
}

#define PORT(name, device, address, more)                                                           \
	"{ name = \"" name "\"; device = \"" device "\"; addresses = [ \"" address "\" ]; " more " }"

static void exception_paths_that_cannot_be_are_refused(void)
{
	static const struct {
		const char *text, *part;
	} wrong[] = {
		{ ROUTED("exception = { rate = 100; };"),
		  "weir.conf:2: ports[0].exception.interface: is missing" },
		{ ROUTED("exception = { interface = \"0123456789abcdef\"; };"),
		  "ports[0].exception.interface: \"0123456789abcdef\" is not right (a name of 1 to 15 letters" },
		{ ROUTED("exception = { interface = \"a,mac=fixed\"; };"),
		  "weir.conf:2: ports[0].exception.interface: \"a,mac=fixed\" is not right" },
		{ ROUTED("exception = { interface = \"kern0\"; rate = 9; };"),
		  "ports[0].exception.rate: 9 is out of range (10 to 1000000)" },
		{ ROUTED("exception = { interfase = \"kern0\"; };"),
		  "ports[0].exception.interfase: unknown setting (did you mean \"interface\"?)" },
		{ ROUTED("exception = \"kern0\";"), "ports[0].exception: is not a group" },
		{ "ports = ( " PORT("p", "net_af_packet0,iface=weir0", "198.18.0.2/24",
				    "exception = { interface = \"weir0\"; };") " );\n" CERTIFICATES LISTENERS ROUTES,
		  "weir.conf:1: ports[0].exception.interface: is what a port's device stands on" },
		{ "ports = ( " PORT("p", "net_tap0", "198.18.0.2/24", "exception = { interface = \"k\"; };") ",\n"
		  PORT("q", "net_tap1", "198.18.1.2/24", "exception = { interface = \"k\"; };") " );\n" CERTIFICATES
		  LISTENERS ROUTES,
		  "weir.conf:2: ports[1].exception.interface: is the interface of another port already" },
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		CU_ASSERT_TRUE(refused(wrong[i].text, wrong[i].part));
		CU_ASSERT_EQUAL(lines_said(), 1);
	}
	struct config *c = load("ports = ( " PORT("p", "net_af_packet0,iface=weir01", "198.18.0.2/24",
						  "exception = { interface = \"weir0\"; };") " );\n" CERTIFICATES
				LISTENERS ROUTES);
	CU_ASSERT_PTR_NOT_NULL(c); /* a longer name is another */
	config_free(c);
}

UNIT("pmd-config/config_check_ports",
     { "an address may name its VLAN", an_address_may_name_its_vlan },
     { "routes lead where gateways do not", routes_lead_where_gateways_do_not },
     { "routes that lead nowhere, or to one place twice, are refused", routes_that_lead_nowhere_are_refused },
     { "a port has at most 64 routes", a_port_has_at_most_64_routes },
     { "an exception path has an interface and a rate", an_exception_path_has_an_interface_and_a_rate },
     { "exception paths that cannot be are refused", exception_paths_that_cannot_be_are_refused })
