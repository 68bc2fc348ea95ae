#include "wire/arp.h"

#include "tests/unit/unit.h"

static const struct arp_message request = {
	.operation = ARP_REQUEST,
	.sender_mac = { 2, 0, 0, 0, 0, 9 },
	.sender = { .family = IP_V4, .bytes = { 198, 18, 0, 9 } },
	.target = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } },
};

static size_t emit(uint8_t *room, size_t bytes)
{
	struct writer w = writer_of((struct room){ room, bytes });
	arp_emit(&w, &request);
	return w.ok ? w.used : 0;
}

static void what_is_written_is_read(void)
{
	uint8_t bytes[64];
	struct arp_message m;
	CU_ASSERT_EQUAL(emit(bytes, sizeof(bytes)), ARP_BYTES);
	CU_ASSERT_FATAL(arp_parse(span_of(bytes, 60), &m)); /* padding behind it is no matter */
	CU_ASSERT_EQUAL(m.operation, ARP_REQUEST);
	CU_ASSERT(ip_addr_equal(m.sender, request.sender));
	CU_ASSERT(ip_addr_equal(m.target, request.target));
	CU_ASSERT_EQUAL(memcmp(m.sender_mac, request.sender_mac, 6), 0);
}

static void every_cut_is_refused(void)
{
	uint8_t bytes[ARP_BYTES];
	struct arp_message m;
	CU_ASSERT_EQUAL(emit(bytes, sizeof(bytes)), ARP_BYTES);
	for (size_t n = 0; n < ARP_BYTES; n++)
		CU_ASSERT(!arp_parse(span_of(bytes, n), &m));
}

static void other_hardware_protocol_or_lengths_are_refused(void)
{
	struct arp_message m;
	for (unsigned at = 0; at < 6; at++) {
		uint8_t bytes[ARP_BYTES];
		CU_ASSERT_EQUAL(emit(bytes, sizeof(bytes)), ARP_BYTES);
		bytes[at] ^= 4;
		CU_ASSERT(!arp_parse(span_of(bytes, sizeof(bytes)), &m));
	}
}

UNIT("wire/arp", { "what is written is read", what_is_written_is_read },
     { "a message that ends early is refused, wherever it is cut", every_cut_is_refused },
     { "other hardware, protocol or address lengths are refused",
       other_hardware_protocol_or_lengths_are_refused })
