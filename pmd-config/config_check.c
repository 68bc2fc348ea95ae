/*
 * config_check.c - what single values cannot show: names used twice, listeners on addresses that no
 * port has, next hops that no port reaches, domains listed twice, levels that make no sense on
 * near.
 *
 * Run only when every value was right by itself. All mistakes are reported.
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
	if (name != NULL)
		(void)path_push(l, name);
	mistake(l, config_find(l->config, l->path.begin), NULL, "%s", message);
	path_pop(l, before);
}

static void hostname_check(struct loader *l)
{
	struct settings *s = &l->config->settings;
	char host[HOST_NAME_MAX + 1] = "";
	if (s->hostname != NULL)
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
		for (uint32_t j = 0; j < i; j++) {
			memcpy(&other, (const uint8_t *)first + j * step, sizeof(other));
			if (strcmp(name, other) != 0)
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
		for (uint32_t j = 0; j < strings->count; j++)
			all[n++] = (struct listed){ strings->items[j], i, j };
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
		if (ip_prefix_holds(p->addresses[i], a))
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

static void gateways_check(struct loader *l, uint32_t port)
{
	const struct settings_port *p = &l->config->settings.ports[port];
	char name[32];
	for (uint32_t i = 0; i < p->gateway_count; i++) {
		snprintf(name, sizeof(name), "gateways[%u]", i);
		if (!port_is_near(p, p->gateways[i]) || !address_is_host(p->gateways[i]))
			mistake_at(
				l, "ports", port, name,
				"lies in none of the port's networks (a gateway is a neighbour)");
		if (port_has(p, p->gateways[i]))
			mistake_at(l, "ports", port, name,
				   "is the port's own address (a gateway is another machine)");
		for (uint32_t j = 0; j < i; j++)
			if (p->gateways[j].family == p->gateways[i].family)
				mistake_at(l, "ports", port, name,
					   "is the second of its family (one gateway each for IPv4 "
					   "and IPv6)");
	}
}

static void port_addresses_check(struct loader *l, uint32_t port)
{
	const struct settings *s = &l->config->settings;
	const struct settings_port *p = &s->ports[port];
	char name[32];
	for (uint32_t i = 0; i < p->address_count; i++) {
		struct ip_addr a = p->addresses[i].addr;
		snprintf(name, sizeof(name), "addresses[%u]", i);
		if (!address_is_host(a))
			mistake_at(l, "ports", port, name, "is not the address of a host");
		for (uint32_t j = 0; j < i; j++)
			if (ip_addr_equal(p->addresses[j].addr, a))
				mistake_at(l, "ports", port, name, "is listed twice");
		for (uint32_t j = 0; j < port; j++)
			if (port_has(&s->ports[j], a))
				mistake_at(l, "ports", port, name,
					   "is an address of another port already");
	}
}

static void devices_check(struct loader *l, uint32_t port)
{
	const struct settings *s = &l->config->settings;
	for (uint32_t i = 0; i < port; i++)
		if (strcmp(s->ports[i].device, s->ports[port].device) == 0)
			mistake_at(l, "ports", port, "device",
				   "is the device of another port already");
}

static void listener_check(struct loader *l, uint32_t index)
{
	const struct settings *s = &l->config->settings;
	const struct settings_listener *listener = &s->listeners[index];
	bool found = false;
	for (uint32_t i = 0; i < s->port_count; i++)
		found = found || port_has(&s->ports[i], listener->local.addr);
	if (!found)
		mistake_at(l, "listeners", index, "address",
			   "is not an address of any port (ports[].addresses)");
	for (uint32_t i = 0; i < index; i++)
		if (endpoint_equal(s->listeners[i].local, listener->local))
			mistake_at(l, "listeners", index, "port",
				   "another listener has this address and port already");
	if (listener->tls != SETTINGS_NEAR_OFF && listener->certificate == UINT32_MAX)
		mistake_at(l, "listeners", index, "certificate",
			   "is missing (only tls = \"off\" needs none)");
}

static void next_check(struct loader *l, uint32_t route, uint32_t index)
{
	const struct settings *s = &l->config->settings;
	struct endpoint next = s->routes[route].next[index];
	char name[32];
	bool reached = false;
	snprintf(name, sizeof(name), "next[%u]", index);
	for (uint32_t i = 0; i < s->port_count; i++) {
		reached = reached || port_reaches(&s->ports[i], next.addr);
		if (port_has(&s->ports[i], next.addr))
			mistake_at(l, "routes", route, name,
				   "is an address of our own (mail would go round in circles)");
	}
	if (!address_is_host(next.addr))
		mistake_at(l, "routes", route, name, "is not the address of a host");
	else if (!reached)
		mistake_at(l, "routes", route, name,
			   "cannot be reached (it lies in no port's network, and no port has a "
			   "gateway of its family)");
	for (uint32_t i = 0; i < index; i++)
		if (endpoint_equal(s->routes[route].next[i], next))
			mistake_at(l, "routes", route, name, "is listed twice");
}

static void near_level_check(struct loader *l, uint32_t rule)
{
	const struct settings *s = &l->config->settings;
	bool offered = false;
	for (uint32_t i = 0; i < s->listener_count; i++)
		offered = offered || s->listeners[i].tls != SETTINGS_NEAR_OFF;
	if (s->tls.near[rule].level == TLS_LEVEL_VERIFY)
		mistake_at(l, "tls.near", rule, "level",
			   "\"verify\" is not for senders, who show no certificate "
			   "(one of \"none\", \"opportunistic\", \"encrypt\")");
	if (s->tls.near[rule].level == TLS_LEVEL_ENCRYPT && !offered)
		mistake_at(l, "tls.near", rule, "level",
			   "\"encrypt\" can never be met (no listener has TLS)");
}

void config_check(struct loader *l)
{
	const struct settings *s = &l->config->settings;
	hostname_check(l);
	all_names_check(l);
	all_domains_check(l);
	for (uint32_t i = 0; i < s->port_count; i++) {
		devices_check(l, i);
		port_addresses_check(l, i);
		gateways_check(l, i);
	}
	for (uint32_t i = 0; i < s->listener_count; i++)
		listener_check(l, i);
	for (uint32_t i = 0; i < s->route_count; i++)
		for (uint32_t j = 0; j < s->routes[i].next_count; j++)
			next_check(l, i, j);
	for (uint32_t i = 0; i < s->tls.near_count; i++)
		near_level_check(l, i);
}
