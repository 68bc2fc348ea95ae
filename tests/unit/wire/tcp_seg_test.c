#include "wire/tcp_seg.h"

#include "tests/unit/unit.h"

static const struct ip_addr a4 = { .family = IP_V4, .bytes = { 198, 18, 0, 9 } };
static const struct ip_addr b4 = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } };
static uint8_t room[256];

static struct ip_view emit(const struct tcp_seg *seg, struct span payload)
{
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	tcp_seg_emit(&w, seg);
	CU_ASSERT_EQUAL(w.used, tcp_seg_header_bytes(&seg->options));
	writer_bytes(&w, payload);
	tcp_seg_seal(&w, 0, a4, b4, false);
	CU_ASSERT_FATAL(w.ok);
	return (struct ip_view){ .src = a4, .dst = b4, .payload = writer_span(&w) };
}

static struct tcp_seg full_syn(void)
{
	return (struct tcp_seg){
		.src_port = 5000,
		.dst_port = 25,
		.seq = { 0xfffffffe },
		.ack = { 7 },
		.flags = TCP_SYN | TCP_ACK,
		.window = 4321,
		.options = { .mss_known = true,
		             .mss = 1460,
		             .shift_known = true,
		             .shift = 9,
		             .sack_permitted = true,
		             .stamps_known = true,
		             .stamp = 0x01020304,
		             .stamp_echo = 0x05060708 },
	};
}

static void a_syn_with_all_options_is_read_as_written(void)
{
	struct tcp_seg seg = full_syn();
	struct tcp_seg got;
	struct ip_view ip = emit(&seg, SPAN("hello"));
	CU_ASSERT_EQUAL_FATAL(tcp_seg_parse(&ip, false, &got), TCP_SEG_OK);
	CU_ASSERT(got.src_port == 5000 && got.dst_port == 25 && got.window == 4321);
	CU_ASSERT(got.seq.v == 0xfffffffe && got.ack.v == 7 && got.flags == (TCP_SYN | TCP_ACK));
	CU_ASSERT(got.options.mss_known && got.options.mss == 1460);
	CU_ASSERT(got.options.shift_known && got.options.shift == 9);
	CU_ASSERT(got.options.sack_permitted && got.options.stamps_known);
	CU_ASSERT(got.options.stamp == 0x01020304 && got.options.stamp_echo == 0x05060708);
	CU_ASSERT(span_equal(got.payload, SPAN("hello")));
	CU_ASSERT_EQUAL(tcp_seg_len(&got), 6);
}

static void sack_blocks_are_read_as_written(void)
{
	struct tcp_seg seg = { .flags = TCP_ACK };
	struct tcp_seg got;
	seg.options.stamps_known = true;
	seg.options.sack_count = 3;
	for (unsigned i = 0; i < 3; i++) {
		seg.options.sack[i].begin = seq_of(100 * i);
		seg.options.sack[i].end = seq_of(100 * i + 50);
	}
	struct ip_view ip = emit(&seg, SPAN_NONE);
	CU_ASSERT_EQUAL_FATAL(tcp_seg_parse(&ip, false, &got), TCP_SEG_OK);
	CU_ASSERT_EQUAL_FATAL(got.options.sack_count, 3);
	CU_ASSERT(got.options.sack[2].begin.v == 200 && got.options.sack[2].end.v == 250);
}

static void every_damaged_bit_is_seen(void)
{
	struct tcp_seg seg = full_syn();
	struct tcp_seg got;
	struct ip_view ip = emit(&seg, SPAN("odd"));
	for (size_t bit = 0; bit < ip.payload.bytes * 8; bit++) {
		room[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_NOT_EQUAL(tcp_seg_parse(&ip, false, &got), TCP_SEG_OK);
		room[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void a_header_longer_than_the_segment_is_refused(void)
{
	struct tcp_seg seg = { .flags = TCP_ACK };
	struct tcp_seg got;
	struct ip_view ip = emit(&seg, SPAN_NONE);
	for (unsigned words = 0; words < 16; words++) {
		room[12] = (uint8_t)(words << 4);
		CU_ASSERT_EQUAL(tcp_seg_parse(&ip, true, &got),
		                words == 5 ? TCP_SEG_OK : TCP_SEG_BAD_HEADER);
	}
	for (size_t n = 0; n < 20; n++) {
		ip.payload.bytes = n;
		CU_ASSERT_EQUAL(tcp_seg_parse(&ip, true, &got), TCP_SEG_BAD_HEADER);
	}
}

static bool options(const char *bytes, size_t count, struct tcp_options *o)
{
	return tcp_options_parse(span_of(bytes, count), o);
}
#define OPTIONS(text, o) options(text, sizeof(text) - 1, o)

static void option_lengths_that_do_not_fit_are_refused(void)
{
	struct tcp_options o;
	CU_ASSERT(!OPTIONS("\x02\x00", &o)); /* length 0 would never end */
	CU_ASSERT(!OPTIONS("\xfe\x01", &o));
	CU_ASSERT(!OPTIONS("\x02\x05\x05\xb4", &o));
	CU_ASSERT(!OPTIONS("\x01\x08", &o));
}

static void unknown_and_misshapen_options_are_skipped(void)
{
	struct tcp_options o;
	CU_ASSERT(OPTIONS("\xfd\x04xx\x02\x03x\x02\x04\x02\x18", &o));
	CU_ASSERT(o.mss_known && o.mss == 536);
	CU_ASSERT(OPTIONS("\x00\x02\x00", &o)); /* nothing counts behind the end */
	CU_ASSERT(!o.mss_known);
	CU_ASSERT(OPTIONS("\x05\x07xxxxx", &o)); /* half a SACK block */
	CU_ASSERT_EQUAL(o.sack_count, 0);
}

static void a_window_shift_above_14_is_14(void)
{
	struct tcp_options o;
	CU_ASSERT(OPTIONS("\x01\x03\x03\xff", &o));
	CU_ASSERT(o.shift_known && o.shift == TCP_SHIFT_MAX);
}

static void the_offload_sum_is_what_the_port_finishes(void)
{
	struct tcp_seg seg = full_syn();
	struct ip_view whole = emit(&seg, SPAN("payload"));
	uint8_t want[2] = { room[16], room[17] };
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	tcp_seg_emit(&w, &seg);
	writer_bytes(&w, SPAN("payload"));
	tcp_seg_seal(&w, 0, a4, b4, true);
	uint32_t sum = 0; /* what a port does: sum of the segment as it stands, complemented */
	for (size_t i = 0; i < whole.payload.bytes; i += 2)
		sum += (uint32_t)room[i] << 8 | (i + 1 < whole.payload.bytes ? room[i + 1] : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	CU_ASSERT_EQUAL((uint16_t)~sum, (uint16_t)(want[0] << 8 | want[1]));
}

UNIT("wire/tcp_seg",
     { "a SYN with all options is read as written", a_syn_with_all_options_is_read_as_written },
     { "SACK blocks are read as written", sack_blocks_are_read_as_written },
     { "every damaged bit is seen", every_damaged_bit_is_seen },
     { "a header longer than the segment, or shorter than 20 bytes, is refused",
       a_header_longer_than_the_segment_is_refused },
     { "option lengths that do not fit are refused", option_lengths_that_do_not_fit_are_refused },
     { "unknown and misshapen options are skipped", unknown_and_misshapen_options_are_skipped },
     { "a window shift above 14 counts as 14 (RFC 7323 2.3)", a_window_shift_above_14_is_14 },
     { "the sum left for an offloading port completes to the same checksum",
       the_offload_sum_is_what_the_port_finishes })
