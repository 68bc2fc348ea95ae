/*
 * port_int.h - what port_open.c makes and port_io.c uses: the insides of a port. Stays in this folder.
 */
#ifndef WEIR_RUN_PORT_INT_H
#define WEIR_RUN_PORT_INT_H

#include <rte_common.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "run/port_io.h"

#define PORT_TX_QUEUED_MAX 64u    /* frames written but not yet taken by the device */
#define PORT_TX_TRIES 4u          /* bursts offered per flush */
#define PORT_TX_STUCK_MAX 50000u /* flushes in a row without one frame taken: then they are dropped */
#define PORT_HANDED_FRAMES 1024u  /* hand-over ring of a queue; a power of two */
#define PORT_MBUF_CACHE 256u
#define PORT_CUT_BYTES_MAX 60000u /* below what the length field of IP can say */
#define PORT_PIECES_MAX 1056u /* behind the first ones, of a burst: of 64 KiB each in buffers of 2 KiB */

struct port_queue {
	/* read only */
	uint16_t port_id;
	uint16_t queue;
	bool tx_checksum;
	bool rx_checksum, rx_partial; /* the device has verified; a frame without a checksum needs none */
	bool lro; /* the device puts segments together: frames are lent in pieces */
	uint32_t frame_bytes; /* of the longest on the cable */
	struct span *pieces; /* PORT_PIECES_MAX of them, with lro */
	struct port *port;
	struct rte_mempool *pool;
	bool tso;        /* the device cuts frames of several segments; else we do */
	struct room cut; /* where those are written */
	struct rte_ring *handed; /* frames that other workers gave us; many producers, one consumer */
	/* per burst */
	uint32_t rx_count;
	uint32_t rx_handed; /* the first so many of rx[] came from other workers */
	uint32_t rx_pieces; /* of pieces[], in use */
	uint32_t tx_count;
	uint32_t tx_prepared; /* the first so many of tx[] went through rte_eth_tx_prepare() */
	uint32_t tx_stuck;    /* flushes in a row that the device took nothing of */
	struct rte_mbuf *spare;
	struct rte_mbuf *rx[PORT_BURST];
	struct rte_mbuf *tx[PORT_TX_QUEUED_MAX];
	struct port_counters counters;
} __rte_cache_aligned;

struct port {
	const char *name;
	uint16_t port_id;
	uint16_t queues;
	uint16_t mtu;
	uint32_t offloads; /* enum plan_offload, what is on */
	uint8_t mac[6];
	uint8_t rss_key_bytes; /* 0: no RSS */
	uint8_t rss_key[PLAN_RSS_KEY_MAX];
	uint16_t reta_size;
	uint16_t reta[PLAN_RETA_MAX]; /* queue of each slot, as the device says */
	struct port_queue queue[PLAN_LCORES_MAX];
};

/* The queue has room: see port_tx_room(). */
static inline void port_queue_frame(struct port_queue *q, struct rte_mbuf *m)
{
	CHECK(q->tx_count < PORT_TX_QUEUED_MAX);
	q->counters.tx_bytes += m->pkt_len;
	q->tx[q->tx_count++] = m;
}

/* port_cut.c: queues the frame in q->cut, which has so many bytes, as segments. The queue has room for
 * TCP_CUT_SEGMENTS_MAX frames. */
void port_cut(struct port_queue *q, size_t bytes, const struct tcp_frame_meta *meta);
/* port_io.c: what the device must know to fill in a TCP checksum. */
void port_ask_checksum(struct rte_mbuf *m, const struct tcp_frame_meta *meta);

#endif
