#include "wire/icmp.h"

#include "tests/unit/unit.h"
#include "wire/checksum.h"
#include "wire/ip4.h"

static const struct ip_addr own = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } };
static const struct ip_addr peer = { .family = IP_V4, .bytes = { 198, 18, 0, 9 } };

static struct ip_view view_of(struct span payload, uint8_t family)
{
	struct ip_view v = { .src = peer, .dst = own, .payload = payload, .hop_limit = 64 };
	if (family == IP_V6)
		v.src.family = v.dst.family = IP_V6;
	return v;
}

static void an_echo_is_answered_with_its_own_bytes(void)
{
	uint8_t room[64];
	struct icmp_message request = { .word = 0x12340007, .body = SPAN("ping") };
	for (unsigned i = 0; i < 2; i++) {
		uint8_t family = i == 0 ? IP_V4 : IP_V6;
		struct ip_addr from = peer, to = own;
		from.family = to.family = family;
		struct writer w = writer_of((struct room){ room, sizeof(room) });
		icmp_echo_emit(&w, from, to, &request);
		struct ip_view v = view_of(writer_span(&w), family);
		struct icmp_message m;
		CU_ASSERT_FATAL(icmp_parse(&v, false, &m));
		CU_ASSERT_EQUAL(m.kind, ICMP_ECHO_REPLY);
		CU_ASSERT_EQUAL(m.word, 0x12340007);
		CU_ASSERT(span_equal(m.body, request.body));
		room[9] ^= 1;
		CU_ASSERT(!icmp_parse(&v, false, &m));
	}
}

static enum icmp_kind kind_of(uint8_t family, uint8_t type, uint8_t code)
{
	uint8_t bytes[8] = { type, code };
	struct ip_view v = view_of(span_of(bytes, sizeof(bytes)), family);
	struct icmp_message m;
	CU_ASSERT_FATAL(icmp_parse(&v, true, &m));
	return m.kind;
}

static void errors_are_hard_or_soft(void)
{
	CU_ASSERT_EQUAL(kind_of(IP_V4, 3, 3), ICMP_HARD_ERROR);
	CU_ASSERT_EQUAL(kind_of(IP_V4, 3, 2), ICMP_HARD_ERROR);
	CU_ASSERT_EQUAL(kind_of(IP_V4, 3, 1), ICMP_SOFT_ERROR);
	CU_ASSERT_EQUAL(kind_of(IP_V4, 3, 4), ICMP_TOO_BIG);
	CU_ASSERT_EQUAL(kind_of(IP_V4, 11, 0), ICMP_SOFT_ERROR);
	CU_ASSERT_EQUAL(kind_of(IP_V4, 4, 0), ICMP_OTHER); /* source quench */
	CU_ASSERT_EQUAL(kind_of(IP_V4, 5, 0), ICMP_OTHER); /* redirect */
	CU_ASSERT_EQUAL(kind_of(IP_V6, 1, 4), ICMP_HARD_ERROR);
	CU_ASSERT_EQUAL(kind_of(IP_V6, 1, 0), ICMP_SOFT_ERROR);
	CU_ASSERT_EQUAL(kind_of(IP_V6, 2, 0), ICMP_TOO_BIG);
	CU_ASSERT_EQUAL(kind_of(IP_V6, 134, 0), ICMP_OTHER); /* router advertisement */
	CU_ASSERT_EQUAL(kind_of(IP_V6, 135, 0), ICMP_NEIGHBOUR);
}

static void the_quoted_segment_is_found_behind_ip_options(void)
{
	uint8_t room[64];
	for (unsigned words = 5; words <= 7; words++) {
		struct writer w = writer_of((struct room){ room, sizeof(room) });
		ip4_emit(&w, own, peer, IP_TCP, 1000); /* the quote is shorter than it says */
		room[0] = (uint8_t)(0x40 | words);
		writer_zeros(&w, (words - 5) * 4);
		writer_be16(&w, 40000);
		writer_be16(&w, 25);
		writer_be32(&w, 77);
		struct icmp_message m = { .body = writer_span(&w) };
		struct icmp_quote q;
		CU_ASSERT_FATAL(icmp_quote_parse(IP_V4, &m, &q));
		CU_ASSERT(ip_addr_equal(q.local.addr, own) && ip_addr_equal(q.remote.addr, peer));
		CU_ASSERT_EQUAL(q.local.port, 40000);
		CU_ASSERT_EQUAL(q.remote.port, 25);
		CU_ASSERT_EQUAL(q.seq.v, 77);
		for (size_t n = 0; n < w.used; n++) {
			m.body = span_of(room, n);
			CU_ASSERT(!icmp_quote_parse(IP_V4, &m, &q));
		}
	}
}

static void quotes_of_other_protocols_are_refused(void)
{
	uint8_t bytes[28] = { 0x45, [9] = 17 };
	struct icmp_message m = { .body = span_of(bytes, sizeof(bytes)) };
	struct icmp_quote q;
	CU_ASSERT(!icmp_quote_parse(IP_V4, &m, &q));
	bytes[9] = IP_TCP;
	CU_ASSERT(icmp_quote_parse(IP_V4, &m, &q));
	bytes[7] = 5; /* not a first fragment */
	CU_ASSERT(!icmp_quote_parse(IP_V4, &m, &q));
}

UNIT("wire/icmp",
     { "an echo reply carries the request's bytes", an_echo_is_answered_with_its_own_bytes },
     { "errors are hard, soft, too big or nothing to us", errors_are_hard_or_soft },
     { "the quoted segment is found, cuts are refused",
       the_quoted_segment_is_found_behind_ip_options },
     { "quotes of other protocols and later fragments are refused",
       quotes_of_other_protocols_are_refused })
