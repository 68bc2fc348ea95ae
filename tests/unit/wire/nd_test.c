#include "wire/nd.h"

#include "tests/unit/unit.h"

static const struct ip_addr own = { .family = IP_V6, .bytes = { 0x20, 1, 0, 2, [15] = 1 } };
static const struct ip_addr peer = {
	.family = IP_V6, .bytes = { 0x20, 1, 0, 2, [13] = 0xab, [14] = 0xcd, [15] = 9 }
};
static uint8_t room[128];

static struct ip_view emit(enum nd_kind kind)
{
	struct nd_message m = { .kind = kind, .target = own, .solicited = true, .override = true };
	memcpy(m.mac, (const uint8_t[]){ 2, 0, 0, 0, 0, 7 }, 6);
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	nd_emit(&w, peer, own, &m);
	return (struct ip_view){
		.src = peer, .dst = own, .hop_limit = ND_HOP_LIMIT, .payload = writer_span(&w)
	};
}

static void what_is_written_is_read(void)
{
	struct nd_message m;
	struct ip_view v = emit(ND_ADVERTISE);
	CU_ASSERT_EQUAL(v.payload.bytes, ND_BYTES);
	CU_ASSERT_FATAL(nd_parse(&v, &m));
	CU_ASSERT_EQUAL(m.kind, ND_ADVERTISE);
	CU_ASSERT(m.solicited && m.override && !m.router);
	CU_ASSERT(ip_addr_equal(m.target, own));
	CU_ASSERT(m.mac_known && m.mac[5] == 7);
	v = emit(ND_SOLICIT);
	CU_ASSERT_FATAL(nd_parse(&v, &m));
	CU_ASSERT_EQUAL(m.kind, ND_SOLICIT);
	CU_ASSERT(m.mac_known && !m.solicited);
}

static void a_hop_limit_below_255_is_refused(void)
{
	struct nd_message m;
	struct ip_view v = emit(ND_SOLICIT);
	v.hop_limit = 254;
	CU_ASSERT(!nd_parse(&v, &m));
}

static void an_option_of_length_zero_is_refused(void)
{
	struct nd_message m;
	struct ip_view v = emit(ND_SOLICIT);
	room[25] = 0;
	CU_ASSERT(!nd_parse(&v, &m));
}

static void every_cut_inside_is_refused(void)
{
	struct nd_message m;
	struct ip_view v = emit(ND_SOLICIT);
	for (size_t n = 0; n < ND_BYTES; n++) {
		v.payload.bytes = n;
		CU_ASSERT_EQUAL(nd_parse(&v, &m), n == 24); /* there the options may begin */
	}
}

static void unknown_options_are_skipped(void)
{
	struct nd_message m;
	struct ip_view v = emit(ND_SOLICIT);
	room[24] = 14; /* a nonce */
	memcpy(room + 32, (const uint8_t[]){ 1, 1, 2, 0, 0, 0, 0, 8 }, 8);
	v.payload.bytes = 40;
	CU_ASSERT_FATAL(nd_parse(&v, &m));
	CU_ASSERT(m.mac_known && m.mac[5] == 8);
}

static void a_probe_for_duplicates_carries_no_address(void)
{
	struct nd_message m;
	struct ip_view v = emit(ND_SOLICIT);
	v.src = (struct ip_addr){ .family = IP_V6 };
	v.dst = nd_solicited_node(own);
	CU_ASSERT(!nd_parse(&v, &m));
	v.payload.bytes = 24;
	CU_ASSERT(nd_parse(&v, &m));
	v.dst = own;
	CU_ASSERT(!nd_parse(&v, &m));
}

static void group_addresses_are_those_of_the_rfcs(void)
{
	struct ip_addr g = nd_solicited_node(peer);
	static const uint8_t want[16] = { 0xff, 2, [11] = 1, 0xff, 0xab, 0xcd, 9 };
	uint8_t mac[6];
	CU_ASSERT_EQUAL(memcmp(g.bytes, want, 16), 0);
	nd_group_mac(g, mac);
	CU_ASSERT_EQUAL(memcmp(mac, (const uint8_t[]){ 0x33, 0x33, 0xff, 0xab, 0xcd, 9 }, 6), 0);
}

UNIT("wire/nd", { "what is written is read", what_is_written_is_read },
     { "a hop limit below 255 came from beyond the link", a_hop_limit_below_255_is_refused },
     { "an option of length 0 condemns the packet", an_option_of_length_zero_is_refused },
     { "a message cut inside is refused", every_cut_inside_is_refused },
     { "unknown options are skipped", unknown_options_are_skipped },
     { "a probe for duplicates comes from :: to the group and carries no address",
       a_probe_for_duplicates_carries_no_address },
     { "group addresses are those of RFC 4291 and RFC 2464",
       group_addresses_are_those_of_the_rfcs })
