/*
 * plan.c - what the operator wants and what the ports can do -> queues, rings, pools, steering. See
 * plan.h.
 *
 * Order: the workers; then each port (queues, steering, offloads, rings, buffers); then each
 * worker's memory. The first thing that cannot be is refused, with the setting's name first, so
 * that the operator knows where to turn.
 *
 * Offloads are negotiated: what a port has of the offloads that the engine can use is switched on,
 * what it lacks is done in software; nothing is refused for lacking one.
 */
#include "pmd-config/plan.h"

#include "pmd-config/profile.h"

#define LCORE_NUMBER_MAX                                                        \
	1023u /* highest CPU number accepted; EAL's own bound is checked by EAL \
	       */
#define HEADROOM_BYTES       128u  /* in front of each frame, as RTE_PKTMBUF_HEADROOM */
#define FRAME_OVERHEAD_BYTES 26u   /* Ethernet header 14, two VLAN tags 8, CRC 4 */
#define MBUF_DATA_BYTES_MIN  2176u /* 2048 and the headroom: what all drivers can fill */
#define MBUFS_HANDED 1024u /* frames that a worker's ring holds */
#define MBUFS_LARGE 1056u  /* a burst of frames of 64 KiB, while the ring is full again */
#define MBUFS_IN_FLIGHT \
	512u /* beside the rings: bursts, caches, frames kept for retransmission's copy */
#define CONNECTION_BYTES \
	2048u /* reserved for each connection, on average over TCP, TLS and SMTP state */
#define WORKER_FIXED_BYTES (4u << 20) /* tables, timers, counters, recorder */
#define BLOCK_PLAN_BYTES   4096u
#define BLOCKS_MIN         1024u /* 4 MiB: some sixteen connections at full window */

static struct span span_str(const char *s)
{
	size_t bytes = 0;
	while (s[bytes] != '\0')
		bytes++;
	return span_of(s, bytes);
}

/* ---- workers ---- */

/* Digits at the front of *s; moves *s behind them. */
static bool core_number(struct span *s, uint16_t *number)
{
	size_t digits = 0;
	uint64_t value;
	while (digits < s->bytes && s->data[digits] >= '0' && s->data[digits] <= '9')
		digits++;
	if (!span_to_u64(span_head(*s, digits), &value) || value > LCORE_NUMBER_MAX)
		return false;
	*number = (uint16_t)value;
	*s = span_after(*s, digits);
	return true;
}

static bool lcore_add(uint16_t lcore, uint16_t *lcores, uint32_t *count)
{
	for (uint32_t i = 0; i < *count; i++)
		if (lcores[i] == lcore)
			return false;
	if (*count == PLAN_LCORES_MAX)
		return false;
	lcores[(*count)++] = lcore;
	return true;
}

/* "3" or "1-3". */
static bool lcore_range(struct span text, uint16_t *lcores, uint32_t *count)
{
	uint16_t first, last;
	text = span_trim(text);
	if (!core_number(&text, &first))
		return false;
	last = first;
	if (text.bytes > 0) {
		if (text.data[0] != '-')
			return false;
		text = span_after(text, 1);
		if (!core_number(&text, &last) || text.bytes > 0)
			return false;
	}
	if (last < first)
		return false;
	for (uint32_t lcore = first; lcore <= last; lcore++)
		if (!lcore_add((uint16_t)lcore, lcores, count))
			return false;
	return true;
}

bool plan_lcores_parse(struct span text, uint16_t *lcores, uint32_t *count)
{
	*count = 0;
	for (;;) {
		size_t comma = span_find(text, ',');
		if (!lcore_range(span_head(text, comma), lcores, count))
			return false;
		if (comma == text.bytes)
			return true;
		text = span_after(text, comma + 1);
	}
}

/* ---- refusals ---- */

static bool refuse(struct text *why, const char *setting, const char *name, const char *reason)
{
	text_str(why, setting);
	text_str(why, ": ");
	if (name != NULL) {
		text_str(why, "port ");
		text_str(why, name);
		text_str(why, ": ");
	}
	text_str(why, reason);
	return false;
}

static void refuse_number(struct text *why, const char *before, uint64_t number, const char *after)
{
	text_str(why, before);
	text_u64(why, number);
	text_str(why, after);
}

/* ---- one port ---- */

static bool queues_plan(const struct plan_port_want *want, const struct plan_inventory_port *have,
			uint32_t workers, struct plan_port *port, struct text *why)
{
	uint16_t most = have->rx_queues_max < have->tx_queues_max ? have->rx_queues_max
								  : have->tx_queues_max;
	if (workers > most) {
		(void)refuse(why, "workers.lcores", want->name, "");
		refuse_number(why, "", workers,
			      " workers need as many queue pairs, the device has ");
		refuse_number(why, "", most, "");
		return false;
	}
	port->queues = (uint16_t)workers;
	return true;
}

