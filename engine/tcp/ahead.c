/*
 * ahead.c - the first look at frames that came together.
 *
 * With many connections the time of a segment is the time of the memory that it needs: an entry of the flow table, then
 * the connection, each far away from the last. So a burst is gone through three times: once to see whose each frame may
 * be and to fetch the entry, once to fetch the connection, and once to deal with the frames in their order. What was
 * seen is a hint and no more: an earlier frame of the burst may have closed the connection.
 *
 * Frames of one connection come in trains. One that is from and to whom the frame before it was needs nothing fetched,
 * and may be dealt with together with that one (express.c).
 */
#include "tcp/ahead_int.h"

#include "tcp/stack_int.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/load.h"

#define CACHE_LINE_BYTES 64u

static bool look_ip4(struct ahead *a)
{
	const uint8_t *ip = a->frame.data + a->l3_at;
	size_t bytes = a->bytes - a->l3_at;
	if (bytes < IP4_HEADER_BYTES + TCP_HEADER_BYTES || ip[0] != 0x45 || ip[9] != IP_TCP)
		return false;
	uint32_t l4_bytes = ahead_ip4_bytes(ip, bytes);
	if (l4_bytes < TCP_HEADER_BYTES)
		return false;
	a->src_at = a->l3_at + 12;
	a->addr_bytes = 4;
	a->family = IP_V4;
	a->l4_at = (uint8_t)(a->l3_at + IP4_HEADER_BYTES);
	a->l4_bytes = l4_bytes;
	a->marked = (ip[1] & 3) == IP_CE;
	return true;
}

static bool look_ip6(struct ahead *a)
{
	const uint8_t *ip = a->frame.data + a->l3_at;
	size_t bytes = a->bytes - a->l3_at;
	if (bytes < IP6_HEADER_BYTES + TCP_HEADER_BYTES || ip[0] >> 4 != 6 || ip[6] != IP_TCP)
		return false;
	uint32_t l4_bytes = ahead_ip6_bytes(ip, bytes);
	if (l4_bytes < TCP_HEADER_BYTES)
		return false;
	a->src_at = a->l3_at + 8;
	a->addr_bytes = 16;
	a->family = IP_V6;
	a->l4_at = (uint8_t)(a->l3_at + IP6_HEADER_BYTES);
	a->l4_bytes = l4_bytes;
	a->marked = (ip[1] >> 4 & 3) == IP_CE;
	return true;
}

/* Of the remote end, and of our port. */
static uint32_t key_of(const struct ahead *a)
{
	const uint8_t *src = ahead_src(a);
	uint32_t key = (load_be32(ahead_l4(a)) ^ load_be32(src)) * 0x9e3779b1u;
	return (key ^ load_be32(src + a->addr_bytes - 4)) * 0x85ebca6bu;
}

static uint32_t recent_place(uint32_t key)
{
	return key / (UINT32_MAX / TCP_RECENT_CONNECTIONS + 1);
}

struct tuple ahead_tuple(const struct ahead *a)
{
	const uint8_t *l4 = ahead_l4(a);
	struct tuple t = { .local_port = load_be16(l4 + 2), .remote_port = load_be16(l4) };
	t.local.family = t.remote.family = a->family;
	memcpy(t.local.bytes, ahead_dst(a), a->addr_bytes);
	memcpy(t.remote.bytes, ahead_src(a), a->addr_bytes);
	return t;
}

/* Out of line: keeps what it needs of the stack out of the way that needs none of it. */
__attribute__((noinline)) static uint32_t hash_of(const struct tcp_stack *s, const struct ahead *a)
{
	struct tuple t = ahead_tuple(a);
	return (uint32_t)tuple_hash(s->config.secret, TUPLE_FLOW, &t);
}

/* The lines of a connection that any segment touches. */
static void fetch(const struct tcp_stack *s, uint32_t ref)
{
	if (ref == FLOW_NONE || (ref & FLOW_TIME_WAIT) != 0)
		return;
	const uint8_t *c = (const uint8_t *)stack_conn_at(s, ref - 1);
	_Static_assert(CONN_HOT_BYTES == 6 * CACHE_LINE_BYTES, "all lines are named");
	__builtin_prefetch(c);
	__builtin_prefetch(c + CACHE_LINE_BYTES);
	__builtin_prefetch(c + 2 * CACHE_LINE_BYTES);
	__builtin_prefetch(c + 3 * CACHE_LINE_BYTES);
	__builtin_prefetch(c + 4 * CACHE_LINE_BYTES);
	__builtin_prefetch(c + 5 * CACHE_LINE_BYTES);
}

