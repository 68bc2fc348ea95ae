/*
 * stack.c - one worker's stack: its memory, the first steps of a frame (Ethernet, IP), and time.
 */
#include "tcp/stack_int.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define CONN_MAGIC 0x54434f4eu
#define REASM_MAGIC 0x5245534du
#define SEARCH_MAGIC 0x53524348u

static const char *const drop_names[] = {
#define DROP(name, text) [TCP_DROP_##name] = #name,
#include "tcp/drops.def"
#undef DROP
};
_Static_assert(COUNT_OF(drop_names) == TCP_DROP_COUNT, "every drop has a name");

/* ---- making ---- */

struct pieces { /* of the arena */
	struct tcp_stack *stack;
	void *conns, *waits, *reasms, *searches;
	struct path_entry *paths;
	struct flow_entry *flows;
	struct neigh *neighs;
	uint16_t *buckets;
	struct control_frame *controls;
	struct source *sources;
	struct black_boxes boxes;
	struct fragments *fragments;
	struct room joined;
};

static uint32_t share_count(const struct tcp_config *config, uint32_t share, uint32_t least)
{
	uint32_t count = at_least(config->connections_max / share, least);
	return at_most(count, config->connections_max);
}

static uint32_t reasm_count(const struct tcp_config *config)
{
	return share_count(config, TCP_REORDER_SHARE, TCP_REORDER_CONNECTIONS_MIN);
}

static uint32_t search_count(const struct tcp_config *config)
{
	uint32_t count = share_count(config, TCP_SEARCH_SHARE, TCP_SEARCHES_MIN);
	return at_most(count, UINT16_MAX); /* conn.search says which */
}

/* All are taken even when one does not fit, so that a counting arena sees them all. */
static bool take_pieces(struct arena *a, const struct tcp_config *config, struct pieces *p)
{
	uint32_t max = config->connections_max;
	uint32_t slots = flow_slots(max * 2);
	p->stack = arena_take(a, "tcp stack", sizeof(*p->stack));
	p->conns = arena_take(a, "tcp connections", slab_memory_bytes(sizeof(struct conn), max));
	p->waits = arena_take(a, "tcp time-wait", slab_memory_bytes(sizeof(struct time_wait), max));
	p->reasms = arena_take(a, "tcp reassembly",
	                       slab_memory_bytes(sizeof(struct reasm), reasm_count(config)));
	p->searches = arena_take(a, "tcp path searches",
	                         slab_memory_bytes(sizeof(struct path_search), search_count(config)));
	p->paths = arena_take(a, "tcp path memory", PATH_MEMORY_SETS * PATH_MEMORY_WAYS * sizeof(*p->paths));
	p->flows = arena_take(a, "tcp flow table", (size_t)slots * sizeof(struct flow_entry));
	p->neighs = arena_take(a, "tcp neighbours", TCP_NEIGHBOURS_MAX * sizeof(struct neigh));
	p->buckets = arena_take(a, "tcp neighbours", NEIGH_BUCKETS * sizeof(uint16_t));
	p->controls = arena_take(a, "tcp control frames",
	                         TCP_CONTROL_FRAMES_MAX * sizeof(struct control_frame));
	p->sources = arena_take(a, "tcp sources", (size_t)flow_slots(max) * sizeof(struct source));
	bool boxes = black_box_init(&p->boxes, a, max);
	p->fragments = config->fragments ? arena_take(a, "tcp fragments", sizeof(*p->fragments)) : NULL;
	p->joined = (struct room){ NULL, 0 };
	if (config->large_frames)
		p->joined = (struct room){ arena_take(a, "tcp joined frame", TCP_LARGE_BYTES_MAX), TCP_LARGE_BYTES_MAX };
	bool whole = p->stack != NULL && p->conns != NULL && p->waits != NULL && p->reasms != NULL && p->flows != NULL;
	bool link = p->neighs != NULL && p->buckets != NULL && p->controls != NULL && p->sources != NULL;
	bool paths = p->searches != NULL && p->paths != NULL;
	bool asked = (p->fragments != NULL || !config->fragments) && (p->joined.data != NULL || !config->large_frames);
	return whole && link && paths && boxes && asked;
}

