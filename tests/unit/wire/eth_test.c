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

static void a_tag_is_written_and_read(void)
{
	uint8_t room[64];
	struct eth_view v;
	for (uint16_t vlan = 0; vlan < 4096; vlan++) {
		struct writer w = writer_of((struct room){ room, sizeof(room) });
		eth_emit_vlan(&w, dst, src, vlan, ETH_IP4);
		writer_zeros(&w, 20);
		CU_ASSERT_FATAL(eth_parse(writer_span(&w), &v));
		CU_ASSERT(v.type == ETH_IP4 && v.vlan == vlan && v.payload.bytes == 20);
		CU_ASSERT_EQUAL(v.l3_offset, vlan == 0 ? 14 : 18);
		CU_ASSERT_EQUAL(v.l3_offset, eth_header_bytes(vlan));
	}
}

/* A frame with these two bytes of tag, and `inner` behind it. */
static struct span tagged(uint16_t outer, uint16_t control, uint16_t inner)
{
	static uint8_t room[64];
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	eth_emit(&w, dst, src, outer);
	writer_be16(&w, control);
	writer_be16(&w, inner);
	writer_zeros(&w, 20);
	return writer_span(&w);
}

static void priority_is_no_part_of_the_vlan(void)
{
	struct eth_view v;
	CU_ASSERT_FATAL(eth_parse(tagged(ETH_TAG, 0xf064, ETH_IP6), &v));
	CU_ASSERT(v.vlan == 100 && v.type == ETH_IP6);
	CU_ASSERT_FATAL(eth_parse(tagged(ETH_TAG, 0xe000, ETH_IP6), &v));
	CU_ASSERT(v.vlan == 0 && v.type == ETH_IP6 && v.l3_offset == 18);
}

static void a_second_tag_stands_as_the_type(void)
{
	struct eth_view v;
	CU_ASSERT_FATAL(eth_parse(tagged(ETH_TAG, 100, ETH_TAG), &v));
	CU_ASSERT(v.type == ETH_TAG && eth_is_tag(v.type));
	CU_ASSERT_FATAL(eth_parse(tagged(ETH_TAG, 0, ETH_TAG_OUTER), &v));
	CU_ASSERT(v.type == ETH_TAG_OUTER && eth_is_tag(v.type));
	CU_ASSERT_FATAL(eth_parse(tagged(ETH_TAG_OUTER, 100, ETH_IP4), &v));
	CU_ASSERT(v.type == ETH_TAG_OUTER && v.vlan == 0 && v.l3_offset == 14);
	CU_ASSERT(!eth_is_tag(ETH_IP4));
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
     { "a tag is written and read, each of them", a_tag_is_written_and_read },
     { "the priority is no part of the VLAN; a tag that is only that reads as none",
       priority_is_no_part_of_the_vlan },
     { "a second tag, and a provider's, stand as the type", a_second_tag_stands_as_the_type },
     { "frames that end early are refused", short_frames_are_refused },
     { "group addresses are known", group_addresses_are_known_by_their_first_bit })
