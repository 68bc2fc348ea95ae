/*
 * path_mtu_test.c - transfers over paths that carry less than both ends allow: which sizes are tried, what is
 * found, and what it costs. The dialogues segment by segment are in tests/script/tcp/path.
 */
#include "tcp/path_mtu_int.h"

#include "rig.h"
#include "tests/unit/unit.h"
#include "tcp/frame_cut.h"

#define RTT_US 20000u

struct world {
	struct rig_wire wire;
	struct handle id;
	struct conn *c;
	uint32_t path_mtu;     /* IP bytes that pass from end 0 to 1 */
	uint32_t lost_above;   /* larger packets are lost by the half */
	uint64_t read;
	uint32_t cut, largest; /* frames of several segments; payload of the largest that was none */
	uint64_t most_lost_us; /* the longest time without a byte read */
	struct instant last_read;
};

static uint8_t cut_room[65536];

static void carry(struct world *w, uint32_t from, uint8_t *data, size_t bytes)
{
	size_t ip = bytes - 14;
	if (from == 0 && ip > w->path_mtu)
		return;
	if (from == 0 && w->lost_above > 0 && ip > w->lost_above && prng_chance(&w->wire.prng, 500))
		return;
	rig_send(&w->wire, 1 - from, data, bytes);
}

static void carry_pieces(struct world *w, struct span frame, const struct tcp_frame_meta *meta)
{
	static uint8_t piece[RIG_FRAME_BYTES];
	struct cut cut = frame_cut(frame, meta);
	w->cut++;
	CU_ASSERT_EQUAL(meta->segment_bytes, w->c->mss);
	for (uint32_t i = 0; i < cut_count(&cut); i++)
		carry(w, 0, piece, cut_write(&cut, i, false, (struct room){ piece, sizeof(piece) }));
}

static void flush(struct world *w)
{
	static uint8_t data[RIG_FRAME_BYTES];
	for (uint32_t end = 0; end < 2; end++) {
		struct tcp_frame_meta meta;
		size_t bytes;
		while ((bytes = tcp_output(w->wire.end[end].stack, (struct room){ data, sizeof(data) }, &meta,
		                           w->wire.now)) > 0) {
			uint32_t payload = (uint32_t)bytes - meta.l2_bytes - meta.l3_bytes - meta.l4_bytes;
			if (meta.segment_bytes > 0) {
				carry_pieces(w, span_of(cut_room, bytes), &meta);
				continue;
			}
			if (end == 0 && payload > w->largest && meta.l4_bytes > 0)
				w->largest = payload;
			carry(w, end, data, bytes);
		}
	}
}

static void read_all(struct world *w)
{
	size_t bytes = rig_drop_all_received(&w->wire.end[1], w->wire.now);
	if (bytes == 0)
		return;
	uint64_t quiet = instant_since(w->last_read, w->wire.now);
	w->read += bytes;
	w->most_lost_us = quiet > w->most_lost_us ? quiet : w->most_lost_us;
	w->last_read = w->wire.now;
}

static void begin(struct world *w, struct tcp_config *a, const char *to_addr)
{
	struct tcp_config b = rig_config(2);
	a->tx_bytes_max = b.rx_bytes_max = b.reorder_bytes_max = 1u << 19;
	b.mtu = a->mtu;
	memset(w, 0, sizeof(*w));
	w->path_mtu = a->mtu;
	rig_wire_make(&w->wire, a, &b, RIG_BLOCKS, (struct rig_faults){ .delay_us = RTT_US / 2 }, 1,
	              (struct instant){ .us = SECOND_US });
	struct endpoint to = { .addr = rig_addr(to_addr), .port = 25 };
	CU_ASSERT_FATAL(tcp_listen(w->wire.end[1].stack, (struct endpoint){ .port = 25 }, 1));
	CU_ASSERT_FATAL(tcp_connect(w->wire.end[0].stack, to, 0, w->wire.now, &w->id) == TCP_CONNECT_STARTED);
	w->c = conn_of(w->wire.end[0].stack, w->id);
}

static void turn(struct world *w)
{
	flush(w);
	w->wire.now = instant_add(w->wire.now, 1000);
	rig_deliver(&w->wire);
	tcp_expire(w->wire.end[0].stack, w->wire.now);
	tcp_expire(w->wire.end[1].stack, w->wire.now);
	read_all(w);
}