static uint8_t shift_for(uint32_t bytes_max)
{
	uint8_t shift = 0;
	while (shift < TCP_SHIFT_MAX && bytes_max >> shift > UINT16_MAX)
		shift++;
	return shift;
}

static void check_config(const struct tcp_config *config)
{
	CHECK(config->mtu >= 1280);
	CHECK(config->mtu <= 9000);
	CHECK(config->address_count >= 1);
	CHECK(config->address_count <= TCP_ADDRESSES_MAX);
	for (uint32_t i = 0; i < config->address_count; i++)
		CHECK(config->addresses[i].vlan <= IP_VLAN_MAX);
	CHECK(config->route_count <= TCP_ROUTES_MAX);
	CHECK(config->connections_max >= 1);
	CHECK(config->rx_bytes_max <= TCP_WINDOW_MAX);
	CHECK(config->tx_bytes_max <= TCP_WINDOW_MAX);
	CHECK(config->window_shift <= TCP_SHIFT_MAX);
}

struct tcp_stack *tcp_make(struct arena *arena, const struct tcp_config *config,
                           struct block_pool *pool, struct recorder *recorder, struct instant now)
{
	struct pieces p;
	check_config(config);
	if (!take_pieces(arena, config, &p))
		return NULL;
	struct tcp_stack *s = p.stack;
	uint32_t max = config->connections_max;
	s->config = *config;
	s->pool = pool;
	s->recorder = recorder;
	s->congestion = congestion_of(config->congestion);
	s->boxes = p.boxes;
	s->boxes.current = &s->boxes.scrap;
	s->joined = p.joined;
	s->frame_bytes_max = config->large_frames ? TCP_LARGE_BYTES_MAX : TCP_FRAME_BYTES_MAX;
	s->fragments = p.fragments;
	if (s->fragments != NULL)
		fragment_init(s->fragments);
	s->now = now;
	slab_init(&s->conns, p.conns, sizeof(struct conn), max, CONN_MAGIC);
	slab_init(&s->reasms, p.reasms, sizeof(struct reasm), reasm_count(config), REASM_MAGIC);
	slab_init(&s->searches, p.searches, sizeof(struct path_search), search_count(config), SEARCH_MAGIC);
	s->paths = (struct path_memory){ .entries = p.paths, .key = config->secret };
	s->paths.key.k1 ^= (uint64_t)TUPLE_PATH << 56;
	time_wait_init(&s->waits, p.waits, max);
	flow_init(&s->flows, p.flows, flow_slots(max * 2));
	neigh_init(&s->neighbours, p.neighs, p.buckets);
	s->controls.frames = p.controls;
	source_init(&s->sources, p.sources, flow_slots(max));
	link_init(&s->stalled);
	link_init(&s->paced);
	bucket_init(&s->icmp_passes, TCP_ICMP_PASSES_PER_SECOND, TCP_ICMP_PASSES_PER_SECOND / 10, now);
	link_init(&s->ready);
	link_init(&s->events);
	wheel_init(&s->wheel, now);
	prng_seed(&s->prng, config->seed);
	s->port_next = (uint32_t)prng_u64(&s->prng);
	s->cut_bytes_max = at_most(config->cut_room.bytes > TCP_CUT_HEADERS_MAX
	                                   ? (uint32_t)config->cut_room.bytes - TCP_CUT_HEADERS_MAX
	                                   : 0,
	                           UINT16_MAX - TCP_CUT_HEADERS_MAX);
	s->rcv_shift = shift_for(config->rx_bytes_max);
	if (s->rcv_shift < config->window_shift)
		s->rcv_shift = config->window_shift;
	return s;
}

/* ---- a frame ---- */

