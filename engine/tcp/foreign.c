/*
 * foreign.c - which of several stacks that share an address must see a frame. The ports of active opens are divided
 * among stacks, so that the owner is known from the frame; accepted connections stay where the device brought their
 * SYN, and with them what it brings later. Only where it scatters them, or in an ICMP error's case, is nobody known: the
 * frame goes from one stack to the next until one knows what it is about, or all were asked. A datagram
 * that came in pieces has no frame of its own, and stays where it was put together.
 */
#include "tcp/stack_int.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/load.h"

int foreign_owner(const struct tcp_stack *s, const struct tuple *t)
{
	const struct tcp_config *config = &s->config;
	if (config->port_stride <= 1 || t->local_port < config->port_first || t->local_port > config->port_last ||
	    listen_find(s, t->local, t->local_port) != NULL)
		return -1;
	if (config->choice.owner == NULL)
		return t->local_port % config->port_stride;
	return config->choice.owner(config->choice.context,
	                            (struct endpoint){ .addr = t->remote, .port = t->remote_port },
	                            (struct endpoint){ .addr = t->local, .port = t->local_port });
}

bool foreign_may_pass(const struct tcp_stack *s, const struct packet *p)
{
	return !p->final && !p->fragmented && s->config.port_stride > 1;
}

/* Of one that came in pieces: it is a segment with plain headers, or no device would have put it together. */
static int owner_of_chain(const struct tcp_stack *s, const struct tcp_frame *frame)
{
	struct ahead a;
	uint8_t local;
	ahead_begin(&a, frame, 0);
	if (!ahead_read(&a))
		return -1;
	struct tuple t = ahead_tuple(&a);
	return host_owns(s, t.local, &local) ? foreign_owner(s, &t) : -1;
}

int tcp_foreign_owner(const struct tcp_stack *s, const struct tcp_frame *frame)
{
	struct eth_view eth;
	struct ip_view ip;
	uint8_t local;
	if (frame->more_count > 0 && s->config.port_stride > 1)
		return owner_of_chain(s, frame);
	if (s->config.port_stride <= 1 || !eth_parse(frame->head, &eth))
		return -1;
	enum ip_outcome outcome = IP_BAD_HEADER; /* checksums are judged by the owner */
	if (eth.type == ETH_IP4)
		outcome = ip4_parse(eth.payload, eth.l3_offset, true, &ip);
	else if (eth.type == ETH_IP6)
		outcome = ip6_parse(eth.payload, eth.l3_offset, &ip);
	if (outcome != IP_OK || ip.protocol != IP_TCP || ip.payload.bytes < 4 ||
	    !host_owns(s, ip.dst, &local))
		return -1;
	struct tuple t = { .local = ip.dst,
		           .remote = ip.src,
		           .local_port = load_be16(ip.payload.data + 2),
		           .remote_port = load_be16(ip.payload.data) };
	return foreign_owner(s, &t);
}
