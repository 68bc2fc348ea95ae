/*
 * config_check.c - what single values cannot show: names used twice, listeners on addresses that no
 * port has, next hops that no port reaches, domains listed twice, levels that make no sense on
 * near.
 *
 * Each check is made when all that it looks at was read soundly, whatever else is wrong; what is
 * doubted is passed over. "No port has this address" needs every address of every port, "this
 * address is listed twice" only the two. A value that is not sound is zero: an address of no
 * family, a name that is NULL.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pmd-config/config_int.h"
#include "policy/domain.h"

/* Reports under a path such as "listeners[3].address". */
static void mistake_at(struct loader *l, const char *list, uint32_t index, const char *name,
		       const char *message)
{
	size_t before = path_push(l, list);
	(void)path_push_index(l, index);
	(void)path_push(l, name);
	mistake_between(l, "%s", message);
	path_pop(l, before);
}

static void hostname_check(struct loader *l)
{
	struct settings *s = &l->config->settings;
	char host[HOST_NAME_MAX + 1] = "";
	if (s->hostname != NULL || doubted(l->config, "hostname"))
		return;
	if (gethostname(host, sizeof(host) - 1) != 0 ||
	    !domain_is_valid(span_of(host, strlen(host)))) {
		s->hostname = "localhost"; /* a machine without a usable name still greets */
		return;
	}
	s->hostname = config_keep_text(l, span_of(host, strlen(host)), true);
}

/* ---- names ---- */

/* `first` is the name of element 0, the others lie `step` bytes apart. Lists of names are short,
 * but for content rules (thousands, at launch only). */
static void names_check(struct loader *l, const char *list, const void *first, size_t step,
			uint32_t count)
{
	char message[160];
	for (uint32_t i = 1; i < count; i++) {
		const char *name, *other;
		memcpy(&name, (const uint8_t *)first + i * step, sizeof(name));
		for (uint32_t j = 0; name != NULL && j < i; j++) {
			memcpy(&other, (const uint8_t *)first + j * step, sizeof(other));
			if (other == NULL || strcmp(name, other) != 0)
				continue;
			snprintf(message, sizeof(message),
				 "\"%s\" is the name of %s[%u] already (names are unique)", name,
				 list, j);
			mistake_at(l, list, i, "name", message);
			break;
		}
	}
}

static void all_names_check(struct loader *l)
{
	const struct settings *s = &l->config->settings;
	names_check(l, "ports", &s->ports[0].name, sizeof(s->ports[0]), s->port_count);
	names_check(l, "certificates", &s->certificates[0].name, sizeof(s->certificates[0]),
		    s->certificate_count);
	names_check(l, "listeners", &s->listeners[0].name, sizeof(s->listeners[0]),
		    s->listener_count);
	if (s->content_count > 0)
		names_check(l, "content", &s->content[0].name, sizeof(s->content[0]),
			    s->content_count);
}

/* ---- domains ---- */

struct listed { /* one domain of a list, and where it stands */
	const char *domain;
	uint32_t rule, place;
};