/* Finds the connection among those heard of late, or begins to find it. */
static void look_up(const struct tcp_stack *s, struct ahead *a)
{
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

static inline bool look_eth(struct ahead *a)
{
	const uint8_t *eth = a->frame.data;
	a->vlan = 0;
	a->l3_at = 0;
	if (a->frame.bytes <= ETH_HEADER_BYTES_MAX)
		return false;
	a->l3_at = ETH_HEADER_BYTES;
	if (load_be16(eth + ETH_HEADER_BYTES - 2) == ETH_TAG) {
		a->vlan = load_be16(eth + ETH_HEADER_BYTES) & ETH_VLAN_MASK;
		a->l3_at = ETH_HEADER_BYTES + ETH_TAG_BYTES;
	}
	uint16_t type = load_be16(eth + a->l3_at - 2);
	if ((type == ETH_IP4 && look_ip4(a)) || (type == ETH_IP6 && look_ip6(a)))
		return true;
	a->l3_at = 0;
	return false;
}

bool ahead_read(struct ahead *a)
{
	return look_eth(a);
}

void ahead_look(const struct tcp_stack *s, struct ahead *a)
{
	a->same = false;
	a->hash = 0;
	a->ref = FLOW_NONE;
	if (look_eth(a))
		look_up(s, a);
}

/* The first reference under the hash; the walk over others, if there are any, is demux.c's. */
static void look_closer(const struct tcp_stack *s, struct ahead *a)
{
	struct flow_walk walk = { 0 };
	a->ref = flow_next(&s->flows, a->hash, &walk);
	fetch(s, a->ref);
}

/* Headers that have all in common that says whose they are and how: ports, which differ most often, and addresses;
 * Ethernet with its tag; IP's version, class and protocol. */
static inline bool is_same(const struct ahead *a, const struct ahead *b)
{
	const uint8_t *eth = a->frame.data, *other = b->frame.data;
	uint32_t l3 = a->l3_at, src = a->src_at, l4 = a->l4_at;
	if (b->frame.bytes < l4 + TCP_HEADER_BYTES || memcmp(eth + l4, other + l4, 4) != 0 ||
	    memcmp(eth, other, ETH_HEADER_BYTES + 2) != 0 || memcmp(eth + l3 - 2, other + l3 - 2, 4) != 0)
		return false;
	if (a->addr_bytes != 4)
		return other[l3 + 6] == IP_TCP && memcmp(eth + src, other + src, 32) == 0;
	return other[l3 + 9] == IP_TCP && memcmp(eth + src, other + src, 8) == 0;
}

void ahead_remember(struct tcp_stack *s, const struct ahead *a, uint32_t ref)
{
	if (a->l3_at != 0)
		s->recent[recent_place(a->key)] = (struct recent){ .key = a->key, .ref = ref };
}

static void look_at_all(struct tcp_stack *s, const struct tcp_frame *frames, uint32_t count, struct ahead *seen)
{
	uint32_t believed = TCP_FRAME_FINAL | (s->config.rx_checksum_offload ? TCP_FRAME_CHECKED : 0);
	const struct ahead *last = NULL;
	uint64_t bytes = 0;
	bool unknown = false;
	for (uint32_t i = 0; i < count; i++) {
		struct ahead *a = &seen[i];
		ahead_begin(a, &frames[i], believed);
		bytes += a->bytes;
		a->same = last != NULL && is_same(last, a);
		if (a->same)
			continue;
		ahead_look(s, a);
		unknown |= a->hash != 0;
		last = a->l3_at != 0 ? a : NULL;
	}
	s->counters.bytes_in += bytes;
	for (uint32_t i = 0; i < count && unknown; i++)
		if (!seen[i].same && seen[i].hash != 0)
			look_closer(s, &seen[i]);
}

/* One that seemed to follow the frame before it, but was not taken with that one. */
static void look_late(const struct tcp_stack *s, struct ahead *a)
{
	ahead_look(s, a);
	if (a->hash != 0)
		look_closer(s, a);
}

uint32_t tcp_input_burst(struct tcp_stack *s, const struct tcp_frame *frames, uint32_t count, struct instant now)
{
	struct ahead seen[TCP_BURST_MAX];
	uint32_t elsewhere = 0, taken;
	CHECK(count <= TCP_BURST_MAX);
	s->now = now;
	s->counters.frames_in += count;
	look_at_all(s, frames, count, seen);
	for (uint32_t i = 0; i < count; i += taken) {
		if (seen[i].same)
			look_late(s, &seen[i]);
		taken = express_input(s, &seen[i], count - i, now);
		if (taken > 0)
			continue;
		taken = 1;
		if (stack_frame(s, &seen[i], now) == FRAME_ELSEWHERE) {
			elsewhere |= 1u << i;
			s->counters.foreign++;
		}
	}
	return elsewhere;
}

void tcp_input(struct tcp_stack *s, struct span frame, uint32_t flags, struct instant now)
{
	const struct tcp_frame whole = { .head = frame, .flags = flags | TCP_FRAME_FINAL };
	(void)tcp_input_burst(s, &whole, 1, now);
}
