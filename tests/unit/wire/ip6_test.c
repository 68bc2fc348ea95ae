#include "wire/ip6.h"

#include "tests/unit/unit.h"

static const struct ip_addr src = { .family = IP_V6, .bytes = { 0x20, 1, 0, 2, [15] = 9 } };
static const struct ip_addr dst = { .family = IP_V6, .bytes = { 0x20, 1, 0, 2, [15] = 1 } };
static uint8_t bytes[600];

/* A packet with the extension headers of `chain`, then 20 bytes of TCP. */
static enum ip_outcome parse(uint8_t first, const uint8_t *chain, size_t chain_bytes,
                             struct ip_view *v)
{
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	ip6_emit(&w, src, dst, first, (uint16_t)(chain_bytes + 20), 64);
	writer_bytes(&w, span_of(chain, chain_bytes));
	writer_zeros(&w, 20);
	CU_ASSERT_FATAL(w.ok);
	return ip6_parse(writer_span(&w), 14, v);
}

static void what_is_written_is_read(void)
{
	struct ip_view v;
	CU_ASSERT_EQUAL_FATAL(parse(IP_TCP, NULL, 0, &v), IP_OK);
	CU_ASSERT(ip_addr_equal(v.src, src) && ip_addr_equal(v.dst, dst));
	CU_ASSERT_EQUAL(v.protocol, IP_TCP);
	CU_ASSERT_EQUAL(v.hop_limit, 64);
	CU_ASSERT_EQUAL(v.payload.bytes, 20);
	CU_ASSERT_EQUAL(v.l4_offset, 14 + 40);
}

static void extension_headers_are_skipped(void)
{
	static const uint8_t chain[] = { 60, 0, 0, 0, 0, 0, 0, 0, IP_TCP, 1, 0, 0, 0, 0, 0, 0,
		                         0,  0, 0, 0, 0, 0, 0, 0 };
	struct ip_view v;
	CU_ASSERT_EQUAL_FATAL(parse(0, chain, sizeof(chain), &v), IP_OK);
	CU_ASSERT_EQUAL(v.protocol, IP_TCP);
	CU_ASSERT_EQUAL(v.payload.bytes, 20);
	CU_ASSERT_EQUAL(v.l4_offset, 14 + 40 + 24);
}

static void a_chain_ends_at_eight_headers(void)
{
	uint8_t chain[9 * 8] = { 0 };
	struct ip_view v;
	for (unsigned i = 0; i < 8; i++)
		chain[8 * i] = 60;
	chain[8 * 7] = IP_TCP;
	CU_ASSERT_EQUAL(parse(60, chain, 8 * 8, &v), IP_OK);
	chain[8 * 7] = 60;
	chain[8 * 8] = IP_TCP;
	CU_ASSERT_EQUAL(parse(60, chain, sizeof(chain), &v), IP_BAD_EXTENSION);
}

static void a_chain_ends_at_256_bytes(void)
{
	uint8_t chain[264] = { IP_TCP, 31 };
	struct ip_view v;
	CU_ASSERT_EQUAL(parse(60, chain, 256, &v), IP_OK);
	chain[1] = 32;
	CU_ASSERT_EQUAL(parse(60, chain, 264, &v), IP_BAD_EXTENSION);
}

static void routing_headers_pass_only_when_they_route_no_more(void)
{
	uint8_t chain[8] = { IP_TCP, 0, 4, 0 };
	struct ip_view v;
	CU_ASSERT_EQUAL(parse(43, chain, 8, &v), IP_OK);
	chain[3] = 1;
	CU_ASSERT_EQUAL(parse(43, chain, 8, &v), IP_BAD_EXTENSION);
	chain[2] = chain[3] = 0; /* RH0, whatever it says */
	CU_ASSERT_EQUAL(parse(43, chain, 8, &v), IP_BAD_EXTENSION);
}

static void fragments_are_told_apart(void)
{
	static const uint8_t chain[8] = { IP_TCP };
	struct ip_view v;
	CU_ASSERT_EQUAL(parse(44, chain, 8, &v), IP_FRAGMENT);
}

static void a_header_longer_than_the_packet_is_refused(void)
{
	static const uint8_t chain[8] = { IP_TCP, 200 };
	struct ip_view v;
	CU_ASSERT_EQUAL(parse(0, chain, 8, &v), IP_BAD_EXTENSION);
}

static void cut_packets_are_refused(void)
{
	struct ip_view v;
	CU_ASSERT_EQUAL_FATAL(parse(IP_TCP, NULL, 0, &v), IP_OK);
	for (size_t n = 0; n < 60; n++)
		CU_ASSERT_EQUAL(ip6_parse(span_of(bytes, n), 14, &v), IP_BAD_HEADER);
	bytes[0] = 0x40;
	CU_ASSERT_EQUAL(ip6_parse(span_of(bytes, 60), 14, &v), IP_BAD_HEADER);
}

static void a_header_can_be_marked(void)
{
	struct ip_view v;
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	ip6_emit(&w, src, dst, IP_TCP, 20, 64);
	ip6_mark(&w, 0, IP_CE);
	writer_zeros(&w, 20);
	CU_ASSERT_EQUAL_FATAL(ip6_parse(writer_span(&w), 14, &v), IP_OK);
	CU_ASSERT_EQUAL(ip_ecn_of(&v), IP_CE);
	CU_ASSERT_EQUAL(v.payload.bytes, 20);
}

UNIT("wire/ip6", { "a header can be marked", a_header_can_be_marked },
     { "what is written is read", what_is_written_is_read },
     { "extension headers are skipped", extension_headers_are_skipped },
     { "a chain of eight headers passes, one of nine does not", a_chain_ends_at_eight_headers },
     { "a chain of 256 bytes passes, a longer one does not", a_chain_ends_at_256_bytes },
     { "a routing header passes only with no segments left, type 0 never",
       routing_headers_pass_only_when_they_route_no_more },
     { "a fragment is told apart", fragments_are_told_apart },
     { "an extension header longer than the packet is refused",
       a_header_longer_than_the_packet_is_refused },
     { "packets that end early are refused", cut_packets_are_refused })
