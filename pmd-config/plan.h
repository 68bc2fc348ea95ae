/*
 * plan.h - settings and what the machine has -> which ports, queues, lcores and pools there will be
 * (pure).
 *
 * Same input, same plan. A plan that cannot be made says why, in the operator's words. The
 * inventory is what DPDK reported of each port after probing (or a recorded one, in tests).
 */
#ifndef WEIR_PMD_CONFIG_PLAN_H
#define WEIR_PMD_CONFIG_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/text.h"

#define PLAN_PORTS_MAX   8u
#define PLAN_LCORES_MAX  64u
#define PLAN_RETA_MAX    2048u
#define PLAN_RSS_KEY_MAX 64u

enum plan_offload { /* what a port can do; our own names, mapped from RTE_ETH_* by run/port_io */
		    PLAN_RX_CHECKSUM = 1u << 0,
		    PLAN_TX_CHECKSUM_TCP = 1u << 1,
		    PLAN_TX_CHECKSUM_IP4 = 1u << 2,
		    PLAN_RSS_TCP =
			    1u
			    << 3, /* Toeplitz over the 4-tuple, key and table can be set or read */
		    PLAN_TX_MULTI_SEGS = 1u << 4,
		    PLAN_TX_TSO = 1u << 5,
		    PLAN_TX_FAST_FREE = 1u << 6,
		    PLAN_RX_LRO = 1u << 7, /* puts segments of TCP together, and verifies them before */
		    PLAN_RX_PARTIAL = 1u << 8, /* a frame whose checksum was never made has been on no wire */
};

enum plan_steering { /* how frames of a connection find the worker that owns it */
		     PLAN_STEER_SINGLE = 1, /* one worker */
		     PLAN_STEER_RSS,   /* the NIC hashes; outbound ports are chosen so that replies
					  return (rss.h) */
		     PLAN_STEER_QUEUE, /* the device keeps a flow on the queue pair that it was sent
					  on (memif, tap) */
		     PLAN_STEER_HAND,  /* the device spreads frames by a hash of its own that nobody
					  can read: workers hand them on */
};

struct plan_inventory_port {
	const char *device; /* as in the settings */
	const char *driver; /* "net_memif", "net_ixgbe", ... */
	uint16_t rx_queues_max, tx_queues_max;
	uint16_t rx_desc_min, rx_desc_max, tx_desc_min, tx_desc_max;
	uint16_t mtu_max;
	uint16_t reta_size; /* 0: none */
	uint8_t rss_key_bytes;
	uint32_t offloads; /* enum plan_offload */
	int16_t numa;      /* -1: any */
};

struct plan_port_want {
	const char *name;
	const char *device;
	uint16_t mtu;
	const char *exception;   /* the kernel's interface for what is not ours; NULL: none */
	uint32_t exception_rate; /* frames a second, each way */
	bool large_receive_off;  /* segments come as they are on the cable, whatever the device can do */
};

struct plan_want {
	const char *lcores; /* "1", "1-3,5" */
	bool idle_busy;
	uint32_t port_count;
	struct plan_port_want ports[PLAN_PORTS_MAX];
	uint32_t connections_max;
	uint32_t window_bytes_max;
	uint64_t memory_bytes; /* 0: computed */
};

struct plan_port {
	uint16_t queues; /* rx = tx = workers */
	uint16_t rx_descriptors, tx_descriptors;
	uint32_t offloads; /* of those the port has, the ones we switch on */
	enum plan_steering steering;
	uint16_t mbuf_data_bytes;
	uint32_t mbufs; /* in the pool of each queue */
};

struct plan {
	uint32_t worker_count;
	uint16_t lcores[PLAN_LCORES_MAX];
	uint32_t port_count;
	struct plan_port ports[PLAN_PORTS_MAX];
	uint32_t connections_per_worker;
	uint32_t blocks_per_worker;
	uint64_t worker_bytes; /* everything a worker reserves but the mbufs */
};

/* "1-3,5" -> {1,2,3,5}. False: not a core list, or one twice, or too many. */
MUST_USE bool plan_lcores_parse(struct span text, uint16_t *lcores, uint32_t *count);
/* False when refused; the reason is in `why`. */
MUST_USE bool plan_make(const struct plan_want *want, const struct plan_inventory_port *inventory,
			struct plan *plan, struct text *why);
/* The planned offloads of a port that is opened, of those that the device has. One that joins segments verifies them
 * before, so that checksums come with it; `joins`: it was not refused when the device was configured. */
uint32_t plan_offloads(const struct plan_port *port, uint32_t device, bool joins);

#endif
