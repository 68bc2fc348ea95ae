/*
 * config_check_ports.c - what single values of the ports cannot show: addresses and devices given
 * out twice, gateways and routes over routers that are no neighbours of ours, or to one network
 * twice. See config_check.c for what is passed over.
 *
 * A gateway is the route to everything of its family; both kinds are "ways" here, and judged alike.
 */
#include <string.h>

#include "pmd-config/config_int.h"

bool address_is_host(struct ip_addr a)
{
	static const struct ip_addr any4 = { .family = IP_V4 }, any6 = { .family = IP_V6 };
	if (ip_addr_equal(a, any4) || ip_addr_equal(a, any6))
		return false;
	return a.family == IP_V4 ? a.bytes[0] < 224 : a.bytes[0] != 0xff;
}

bool port_has(const struct settings_port *p, struct ip_addr a)
{
	for (uint32_t i = 0; i < p->address_count; i++)
		if (ip_addr_equal(p->addresses[i].addr, a))
			return true;
	return false;
}

/* Of the network that holds `a`, the first one; NULL: none does. */
static const struct ip_interface *port_link(const struct settings_port *p, struct ip_addr a)
{
	for (uint32_t i = 0; i < p->address_count; i++)
		if (p->addresses[i].addr.family != IP_NONE && ip_interface_holds(p->addresses[i], a))
			return &p->addresses[i];
	return NULL;
}

bool ports_known(const struct loader *l, const char *what)
{
	bool known = !doubted_itself(l->config, "ports");
	for (uint32_t i = 0; i < l->config->settings.port_count; i++)
		known = known && !doubted(l->config, "ports[%u].%s", i, what);
	return known;
}

/* ---- gateways and routes ---- */

struct way {
	struct ip_prefix to;
	struct ip_addr via;
	const char *list; /* where it is written: "gateways" or "routes" */
	uint32_t index;
};

static uint32_t way_count(const struct settings_port *p)
{
	return p->gateway_count + p->route_count;
}

static struct way way_at(const struct settings_port *p, uint32_t number)
{
	if (number < p->gateway_count) {
		struct ip_addr via = p->gateways[number];
		return (struct way){ .to = { .addr = { .family = via.family } },
				     .via = via,
				     .list = "gateways",
				     .index = number };
	}
	uint32_t index = number - p->gateway_count;
	return (struct way){ .to = p->routes[index].to,
			     .via = p->routes[index].via,
			     .list = "routes",
			     .index = index };
}

bool port_reaches(const struct settings_port *p, struct ip_addr a)
{
	for (uint32_t i = 0; i < way_count(p); i++)
		if (ip_prefix_holds(way_at(p, i).to, a))
			return true;
	return port_link(p, a) != NULL;
}

/* Two ways to one network, over routers of one VLAN: the second would never be taken. */
static bool ways_are_rivals(const struct settings_port *p, const struct way *a, const struct way *b)
{
	const struct ip_interface *x = port_link(p, a->via), *y = port_link(p, b->via);
	return a->to.bits == b->to.bits && ip_addr_equal(a->to.addr, b->to.addr) &&
	       (x == NULL || y == NULL || x->vlan == y->vlan);
}

/* What is wrong with the router; NULL: nothing. */
static const char *via_fault(const struct loader *l, uint32_t port, const struct way *way)
{
	const struct settings_port *p = &l->config->settings.ports[port];
	if (port_has(p, way->via))
		return "is the port's own address (a gateway is another machine)";
	if (!address_is_host(way->via))
		return "is not the address of a host";
	if (way->to.addr.family != IP_NONE && way->to.addr.family != way->via.family)
		return "is of another family than the network it leads to";
	if (port_link(p, way->via) == NULL && !doubted(l->config, "ports[%u].addresses", port))
		return "lies in none of the port's networks (a gateway is a neighbour)";
	return NULL;
}

/* What is wrong with the network; NULL: nothing. */
static const char *to_fault(const struct settings_port *p, uint32_t number, const struct way *way)
{
	for (uint32_t i = 0; i < number; i++) {
		struct way other = way_at(p, i);
		if (!ways_are_rivals(p, &other, way))
			continue;
		if (number < p->gateway_count)
			return "is the second of its family (one gateway each for IPv4 and IPv6 in a VLAN)";
		return i < p->gateway_count
			       ? "is where a gateway leads already (one route for each network in a VLAN)"
			       : "is where another route leads already (one for each network in a VLAN)";
	}
	return NULL;
}