/* Writes without a pause until `bytes` more have arrived, or `most_ms` have passed. */
static uint32_t transfer(struct world *w, size_t bytes, uint32_t most_ms)
{
	static uint8_t zeros[65536];
	uint64_t wanted = w->read + bytes;
	uint32_t ms = 0;
	w->most_lost_us = 0;
	w->last_read = w->wire.now;
	for (; w->read < wanted && ms < most_ms; ms++) {
		size_t room = tcp_tx_room(w->wire.end[0].stack, w->id);
		if (room >= sizeof(zeros)) {
			(void)!byteq_write(tcp_tx(w->wire.end[0].stack, w->id), &w->wire.end[0].pool,
			                   span_of(zeros, sizeof(zeros)));
			tcp_tx_added(w->wire.end[0].stack, w->id, w->wire.now);
		}
		turn(w);
	}
	CU_ASSERT(w->read >= wanted);
	return ms;
}

/* What was written arrives, and then nothing happens for so long. */
static void rest(struct world *w, uint64_t us)
{
	for (unsigned ms = 0; ms < 5000 && (w->c->sent.count > 0 || conn_unsent(w->c) > 0); ms++)
		turn(w);
	w->wire.now = instant_add(w->wire.now, us);
}

/* After a probe was lost, the next one waits for as many round trips as there are segments in the window. */
static void search_on(struct world *w)
{
	for (unsigned i = 0; i < 25; i++) {
		rest(w, 15 * SECOND_US);
		(void)transfer(w, 200000, 2000);
	}
}

static void end(struct world *w)
{
	tcp_abort(w->wire.end[0].stack, w->id, w->wire.now);
	CU_ASSERT_EQUAL(w->wire.end[0].stack->searches.used, 0);
	rig_wire_free(&w->wire);
}

static const struct tcp_counters *counters(const struct world *w)
{
	return tcp_counters(w->wire.end[0].stack);
}

/* ---- sizes ---- */

static void common_sizes_come_first_and_then_halves(void)
{
	CU_ASSERT_EQUAL(path_mtu_candidate(576, 1500, 1500), 1280);
	CU_ASSERT_EQUAL(path_mtu_candidate(1280, 1500, 1500), 1380);
	CU_ASSERT_EQUAL(path_mtu_candidate(1492, 1500, 1500), 1500);
	CU_ASSERT_EQUAL(path_mtu_candidate(1500, 1500, 1500), 0);
	CU_ASSERT_EQUAL(path_mtu_candidate(1400, 1440, 1440), 1440); /* never refused: worth it however near */
	CU_ASSERT_EQUAL(path_mtu_candidate(1400, 1451, 1500), 1426);
	CU_ASSERT_EQUAL(path_mtu_candidate(1426, 1451, 1500), 0); /* 25 bytes are not worth it */
	CU_ASSERT_EQUAL(path_mtu_candidate(1500, 9000, 9000), 9000);
	CU_ASSERT_EQUAL(path_mtu_candidate(1500, 8999, 9000), 5250);
	CU_ASSERT_EQUAL(path_mtu_candidate(1400, 1400, 1500), 0); /* a router said so */
	CU_ASSERT_EQUAL(path_mtu_candidate(1400, 1399, 1500), 0);
}

static void every_search_ends_at_what_the_path_carries(void)
{
	for (uint32_t path = 576; path <= 9000; path += 13) {
		uint32_t low = 576, high = 9000, size, tries = 0;
		while ((size = path_mtu_candidate(low, high, 9000)) > 0 && tries++ < 30) {
			CU_ASSERT(size > low && size <= high);
			if (size <= path)
				low = size;
			else
				high = size - 1;
		}
		CU_ASSERT(low <= path && path < low + TCP_PROBE_STEP_MIN + 1);
		CU_ASSERT(tries <= 16);
	}
}

/* ---- transfers ---- */

/* T6.21: the transfer goes on with the third timeout, the first two having doubled RTO, and its segments are as large as
 * the path carries soon after. */
static void a_black_hole_is_found_and_searched(const char *to, uint32_t path, uint32_t found)
{
	struct world w;
	struct tcp_config a = rig_config(1);
	begin(&w, &a, to);
	(void)transfer(&w, 200000, 2000);
	uint64_t rto_us = w.c->rtt.timeout_us;
	uint32_t full = w.c->mss;
	w.path_mtu = path;
	(void)transfer(&w, 1000000, 10000);
	CU_ASSERT(w.most_lost_us < 8 * rto_us);
	CU_ASSERT_EQUAL(counters(&w)->black_holes, 1);
	CU_ASSERT_EQUAL(counters(&w)->timeouts, 3);
	search_on(&w);
	CU_ASSERT_EQUAL(w.c->mss, found);
	CU_ASSERT_EQUAL(counters(&w)->timeouts, 3);
	CU_ASSERT_EQUAL(counters(&w)->path_undone, 0);
	uint64_t lost = counters(&w)->path_probes_lost;
	w.path_mtu = 1500;
	(void)transfer(&w, 4000000, 30000); /* nothing is tried any more */
	CU_ASSERT_EQUAL(w.c->mss, found);
	rest(&w, TCP_PATH_RAISE_US);
	(void)transfer(&w, 2000000, 30000);
	CU_ASSERT_EQUAL(w.c->mss, full);
	CU_ASSERT_EQUAL(w.c->search, 0); /* given back */
	CU_ASSERT_EQUAL(counters(&w)->path_probes_lost, lost);
	end(&w);
}

