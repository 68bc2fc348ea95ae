/*
 * ahead.c - the first look at frames that came together.
 *
 * With many connections the time of a segment is the time of the memory that it needs: an entry of the flow table, then
 * the connection, each far away from the last. So a burst is gone through three times: once to see whose each frame may
 * be and to fetch the entry, once to fetch the connection, and once to deal with the frames in their order. What was
 * seen is a hint and no more: an earlier frame of the burst may have closed the connection.
 */
#include "tcp/ahead_int.h"

#include "tcp/stack_int.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/load.h"

#define CACHE_LINE_BYTES 64u
#define IP4_FRAGMENT_BITS 0xbfffu /* reserved, more fragments, offset: all but don't-fragment */

static bool look_ip4(const uint8_t *ip, size_t bytes, struct ahead *a)
{
	if (bytes < IP4_HEADER_BYTES + TCP_HEADER_BYTES || ip[0] != 0x45 || ip[9] != IP_TCP)
		return false;
	uint32_t all = load_be16(ip + 2);
	if (all < IP4_HEADER_BYTES + TCP_HEADER_BYTES || all > bytes || (load_be16(ip + 6) & IP4_FRAGMENT_BITS) != 0)
		return false;
	a->src = ip + 12;
	a->dst = ip + 16;
	a->addr_bytes = 4;
	a->family = IP_V4;
	a->l4 = ip + IP4_HEADER_BYTES;
	a->l4_bytes = all - IP4_HEADER_BYTES;
	a->marked = (ip[1] & 3) == IP_CE;
	return true;
}

static bool look_ip6(const uint8_t *ip, size_t bytes, struct ahead *a)
{
	if (bytes < IP6_HEADER_BYTES + TCP_HEADER_BYTES || ip[0] >> 4 != 6 || ip[6] != IP_TCP)
		return false;
	uint32_t l4_bytes = load_be16(ip + 4);
	if (l4_bytes < TCP_HEADER_BYTES || l4_bytes > bytes - IP6_HEADER_BYTES)
		return false;
	a->src = ip + 8;
	a->dst = ip + 24;
	a->addr_bytes = 16;
	a->family = IP_V6;
	a->l4 = ip + IP6_HEADER_BYTES;
	a->l4_bytes = l4_bytes;
	a->marked = (ip[1] >> 4 & 3) == IP_CE;
	return true;
}

/* Of the remote end, and of our port. */
static uint32_t key_of(const struct ahead *a)
{
	uint32_t ports = load_be32(a->l4);
	uint32_t key = (ports ^ load_be32(a->src)) * 0x9e3779b1u;
	return (key ^ load_be32(a->src + a->addr_bytes - 4)) * 0x85ebca6bu;
}

static uint32_t recent_place(uint32_t key)
{
	return key / (UINT32_MAX / TCP_RECENT_CONNECTIONS + 1);
}

/* Out of line: keeps what it needs of the stack out of the way that needs none of it. */
__attribute__((noinline)) static uint32_t hash_of(const struct tcp_stack *s, const struct ahead *a)
{
	struct tuple t = { .local_port = load_be16(a->l4 + 2), .remote_port = load_be16(a->l4) };
	t.local.family = t.remote.family = a->family;
	memcpy(t.local.bytes, a->dst, a->addr_bytes);
	memcpy(t.remote.bytes, a->src, a->addr_bytes);
	return (uint32_t)tuple_hash(s->config.secret, TUPLE_FLOW, &t);
}

/* The lines of a connection that any segment touches. */
static void fetch(const struct tcp_stack *s, uint32_t ref)
{
	if (ref == FLOW_NONE || (ref & FLOW_TIME_WAIT) != 0)
		return;
	const uint8_t *c = (const uint8_t *)stack_conn_at(s, ref - 1);
	for (uint32_t at = 0; at < CONN_HOT_BYTES; at += CACHE_LINE_BYTES)
		__builtin_prefetch(c + at);
}

void ahead_look(const struct tcp_stack *s, struct span frame, struct ahead *a)
{
	a->frame = frame;
	a->l3 = NULL;
	a->hash = 0;
	a->ref = FLOW_NONE;
	a->vlan = 0;
	if (frame.bytes <= ETH_HEADER_BYTES_MAX)
		return;
	const uint8_t *ip = frame.data + ETH_HEADER_BYTES;
	size_t bytes = frame.bytes - ETH_HEADER_BYTES;
	uint16_t type = load_be16(ip - 2);
	if (type == ETH_TAG) {
		a->vlan = load_be16(ip) & ETH_VLAN_MASK;
		ip += ETH_TAG_BYTES;
		bytes -= ETH_TAG_BYTES;
		type = load_be16(ip - 2);
	}
	if (!(type == ETH_IP4 && look_ip4(ip, bytes, a)) && !(type == ETH_IP6 && look_ip6(ip, bytes, a)))
		return;
	a->l3 = ip;
	a->key = key_of(a);
	const struct recent *recent = &s->recent[recent_place(a->key)];
	if (recent->ref != FLOW_NONE && recent->key == a->key) {
		a->ref = recent->ref;
		fetch(s, a->ref);
		return;
	}
	a->hash = hash_of(s, a);
	flow_fetch(&s->flows, a->hash);
}

/* The first reference under the hash; the walk over others, if there are any, is demux.c's. */
static void look_closer(const struct tcp_stack *s, struct ahead *a)
{
	struct flow_walk walk = { 0 };
	a->ref = flow_next(&s->flows, a->hash, &walk);
	fetch(s, a->ref);
}

void ahead_remember(struct tcp_stack *s, const struct ahead *a, uint32_t ref)
{
	if (a->l3 != NULL)
		s->recent[recent_place(a->key)] = (struct recent){ .key = a->key, .ref = ref };
}

uint32_t tcp_input_burst(struct tcp_stack *s, const struct span *frames, const uint32_t *flags, uint32_t count,
                         struct instant now)
{
	struct ahead seen[TCP_BURST_MAX];
	uint32_t believed = s->config.rx_checksum_offload ? TCP_FRAME_CHECKED : 0;
	CHECK(count <= TCP_BURST_MAX);
	s->now = now;
	s->counters.frames_in += count;
	for (uint32_t i = 0; i < count; i++) {
		s->counters.bytes_in += frames[i].bytes;
		ahead_look(s, frames[i], &seen[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		if (seen[i].hash != 0)
			look_closer(s, &seen[i]);
	uint32_t elsewhere = 0;
	for (uint32_t i = 0; i < count; i++) {
		bool checked = (flags[i] & believed) != 0;
		if (express_input(s, &seen[i], checked, now))
			continue;
		s->elsewhere = false;
		stack_frame(s, &seen[i], checked, (flags[i] & TCP_FRAME_FINAL) != 0, now);
		elsewhere |= (uint32_t)s->elsewhere << i;
	}
	return elsewhere;
}

void tcp_input(struct tcp_stack *s, struct span frame, uint32_t flags, struct instant now)
{
	flags |= TCP_FRAME_FINAL;
	(void)tcp_input_burst(s, &frame, &flags, 1, now);
}
