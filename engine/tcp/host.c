/*
 * host.c - what every host on a link owes its neighbours: answers to ARP (RFC 826) and to neighbour
 * solicitations (RFC 4861 7.2.4), and the questions of its own.
 */
#include "tcp/stack_int.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/nd.h"

bool host_owns(const struct tcp_stack *s, struct ip_addr a, uint8_t *local)
{
	for (uint32_t i = 0; i < s->config.address_count; i++) {
		if (ip_addr_equal(s->config.addresses[i].addr, a)) {
			*local = (uint8_t)i;
			return true;
		}
	}
	return false;
}

static struct tcp_frame_meta plain_meta(uint16_t vlan)
{
	return (struct tcp_frame_meta){ .l2_bytes = eth_header_bytes(vlan) };
}

static void arp_answer(struct tcp_stack *s, uint16_t vlan, const struct arp_message *request,
                       struct instant now)
{
	struct writer w;
	if (!control_begin(s, &w, true, now))
		return;
	struct arp_message reply = { .operation = ARP_REPLY,
		                     .sender = request->target,
		                     .target = request->sender };
	memcpy(reply.sender_mac, s->config.mac, 6);
	memcpy(reply.target_mac, request->sender_mac, 6);
	eth_emit_vlan(&w, request->sender_mac, s->config.mac, vlan, ETH_ARP);
	arp_emit(&w, &reply);
	control_commit(s, &w, plain_meta(vlan));
}

/* In the order of RFC 826 "Packet Reception": update what is known, then enter the sender if we are
 * the target, then answer. An address probe (RFC 5227) has no sender address to learn. */
void host_arp_input(struct tcp_stack *s, const struct eth_view *eth, struct instant now)
{
	struct arp_message m;
	uint8_t local, sender_local;
	if (!arp_parse(eth->payload, &m) || eth_is_group(m.sender_mac)) {
		stack_drop(s, TCP_DROP_ARP);
		return;
	}
	bool owned = host_owns(s, m.target, &local);
	bool for_us = owned && stack_vlan(s, local) == eth->vlan;
	bool sender_ours = host_owns(s, m.sender, &sender_local);
	if (ip_source_plausible(m.sender) && !sender_ours)
		neigh_learn(s, eth->vlan, m.sender, m.sender_mac, for_us, true, now);
	if (for_us && m.operation == ARP_REQUEST)
		arp_answer(s, eth->vlan, &m, now);
	else if (!for_us)
		stack_drop(s, owned ? TCP_DROP_VLAN_OTHER : TCP_DROP_ARP);
}

static void nd_send(struct tcp_stack *s, const uint8_t *mac, uint8_t local, struct ip_addr dst,
                    struct nd_message *m, bool answer, struct instant now)
{
	struct writer w;
	if (!control_begin(s, &w, answer, now))
		return;
	memcpy(m->mac, s->config.mac, 6);
	control_headers(s, &w, mac, local, dst, IP_ICMP6, ND_BYTES);
	nd_emit(&w, stack_addr(s, local), dst, m);
	control_commit(s, &w, plain_meta(stack_vlan(s, local)));
}

static struct ip_addr all_nodes(void)
{
	struct ip_addr a = { .family = IP_V6, .bytes = { 0xff, 0x02 } };
	a.bytes[15] = 1;
	return a;
}

static void nd_answer(struct tcp_stack *s, const struct packet *p, const struct nd_message *m,
                      uint8_t local, struct instant now)
{
	struct nd_message advert = { .kind = ND_ADVERTISE,
		                     .target = m->target,
		                     .solicited = true,
		                     .override = true };
	struct ip_addr dst = p->ip.src;
	if (!ip_source_plausible(dst)) { /* a probe for duplicates: to all nodes, unsolicited */
		dst = all_nodes();
		advert.solicited = false;
	}
	uint8_t group[6];
	nd_group_mac(dst, group);
	nd_send(s, ip_is_multicast(dst) ? group : p->mac, local, dst, &advert, true, now);
}

void host_nd_input(struct tcp_stack *s, const struct packet *p, struct instant now)
{
	struct nd_message m;
	uint8_t local;
	if (!nd_parse(&p->ip, &m)) {
		stack_drop(s, TCP_DROP_ND);
		return;
	}
	bool mac_good = m.mac_known && !eth_is_group(m.mac);
	bool ours = host_owns(s, m.target, &local);
	if (ours && stack_vlan(s, local) != p->vlan) {
		stack_drop(s, TCP_DROP_VLAN_OTHER);
	} else if (m.kind == ND_ADVERTISE && mac_good && !ours) {
		neigh_learn(s, p->vlan, m.target, m.mac, false, m.override, now);
	} else if (m.kind == ND_SOLICIT && ours) {
		if (mac_good && ip_source_plausible(p->ip.src))
			neigh_learn(s, p->vlan, p->ip.src, m.mac, true, true, now);
		nd_answer(s, p, &m, local, now);
	} else {
		stack_drop(s, TCP_DROP_ND);
	}
}

static void arp_solicit(struct tcp_stack *s, struct ip_addr addr, uint8_t local,
                        const uint8_t *mac, struct instant now)
{
	struct writer w;
	uint16_t vlan = stack_vlan(s, local);
	if (!control_begin(s, &w, false, now))
		return;
	struct arp_message m = { .operation = ARP_REQUEST,
		                 .sender = stack_addr(s, local),
		                 .target = addr };
	memcpy(m.sender_mac, s->config.mac, 6);
	eth_emit_vlan(&w, mac != NULL ? mac : eth_broadcast, s->config.mac, vlan, ETH_ARP);
	arp_emit(&w, &m);
	control_commit(s, &w, plain_meta(vlan));
}

void host_solicit(struct tcp_stack *s, uint16_t vlan, struct ip_addr addr, const uint8_t *mac,
                  struct instant now)
{
	struct ip_addr hop;
	uint8_t local;
	if (!route_find(s, vlan, addr, &hop, &local))
		return;
	if (addr.family == IP_V4) {
		arp_solicit(s, addr, local, mac, now);
		return;
	}
	struct nd_message m = { .kind = ND_SOLICIT, .target = addr };
	struct ip_addr dst = mac != NULL ? addr : nd_solicited_node(addr);
	uint8_t group[6];
	nd_group_mac(dst, group);
	nd_send(s, mac != NULL ? mac : group, local, dst, &m, false, now);
}

static void announce6(struct tcp_stack *s, uint8_t local, struct instant now)
{
	struct nd_message m = { .kind = ND_ADVERTISE,
		                .target = stack_addr(s, local),
		                .override = true };
	struct ip_addr all = all_nodes();
	uint8_t group[6];
	nd_group_mac(all, group);
	nd_send(s, group, local, all, &m, false, now);
}

void tcp_announce(struct tcp_stack *s, struct instant now)
{
	s->now = now;
	for (uint32_t i = 0; i < s->config.address_count; i++) {
		struct ip_addr own = s->config.addresses[i].addr;
		if (own.family == IP_V4) /* asked for by ourselves: who has an entry replaces it */
			arp_solicit(s, own, (uint8_t)i, NULL, now);
		else
			announce6(s, (uint8_t)i, now);
	}
}