static bool for_our_mac(const struct tcp_stack *s, const struct eth_view *eth)
{
	return eth_is_group(eth->dst) ||
	       span_equal(span_of(eth->dst, ETH_MAC_BYTES), span_of(s->config.mac, ETH_MAC_BYTES));
}

static enum tcp_drop drop_of(enum ip_outcome outcome)
{
	switch (outcome) {
	case IP_BAD_CHECKSUM:
		return TCP_DROP_IP_CHECKSUM;
	case IP_BAD_EXTENSION:
		return TCP_DROP_IP_EXTENSION;
	case IP_OK:
	case IP_FRAGMENT:
	case IP_BAD_HEADER:
		return TCP_DROP_IP_HEADER;
	}
	return TCP_DROP_IP_HEADER;
}

/* An IPv6 packet to a group can only be neighbour discovery for us; which one, the message says. */
static bool addressed_to_us(const struct tcp_stack *s, struct packet *p)
{
	if (host_owns(s, p->ip.dst, &p->local))
		return true;
	return p->ip.dst.family == IP_V6 && ip_is_multicast(p->ip.dst) &&
	       p->ip.protocol == IP_ICMP6;
}

static bool source_good(const struct tcp_stack *s, const struct packet *p)
{
	uint8_t local;
	bool probe = p->ip.protocol == IP_ICMP6; /* :: may look for duplicates of its address */
	if (host_owns(s, p->ip.src, &local))
		return false; /* ourselves: LAND, or a loop */
	return probe ? !ip_is_multicast(p->ip.src) : ip_source_plausible(p->ip.src);
}

/* Nothing is kept of what is not for us. An atomic fragment is a packet of its own (RFC 6946), whatever else
 * has its identification. */
static bool fragment_completes(struct tcp_stack *s, struct packet *p, struct instant now)
{
	bool atomic = p->ip.fragment_offset == 0 && !p->ip.fragment_more;
	if (s->fragments == NULL || p->group) {
		stack_drop(s, TCP_DROP_IP_FRAGMENT);
		return false;
	}
	if (!atomic && !fragment_input(s, p, now))
		return false;
	if (p->ip.src.family == IP_V4 || ip6_rest_parse(&p->ip) == IP_OK)
		return true;
	stack_drop(s, TCP_DROP_IP_EXTENSION);
	return false;
}

static enum frame_fate packet_input(struct tcp_stack *s, struct packet *p, struct instant now)
{
	bool v4 = p->ip.src.family == IP_V4;
	if (!source_good(s, p)) {
		stack_drop(s, TCP_DROP_IP_SOURCE);
		return FRAME_TAKEN;
	}
	if (!addressed_to_us(s, p)) {
		stack_drop(s, TCP_DROP_IP_DESTINATION);
		return FRAME_TAKEN;
	}
	if (stack_vlan(s, p->local) != p->vlan && !ip_is_multicast(p->ip.dst)) {
		stack_drop(s, TCP_DROP_VLAN_OTHER);
		return FRAME_TAKEN;
	}
	if (p->fragmented && !fragment_completes(s, p, now))
		return FRAME_TAKEN;
	if (p->ip.protocol == IP_TCP)
		return demux_input(s, p, now);
	if (p->ip.protocol == (v4 ? IP_ICMP : IP_ICMP6))
		return icmp_in(s, p, now);
	stack_drop(s, TCP_DROP_IP_PROTOCOL);
	return FRAME_TAKEN;
}

/* Behind options and extension headers a port may not have looked; and some (igb) say good wherever they do not say
 * bad. */
static bool headers_are_plain(const struct ip_view *ip, bool v4)
{
	uint32_t header_bytes = v4 ? IP4_HEADER_BYTES : IP6_HEADER_BYTES;
	return ip->l4_offset == ip->l3_offset + header_bytes;
}