static void a_black_hole_of_ip4_is_found_and_searched(void)
{
	a_black_hole_is_found_and_searched("198.18.0.2", 1420, 1400 - 52);
	a_black_hole_is_found_and_searched("198.18.0.2", 1100, 1076 - 52);
	a_black_hole_is_found_and_searched("198.18.0.2", 1453, 1452 - 52);
}

static void a_black_hole_of_ip6_is_found_and_searched(void)
{
	a_black_hole_is_found_and_searched("2001:2::2", 1420, 1400 - 72);
	a_black_hole_is_found_and_searched("2001:2::2", 1280, 1280 - 72);
}

static void a_probe_is_no_part_of_a_frame_that_the_port_cuts(void)
{
	struct world w;
	struct tcp_config a = rig_config(1);
	a.cut_room = (struct room){ cut_room, 14480 + TCP_CUT_HEADERS_MAX };
	begin(&w, &a, "198.18.0.2");
	(void)transfer(&w, 200000, 2000);
	w.path_mtu = 1420;
	(void)transfer(&w, 100000, 10000);
	w.cut = w.largest = 0;
	(void)transfer(&w, 4000000, 20000);
	CU_ASSERT_EQUAL(w.c->mss, 1400 - 52);
	CU_ASSERT(w.cut > 100);
	CU_ASSERT_EQUAL(w.largest, 1452 - 52); /* the one that was too large */
	end(&w);
}

/* A probe of 9,000 bytes needs a window that ACKs of segments of 1,500 open only if it is waited for. */
static void a_large_probe_waits_for_its_window(void)
{
	struct world w;
	struct tcp_config a = rig_config(1);
	a.mtu = 9000;
	begin(&w, &a, "198.18.0.2");
	(void)transfer(&w, 200000, 2000);
	w.path_mtu = 1500;
	(void)transfer(&w, 1000000, 20000);
	w.path_mtu = 9000;
	rest(&w, TCP_PATH_RAISE_US);
	(void)transfer(&w, 4000000, 30000);
	CU_ASSERT_EQUAL(w.c->mss, 9000 - 52);
	end(&w);
}

static void with_pacing_and_nagle_probes_leave_as_well(void)
{
	struct world w;
	struct tcp_config a = rig_config(1);
	a.pacing = true;
	begin(&w, &a, "198.18.0.2");
	tcp_nagle_set(w.wire.end[0].stack, w.id, true, w.wire.now);
	(void)transfer(&w, 200000, 3000);
	w.path_mtu = 1420;
	(void)transfer(&w, 6000000, 40000);
	CU_ASSERT_EQUAL(w.c->mss, 1400 - 52);
	end(&w);
}

/* The path swallowed what was larger than 1,200 bytes, and carries 1,500 again. */
static void begin_after_a_black_hole(struct world *w)
{
	struct tcp_config a = rig_config(1);
	begin(w, &a, "198.18.0.2");
	(void)transfer(w, 200000, 2000);
	w->path_mtu = 1200;
	(void)transfer(w, 100000, 10000);
	w->path_mtu = 1500;
}

/* Two paths, taken by turns: one carries 1,500 bytes, the other 1,400 (RFC 4821 7.8). */
static void a_size_that_loses_much_is_taken_back(void)
{
	struct world w;
	begin_after_a_black_hole(&w);
	w.lost_above = 1400;
	search_on(&w);
	CU_ASSERT_EQUAL(w.c->mss, 1400 - 52);
	CU_ASSERT(counters(&w)->path_undone >= 1);
	CU_ASSERT(counters(&w)->path_undone <= 4);
	end(&w);
}

