/*
 * addr_test.c - addresses in and out: the examples of RFC 4291 and RFC 5952, everything malformed we could
 * think of, and a long random comparison with libc's inet_pton and inet_ntop as an independent judge.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

#define ROUNDS 300000u

/* Text in, canonical text out. */
static const struct {
	const char *in;
	const char *out;
} good[] = {
	/* RFC 4291 2.2 */
	{ "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789" },
	{ "2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a" },
	{ "FF01:0:0:0:0:0:0:101", "ff01::101" },
	{ "0:0:0:0:0:0:0:1", "::1" },
	{ "0:0:0:0:0:0:0:0", "::" },
	{ "2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a" },
	{ "FF01::101", "ff01::101" },
	{ "::1", "::1" },
	{ "::", "::" },
	{ "0:0:0:0:0:0:13.1.68.3", "::d01:4403" },
	{ "0:0:0:0:0:FFFF:129.144.52.38", "::ffff:129.144.52.38" },
	{ "::13.1.68.3", "::d01:4403" },
	{ "::FFFF:129.144.52.38", "::ffff:129.144.52.38" },
	{ "2001:0DB8::CD30:0:0:0:0", "2001:db8:0:cd30::" },
	/* RFC 5952 1, 2 and 4 */
	{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
	{ "2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
	{ "2001:db8::1:0:0:1", "2001:db8::1:0:0:1" },
	{ "2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1" },
	{ "2001:DB8:0:0:1::1", "2001:db8::1:0:0:1" },
	{ "2001:db8:aaaa:bbbb:cccc:dddd:0:1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1" },
	{ "2001:db8:aaaa:bbbb:cccc:dddd::1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1" },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
	{ "2001:db8:0:0:0:0:2:1", "2001:db8::2:1" },
	{ "2001:0db8::0001", "2001:db8::1" },
	/* Runs at both ends, groups left out by a gap of one, and the mapped prefix almost */
	{ "0:0:1:2:3:4:5:6", "::1:2:3:4:5:6" },
	{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
	{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
	{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
	{ "1::8", "1::8" },
	{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
	{ "1::1.2.3.4", "1::102:304" },
	{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
	{ "::ffff:0:0", "::ffff:0.0.0.0" },
	{ "::fffe:1.2.3.4", "::fffe:102:304" },
	{ "::ffff:1:2:3", "::ffff:1:2:3" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	/* IPv4 */
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "198.18.0.1", "198.18.0.1" },
	{ "1.20.109.200", "1.20.109.200" },
};

static const char *const bad[] = {
	"", " ", ".", ":", "...", "1", "1.2", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1..2.3", "1.2.3.256",
	"1.2.3.04", "01.2.3.4", "00.0.0.0", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "1.2.3.+4", "1.2.3.0x4", "1.2.3.a",
	"1.2.3.4/24", "1.2.3.4:25", "1.2.3.1000", "1.2.3.99999999999999999999999", "0x7f.1", "2130706433",
	":::", "::::", "1:::2", "1::2::3", "::1::", ":1", "1:", ":1::", "::1:", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:",
	"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8",
	"12345::", "::00001", "::g", "::1%eth0", "[::1]", "::1/64", "::-1", ":: 1", "::1 ", "0x1::",
	/* A dotted quad may only stand at the very end, and only whole. */
	"1.2.3.4::", "1.2.3.4::1", "::1.2.3.4:5", "1:2.3.4.5::6", "1.2.3.4:1:2:3:4:5:6", "::1.2.3", "::1.2.3.4.5",
	"::1.2.3.256", "::01.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::1:2:3:4:5:6:1.2.3.4",
	"1.2.3.4::1.2.3.4", "::1.2.3.4::", "1:2:3:4:5:6:1.2.3.4::", "::1.2.3.4:",
};

static struct span span_str(const char *s)
{
	return span_of(s, strlen(s));
}

static void published_examples_come_out_canonical(void)
{
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		char buffer[ADDR_TEXT_BYTES];
		struct text t = text_of(buffer, sizeof(buffer));
		struct ip_addr a = { .family = IP_NONE };
		bool parsed = ip_addr_parse(span_str(good[i].in), &a);
		CU_ASSERT_TRUE(parsed);
		text_ip_addr(&t, a);
		CU_ASSERT_STRING_EQUAL(buffer, good[i].out);
		if (!parsed || strcmp(buffer, good[i].out) != 0)
			printf("\n%s came out as %s\n", good[i].in, buffer);
	}
}

static void malformed_addresses_are_refused_and_leave_the_result_alone(void)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct ip_addr a, before;
		memset(&a, 0x77, sizeof(a));
		before = a;
		bool parsed = ip_addr_parse(span_str(bad[i]), &a);
		CU_ASSERT_FALSE(parsed);
		CU_ASSERT_EQUAL(memcmp(&a, &before, sizeof(a)), 0);
		if (parsed)
			printf("\n'%s' was accepted\n", bad[i]);
	}
	struct ip_addr a;
	CU_ASSERT_FALSE(ip_addr_parse(SPAN_NONE, &a));
	CU_ASSERT_FALSE(ip_addr_parse(SPAN("1.2.3.4\0"), &a));
	CU_ASSERT_FALSE(ip_addr_parse(SPAN("::1\0"), &a));
}

static void an_ipv4_address_leaves_its_unused_bytes_zero(void)
{
	struct ip_addr a, b = { .family = IP_V4, .bytes = { 10, 20, 30, 40 } };
	memset(&a, 0xff, sizeof(a));
	CU_ASSERT_TRUE(ip_addr_parse(SPAN("10.20.30.40"), &a));
	CU_ASSERT_TRUE(ip_addr_equal(a, b));
	CU_ASSERT_EQUAL(ip_addr_bytes(a), 4);
}

static void families_are_never_equal(void)
{
	struct ip_addr v4, v6, mapped;
	CU_ASSERT_TRUE(ip_addr_parse(SPAN("0.0.0.0"), &v4));
	CU_ASSERT_TRUE(ip_addr_parse(SPAN("::"), &v6));
	CU_ASSERT_TRUE(ip_addr_parse(SPAN("::ffff:0.0.0.0"), &mapped));
	CU_ASSERT_FALSE(ip_addr_equal(v4, v6));
	CU_ASSERT_FALSE(ip_addr_equal(v4, mapped));
	CU_ASSERT_FALSE(ip_addr_equal(v6, mapped));
	CU_ASSERT_EQUAL(ip_addr_bytes(v6), 16);
}

static bool holds(const char *prefix, const char *addr)
{
	struct ip_prefix p;
	struct ip_addr a;
	CU_ASSERT_TRUE_FATAL(ip_prefix_parse(span_str(prefix), &p));
	CU_ASSERT_TRUE_FATAL(ip_addr_parse(span_str(addr), &a));
	return ip_prefix_holds(p, a);
}

static void prefixes_hold_what_shares_their_bits(void)
{
	CU_ASSERT_TRUE(holds("198.18.0.2/24", "198.18.0.255"));
	CU_ASSERT_FALSE(holds("198.18.0.2/24", "198.18.1.0"));
	CU_ASSERT_TRUE(holds("198.18.0.0/15", "198.19.255.255"));
	CU_ASSERT_FALSE(holds("198.18.0.0/15", "198.20.0.0"));
	CU_ASSERT_TRUE(holds("198.18.0.1/32", "198.18.0.1"));
	CU_ASSERT_FALSE(holds("198.18.0.1/32", "198.18.0.0"));
	CU_ASSERT_TRUE(holds("0.0.0.0/0", "255.1.2.3"));
	CU_ASSERT_FALSE(holds("0.0.0.0/0", "::"));
	CU_ASSERT_FALSE(holds("::/0", "0.0.0.0"));
	CU_ASSERT_TRUE(holds("::/0", "ffff::1"));
	CU_ASSERT_TRUE(holds("2001:2:0:1::2/64", "2001:2:0:1:ffff::"));
	CU_ASSERT_FALSE(holds("2001:2:0:1::2/64", "2001:2:0:2::2"));
	CU_ASSERT_TRUE(holds("2001:2::/47", "2001:2:1::"));
	CU_ASSERT_FALSE(holds("2001:2::/48", "2001:2:1::"));
	CU_ASSERT_FALSE(holds("::1/128", "::2"));
	CU_ASSERT_FALSE(holds("::1/127", "::2"));
	CU_ASSERT_TRUE(holds("::2/127", "::3"));
}

/* Every length, against a comparison bit by bit. */
static void prefix_lengths_agree_with_counting_bits(void)
{
	struct prng rng;
	unsigned wrong = 0;
	prng_seed(&rng, 31);
	for (unsigned i = 0; i < 20000; i++) {
		bool v6 = i % 2 == 0;
		unsigned most = v6 ? 128 : 32;
		struct ip_prefix p = { .addr.family = v6 ? IP_V6 : IP_V4, .bits = (uint8_t)prng_below(&rng, most + 1) };
		for (unsigned b = 0; b < most / 8; b++)
			p.addr.bytes[b] = (uint8_t)prng_u64(&rng);
		struct ip_addr a = p.addr;
		unsigned flip = (unsigned)prng_below(&rng, most);
		a.bytes[flip / 8] ^= (uint8_t)(0x80u >> flip % 8);
		wrong += ip_prefix_holds(p, a) != (flip >= p.bits);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void no_address_is_in_no_prefix(void)
{
	struct ip_prefix none = { .addr.family = IP_NONE };
	struct ip_addr a = { .family = IP_NONE };
	CU_ASSERT_FALSE(ip_prefix_holds(none, a));
}

static void prefixes_are_parsed_strictly(void)
{
	static const char *const wrong[] = { "",          "/",           "/24",         "1.2.3.4",     "1.2.3.4/",
		                             "1.2.3.4/33", "1.2.3.4/024", "1.2.3.4/-1",  "1.2.3.4/ 24", "1.2.3.4/24 ",
		                             "1.2.3.4/2x", "::/129",      "::/1/2",      "::",          "1.2.3/24",
		                             "::/",       "1.2.3.4/18446744073709551616", "[::]/64",     "::/00" };
	struct ip_prefix p;
	CU_ASSERT_TRUE(ip_prefix_parse(SPAN("198.18.0.2/24"), &p));
	CU_ASSERT_EQUAL(p.bits, 24);
	CU_ASSERT_EQUAL(p.addr.bytes[3], 2); /* host bits are kept */
	CU_ASSERT_TRUE(ip_prefix_parse(SPAN("1.2.3.4/0"), &p));
	CU_ASSERT_TRUE(ip_prefix_parse(SPAN("1.2.3.4/32"), &p));
	CU_ASSERT_TRUE(ip_prefix_parse(SPAN("::/128"), &p));
	CU_ASSERT_EQUAL(p.bits, 128);
	memset(&p, 0x77, sizeof(p));
	struct ip_prefix before = p;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		CU_ASSERT_FALSE(ip_prefix_parse(span_str(wrong[i]), &p));
		CU_ASSERT_EQUAL(memcmp(&p, &before, sizeof(p)), 0);
	}
}

static void interfaces_are_parsed_strictly(void)
{
	static const char *const wrong[] = {
		"",
		"1.2.3.4",
		"1.2.3.4 vlan 5",
		"1.2.3.4/24 ",
		"1.2.3.4/24 vlan",
		"1.2.3.4/24 vlan ",
		"1.2.3.4/24 vlan 0",
		"1.2.3.4/24 vlan 05",
		"1.2.3.4/24 vlan 4095",
		"1.2.3.4/24 vlan 65546",
		"1.2.3.4/24 vlan -1",
		"1.2.3.4/24 vlan 5 ",
		"1.2.3.4/24  vlan 5",
		"1.2.3.4/24 vlan  5",
		"1.2.3.4/24 VLAN 5",
		"1.2.3.4/24 vlan5",
		"1.2.3.4/33 vlan 5",
		"1.2.3.4/24\tvlan 5",
		" vlan 5",
	};
	struct ip_interface i;
	CU_ASSERT_TRUE(ip_interface_parse(SPAN("198.18.0.2/24"), &i));
	CU_ASSERT(i.bits == 24 && i.addr.bytes[3] == 2 && i.vlan == 0);
	CU_ASSERT_TRUE(ip_interface_parse(SPAN("2001:2::2/64 vlan 1"), &i));
	CU_ASSERT(i.bits == 64 && i.addr.bytes[15] == 2 && i.vlan == 1);
	memset(&i, 0x77, sizeof(i));
	struct ip_interface before = i;
	for (size_t n = 0; n < COUNT_OF(wrong); n++) {
		CU_ASSERT_FALSE(ip_interface_parse(span_str(wrong[n]), &i));
		CU_ASSERT_EQUAL(memcmp(&i, &before, sizeof(i)), 0);
	}
}

static void interfaces_come_out_as_they_went_in(void)
{
	static const char *const right[] = { "198.18.0.2/24", "198.18.0.2/32 vlan 4094", "2001:2::2/64 vlan 7",
		                             "::/0" };
	for (size_t n = 0; n < COUNT_OF(right); n++) {
		char buffer[ADDR_TEXT_BYTES];
		struct text t = text_of(buffer, sizeof(buffer));
		struct ip_interface i;
		CU_ASSERT_TRUE_FATAL(ip_interface_parse(span_str(right[n]), &i));
		text_ip_interface(&t, i);
		CU_ASSERT_STRING_EQUAL(buffer, right[n]);
	}
}

static void endpoints_are_parsed_strictly(void)
{
	static const char *const wrong[] = { "",             ":",           ":25",          "1.2.3.4",       "1.2.3.4:",
		                             "1.2.3.4:0",    "1.2.3.4:65536", "1.2.3.4:025", "1.2.3.4:-1",    "1.2.3.4: 25",
		                             "1.2.3.4:25 ",  "[1.2.3.4]:25", "::1:25",      "[::1]",         "[::1]:",
		                             "[::1]:0",      "[::1]25",      "[::1:25",     "::1]:25",       "[]:25",
		                             "[[::1]]:25",   "[::1]]:25",    "[",           "]:25",          "[:25",
		                             "1.2.3.4:25:26", "[::1]:99999999999999999999", "mx.test:25",    "[::1%lo]:25",
		                             "1.2.3.4:25\n", "[ ::1]:25" };
	struct endpoint e;
	CU_ASSERT_TRUE(endpoint_parse(SPAN("198.18.0.1:2525"), &e));
	CU_ASSERT_EQUAL(e.port, 2525);
	CU_ASSERT_EQUAL(e.addr.family, IP_V4);
	CU_ASSERT_TRUE(endpoint_parse(SPAN("[2001:2::1]:65535"), &e));
	CU_ASSERT_EQUAL(e.port, 65535);
	CU_ASSERT_EQUAL(e.addr.family, IP_V6);
	CU_ASSERT_TRUE(endpoint_parse(SPAN("[::]:1"), &e));
	memset(&e, 0x77, sizeof(e));
	struct endpoint before = e;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		CU_ASSERT_FALSE(endpoint_parse(span_str(wrong[i]), &e));
		CU_ASSERT_EQUAL(memcmp(&e, &before, sizeof(e)), 0);
	}
	CU_ASSERT_FALSE(endpoint_parse(SPAN_NONE, &e));
}

static void endpoint_text_round_trips_and_fits(void)
{
	static const char *const texts[] = { "198.18.0.1:25", "255.255.255.255:65535", "[2001:2::1]:25", "[::]:1",
		                             "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
		                             "[::ffff:255.255.255.255]:65535" };
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char buffer[ADDR_TEXT_BYTES];
		struct text t = text_of(buffer, sizeof(buffer));
		struct endpoint e, again;
		CU_ASSERT_TRUE(endpoint_parse(span_str(texts[i]), &e));
		text_endpoint(&t, e);
		CU_ASSERT_STRING_EQUAL(buffer, texts[i]);
		CU_ASSERT_FALSE(t.cut);
		CU_ASSERT_TRUE(endpoint_parse(text_as_span(&t), &again));
		CU_ASSERT_TRUE(endpoint_equal(e, again));
		again.port++;
		CU_ASSERT_FALSE(endpoint_equal(e, again));
	}
}

static void no_address_is_shown_as_a_dash(void)
{
	char buffer[ADDR_TEXT_BYTES];
	struct text t = text_of(buffer, sizeof(buffer));
	text_ip_addr(&t, (struct ip_addr){ .family = IP_NONE });
	CU_ASSERT_STRING_EQUAL(buffer, "-");
}

/* libc writes ::/96 with a dotted quad, which RFC 5952 does not ask for. */
static bool is_compatible_form(const uint8_t b[16])
{
	static const uint8_t zeros[12];
	return memcmp(b, zeros, 12) == 0 && (b[12] | b[13]) != 0;
}

static void random_addresses_agree_with_libc(void)
{
	struct prng p;
	unsigned wrong = 0;
	prng_seed(&p, 41);
	for (unsigned i = 0; i < 60000; i++) {
		struct ip_addr a = { .family = i % 4 == 0 ? IP_V4 : IP_V6 }, again;
		char buffer[ADDR_TEXT_BYTES], expected[ADDR_TEXT_BYTES];
		struct text t = text_of(buffer, sizeof(buffer));
		for (unsigned b = 0; b < ip_addr_bytes(a); b++)
			a.bytes[b] = prng_chance(&p, 650) ? 0 : (uint8_t)prng_u64(&p);
		text_ip_addr(&t, a);
		inet_ntop(a.family == IP_V4 ? AF_INET : AF_INET6, a.bytes, expected, sizeof(expected));
		if (a.family == IP_V4 || !is_compatible_form(a.bytes))
			wrong += strcmp(buffer, expected) != 0;
		wrong += !ip_addr_parse(text_as_span(&t), &again) || !ip_addr_equal(a, again);
		wrong += !ip_addr_parse(span_str(expected), &again) || !ip_addr_equal(a, again);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* A valid text with up to three bytes changed, removed or put in. */
static size_t mutated(struct prng *p, char text[64])
{
	static const char alphabet[] = "0123456789abcdefF:::...%/ g";
	strncpy(text, good[prng_below(p, COUNT_OF(good))].in, 63);
	text[63] = '\0';
	size_t length = strlen(text);
	for (uint64_t edits = prng_below(p, 4); edits > 0; edits--) {
		size_t at = (size_t)prng_below(p, length + 1);
		char c = alphabet[prng_below(p, sizeof(alphabet) - 1)];
		if (prng_chance(p, 333) && at < length) {
			text[at] = c;
		} else if (prng_chance(p, 500) && at < length) {
			memmove(text + at, text + at + 1, length - at);
			length--;
		} else if (length < 60) {
			memmove(text + at + 1, text + at, length - at + 1);
			text[at] = c;
			length++;
		}
	}
	return length;
}

static bool libc_parse(const char *text, struct ip_addr *out)
{
	*out = (struct ip_addr){ .family = IP_V4 };
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		return true;
	*out = (struct ip_addr){ .family = IP_V6 };
	return inet_pton(AF_INET6, text, out->bytes) == 1;
}

static void mutated_texts_are_judged_as_libc_judges_them(void)
{
	struct prng p;
	unsigned wrong = 0, accepted = 0;
	prng_seed(&p, 51);
	for (unsigned i = 0; i < ROUNDS; i++) {
		char text[64];
		struct ip_addr ours, theirs;
		size_t length = mutated(&p, text);
		bool we = ip_addr_parse(span_of(text, length), &ours);
		bool they = libc_parse(text, &theirs);
		accepted += we;
		if (we == they && (!we || ip_addr_equal(ours, theirs)))
			continue;
		if (wrong++ < 10)
			printf("\n'%s': we say %d, libc says %d\n", text, we, they);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(accepted > ROUNDS / 10 && accepted < ROUNDS - ROUNDS / 10);
}

UNIT("base/addr", { "published examples come out in canonical form", published_examples_come_out_canonical },
     { "malformed addresses are refused and leave the result alone",
       malformed_addresses_are_refused_and_leave_the_result_alone },
     { "an IPv4 address leaves its unused bytes zero", an_ipv4_address_leaves_its_unused_bytes_zero },
     { "addresses of different families are never equal", families_are_never_equal },
     { "a prefix holds what shares its bits", prefixes_hold_what_shares_their_bits },
     { "prefix lengths agree with counting bits", prefix_lengths_agree_with_counting_bits },
     { "no address is in no prefix", no_address_is_in_no_prefix },
     { "prefixes are parsed strictly", prefixes_are_parsed_strictly },
     { "addresses with their VLAN are parsed strictly", interfaces_are_parsed_strictly },
     { "they come out as they went in", interfaces_come_out_as_they_went_in },
     { "endpoints are parsed strictly", endpoints_are_parsed_strictly },
     { "endpoint text round-trips and fits its buffer", endpoint_text_round_trips_and_fits },
     { "no address is shown as a dash", no_address_is_shown_as_a_dash },
     { "random addresses agree with libc, in and out", random_addresses_agree_with_libc },
     { "mutated texts are judged as libc judges them", mutated_texts_are_judged_as_libc_judges_them })