static enum frame_fate ip_input(struct tcp_stack *s, const struct eth_view *eth, bool v4,
                                const struct ahead *ahead, struct instant now)
{
	struct packet p = { .mac = eth->src,
		            .group = eth_is_group(eth->dst),
		            .vlan = eth->vlan,
		            .checked = (ahead->flags & TCP_FRAME_CHECKED) != 0,
		            .final = (ahead->flags & TCP_FRAME_FINAL) != 0,
		            .ahead = ahead };
	enum ip_outcome outcome = v4 ? ip4_parse(eth->payload, eth->l3_offset, p.checked, &p.ip)
	                             : ip6_parse(eth->payload, eth->l3_offset, &p.ip);
	p.fragmented = outcome == IP_FRAGMENT;
	p.checked = p.checked && headers_are_plain(&p.ip, v4);
	if (outcome == IP_OK || outcome == IP_FRAGMENT)
		return packet_input(s, &p, now);
	stack_drop(s, drop_of(outcome));
	return FRAME_TAKEN;
}

/* One that came in pieces, as one; SPAN_NONE: it is too long. */
static struct span join(struct tcp_stack *s, const struct tcp_frame *frame)
{
	struct writer w = writer_of(s->joined);
	writer_bytes(&w, frame->head);
	for (uint32_t i = 0; i < frame->more_count; i++)
		writer_bytes(&w, frame->more[i]);
	return w.ok ? writer_span(&w) : SPAN_NONE;
}

enum frame_fate stack_frame(struct tcp_stack *s, const struct ahead *ahead, struct instant now)
{
	struct eth_view eth;
	struct span frame = ahead_is_chained(ahead) ? join(s, ahead->whole) : ahead->frame;
	if (frame.bytes > s->frame_bytes_max || !eth_parse(frame, &eth))
		stack_drop(s, TCP_DROP_ETHERNET);
	else if (!for_our_mac(s, &eth) || eth_is_group(eth.src))
		stack_drop(s, TCP_DROP_NOT_OUR_MAC);
	else if (eth.type == ETH_IP4)
		return ip_input(s, &eth, true, ahead, now);
	else if (eth.type == ETH_IP6)
		return ip_input(s, &eth, false, ahead, now);
	else if (eth.type == ETH_ARP)
		host_arp_input(s, &eth, now);
	else if (eth_is_tag(eth.type))
		stack_drop(s, TCP_DROP_VLAN_STACKED);
	else
		stack_drop(s, TCP_DROP_ETHER_TYPE);
	return FRAME_TAKEN;
}

/* ---- time ---- */

struct instant tcp_deadline(const struct tcp_stack *s)
{
	struct instant at = instant_earlier(wheel_deadline(&s->wheel), time_wait_deadline(s));
	at = instant_earlier(at, pacing_deadline(s));
	return s->fragments == NULL ? at : instant_earlier(at, fragment_deadline(s->fragments));
}

void tcp_expire(struct tcp_stack *s, struct instant now)
{
	s->now = now;
	time_wait_expire(s, now);
	pressure_relieve(s, now);
	pacing_expire(s, now);
	if (s->fragments != NULL)
		fragment_expire(s, now);
	struct timer *t;
	while ((t = wheel_pop(&s->wheel, now)) != NULL) {
		switch ((enum stack_timer)t->kind) {
		case STACK_TIMER_CONN:
			timers_conn(s, OBJECT_OF(t, struct conn, timer), now);
			break;
		case STACK_TIMER_ACK:
			timers_ack(s, OBJECT_OF(t, struct conn, ack_timer), now);
			break;
		case STACK_TIMER_NEIGH:
			neigh_expire(s, OBJECT_OF(t, struct neigh, timer), now);
			break;
		}
	}
}

/* ---- accounting ---- */

const struct tcp_counters *tcp_counters(const struct tcp_stack *s)
{
	return &s->counters;
}

const char *tcp_drop_name(enum tcp_drop drop)
{
	return drop < TCP_DROP_COUNT ? drop_names[drop] : "?";
}

uint32_t tcp_connections(const struct tcp_stack *s)
{
	return s->conns.used + s->waits.slab.used;
}

uint32_t tcp_time_waits(const struct tcp_stack *s)
{
	return s->waits.slab.used;
}