/* A probe arrives where the segments after it do not: to try that size again would be a stall each time. */
static void a_black_hole_on_trial_bars_that_size(void)
{
	struct world w;
	begin_after_a_black_hole(&w);
	while (w.c->mss < 1400 - 52)
		(void)transfer(&w, 1, 20000);
	w.path_mtu = 1399; /* a probe of 1,452 is under way */
	while (counters(&w)->black_holes < 2)
		(void)transfer(&w, 1, 20000);
	w.path_mtu = 1500;
	search_on(&w);
	CU_ASSERT_EQUAL(counters(&w)->black_holes, 2);
	CU_ASSERT(w.c->mss >= 1380 - 52);
	CU_ASSERT(w.c->mss < 1452 - 52);
	end(&w);
}

static void without_a_free_search_segments_stay_small(void)
{
	struct world w;
	struct tcp_config a = rig_config(1);
	begin(&w, &a, "198.18.0.2");
	(void)transfer(&w, 200000, 2000);
	struct slab *searches = &w.wire.end[0].stack->searches;
	uint32_t free = searches->count - searches->used;
	void *taken[64];
	CU_ASSERT_FATAL(free <= COUNT_OF(taken));
	for (uint32_t i = 0; i < free; i++)
		taken[i] = slab_take(searches);
	w.path_mtu = 1420;
	(void)transfer(&w, 2000000, 20000);
	CU_ASSERT_EQUAL(w.c->mss, TCP_BLACK_HOLE_MSS_V4);
	CU_ASSERT_EQUAL(w.c->search, 0);
	for (uint32_t i = 0; i < free; i++)
		slab_give(searches, taken[i]);
	end(&w);
}

/* ---- black box ---- */

static void the_black_box_tells_of_sizes(void)
{
	static const struct {
		struct black_box_entry entry;
		const char *text;
	} rows[] = {
		{ { .mark = BLACK_BOX_SIZE, .bytes = 1024, .ack = 1448, .detail = SIZE_BY_TIMEOUTS },
		  "segment size 1024, was 1448: large segments time out" },
		{ { .mark = BLACK_BOX_SIZE, .bytes = 1348, .ack = 1448, .detail = SIZE_BY_REPORT },
		  "segment size 1348, was 1448: a router says so" },
		{ { .mark = BLACK_BOX_SIZE, .bytes = 1348, .ack = 1448, .detail = SIZE_BY_MEMORY },
		  "segment size 1348, was 1448: known of the path" },
		{ { .mark = BLACK_BOX_SIZE, .bytes = 1348, .ack = 1024, .detail = SIZE_BY_PROBE },
		  "segment size 1348, was 1024: a probe arrived" },
		{ { .mark = BLACK_BOX_SIZE, .bytes = 1348, .ack = 1400, .detail = SIZE_BY_LOSSES },
		  "segment size 1348, was 1400: too many are lost" },
		{ { .mark = BLACK_BOX_SIZE, .bytes = 1348, .ack = 1400 }, "segment size 1348, was 1400: ?" },
		{ { .mark = BLACK_BOX_SIZE_PROBE, .bytes = 1400, .seq = 77, .detail = 2 },
		  "probe of the path's size 1400 at seq 77, try no. 2" },
		{ { .mark = BLACK_BOX_SIZE_LOST, .bytes = 1400, .seq = 77, .detail = 2 },
		  "probe of the path's size lost 1400 at seq 77, try no. 2" },
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char line[200];
		struct text t = text_of(line, sizeof(line));
		black_box_entry_text(&t, &rows[i].entry);
		CU_ASSERT_STRING_EQUAL(line, rows[i].text);
	}
}

UNIT("tcp/path_mtu",
     { "common sizes are tried first, then halves, then none", common_sizes_come_first_and_then_halves },
     { "every search ends within 32 bytes of what the path carries", every_search_ends_at_what_the_path_carries },
     { "a black hole of IPv4 costs three timeouts, and the size that passes is found", a_black_hole_of_ip4_is_found_and_searched },
     { "a black hole of IPv6 costs three timeouts, and the size that passes is found", a_black_hole_of_ip6_is_found_and_searched },
     { "a probe is no part of a frame that the port cuts", a_probe_is_no_part_of_a_frame_that_the_port_cuts },
     { "a probe of many segments' size waits for its window", a_large_probe_waits_for_its_window },
     { "with pacing and Nagle's rule probes leave as well", with_pacing_and_nagle_probes_leave_as_well },
     { "a size that loses much after its probe arrived is taken back", a_size_that_loses_much_is_taken_back },
     { "a black hole on trial bars that size", a_black_hole_on_trial_bars_that_size },
     { "when all searches are taken, segments stay small", without_a_free_search_segments_stay_small },
     { "the black box tells of sizes, why they changed, and of probes", the_black_box_tells_of_sizes })
