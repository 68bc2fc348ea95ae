/*
 * toeplitz_test.c - the vectors of Microsoft's "Verifying the RSS Hash Calculation", and linearity.
 */
#include "pmd-config/toeplitz.h"

#include <string.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

static const uint8_t key[40] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
				 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
				 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
				 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa };

static const struct vector {
	const char *source, *destination;
	uint32_t hash;
} vectors[] = {
	{ "66.9.149.187:2794", "161.142.100.80:1766", 0x51ccc178 },
	{ "199.92.111.2:14230", "65.69.140.83:4739", 0xc626b0ea },
	{ "24.19.198.95:12898", "12.22.207.184:38024", 0x5c2b394a },
	{ "38.27.205.30:48228", "209.142.163.6:2217", 0xafc7327f },
	{ "153.39.163.191:44251", "202.188.127.2:1303", 0x10e828a2 },
	{ "[3ffe:2501:200:1fff::7]:2794", "[3ffe:2501:200:3::1]:1766", 0x40207d3d },
	{ "[3ffe:501:8::260:97ff:fe40:efab]:14230", "[ff02::1]:4739", 0xdde51bbf },
	{ "[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:44251", "[fe80::200:f8ff:fe21:67cf]:38024",
	  0x02d1feef },
};

static struct endpoint endpoint(const char *text)
{
	struct endpoint e = { .port = 0 };
	CU_ASSERT_TRUE_FATAL(endpoint_parse(span_of(text, strlen(text)), &e));
	return e;
}

static void published_vectors_hold(void)
{
	for (size_t i = 0; i < COUNT_OF(vectors); i++)
		CU_ASSERT_EQUAL(toeplitz_tcp(span_of(key, sizeof(key)), endpoint(vectors[i].source),
					     endpoint(vectors[i].destination)),
				vectors[i].hash);
}

static void the_hash_is_linear(void)
{
	struct prng random;
	prng_seed(&random, 1);
	for (int run = 0; run < 1000; run++) {
		uint8_t a[36], b[36], both[36];
		for (size_t i = 0; i < sizeof(a); i++) {
			a[i] = (uint8_t)prng_u64(&random);
			b[i] = (uint8_t)prng_u64(&random);
			both[i] = a[i] ^ b[i];
		}
		struct span k = span_of(key, sizeof(key));
		CU_ASSERT_EQUAL(toeplitz(k, span_of(a, 36)) ^ toeplitz(k, span_of(b, 36)),
				toeplitz(k, span_of(both, 36)));
	}
}

static void a_part_at_its_offset_is_the_part_alone(void)
{
	uint8_t input[36] = { 0 };
	input[34] = 0x12;
	input[35] = 0x34;
	struct span k = span_of(key, sizeof(key));
	CU_ASSERT_EQUAL(toeplitz_at(k, 34, span_of(input + 34, 2)),
			toeplitz(k, span_of(input, 36)));
	CU_ASSERT_NOT_EQUAL(toeplitz_at(k, 34, span_of(input + 34, 2)), 0);
}

UNIT("pmd-config/toeplitz", { "the published vectors hold", published_vectors_hold },
     { "the hash is linear", the_hash_is_linear },
     { "a part at its offset hashes as the part alone", a_part_at_its_offset_is_the_part_alone })