static bool has_usable_rss(const struct plan_inventory_port *have)
{
	return (have->offloads & PLAN_RSS_TCP) != 0 && have->reta_size > 0 &&
	       have->reta_size <= PLAN_RETA_MAX && (have->reta_size & (have->reta_size - 1)) == 0 &&
	       have->rss_key_bytes >= 40 && have->rss_key_bytes <= PLAN_RSS_KEY_MAX;
}

static bool steering_plan(const struct plan_port_want *want, const struct plan_inventory_port *have,
			  struct plan_port *port, struct text *why)
{
	const struct profile *profile = profile_find(span_str(have->driver));
	if (port->queues == 1) {
		port->steering = PLAN_STEER_SINGLE;
		return true;
	}
	if (profile->steering == PLAN_STEER_QUEUE) {
		port->steering = PLAN_STEER_QUEUE;
		return true;
	}
	if (profile->steering == PLAN_STEER_RSS && has_usable_rss(have)) {
		port->steering = PLAN_STEER_RSS;
		return true;
	}
	if (profile->steering == PLAN_STEER_RSS || profile->steering == PLAN_STEER_HAND) {
		port->steering = PLAN_STEER_HAND;
		return true;
	}
	(void)refuse(why, "workers.lcores", want->name, have->driver);
	text_str(why, " can feed one worker only: ");
	text_str(why, profile->needs);
	return false;
}

static uint16_t clamp_u16(uint32_t wish, uint16_t least, uint16_t most)
{
	if (most != 0 && wish > most)
		wish = most;
	return (uint16_t)(wish < least ? least : wish);
}

static void rings_plan(const struct plan_inventory_port *have, struct plan_port *port)
{
	uint16_t wish = profile_find(span_str(have->driver))->descriptors;
	port->rx_descriptors = clamp_u16(wish, have->rx_desc_min, have->rx_desc_max);
	port->tx_descriptors = clamp_u16(wish, have->tx_desc_min, have->tx_desc_max);
}

/* A mempool of 2^n - 1 wastes least. Enough for both rings to be full, for what is in flight beside
 * them, and for what waits in the other workers' rings where frames are handed on. */
static uint32_t mbufs_for(const struct plan_port *port)
{
	bool handed = port->steering == PLAN_STEER_HAND;
	uint32_t needed = (uint32_t)port->rx_descriptors + port->tx_descriptors + MBUFS_IN_FLIGHT +
			  (handed ? MBUFS_HANDED * (port->queues - 1u) : 0) +
			  ((port->offloads & PLAN_RX_LRO) != 0 ? MBUFS_LARGE : 0);
	uint32_t mbufs = 1023;
	while (mbufs < needed)
		mbufs = mbufs * 2 + 1;
	return mbufs;
}

static bool buffers_plan(const struct plan_port_want *want, const struct plan_inventory_port *have,
			 struct plan_port *port, struct text *why)
{
	if (have->mtu_max != 0 && want->mtu > have->mtu_max) {
		(void)refuse(why, "ports[].mtu", want->name, "");
		refuse_number(why, "the device takes at most ", have->mtu_max, "");
		return false;
	}
	uint32_t bytes = (uint32_t)want->mtu + FRAME_OVERHEAD_BYTES + HEADROOM_BYTES;
	bytes = (bytes + 63) / 64 * 64;
	port->mbuf_data_bytes = (uint16_t)(bytes < MBUF_DATA_BYTES_MIN ? MBUF_DATA_BYTES_MIN
								       : bytes);
	port->mbufs = mbufs_for(port);
	return true;
}

/* Does the device cut large frames into segments (TSO), with all that this needs? Virtual ones do it in software as we
 * would, and net_tap refuses full segments of its own MTU. */
static bool cuts_frames(const struct plan_inventory_port *have)
{
	const uint32_t needed = PLAN_TX_TSO | PLAN_TX_MULTI_SEGS | PLAN_TX_CHECKSUM_TCP | PLAN_TX_CHECKSUM_IP4;
	return !profile_find(span_str(have->driver))->vdev && (have->offloads & needed) == needed;
}

/* Are segments to be put together (LRO)? Not where some go on to the kernel, which wants them as they were on the cable. */
static bool joins_segments(const struct plan_port_want *want, const struct plan_inventory_port *have)
{
	return profile_find(span_str(have->driver))->joins && want->exception == NULL && !want->large_receive_off;
}