static void ways_check(struct loader *l, uint32_t port)
{
	const struct settings_port *p = &l->config->settings.ports[port];
	char name[32];
	for (uint32_t i = 0; i < way_count(p); i++) {
		struct way way = way_at(p, i);
		bool is_route = i >= p->gateway_count;
		if (way.via.family == IP_NONE)
			continue;
		const char *fault = via_fault(l, port, &way);
		snprintf(name, sizeof(name), is_route ? "%s[%u].via" : "%s[%u]", way.list, way.index);
		if (fault == NULL && way.to.addr.family != IP_NONE) {
			fault = to_fault(p, i, &way);
			snprintf(name, sizeof(name), is_route ? "%s[%u].to" : "%s[%u]", way.list,
				 way.index);
		}
		if (fault != NULL)
			mistake_at(l, "ports", port, name, fault);
	}
}

/* ---- addresses and devices ---- */

/* What is wrong with an address of a port; NULL: nothing. */
static const char *address_fault(const struct settings *s, uint32_t port, uint32_t index)
{
	const struct settings_port *p = &s->ports[port];
	struct ip_addr a = p->addresses[index].addr;
	for (uint32_t i = 0; i < index; i++)
		if (ip_addr_equal(p->addresses[i].addr, a))
			return "is listed twice (once is enough)";
	for (uint32_t i = 0; i < port; i++)
		if (port_has(&s->ports[i], a))
			return "is an address of another port already (each has one port)";
	return NULL;
}

static void port_addresses_check(struct loader *l, uint32_t port)
{
	const struct settings *s = &l->config->settings;
	char name[64];
	for (uint32_t i = 0; i < s->ports[port].address_count; i++) {
		struct ip_addr a = s->ports[port].addresses[i].addr;
		const char *fault = a.family == IP_NONE ? NULL : address_fault(s, port, i);
		snprintf(name, sizeof(name), "addresses[%u]", i);
		if (a.family != IP_NONE && !address_is_host(a)) {
			mistake_at(l, "ports", port, name,
				   "is not the address of a host (not all zeros, not multicast)");
			snprintf(name, sizeof(name), "ports[%u].addresses[%u]", port, i);
			doubt(l->config, name);
		} else if (fault != NULL) {
			mistake_at(l, "ports", port, name, fault);
		}
	}
}

/* A virtual device's name ends where its arguments begin. */
static bool devices_are_one(const char *a, const char *b)
{
	size_t bytes = strcspn(a, ",");
	return bytes == strcspn(b, ",") && memcmp(a, b, bytes) == 0;
}

static void device_check(struct loader *l, uint32_t port)
{
	const struct settings *s = &l->config->settings;
	const char *device = s->ports[port].device;
	for (uint32_t i = 0; device != NULL && i < port; i++) {
		if (s->ports[i].device == NULL || !devices_are_one(s->ports[i].device, device))
			continue;
		mistake_at(l, "ports", port, "device",
			   "is the device of another port already (one port a device)");
		return;
	}
}

/* What is wrong with the kernel's interface of an exception path; NULL: nothing. */
static const char *interface_fault(const struct settings *s, uint32_t port, const char *interface)
{
	for (uint32_t i = 0; i < s->port_count; i++) {
		const char *device = s->ports[i].device, *other = s->ports[i].exception.interface;
		const char *under = device == NULL ? NULL : strstr(device, ",iface=");
		size_t bytes = strlen(interface);
		if (i < port && other != NULL && strcmp(other, interface) == 0)
			return "is the interface of another port already (one each)";
		if (under != NULL && strncmp(under + 7, interface, bytes) == 0 &&
		    (under[7 + bytes] == '\0' || under[7 + bytes] == ','))
			return "is what a port's device stands on (give it another name: weir makes it)";
	}
	return NULL;
}

static void exception_check(struct loader *l, uint32_t port)
{
	const struct settings *s = &l->config->settings;
	const char *interface = s->ports[port].exception.interface;
	char path[64];
	if (interface != NULL) {
		const char *fault = interface_fault(s, port, interface);
		if (fault != NULL)
			mistake_at(l, "ports", port, "exception.interface", fault);
		return;
	}
	snprintf(path, sizeof(path), "ports[%u]", port);
	const config_setting_t *at = config_find(l->config, path);
	if (at != NULL && config_setting_is_group(at) && config_setting_get_member(at, "exception") != NULL &&
	    !doubted(l->config, "ports[%u].exception", port))
		mistake_at(l, "ports", port, "exception.interface",
			   "is missing (without it there is no exception path)");
}

void config_check_ports(struct loader *l)
{
	for (uint32_t i = 0; i < l->config->settings.port_count; i++) {
		device_check(l, i);
		port_addresses_check(l, i);
		ways_check(l, i);
		exception_check(l, i);
	}
}
