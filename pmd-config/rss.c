/*
 * rss.c - drawers of ports. See rss.h.
 *
 * A reply comes from the remote endpoint to our address and port, so our port is the frame's
 * destination port: the last two bytes of the hash's input, at offset 10 (IPv4) or 34 (IPv6).
 *
 * hash(remote address, our address, remote port, our port) = base ^ part(our port), and an entry e
 * of the table is hit when (base ^ part) & mask == e, which is part & mask == (base ^ e) & mask:
 * the number of the drawer.
 */
#include "pmd-config/rss.h"

#include "pmd-config/toeplitz.h"

#define PORT_OFFSET_IP4 10u
#define PORT_OFFSET_IP6 34u

static struct span key_span(const struct rss_ports *p)
{
	return span_of(p->key, p->key_bytes);
}

static uint32_t drawer_of_port(const struct rss_ports *p, size_t offset, uint32_t port)
{
	const uint8_t bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };
	return toeplitz_at(key_span(p), offset, span_of(bytes, sizeof(bytes))) & p->mask;
}

/* A counting sort: sizes, then beginnings, then the ports in their places. */
static void drawers_fill(const struct rss_ports *p, struct rss_drawers *d, size_t offset,
			 uint16_t first, uint16_t last)
{
	uint32_t next[PLAN_RETA_MAX];
	memset(d->first, 0, sizeof(d->first));
	d->largest = 0;
	for (uint32_t port = first; port <= last; port++)
		d->first[drawer_of_port(p, offset, port) + 1]++;
	for (uint32_t i = 0; i <= p->mask; i++) {
		if (d->first[i + 1] > d->largest)
			d->largest = d->first[i + 1];
		d->first[i + 1] += d->first[i];
		next[i] = d->first[i];
	}
	for (uint32_t port = first; port <= last; port++)
		d->ports[next[drawer_of_port(p, offset, port)]++] = (uint16_t)port;
}

bool rss_ports_init(struct rss_ports *p, const struct rss_setup *setup)
{
	uint32_t size = setup->reta_size;
	p->own_count = 0;
	if (setup->key.bytes < TOEPLITZ_KEY_BYTES_MIN || setup->key.bytes > PLAN_RSS_KEY_MAX)
		return false;
	if (size == 0 || size > PLAN_RETA_MAX || (size & (size - 1)) != 0)
		return false;
	if (setup->port_first == 0 || setup->port_first > setup->port_last)
		return false;
	memcpy(p->key, setup->key.data, setup->key.bytes);
	p->key_bytes = (uint32_t)setup->key.bytes;
	p->mask = size - 1;
	for (uint32_t i = 0; i < size; i++) {
		p->reta[i] = setup->reta[i];
		if (setup->reta[i] == setup->queue)
			p->own[p->own_count++] = (uint16_t)i;
	}
	drawers_fill(p, &p->ip4, PORT_OFFSET_IP4, setup->port_first, setup->port_last);
	drawers_fill(p, &p->ip6, PORT_OFFSET_IP6, setup->port_first, setup->port_last);
	return p->own_count > 0;
}

uint16_t rss_queue_of(const struct rss_ports *p, struct endpoint source,
		      struct endpoint destination)
{
	return p->reta[toeplitz_tcp(key_span(p), source, destination) & p->mask];
}

static const struct rss_drawers *drawers_of(const struct rss_ports *p, struct ip_addr a)
{
	return a.family == IP_V4 ? &p->ip4 : &p->ip6;
}

static uint32_t base_of(const struct rss_ports *p, struct ip_addr local, struct endpoint remote)
{
	return toeplitz_tcp(key_span(p), remote, (struct endpoint){ .addr = local, .port = 0 });
}

uint32_t rss_candidates(const struct rss_ports *p, struct ip_addr local)
{
	return p->own_count * drawers_of(p, local)->largest;
}

uint32_t rss_port_count(const struct rss_ports *p, struct ip_addr local, struct endpoint remote)
{
	const struct rss_drawers *d = drawers_of(p, local);
	uint32_t base = base_of(p, local, remote), count = 0;
	for (uint32_t i = 0; i < p->own_count; i++) {
		uint32_t drawer = (base ^ p->own[i]) & p->mask;
		count += d->first[drawer + 1] - d->first[drawer];
	}
	return count;
}

/* Drawers may differ in size where the range is no power of two; the walk over our entries (at most
 * the table's size) finds the one that holds the wanted port. With drawers of equal size, which is
 * the rule, the first is right. */
bool rss_port_pick(const struct rss_ports *p, struct ip_addr local, struct endpoint remote,
		   uint32_t turn, uint32_t candidate, uint16_t *port)
{
	const struct rss_drawers *d = drawers_of(p, local);
	uint32_t base = base_of(p, local, remote);
	uint32_t entry = (turn + candidate) % p->own_count;
	uint32_t round = candidate / p->own_count;
	for (uint32_t tried = 0; tried < p->own_count; tried++) {
		uint32_t drawer = (base ^ p->own[(entry + tried) % p->own_count]) & p->mask;
		uint32_t ports = d->first[drawer + 1] - d->first[drawer];
		if (ports == 0)
			continue;
		*port = d->ports[d->first[drawer] + (turn / p->own_count + round) % ports];
		return true;
	}
	return false;
}
