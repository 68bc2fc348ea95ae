/*
 * port_cut.c - frames of several segments, on their way out.
 *
 * TCP writes such a frame once, with one header, into the queue's cut room (tcp_config.cut_room). A device with
 * segmentation offload gets it as a chain of mbufs and cuts it itself. For others it is cut here (wire/cut.h): a copy
 * more for each segment, and still far cheaper than to make each of them anew.
 *
 * Without an mbuf for a piece that piece is lost and counted, as a frame on the cable might be.
 */
#include <rte_mbuf.h>
#include <rte_net.h>
#include <string.h>

#include "run/port_int.h"
#include "run/port_io.h"
#include "tcp/frame_cut.h"

static struct rte_mbuf *take(struct port_queue *q)
{
	struct rte_mbuf *m = q->spare != NULL ? q->spare : rte_pktmbuf_alloc(q->pool);
	q->spare = NULL;
	if (m == NULL)
		q->counters.no_mbuf++;
	return m;
}

static void cut_in_software(struct port_queue *q, struct span frame, const struct tcp_frame_meta *meta)
{
	struct cut cut = frame_cut(frame, meta);
	for (uint32_t i = 0; i < cut_count(&cut); i++) {
		struct rte_mbuf *m = take(q);
		if (m == NULL)
			return;
		struct room room = { .data = rte_pktmbuf_mtod(m, uint8_t *), .bytes = rte_pktmbuf_tailroom(m) };
		m->data_len = (uint16_t)cut_write(&cut, i, meta->checksum_wanted, room);
		m->pkt_len = m->data_len;
		if (meta->checksum_wanted)
			port_ask_checksum(m, meta);
		port_queue_frame(q, m);
	}
}

/* NULL: not enough mbufs. */
static struct rte_mbuf *chain(struct port_queue *q, struct span frame)
{
	struct rte_mbuf *first = take(q);
	struct rte_mbuf *last = first;
	if (first == NULL)
		return NULL;
	while (frame.bytes > 0) {
		uint16_t room = rte_pktmbuf_tailroom(last);
		uint16_t bytes = (uint16_t)(frame.bytes < room ? frame.bytes : room);
		memcpy(rte_pktmbuf_mtod(last, uint8_t *), frame.data, bytes);
		last->data_len = bytes;
		first->pkt_len += bytes;
		frame = span_after(frame, bytes);
		if (frame.bytes == 0)
			break;
		last->next = take(q);
		if (last->next == NULL) {
			rte_pktmbuf_free(first);
			return NULL;
		}
		last = last->next;
		first->nb_segs++;
	}
	return first;
}

static void cut_by_device(struct port_queue *q, struct span frame, const struct tcp_frame_meta *meta)
{
	struct rte_mbuf *m = chain(q, frame);
	if (m == NULL)
		return;
	port_ask_checksum(m, meta);
	m->tso_segsz = meta->segment_bytes;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | (meta->ipv6 ? 0 : RTE_MBUF_F_TX_IP_CKSUM);
	(void)rte_net_intel_cksum_prepare(m); /* the pseudo-header sum without a length, as they all want it */
	port_queue_frame(q, m);
}

void port_cut(struct port_queue *q, size_t bytes, const struct tcp_frame_meta *meta)
{
	struct span frame = span_of(q->cut.data, bytes);
	CHECK(bytes <= q->cut.bytes);
	if (q->tso)
		cut_by_device(q, frame, meta);
	else
		cut_in_software(q, frame, meta);
}
