#include "wire/eth.h"

#include "tests/unit/unit.h"

static const uint8_t dst[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t src[6] = { 2, 0, 0, 0, 0, 2 };

static void what_is_written_is_read(void)
{
	uint8_t room[64];
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	struct eth_view v;
	eth_emit(&w, dst, src, ETH_IP6);
	writer_u8(&w, 0x60);
	CU_ASSERT_FATAL(eth_parse(writer_span(&w), &v));
	CU_ASSERT_EQUAL(v.type, ETH_IP6);
	CU_ASSERT_EQUAL(memcmp(v.dst, dst, 6), 0);
	CU_ASSERT_EQUAL(memcmp(v.src, src, 6), 0);
	CU_ASSERT_EQUAL(v.l3_offset, 14);
	CU_ASSERT_EQUAL(v.payload.bytes, 1);
}

static bool parse_tags(unsigned tags, struct eth_view *v)
{
	static uint8_t room[64];
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	eth_emit(&w, dst, src, tags > 0 ? ETH_TAG_OUTER : ETH_IP4);
	for (unsigned i = 0; i < tags; i++) {
		writer_be16(&w, 42);
		writer_be16(&w, i + 1 < tags ? ETH_TAG : ETH_IP4);
	}
	writer_zeros(&w, 20);
	return eth_parse(writer_span(&w), v);
}

static void up_to_two_tags_are_skipped(void)
{
	struct eth_view v;
	for (unsigned tags = 0; tags <= 2; tags++) {
		CU_ASSERT_FATAL(parse_tags(tags, &v));
		CU_ASSERT_EQUAL(v.type, ETH_IP4);
		CU_ASSERT_EQUAL(v.l3_offset, 14 + 4 * tags);
		CU_ASSERT_EQUAL(v.payload.bytes, 20);
	}
	CU_ASSERT(!parse_tags(3, &v));
}

static void short_frames_are_refused(void)
{
	uint8_t bytes[18] = { 0 };
	struct eth_view v;
	for (size_t n = 0; n < 14; n++)
		CU_ASSERT(!eth_parse(span_of(bytes, n), &v));
	bytes[12] = 0x81; /* a tag that is cut off */
	for (size_t n = 14; n < 18; n++)
		CU_ASSERT(!eth_parse(span_of(bytes, n), &v));
}

static void group_addresses_are_known_by_their_first_bit(void)
{
	CU_ASSERT(eth_is_group(eth_broadcast));
	CU_ASSERT(!eth_is_group(dst));
}

UNIT("wire/eth", { "what is written is read", what_is_written_is_read },
     { "up to two VLAN tags are skipped, a third is refused", up_to_two_tags_are_skipped },
     { "frames that end early are refused", short_frames_are_refused },
     { "group addresses are known", group_addresses_are_known_by_their_first_bit })
