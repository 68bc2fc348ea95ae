/*
 * config_check.c - what single values cannot show: names used twice, listeners on addresses that no
 * port has, next hops that no port reaches, domains listed twice, levels that make no sense on
 * near. What is about ports alone stands in config_check_ports.c.
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

void mistake_at(struct loader *l, const char *list, uint32_t index, const char *name,
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
	if (!reached && ports_known(l, "addresses") && ports_known(l, "gateways") &&
	    ports_known(l, "routes"))
		return "cannot be reached (it lies in no port's network, and no port has a "
		       "gateway of its family or a route to it)";
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
	config_check_ports(l);
	for (uint32_t i = 0; i < s->listener_count; i++) {
		listener_address_check(l, i);
		listener_certificate_check(l, i);
	}
	for (uint32_t i = 0; i < s->route_count; i++)
		route_check(l, i);
	for (uint32_t i = 0; i < s->tls.near_count; i++)
		near_level_check(l, i);
}
