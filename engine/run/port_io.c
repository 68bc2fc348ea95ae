/*
 * port_io.c - bursts of frames in and out of one queue pair: the first and the last step of the byte's path.
 *
 * Only the worker that owns the queue calls these (its app may not); the hand-over rings are the one exception:
 * any worker puts frames into another queue's ring, only the owner takes them out.
 *
 * A VLAN tag that the device took off (none is asked to) is put back, so that frames look the same whatever the port.
 *
 * Copies: none, but for chained frames that are joined (where the device puts segments together they are lent in
 * pieces), and port_copy_over(). Received mbufs go back to their pool at the next port_rx(); they are never held longer.
 */
#include "run/port_io.h"

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <string.h>

#include "run/port_int.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"

static void burst_give_back(struct port_queue *q);
static uint32_t burst_take(struct port_queue *q, uint32_t *handed_count);
static bool frame_lend(struct port_queue *q, struct rte_mbuf **m, struct tcp_frame *frame);
static uint32_t frame_flags(const struct port_queue *q, const struct rte_mbuf *m);
static void tx_prepare(struct port_queue *q);
static void tx_drop(struct port_queue *q, uint32_t count);

uint32_t port_rx(struct port_queue *q, struct tcp_frame frames[PORT_BURST])
{
	uint32_t handed;
	burst_give_back(q);
	uint32_t taken = burst_take(q, &handed);
	for (uint32_t i = 0; i < taken; i++) {
		struct rte_mbuf *m = q->rx[i];
		if (!frame_lend(q, &m, &frames[q->rx_count])) {
			q->counters.rx_unjoined++;
			rte_pktmbuf_free(m);
			continue;
		}
		q->rx[q->rx_count++] = m;
		if (i < handed) {
			q->rx_handed++;
			continue; /* the queue that received it has counted it */
		}
		q->counters.rx_frames++;
		q->counters.rx_bytes += m->pkt_len;
		q->counters.rx_large += m->pkt_len > q->frame_bytes;
	}
	return q->rx_count;
}

static void burst_give_back(struct port_queue *q)
{
	for (uint32_t i = 0; i < q->rx_count; i++)
		if (q->rx[i] != NULL)
			rte_pktmbuf_free(q->rx[i]);
	q->rx_count = 0;
	q->rx_handed = 0;
	q->rx_pieces = 0;
}

/* Half a burst at most comes from other workers, so that neither they nor the device can starve the other. */
static uint32_t burst_take(struct port_queue *q, uint32_t *handed_count)
{
	uint32_t handed = rte_ring_sc_dequeue_burst(q->handed, (void **)q->rx, PORT_BURST / 2, NULL);
	*handed_count = handed;
	uint16_t room = (uint16_t)(handed == 0 ? PORT_BURST : PORT_BURST / 2);
	uint32_t taken = handed + rte_eth_rx_burst(q->port_id, q->queue, q->rx + handed, room);
	for (uint32_t i = 0; i < taken; i++)
		rte_prefetch0(rte_pktmbuf_mtod(q->rx[i], void *));
	return taken;
}

