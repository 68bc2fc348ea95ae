/*
 * tcp_model.c - see tcp_model.h. Places in a stream are counted from 0, behind the SYN.
 */
#include "tcp_model.h"

#include <string.h>

uint8_t model_byte(uint64_t key, uint64_t at)
{
	uint64_t v = (at >> 3) * 0x9e3779b97f4a7c15u + key;
	v ^= v >> 29;
	v *= 0xbf58476d1ce4e5b9u;
	v ^= v >> 32;
	return (uint8_t)(v >> (8 * (at & 7)));
}

void model_init(struct model *m, uint64_t key_0, uint64_t key_1)
{
	memset(m, 0, sizeof(*m));
	m->end[0].key = key_0;
	m->end[1].key = key_1;
}

static void fault(struct model *m, const char *what, uint32_t at)
{
	if (m->fault == NULL) {
		m->fault = what;
		m->fault_at = at;
	}
}

static uint32_t place_of(const struct model_end *e, struct seq seq)
{
	return seq_span(seq_add(e->isn, 1), seq);
}

static void check_bytes(struct model *m, const struct model_end *e, uint32_t at, struct span bytes)
{
	for (size_t i = 0; i < bytes.bytes; i++) {
		if (bytes.data[i] != model_byte(e->key, at + i)) {
			fault(m, "other bytes than the stream has", at + (uint32_t)i);
			return;
		}
	}
}

/* One byte may probe a closed window, and a repetition of what lay in it once is no new claim. */
static void check_window(struct model *m, const struct model_end *e, uint32_t at, uint32_t bytes)
{
	if (bytes <= 1 || at + bytes <= e->edge_heard)
		return;
	fault(m, "bytes beyond the window", at + bytes - e->edge_heard);
}

static void check_reports(struct model *m, const struct model_end *other, const struct tcp_seg *seg)
{
	for (unsigned i = 0; i < seg->options.sack_count; i++) {
		uint32_t begin = place_of(other, seg->options.sack[i].begin);
		uint32_t end = place_of(other, seg->options.sack[i].end);
		for (uint32_t at = begin; at < end && end <= MODEL_STREAM_BYTES; at++)
			if (!other->arrived[at]) {
				fault(m, "SACK of what did not arrive", at);
				return;
			}
	}
}

/* What a window field is to be shifted by: nothing on a SYN, or where not both have offered it. */
static uint32_t shift_of(const struct model *m, const struct model_end *e, const struct tcp_seg *seg)
{
	bool agreed = m->end[0].scaled && m->end[1].scaled;
	return (seg->flags & TCP_SYN) == 0 && agreed ? e->shift : 0;
}

static void check_edge(struct model *m, struct model_end *e, uint32_t ack, const struct tcp_seg *seg)
{
	uint32_t shift = shift_of(m, e, seg);
	uint32_t edge = ack + ((uint32_t)seg->window << shift);
	if (e->edge_known && edge + (1u << shift) <= e->edge_told)
		fault(m, "a window that moves left", edge);
	if (!e->edge_known || edge > e->edge_told)
		e->edge_told = edge;
	e->edge_known = true;
}

static void check_ack(struct model *m, unsigned from, const struct tcp_seg *seg)
{
	struct model_end *e = &m->end[from];
	const struct model_end *other = &m->end[1 - from];
	if ((seg->flags & TCP_ACK) == 0 || !other->syn_sent)
		return;
	uint32_t ack = place_of(other, seg->ack);
	bool watched = ack <= MODEL_STREAM_BYTES;
	if (watched && ack > other->arrived_in_order)
		fault(m, "ACK of what did not arrive", ack);
	if (watched && ack < e->acked)
		fault(m, "an ACK that goes back", ack);
	e->acked = ack;
	check_reports(m, other, seg);
	bool ended = other->fin_sent && ack > other->fin_at; /* nothing more can come: no window either */
	if (!ended)
		check_edge(m, e, ack, seg);
}

void model_left(struct model *m, unsigned from, const struct tcp_seg *seg)
{
	struct model_end *e = &m->end[from];
	if ((seg->flags & TCP_RST) != 0)
		return;
	if ((seg->flags & TCP_SYN) != 0) {
		e->syn_sent = true;
		e->isn = seg->seq;
		e->shift = seg->options.shift_known ? seg->options.shift : 0;
		e->scaled = seg->options.shift_known;
		check_ack(m, from, seg);
		return;
	}
	uint32_t at = place_of(e, seg->seq);
	check_bytes(m, e, at, seg->payload);
	check_window(m, e, at, (uint32_t)seg->payload.bytes);
	if ((seg->flags & TCP_FIN) != 0) {
		e->fin_sent = true;
		e->fin_at = at + (uint32_t)seg->payload.bytes;
	}
	check_ack(m, from, seg);
}

static void mark(struct model_end *e, uint32_t at, uint32_t bytes)
{
	for (uint32_t i = at; i < at + bytes && i < MODEL_STREAM_BYTES; i++)
		e->arrived[i] = 1;
	while (e->arrived_in_order < MODEL_STREAM_BYTES && e->arrived[e->arrived_in_order])
		e->arrived_in_order++;
}

void model_arrived(struct model *m, unsigned to, const struct tcp_seg *seg)
{
	struct model_end *e = &m->end[to];
	struct model_end *other = &m->end[1 - to];
	if ((seg->flags & TCP_RST) != 0 || !other->syn_sent)
		return;
	if ((seg->flags & TCP_SYN) == 0) {
		uint32_t fin = (seg->flags & TCP_FIN) != 0 ? 1 : 0;
		mark(other, place_of(other, seg->seq), (uint32_t)seg->payload.bytes + fin);
	}
	if ((seg->flags & TCP_ACK) == 0 || !e->syn_sent)
		return;
	uint32_t shift = shift_of(m, other, seg);
	uint32_t edge = place_of(e, seg->ack) + ((uint32_t)seg->window << shift);
	if (edge < 1u << 31 && edge > e->edge_heard)
		e->edge_heard = edge;
}