uint32_t plan_offloads(const struct plan_port *port, uint32_t device, bool joins)
{
	uint32_t offloads = port->offloads & (device | PLAN_RX_PARTIAL); /* no device says that of itself */
	if (!joins)
		offloads &= ~(uint32_t)PLAN_RX_LRO;
	if ((offloads & PLAN_RX_LRO) != 0)
		offloads |= PLAN_RX_CHECKSUM;
	return offloads;
}

/* Of what the port has: RSS only where it steers, and freeing in bulk where one pool a queue is sent
 * from, without references and without chains: not where the kernel's frames leave as well, nor where frames are cut. */
static uint32_t offloads_plan(const struct plan_port_want *want,
			      const struct plan_inventory_port *have, const struct plan_port *port)
{
	uint32_t usable = PLAN_RX_CHECKSUM | PLAN_TX_CHECKSUM_TCP | PLAN_TX_CHECKSUM_IP4;
	if (port->steering == PLAN_STEER_RSS)
		usable |= PLAN_RSS_TCP;
	if (cuts_frames(have))
		usable |= PLAN_TX_TSO | PLAN_TX_MULTI_SEGS;
	else if (want->exception == NULL)
		usable |= PLAN_TX_FAST_FREE;
	if (joins_segments(want, have))
		usable |= PLAN_RX_LRO;
	uint32_t offloads = have->offloads & usable;
	return profile_find(span_str(have->driver))->partial ? offloads | PLAN_RX_PARTIAL : offloads;
}

static bool port_plan(const struct plan_port_want *want, const struct plan_inventory_port *have,
		      uint32_t workers, struct plan_port *port, struct text *why)
{
	*port = (struct plan_port){ .queues = 0 };
	if (!queues_plan(want, have, workers, port, why) || !steering_plan(want, have, port, why))
		return false;
	rings_plan(have, port);
	port->offloads = offloads_plan(want, have, port);
	return buffers_plan(want, have, port, why);
}

/* ---- memory ---- */

static uint32_t u32_limited(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Most connections are idle and hold no block. Half a block for each, and sixteen full windows on
 * top. */
static uint64_t blocks_wished(const struct plan_want *want, uint32_t connections)
{
	uint64_t window_blocks = want->window_bytes_max / BLOCK_PLAN_BYTES + 1;
	uint64_t blocks = connections / 2 + 16 * window_blocks;
	return blocks < BLOCKS_MIN ? BLOCKS_MIN : blocks;
}

static bool memory_plan(const struct plan_want *want, struct plan *plan, struct text *why)
{
	uint32_t workers = plan->worker_count;
	plan->connections_per_worker = (want->connections_max + workers - 1) / workers;
	uint64_t fixed = (uint64_t)plan->connections_per_worker * CONNECTION_BYTES +
			 WORKER_FIXED_BYTES;
	uint64_t blocks = blocks_wished(want, plan->connections_per_worker);
	if (want->memory_bytes != 0) {
		uint64_t share = want->memory_bytes / workers;
		if (share < fixed + (uint64_t)BLOCKS_MIN * BLOCK_PLAN_BYTES) {
			(void)refuse(why, "limits.memory_bytes", NULL, "");
			refuse_number(why, "", plan->connections_per_worker,
				      " connections of a worker need ");
			refuse_number(why, "", fixed + (uint64_t)BLOCKS_MIN * BLOCK_PLAN_BYTES,
				      " bytes, its share is ");
			refuse_number(why, "", share, " (fewer connections_max, or more memory)");
			return false;
		}
		blocks = (share - fixed) / BLOCK_PLAN_BYTES;
	}
	plan->blocks_per_worker = u32_limited(blocks);
	plan->worker_bytes = fixed + (uint64_t)plan->blocks_per_worker * BLOCK_PLAN_BYTES;
	return true;
}

bool plan_make(const struct plan_want *want, const struct plan_inventory_port *inventory,
	       struct plan *plan, struct text *why)
{
	*plan = (struct plan){ .worker_count = 0 };
	if (!plan_lcores_parse(span_str(want->lcores), plan->lcores, &plan->worker_count))
		return refuse(why, "workers.lcores", NULL, "not a list of cores such as \"1-3,5\"");
	if (want->port_count == 0 || want->port_count > PLAN_PORTS_MAX)
		return refuse(why, "ports", NULL, "one port to eight ports are needed");
	plan->port_count = want->port_count;
	for (uint32_t i = 0; i < want->port_count; i++)
		if (!port_plan(&want->ports[i], &inventory[i], plan->worker_count, &plan->ports[i],
			       why))
			return false;
	return memory_plan(want, plan, why);
}
