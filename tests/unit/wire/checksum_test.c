#include "wire/checksum.h"

#include "base/prng.h"
#include "tests/unit/unit.h"

/* RFC 1071 as it is written: 16-bit words, one after the other. */
static uint16_t plain_sum(const uint8_t *p, size_t bytes)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (bytes % 2 != 0)
		sum += (uint32_t)p[bytes - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void the_example_of_rfc_1071(void)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	struct checksum c = checksum_add((struct checksum){ 0 }, span_of(bytes, sizeof(bytes)));
	CU_ASSERT_EQUAL(checksum_partial(c), 0xddf2);
	CU_ASSERT_EQUAL(checksum_finish(c), 0x220d);
}

static void every_length_and_alignment_agrees_with_the_plain_sum(void)
{
	uint8_t bytes[400];
	struct prng p;
	prng_seed(&p, 1);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)prng_u64(&p);
	for (size_t from = 0; from < 9; from++) {
		for (size_t n = 0; n <= 300; n++) {
			struct checksum c = { 0 };
			c = checksum_add(c, span_of(bytes + from, n));
			CU_ASSERT_EQUAL(checksum_finish(c), plain_sum(bytes + from, n));
		}
	}
}

static void pieces_add_up(void)
{
	uint8_t bytes[9000];
	memset(bytes, 0xff, sizeof(bytes));
	bytes[17] = 3;
	struct checksum c = { 0 };
	for (size_t at = 0; at < sizeof(bytes); at += 90)
		c = checksum_add(c, span_of(bytes + at, 90));
	CU_ASSERT_EQUAL(checksum_finish(c), plain_sum(bytes, sizeof(bytes)));
}

static void pieces_of_any_length_add_up_together(void)
{
	uint8_t bytes[5000];
	struct prng p;
	prng_seed(&p, 7);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(prng_u64(&p) | 0xf0);
	for (unsigned round = 0; round < 300; round++) {
		struct span pieces[64];
		uint32_t count = 0;
		size_t most = 1 + prng_below(&p, 300), all = 0;
		for (; count < COUNT_OF(pieces) && all + most < sizeof(bytes); count++) {
			pieces[count] = span_of(bytes + all, prng_below(&p, most));
			all += pieces[count].bytes;
		}
		struct checksum sum = checksum_add_all((struct checksum){ .sum = 5 }, pieces, count);
		struct checksum whole = checksum_add((struct checksum){ .sum = 5 }, span_of(bytes, all));
		CU_ASSERT_EQUAL(checksum_finish(sum), checksum_finish(whole));
	}
}

static void a_right_checksum_makes_the_sum_zero(void)
{
	uint8_t bytes[21] = "some bytes, 20 long.";
	struct checksum c = checksum_add((struct checksum){ 0 }, span_of(bytes + 2, 18));
	uint16_t sum = checksum_finish(c);
	bytes[0] = (uint8_t)(sum >> 8);
	bytes[1] = (uint8_t)sum;
	c = checksum_add((struct checksum){ 0 }, span_of(bytes, 20));
	CU_ASSERT_EQUAL(checksum_finish(c), 0);
}

static void the_pseudo_header_is_that_of_the_rfcs(void)
{
	struct ip_addr a = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } };
	struct ip_addr b = { .family = IP_V4, .bytes = { 198, 18, 0, 9 } };
	static const uint8_t v4[] = { 198, 18, 0, 1, 198, 18, 0, 9, 0, 6, 0x05, 0xdc };
	CU_ASSERT_EQUAL(checksum_finish(checksum_pseudo(a, b, 6, 1500)), plain_sum(v4, 12));
	uint8_t v6[40] = { 0x20, 1, 0, 2 };
	v6[16] = 0x20;
	v6[33] = 1; /* length 65536 + 7 */
	v6[35] = 7;
	v6[39] = 58;
	struct ip_addr c = { .family = IP_V6, .bytes = { 0x20, 1, 0, 2 } };
	struct ip_addr d = { .family = IP_V6, .bytes = { 0x20 } };
	CU_ASSERT_EQUAL(checksum_finish(checksum_pseudo(c, d, 58, 65543)), plain_sum(v6, 40));
}

UNIT("wire/checksum", { "the example of RFC 1071 3 comes out", the_example_of_rfc_1071 },
     { "every length at every alignment agrees with the plain sum",
       every_length_and_alignment_agrees_with_the_plain_sum },
     { "pieces of even length add up to the whole", pieces_add_up },
     { "pieces of any length add up together", pieces_of_any_length_add_up_together },
     { "over bytes with a right checksum the result is 0", a_right_checksum_makes_the_sum_zero },
     { "the pseudo headers of IPv4 and IPv6 are those of the RFCs",
       the_pseudo_header_is_that_of_the_rfcs })
