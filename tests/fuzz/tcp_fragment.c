/*
 * tcp_fragment.c - fuzz target: a stack that puts fragments together, under a virtual clock. The input is a list of
 * pieces of few datagrams (where, how long, last or not, IPv4 or IPv6, with which bytes), raw frames and passing time.
 * The memory of the pieces is counted again after each act; in the end nothing may be left.
 */
#include "tests/unit/tcp/rig.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define ACTS_MAX 600u
#define FRAMES_MAX 10000u /* output of one act; more would never end */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct game {
	struct rig rig;
	struct instant now;
	struct reader in;
};

static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

static void demand(bool fact)
{
	if (!fact)
		abort();
}

/* ---- what must hold at any time ---- */

static uint32_t chunks_of(const struct fragments *f, const struct fragment_piece *piece)
{
	uint32_t count = 0;
	for (uint16_t chunk = piece->chunk; chunk != 0; chunk = f->chunks[chunk - 1].next)
		count++;
	demand(count == (piece->bytes + FRAGMENT_CHUNK_BYTES - 1) / FRAGMENT_CHUNK_BYTES);
	return count;
}

static uint32_t datagram_chunks(const struct fragments *f, const struct fragment_datagram *d)
{
	uint32_t chunks = 0, bytes = 0, behind = 0;
	demand(d->dead ? d->count == 0 : d->count > 0);
	for (unsigned i = 0; i < d->count; i++) {
		const struct fragment_piece *piece = &d->pieces[i];
		demand(i == 0 || piece->begin >= behind);
		behind = (uint32_t)piece->begin + piece->bytes;
		bytes += piece->bytes;
		chunks += chunks_of(f, piece);
	}
	demand(bytes == d->bytes && (!d->end_known || d->dead || behind <= d->end));
	return chunks;
}

static void memory_check(const struct fragments *f)
{
	uint32_t chunks = 0, datagrams = 0, sources = 0;
	for (unsigned i = 0; i < 4; i++) {
		const struct link *list = &f->order[i / 2][i % 2];
		for (const struct link *at = list->next; at != list; at = at->next, datagrams++)
			chunks += datagram_chunks(f, OBJECT_OF(at, const struct fragment_datagram, order));
	}
	for (unsigned i = 0; i < FRAGMENT_SOURCES; i++)
		sources += f->sources[i];
	demand(datagrams == (uint32_t)f->live + f->dead && sources == datagrams);
	demand(chunks + f->chunks_free == FRAGMENT_CHUNKS);
}

/* ---- acts ---- */

static void headers(struct game *g, struct writer *w, uint8_t shape, uint16_t place, uint16_t bytes)
{
	const struct tcp_config *config = &g->rig.stack->config;
	const uint8_t protocols[] = { IP_TCP, (shape & 1) != 0 ? IP_ICMP6 : IP_ICMP, 60, 44 };
	uint8_t protocol = protocols[shape >> 1 & 3];
	struct ip_addr v4 = rig_addr("198.18.0.9"), v6 = rig_addr("2001:2::9");
	v4.bytes[3] = (uint8_t)(v4.bytes[3] + (shape >> 3 & 3));
	eth_emit(w, config->mac, peer_mac, (shape & 1) != 0 ? ETH_IP6 : ETH_IP4);
	if ((shape & 1) == 0) {
		ip4_emit(w, v4, config->addresses[0].addr, protocol, bytes);
		writer_patch_be16(w, ETH_HEADER_BYTES + 4, shape >> 5);
		writer_patch_be16(w, ETH_HEADER_BYTES + 6, (uint16_t)((place & 1) << 13 | place >> 3));
		ip4_mark(w, ETH_HEADER_BYTES, (enum ip_ecn)(place >> 1 & 3));
	} else {
		ip6_emit(w, v6, config->addresses[1].addr, 44, (uint16_t)(bytes + 8), 255);
		ip6_mark(w, ETH_HEADER_BYTES, (enum ip_ecn)(place >> 1 & 3));
		writer_u8(w, protocol);
		writer_u8(w, 0);
		writer_be16(w, place & 0xfff9);
		writer_be32(w, shape >> 5);
	}
}

/* shape: family, protocol, source, identification; place: offset, ECN, more; then length and first bytes. */
static void piece_act(struct game *g)
{
	static uint8_t frame[RIG_FRAME_BYTES];
	static const uint8_t zeros[8192];
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	uint8_t shape = reader_u8(&g->in);
	uint16_t place = reader_be16(&g->in);
	uint16_t bytes = reader_be16(&g->in) % 8192;
	uint8_t given = reader_u8(&g->in) % 64;
	if ((bytes & 0x1000) == 0) /* mostly small, mostly of eights */
		bytes = (uint16_t)((bytes & 0xff) * ((bytes & 0x800) != 0 ? 1u : 8u));
	headers(g, &w, shape, place, bytes);
	struct span first = span_head(reader_take(&g->in, given), bytes);
	writer_bytes(&w, first);
	writer_bytes(&w, span_of(zeros, bytes - first.bytes));
	demand(w.ok);
	tcp_input(g->rig.stack, writer_span(&w), 0, g->now);
}

static void pump(struct game *g)
{
	struct tcp_event e;
	demand(rig_drop_output(&g->rig, FRAMES_MAX, g->now) < FRAMES_MAX);
	while (tcp_next_event(g->rig.stack, &e))
		if ((e.bits & TCP_ACCEPTED) != 0)
			tcp_abort(g->rig.stack, e.id, g->now);
}

static void pass_time(struct game *g, uint64_t us)
{
	g->now = instant_add(g->now, us);
	tcp_expire(g->rig.stack, g->now);
}

static void act(struct game *g)
{
	uint8_t what = reader_u8(&g->in);
	if (what < 200)
		piece_act(g);
	else if (what < 225)
		pass_time(g, reader_be16(&g->in) * 1000ull);
	else
		tcp_input(g->rig.stack, reader_take(&g->in, reader_u8(&g->in)), 0, g->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct game *g = calloc(1, sizeof(*g));
	struct tcp_config config = rig_config(1);
	config.connections_max = 6;
	config.half_open_max = 3;
	config.fragments = true;
	g->now = (struct instant){ .us = 1000 * SECOND_US };
	rig_make(&g->rig, &config, 24, g->now);
	if (!tcp_listen(g->rig.stack, (struct endpoint){ .port = 25 }, 1))
		abort();
	neigh_learn(g->rig.stack, 0, rig_addr("198.18.0.9"), peer_mac, true, true, g->now);
	g->in = reader_of(span_of(data, size));
	for (unsigned i = 0; i < ACTS_MAX && g->in.ok && g->in.left.bytes > 0; i++) {
		act(g);
		pump(g);
		memory_check(g->rig.stack->fragments);
	}
	for (unsigned i = 0; i < 600; i++) {
		pass_time(g, SECOND_US);
		pump(g);
	}
	demand(g->rig.stack->fragments->live == 0 && g->rig.stack->fragments->dead == 0);
	demand(rig_is_empty(&g->rig));
	rig_free(&g->rig);
	free(g);
	return 0;
}
