/*
 * port_io.h - frames in, frames out: the only part of weir that touches mbufs.
 *
 * One `struct port_queue` is one RX/TX queue pair of one port, owned by one worker. Received frames are lent as
 * spans for the length of the burst; frames to send are written by the caller straight into an mbuf's data room.
 */
#ifndef WEIR_RUN_PORT_IO_H
#define WEIR_RUN_PORT_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"
#include "pmd-config/plan.h"
#include "tcp/tcp.h"

#define PORT_BURST 32u

struct port;       /* one DPDK port, configured and started */
struct port_queue; /* one queue pair of it */

struct port_counters {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t tx_full;   /* bursts the device did not take at once */
	uint64_t tx_drops;  /* frames given up after that */
	uint64_t no_mbuf;
	uint64_t handed_over; /* frames of another worker's connections, passed through a ring */
	uint64_t copied_over; /* news of a neighbour, told to every worker */
	uint64_t hand_drops;             /* not passed on: that worker's ring was full, or no mbuf for a copy */
	uint64_t rx_unjoined;            /* no room in one mbuf for a chain, or for a tag taken off: dropped */
	uint64_t rx_large;               /* frames of more than the MTU: segments that the device put together */
};

/* Finds the DPDK port behind `device` and describes it. False with the reason in `error`. */
MUST_USE bool port_inventory(const char *device, struct plan_inventory_port *out, char *error,
                             size_t error_bytes);
/* Configures and starts it as planned. NULL with the reason in `error`. */
MUST_USE struct port *port_open(const char *name, const char *device, uint16_t mtu,
                                const struct plan_port *plan, char *error, size_t error_bytes);
/* The kernel's interface behind port `behind`, which was opened as planned (exception.h): one queue pair, the same
 * MTU, MAC and buffers: what the kernel sends may fill the port's ring until the device frees it. */
MUST_USE struct port *port_open_tap(const char *name, const char *device, const struct port *behind,
                                    const struct plan_port *plan, char *error, size_t error_bytes);
void port_shut(struct port *p);
void port_mac(const struct port *p, uint8_t mac[6]);
uint32_t port_offloads(const struct port *p); /* enum plan_offload: what is really on */
bool port_link_up(const struct port *p);
/* What the device says of its RSS: key bytes and the queue of each slot of the table (0 slots: no RSS). */
struct span port_rss_key(const struct port *p);
uint16_t port_reta(const struct port *p, const uint16_t **queues);
struct port_queue *port_queue_of(struct port *p, uint16_t queue);

/* Up to PORT_BURST frames, lent until the next call, with TCP_FRAME_CHECKED where the device verified the checksums.
 * They are in one piece (a chain of mbufs is joined), but where the device puts segments together (PLAN_RX_LRO). Also
 * yields frames handed in by other workers. */
uint32_t port_rx(struct port_queue *q, struct tcp_frame frames[PORT_BURST]);

/* How many workers had a frame before: it goes no farther when all but one had. */
enum port_hops {
	PORT_HOPS_NONE = 0,        /* it comes from the device */
	PORT_HOPS_ALL = UINT16_MAX /* whatever their number: it is the receiver's, or each of them has a copy */
};

/* How many had frame `index` of the last burst. */
uint32_t port_hops(const struct port_queue *q, uint32_t index);
/* Gives frame `index` of the last burst to the worker that owns queue `to` of the same port (ring, no copy), as a
 * frame that `hops` workers (enum port_hops) had. Dropped and counted when its ring is full. */
void port_hand_over(struct port_queue *q, uint32_t index, uint16_t to, uint32_t hops);
/* The same with a copy (PORT_HOPS_ALL); the frame stays in the burst. For what every worker must know (neighbours). */
void port_copy_over(struct port_queue *q, uint32_t index, uint16_t to);
/* Where TCP may write a frame of several segments, for port_tx_commit() to cut: by the device (TSO) or in software. */
struct room port_cut_room(const struct port_queue *q);
/* Room for one frame to send; empty when there is no mbuf, or when the device has not taken what is queued:
 * try again next turn. */
struct room port_tx_room(struct port_queue *q);
/* The room last had now holds a frame of `bytes`; it is queued. */
void port_tx_commit(struct port_queue *q, size_t bytes, const struct tcp_frame_meta *meta);
/* Sends what is queued. Call once per turn. What the device does not take stays queued (tx_full), until it took
 * nothing for PORT_TX_STUCK_MAX flushes in a row: then it is dropped (tx_drops). */
void port_tx_flush(struct port_queue *q);
/* Queues frame `index` of the last burst of `q` for sending by another port, as it is; it stays in the burst as well.
 * False: there is no room. */
MUST_USE bool port_forward(struct port_queue *q, uint32_t index, struct port_queue *to);
/* Sends what is queued, once; what the device does not take at once is dropped (*refused). Returns how many it took. */
uint32_t port_tx_offer(struct port_queue *q, uint32_t *refused);
const struct port_counters *port_queue_counters(const struct port_queue *q);

#endif
