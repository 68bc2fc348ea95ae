#include "wire/ip4.h"

#include "tests/unit/unit.h"
#include "wire/checksum.h"

static const struct ip_addr src = { .family = IP_V4, .bytes = { 198, 18, 0, 9 } };
static const struct ip_addr dst = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } };

static void make(uint8_t *bytes, uint16_t payload)
{
	struct writer w = writer_of((struct room){ bytes, 20u + payload });
	ip4_emit(&w, src, dst, IP_TCP, payload);
	writer_zeros(&w, payload);
	CU_ASSERT_FATAL(w.ok);
}

/* Puts a right header checksum back after a field was changed. */
static void seal(uint8_t *bytes)
{
	bytes[10] = bytes[11] = 0;
	size_t header = (size_t)(bytes[0] & 15) * 4;
	uint16_t sum =
		checksum_finish(checksum_add((struct checksum){ 0 }, span_of(bytes, header)));
	bytes[10] = (uint8_t)(sum >> 8);
	bytes[11] = (uint8_t)sum;
}

static void what_is_written_is_read(void)
{
	uint8_t bytes[60] = { 0 };
	struct ip_view v;
	make(bytes, 30);
	CU_ASSERT_EQUAL_FATAL(ip4_parse(span_of(bytes, 60), 14, false, &v), IP_OK);
	CU_ASSERT(ip_addr_equal(v.src, src) && ip_addr_equal(v.dst, dst));
	CU_ASSERT_EQUAL(v.protocol, IP_TCP);
	CU_ASSERT_EQUAL(v.l4_offset, 34);
	CU_ASSERT_EQUAL(v.payload.bytes, 30); /* padding is cut by the total length */
	CU_ASSERT_PTR_EQUAL(v.payload.data, bytes + 20);
}

static void options_are_skipped(void)
{
	uint8_t bytes[64];
	struct ip_view v;
	make(bytes, 40);
	bytes[0] = 0x47;
	seal(bytes);
	CU_ASSERT_EQUAL_FATAL(ip4_parse(span_of(bytes, 60), 14, false, &v), IP_OK);
	CU_ASSERT_EQUAL(v.payload.bytes, 32);
	CU_ASSERT_EQUAL(v.l4_offset, 14 + 28);
}

static void fragments_are_told_apart(void)
{
	uint8_t bytes[60];
	struct ip_view v;
	make(bytes, 30);
	bytes[6] = 0x20; /* more fragments */
	seal(bytes);
	CU_ASSERT_EQUAL(ip4_parse(span_of(bytes, 50), 14, false, &v), IP_FRAGMENT);
	bytes[6] = 0;
	bytes[7] = 9; /* an offset */
	seal(bytes);
	CU_ASSERT_EQUAL(ip4_parse(span_of(bytes, 50), 14, false, &v), IP_FRAGMENT);
}

static void a_wrong_checksum_is_seen_unless_the_port_vouches(void)
{
	uint8_t bytes[60];
	struct ip_view v;
	make(bytes, 30);
	bytes[8] ^= 1;
	CU_ASSERT_EQUAL(ip4_parse(span_of(bytes, 50), 14, false, &v), IP_BAD_CHECKSUM);
	CU_ASSERT_EQUAL(ip4_parse(span_of(bytes, 50), 14, true, &v), IP_OK);
}

static void lengths_that_contradict_each_other_are_refused(void)
{
	uint8_t bytes[60];
	struct ip_view v;
	make(bytes, 30);
	for (size_t n = 0; n < 50; n++) /* the frame ends before the total length */
		CU_ASSERT_EQUAL(ip4_parse(span_of(bytes, n), 14, false, &v), IP_BAD_HEADER);
	bytes[3] = 19; /* total length below the header's */
	seal(bytes);
	CU_ASSERT_EQUAL(ip4_parse(span_of(bytes, 50), 14, false, &v), IP_BAD_HEADER);
	make(bytes, 30);
	bytes[0] = 0x44; /* header of 16 bytes */
	CU_ASSERT_EQUAL(ip4_parse(span_of(bytes, 50), 14, true, &v), IP_BAD_HEADER);
	bytes[0] = 0x65; /* version 6 */
	CU_ASSERT_EQUAL(ip4_parse(span_of(bytes, 50), 14, true, &v), IP_BAD_HEADER);
}

static void implausible_sources_are_known(void)
{
	struct ip_addr a = src;
	CU_ASSERT(ip_source_plausible(a));
	static const uint8_t bad[] = { 0, 127, 224, 239, 240, 255 };
	for (unsigned i = 0; i < sizeof(bad); i++) {
		a.bytes[0] = bad[i];
		CU_ASSERT(!ip_source_plausible(a));
	}
}

static void a_header_can_be_marked(void)
{
	uint8_t packet[64];
	struct ip_view v;
	struct writer w = writer_of((struct room){ packet, sizeof(packet) });
	writer_zeros(&w, 4);
	ip4_emit(&w, src, dst, IP_TCP, 20);
	ip4_mark(&w, 4, IP_ECT_0);
	writer_zeros(&w, 20);
	CU_ASSERT_EQUAL_FATAL(ip4_parse(span_of(packet + 4, 40), 14, false, &v), IP_OK);
	CU_ASSERT_EQUAL(ip_ecn_of(&v), IP_ECT_0);
	CU_ASSERT_EQUAL(v.payload.bytes, 20);
}

UNIT("wire/ip4", { "a header can be marked, its checksum follows", a_header_can_be_marked },
     { "what is written is read, padding is cut", what_is_written_is_read },
     { "options are skipped", options_are_skipped },
     { "a fragment is told apart, the first and the others", fragments_are_told_apart },
     { "a wrong header checksum is seen, unless the port vouches for it",
       a_wrong_checksum_is_seen_unless_the_port_vouches },
     { "lengths that contradict each other are refused",
       lengths_that_contradict_each_other_are_refused },
     { "loopback, multicast and broadcast are no sources", implausible_sources_are_known })