/* Of a chain: one piece, or as many as it has. */
static bool pieces_lend(struct port_queue *q, const struct rte_mbuf *first, struct tcp_frame *frame)
{
	uint32_t begin = q->rx_pieces;
	if (q->rx_pieces + first->nb_segs > PORT_PIECES_MAX)
		return false;
	for (const struct rte_mbuf *m = first->next; m != NULL; m = m->next)
		q->pieces[q->rx_pieces++] = span_of(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	frame->more = q->pieces + begin;
	frame->more_count = q->rx_pieces - begin;
	return true;
}

/* With its tag, and in one piece if that is to be: in nearly every frame nothing is to be done. */
static bool frame_lend(struct port_queue *q, struct rte_mbuf **m, struct tcp_frame *frame)
{
	if ((*m)->nb_segs > 1 && !q->lro && rte_pktmbuf_linearize(*m) != 0)
		return false;
	if (((*m)->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 && rte_vlan_insert(m) != 0)
		return false;
	*frame = (struct tcp_frame){ .head = span_of(rte_pktmbuf_mtod(*m, const uint8_t *), (*m)->data_len),
		                     .flags = frame_flags(q, *m) };
	return (*m)->nb_segs == 1 || pieces_lend(q, *m, frame);
}

/* "None" is what a virtual device says of bytes that have been on no wire: whoever made them left the checksum to whom
 * it may concern, and there is nothing to verify. Other drivers say it when the device has not looked. */
static bool is_good(const struct port_queue *q, uint64_t flag, uint64_t good, uint64_t none)
{
	return flag == good || (flag == none && q->rx_partial);
}

/* IPv6 has no header checksum; that of IPv4 we verify where the device has not: it is cheap, and some only know TCP. */
static bool ip_header_good(const struct port_queue *q, const struct rte_mbuf *m)
{
	struct eth_view eth;
	const uint64_t flag = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	if (is_good(q, flag, RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_IP_CKSUM_NONE))
		return true;
	if (flag == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return false;
	if (!eth_parse(span_of(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len), &eth))
		return false;
	if (eth.type != ETH_IP4)
		return eth.type == ETH_IP6;
	struct span header = span_head(eth.payload, IP4_HEADER_BYTES); /* behind options the stack believes nobody */
	return header.bytes == IP4_HEADER_BYTES && checksum_finish(checksum_add((struct checksum){ 0 }, header)) == 0;
}

static uint32_t frame_flags(const struct port_queue *q, const struct rte_mbuf *m)
{
	const uint64_t l4 = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	bool good = q->rx_checksum && is_good(q, l4, RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_NONE);
	return good && ip_header_good(q, m) ? TCP_FRAME_CHECKED : 0;
}

/* The field is the application's once a frame was received. */
uint32_t port_hops(const struct port_queue *q, uint32_t index)
{
	CHECK(index < q->rx_count);
	return index < q->rx_handed ? q->rx[index]->hash.usr : PORT_HOPS_NONE;
}

/* `m` is given away, whatever happens; what arrived there is counted in *counter. */
static void hand(struct port_queue *q, struct rte_mbuf *m, uint16_t to, uint64_t *counter)
{
	CHECK(to < q->port->queues);
	CHECK(to != q->queue);
	if (m == NULL || rte_ring_mp_enqueue(q->port->queue[to].handed, m) != 0) {
		q->counters.hand_drops++;
		rte_pktmbuf_free(m);
		return;
	}
	(*counter)++;
}

void port_hand_over(struct port_queue *q, uint32_t index, uint16_t to, uint32_t hops)
{
	CHECK(index < q->rx_count);
	CHECK(q->rx[index] != NULL);
	q->rx[index]->hash.usr = hops;
	hand(q, q->rx[index], to, &q->counters.handed_over);
	q->rx[index] = NULL;
}

void port_copy_over(struct port_queue *q, uint32_t index, uint16_t to)
{
	CHECK(index < q->rx_count);
	CHECK(q->rx[index] != NULL);
	struct rte_mbuf *copy = rte_pktmbuf_copy(q->rx[index], q->pool, 0, UINT32_MAX);
	if (copy != NULL)
		copy->hash.usr = PORT_HOPS_ALL;
	hand(q, copy, to, &q->counters.copied_over);
}

struct room port_tx_room(struct port_queue *q)
{
	const struct room none = { .data = NULL, .bytes = 0 };
	if (q->tx_count > PORT_TX_QUEUED_MAX - TCP_CUT_SEGMENTS_MAX)
		port_tx_flush(q);
	if (q->tx_count > PORT_TX_QUEUED_MAX - TCP_CUT_SEGMENTS_MAX)
		return none;
	if (q->spare == NULL)
		q->spare = rte_pktmbuf_alloc(q->pool);
	if (q->spare == NULL) {
		q->counters.no_mbuf++;
		return none;
	}
	return (struct room){ .data = rte_pktmbuf_mtod(q->spare, uint8_t *),
		              .bytes = rte_pktmbuf_tailroom(q->spare) };
}

struct room port_cut_room(const struct port_queue *q)
{
	return q->cut;
}

void port_ask_checksum(struct rte_mbuf *m, const struct tcp_frame_meta *meta)
{
	m->l2_len = meta->l2_bytes;
	m->l3_len = meta->l3_bytes;
	m->l4_len = meta->l4_bytes;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | (meta->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
}

void port_tx_commit(struct port_queue *q, size_t bytes, const struct tcp_frame_meta *meta)
{
	struct rte_mbuf *m = q->spare;
	if (meta->segment_bytes > 0) {
		port_cut(q, bytes, meta);
		return;
	}
	CHECK(m != NULL);
	CHECK(bytes <= rte_pktmbuf_tailroom(m));
	m->data_len = (uint16_t)bytes;
	m->pkt_len = (uint32_t)bytes;
	if (meta->checksum_wanted) {
		CHECK(q->tx_checksum);
		port_ask_checksum(m, meta);
	}
	port_queue_frame(q, m);
	q->spare = NULL;
}

void port_tx_flush(struct port_queue *q)
{
	uint32_t sent = 0;
	if (q->tx_count == 0)
		return;
	if (q->tx_checksum)
		tx_prepare(q);
	for (uint32_t tries = 0; sent < q->tx_count && tries < PORT_TX_TRIES; tries++)
		sent += rte_eth_tx_burst(q->port_id, q->queue, q->tx + sent, (uint16_t)(q->tx_count - sent));
	q->counters.tx_frames += sent;
	q->tx_count -= sent;
	q->tx_prepared -= sent < q->tx_prepared ? sent : q->tx_prepared;
	q->tx_stuck = sent > 0 ? 0 : q->tx_stuck + 1;
	if (q->tx_count == 0)
		return;
	q->counters.tx_full++;
	memmove(q->tx, q->tx + sent, q->tx_count * sizeof(q->tx[0]));
	if (q->tx_stuck >= PORT_TX_STUCK_MAX)
		tx_drop(q, q->tx_count);
}

bool port_forward(struct port_queue *q, uint32_t index, struct port_queue *to)
{
	CHECK(index < q->rx_count);
	struct rte_mbuf *m = q->rx[index];
	CHECK(m != NULL);
	if (to->tx_count == PORT_TX_QUEUED_MAX)
		port_tx_flush(to);
	if (to->tx_count == PORT_TX_QUEUED_MAX)
		return false;
	rte_mbuf_refcnt_update(m, 1); /* the burst gives its own back */
	m->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT; /* what was said on receipt asks for nothing */
	port_queue_frame(to, m);
	return true;
}

uint32_t port_tx_offer(struct port_queue *q, uint32_t *refused)
{
	if (q->tx_count == 0)
		return 0;
	uint32_t sent = rte_eth_tx_burst(q->port_id, q->queue, q->tx, (uint16_t)q->tx_count);
	*refused = q->tx_count - sent;
	q->counters.tx_frames += sent;
	memmove(q->tx, q->tx + sent, *refused * sizeof(q->tx[0]));
	tx_drop(q, *refused);
	return sent;
}

/* Some devices want more in the frame than the flags; one that they cannot send at all is dropped here. */
static void tx_prepare(struct port_queue *q)
{
	while (q->tx_prepared < q->tx_count) {
		q->tx_prepared += rte_eth_tx_prepare(q->port_id, q->queue, q->tx + q->tx_prepared,
		                                     (uint16_t)(q->tx_count - q->tx_prepared));
		if (q->tx_prepared == q->tx_count)
			return;
		struct rte_mbuf **bad = q->tx + q->tx_prepared;
		rte_pktmbuf_free(*bad);
		q->counters.tx_drops++;
		q->tx_count--;
		memmove(bad, bad + 1, (q->tx_count - q->tx_prepared) * sizeof(*bad));
	}
}

static void tx_drop(struct port_queue *q, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		rte_pktmbuf_free(q->tx[i]);
	q->counters.tx_drops += count;
	q->tx_count = 0;
	q->tx_prepared = 0;
	q->tx_stuck = 0;
}

const struct port_counters *port_queue_counters(const struct port_queue *q)
{
	return &q->counters;
}