static int listed_compare(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = strcmp(x->domain, y->domain);
	if (order != 0)
		return order;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void domain_twice(struct loader *l, const char *list, const struct listed *first,
			 const struct listed *second)
{
	char message[160], name[32];
	snprintf(message, sizeof(message),
		 "\"%.80s\" is listed in %s[%u] already (one rule for each domain)", second->domain,
		 list, first->rule);
	snprintf(name, sizeof(name), "domains[%u]", second->place);
	mistake_at(l, list, second->rule, name, message);
}

/* Enters the sound ones of one rule; returns how many there are then. */
static size_t rule_list(const struct config *c, const char *list, uint32_t rule,
			const struct settings_strings *domains, struct listed *all, size_t count)
{
	for (uint32_t place = 0; place < domains->count; place++)
		if (domains->items[place] != NULL &&
		    !doubted(c, "%s[%u].domains[%u]", list, rule, place))
			all[count++] = (struct listed){ domains->items[place], rule, place };
	return count;
}

/* `first` is the `domains` of element 0. A domain in two rules would make the answer depend on
 * their order. */
static void domains_check(struct loader *l, const char *list, const void *first, size_t step,
			  uint32_t count)
{
	const struct settings_strings *strings;
	size_t total = 0, n = 0;
	for (uint32_t i = 0; i < count; i++) {
		strings = (const void *)((const uint8_t *)first + i * step);
		total += strings->count;
	}
	struct listed *all = config_keep(l, (total + 1) * sizeof(*all));
	if (all == NULL)
		return;
	for (uint32_t i = 0; i < count; i++) {
		strings = (const void *)((const uint8_t *)first + i * step);
		n = rule_list(l->config, list, i, strings, all, n);
	}
	qsort(all, n, sizeof(*all), listed_compare);
	for (size_t i = 1; i < n; i++)
		if (strcmp(all[i - 1].domain, all[i].domain) == 0)
			domain_twice(l, list, &all[i - 1], &all[i]);
}

static void all_domains_check(struct loader *l)
{
	const struct settings *s = &l->config->settings;
	if (s->route_count > 0)
		domains_check(l, "routes", &s->routes[0].domains, sizeof(s->routes[0]),
			      s->route_count);
	if (s->tls.next_count > 0)
		domains_check(l, "tls.next", &s->tls.next[0].domains, sizeof(s->tls.next[0]),
			      s->tls.next_count);
	if (s->tls.near_count > 0)
		domains_check(l, "tls.near", &s->tls.near[0].domains, sizeof(s->tls.near[0]),
			      s->tls.near_count);
}

/* ---- addresses ---- */

static bool address_is_host(struct ip_addr a)
{
	static const struct ip_addr any4 = { .family = IP_V4 }, any6 = { .family = IP_V6 };
	if (ip_addr_equal(a, any4) || ip_addr_equal(a, any6))
		return false;
	return a.family == IP_V4 ? a.bytes[0] < 224 : a.bytes[0] != 0xff;
}

static bool port_has(const struct settings_port *p, struct ip_addr a)
{
	for (uint32_t i = 0; i < p->address_count; i++)
		if (ip_addr_equal(p->addresses[i].addr, a))
			return true;
	return false;
}

static bool port_is_near(const struct settings_port *p, struct ip_addr a)
{
	for (uint32_t i = 0; i < p->address_count; i++)
		if (p->addresses[i].addr.family != IP_NONE && ip_interface_holds(p->addresses[i], a))
			return true;
	return false;
}

static bool port_reaches(const struct settings_port *p, struct ip_addr a)
{
	for (uint32_t i = 0; i < p->gateway_count; i++)
		if (p->gateways[i].family == a.family)
			return true;
	return port_is_near(p, a);
}

/* Is all known that "no port has such an address" (or gateway: `what`) is said of? */
static bool ports_known(const struct loader *l, const char *what)
{
	bool known = !doubted_itself(l->config, "ports");
	for (uint32_t i = 0; i < l->config->settings.port_count; i++)
		known = known && !doubted(l->config, "ports[%u].%s", i, what);
	return known;
}

/* What is wrong with a gateway; NULL: nothing. */
static const char *gateway_fault(const struct loader *l, uint32_t port, uint32_t index)
{
	const struct settings_port *p = &l->config->settings.ports[port];
	struct ip_addr gateway = p->gateways[index];
	if (port_has(p, gateway))
		return "is the port's own address (a gateway is another machine)";
	if (!address_is_host(gateway))
		return "is not the address of a host";
	if (!port_is_near(p, gateway) && !doubted(l->config, "ports[%u].addresses", port))
		return "lies in none of the port's networks (a gateway is a neighbour)";
	for (uint32_t i = 0; i < index; i++)
		if (p->gateways[i].family == gateway.family)
			return "is the second of its family (one gateway each for IPv4 and IPv6)";
	return NULL;
}

static void gateways_check(struct loader *l, uint32_t port)
{
	const struct settings_port *p = &l->config->settings.ports[port];
	char name[32];
	for (uint32_t i = 0; i < p->gateway_count; i++) {
		const char *fault = p->gateways[i].family == IP_NONE ? NULL
								     : gateway_fault(l, port, i);
		snprintf(name, sizeof(name), "gateways[%u]", i);
		if (fault != NULL)
			mistake_at(l, "ports", port, name, fault);
	}
}

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

static void ports_check(struct loader *l)
{
	for (uint32_t i = 0; i < l->config->settings.port_count; i++) {
		device_check(l, i);
		port_addresses_check(l, i);
		gateways_check(l, i);
	}
}

/* ---- listeners, next hops, levels ---- */

static void listener_address_check(struct loader *l, uint32_t index)
{
	const struct settings *s = &l->config->settings;
	struct endpoint local = s->listeners[index].local;
	bool found = !ports_known(l, "addresses"); /* then it may be one that we could not read */
	if (local.addr.family == IP_NONE)
		return;
	for (uint32_t i = 0; i < s->port_count; i++)
		found = found || port_has(&s->ports[i], local.addr);
	if (!found)
		mistake_at(l, "listeners", index, "address",
			   "is not an address of any port (ports[].addresses)");
	if (doubted(l->config, "listeners[%u].port", index))
		return;
	for (uint32_t i = 0; i < index; i++) {
		if (!endpoint_equal(s->listeners[i].local, local) ||
		    doubted(l->config, "listeners[%u].port", i))
			continue;
		mistake_at(l, "listeners", index, "port",
			   "another listener has this address and port already (one listener each)");
		return;
	}
}

static void listener_certificate_check(struct loader *l, uint32_t index)
{
	const struct settings_listener *listener = &l->config->settings.listeners[index];
	if (listener->tls == SETTINGS_NEAR_OFF || listener->certificate != UINT32_MAX ||
	    doubted(l->config, "listeners[%u].tls", index) ||
	    doubted(l->config, "listeners[%u].certificate", index))
		return;
	mistake_at(l, "listeners", index, "certificate",
		   "is missing (only tls = \"off\" needs none)");
}

/* What is wrong with a next hop; NULL: nothing. */
static const char *next_fault(const struct loader *l, const struct settings_route *route,
			      uint32_t index)
{
	const struct settings *s = &l->config->settings;
	struct endpoint next = route->next[index];
	bool reached = false;
	for (uint32_t i = 0; i < s->port_count; i++) {
		reached = reached || port_reaches(&s->ports[i], next.addr);
		if (port_has(&s->ports[i], next.addr))
			return "is an address of our own (mail would go round in circles)";
	}
	if (!address_is_host(next.addr))
		return "is not the address of a host";
	if (!reached && ports_known(l, "addresses") && ports_known(l, "gateways"))
		return "cannot be reached (it lies in no port's network, and no port has a "
		       "gateway of its family)";
	for (uint32_t i = 0; i < index; i++)
		if (endpoint_equal(route->next[i], next))
			return "is listed twice (once is enough)";
	return NULL;
}

static void route_check(struct loader *l, uint32_t index)
{
	const struct settings_route *route = &l->config->settings.routes[index];
	char name[32];
	for (uint32_t i = 0; i < route->next_count; i++) {
		const char *fault = route->next[i].addr.family == IP_NONE ? NULL
									  : next_fault(l, route, i);
		snprintf(name, sizeof(name), "next[%u]", i);
		if (fault != NULL)
			mistake_at(l, "routes", index, name, fault);
	}
}

/* Does a listener have TLS, or may one have it as far as is known? */
static bool near_tls_offered(const struct loader *l)
{
	const struct settings *s = &l->config->settings;
	bool offered = doubted_itself(l->config, "listeners");
	for (uint32_t i = 0; i < s->listener_count; i++)
		offered = offered || s->listeners[i].tls != SETTINGS_NEAR_OFF ||
			  doubted(l->config, "listeners[%u].tls", i);
	return offered;
}

/* A level that was not read is neither of the two. */
static void near_level_check(struct loader *l, uint32_t rule)
{
	const struct settings *s = &l->config->settings;
	if (s->tls.near[rule].level == TLS_LEVEL_VERIFY)
		mistake_at(l, "tls.near", rule, "level",
			   "\"verify\" is not for senders, who show no certificate "
			   "(one of \"none\", \"opportunistic\", \"encrypt\")");
	if (s->tls.near[rule].level == TLS_LEVEL_ENCRYPT && !near_tls_offered(l))
		mistake_at(l, "tls.near", rule, "level",
			   "\"encrypt\" can never be met (no listener has TLS)");
}

void config_check(struct loader *l)
{
	const struct settings *s = &l->config->settings;
	hostname_check(l);
	all_names_check(l);
	all_domains_check(l);
	ports_check(l);
	for (uint32_t i = 0; i < s->listener_count; i++) {
		listener_address_check(l, i);
		listener_certificate_check(l, i);
	}
	for (uint32_t i = 0; i < s->route_count; i++)
		route_check(l, i);
	for (uint32_t i = 0; i < s->tls.near_count; i++)
		near_level_check(l, i);
}
