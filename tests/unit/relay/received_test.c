/*
 * received_test.c - the trace header: dates, addresses, and peers that call themselves what breaks headers.
 */
#include <time.h>

#include "tests/unit/relay/rig.h"

struct header {
	char buffer[2048];
	struct text text;
};

static void header_write(struct header *h, struct rig *rig, const struct near *n)
{
	h->text = text_of(h->buffer, sizeof(h->buffer));
	received_write(rig->relay, n, &h->text);
}

static void helo_set(struct near *n, const char *helo, size_t bytes)
{
	memcpy(n->smtp.helo, helo, bytes);
	n->smtp.helo_bytes = (uint8_t)bytes;
	n->smtp.esmtp = true;
}

static void recipient_set(struct near *n, const char *path)
{
	n->t->first.box = rig_mailbox(path);
	n->t->recipients = 1;
}

static void the_header_names_everything_a_reader_wants(void)
{
	struct rig rig;
	struct header h;
	char wanted[512];
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	helo_set(n, "a.test", 6);
	recipient_set(n, "r@example.test");
	header_write(&h, &rig, n);
	snprintf(wanted, sizeof(wanted),
	         "Received: from a.test ([198.18.0.10])\r\n"
	         "\tby weir.test (weir) with ESMTP id %s\r\n"
	         "\tfor <r@example.test>; Wed, 18 Nov 2026 11:06:40 +0000\r\n",
	         n->t->queue_id);
	CU_ASSERT_STRING_EQUAL(h.buffer, wanted);
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void under_tls_version_and_cipher_are_named(void)
{
	struct rig rig;
	struct header h;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	helo_set(n, "a.test", 6);
	n->tls_text = "TLSv1.3";
	n->cipher_text = "TLS_AES_128_GCM_SHA256";
	header_write(&h, &rig, n);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(h.buffer, "\r\n\t(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256)\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(h.buffer, " with ESMTPS id "));
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void the_protocol_word_follows_helo_smtputf8_and_tls(void)
{
	static const struct {
		bool esmtp, utf8, tls;
		const char *word;
	} cases[] = { { false, false, false, " with SMTP id " },
		      { true, false, false, " with ESMTP id " },
		      { true, false, true, " with ESMTPS id " },
		      { true, true, false, " with UTF8SMTP id " },
		      { true, true, true, " with UTF8SMTPS id " } };
	struct rig rig;
	struct header h;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		n->smtp.esmtp = cases[i].esmtp;
		n->t->mail.smtputf8 = cases[i].utf8;
		n->tls_text = cases[i].tls ? "TLSv1.3" : NULL;
		n->cipher_text = "X";
		header_write(&h, &rig, n);
		CU_ASSERT_PTR_NOT_NULL(strstr(h.buffer, cases[i].word));
	}
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void an_ip6_client_is_named_as_an_ip6_literal(void)
{
	struct rig rig;
	struct header h;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	n->remote.addr =
		(struct ip_addr){ .family = IP_V6, .bytes = { 0x20, 0x01, 0, 2, [15] = 0x10 } };
	header_write(&h, &rig, n);
	CU_ASSERT_PTR_NOT_NULL(strstr(h.buffer, "([IPv6:2001:2::10])\r\n"));
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void a_silent_client_is_unknown(void)
{
	struct rig rig;
	struct header h;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	header_write(&h, &rig, n);
	CU_ASSERT_NSTRING_EQUAL(h.buffer, "Received: from unknown (", 24);
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void a_hostile_helo_cannot_end_a_line_or_open_a_comment(void)
{
	static const char helo[] = "a)\r\nSubject: x;(\\\"\x00\x7f\xff"
				   "b c";
	static const char wanted[] = "Received: from a)";
	struct rig rig;
	struct header h;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	helo_set(n, helo, sizeof(helo) - 1);
	header_write(&h, &rig, n);
	CU_ASSERT_NSTRING_EQUAL(h.buffer,
	                        "Received: from a???Subject:?x???????b?c ([198.18.0.10])\r\n", 56);
	CU_ASSERT_NSTRING_NOT_EQUAL(h.buffer, wanted, sizeof(wanted) - 1);
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void only_a_single_ascii_recipient_is_named(void)
{
	struct rig rig;
	struct header h;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	recipient_set(n, "r@example.test");
	n->t->recipients = 2; /* naming one would tell the others of it: RFC 5321 7.2 */
	header_write(&h, &rig, n);
	CU_ASSERT_PTR_NULL(strstr(h.buffer, " for <"));
	n->t->recipients = 1;
	n->t->first.box.utf8 = true;
	header_write(&h, &rig, n);
	CU_ASSERT_PTR_NULL(strstr(h.buffer, " for <"));
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void a_header_is_cut_at_its_room_and_says_so(void)
{
	struct rig rig;
	char small[65];
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	memset(small, '#', sizeof(small));
	struct text t = text_of(small, 64);
	received_write(rig.relay, n, &t);
	CU_ASSERT_TRUE(t.cut);
	CU_ASSERT_EQUAL(strlen(small), 63);
	CU_ASSERT_EQUAL(small[64], '#');
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void the_longest_peer_and_recipient_fit_the_buffer_of_body_begin(void)
{
	static char path[SMTP_PATH_MAX];
	struct rig rig;
	struct header h;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	memset(path, 'p', sizeof(path));
	memset(n->smtp.helo, 'h', sizeof(n->smtp.helo));
	n->smtp.helo_bytes = sizeof(n->smtp.helo);
	recipient_set(n, "r@example.test");
	n->t->first.box.path = span_of(path, sizeof(path));
	n->tls_text = "TLSv1.3";
	n->cipher_text = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256_AND_A_BIT_MORE";
	header_write(&h, &rig, n);
	CU_ASSERT_FALSE(h.text.cut);
	rig_abandon(&rig, n);
	rig_end(&rig);
}

/* ---- dates ---- */

static bool date_is_as_libc_has_it(struct rig *rig, const struct near *n, int64_t seconds)
{
	struct header h;
	char wanted[64];
	time_t when = (time_t)seconds;
	struct tm tm;
	rig->relay->wall_us = seconds * 1000000 + 999999;
	header_write(&h, rig, n);
	/* RFC 5322 3.3: a day of one digit has no zero before it. */
	if (gmtime_r(&when, &tm) == NULL)
		return false;
	strftime(wanted, sizeof(wanted),
	         tm.tm_mday < 10 ? "; %a,X%d %b %Y %H:%M:%S +0000\r\n" :
	                           "; %a, %d %b %Y %H:%M:%S +0000\r\n",
	         &tm);
	char *zero = strstr(wanted, "X0");
	if (zero != NULL) {
		*zero = ' ';
		memmove(zero + 1, zero + 2, strlen(zero + 2) + 1);
	}
	const char *date = strstr(h.buffer, "; ");
	if (date != NULL && strcmp(date, wanted) == 0)
		return true;
	printf("second %lld: %s instead of %s", (long long)seconds, date, wanted);
	return false;
}

static void named_days_are_right(void)
{
	static const int64_t seconds[] = {
		0,                        /* Thu, 1 Jan 1970 */
		68169600,                 /* 29 Feb 1972 */
		951782400,                /* 29 Feb 2000: a century that leaps */
		951868799,                /* its last second */
		951868800,                /* 1 Mar 2000 */
		1709164800,               /* 29 Feb 2024 */
		2147483647,               /* 32 bits end */
		2147483648, 4107542399,   /* 28 Feb 2100, 23:59:59: a century that does not leap */
		4107542400,               /* 1 Mar 2100 */
		4294967296, 253402300799, /* Fri, 31 Dec 9999 23:59:59 */
	};
	struct rig rig;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	for (size_t i = 0; i < COUNT_OF(seconds); i++)
		CU_ASSERT_TRUE(date_is_as_libc_has_it(&rig, n, seconds[i]));
	rig.relay->wall_us = rig.wall_us;
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void every_day_of_five_hundred_years_is_right(void)
{
	struct rig rig;
	int wrong = 0;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	for (int64_t day = 0; day < 182622 && wrong < 3; day++)
		wrong += !date_is_as_libc_has_it(&rig, n, day * 86400 + day * 7919 % 86400);
	CU_ASSERT_EQUAL(wrong, 0);
	rig.relay->wall_us = rig.wall_us;
	rig_abandon(&rig, n);
	rig_end(&rig);
}

static void a_clock_before_the_epoch_says_the_epoch(void)
{
	struct rig rig;
	struct header h;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	rig.relay->wall_us = -1;
	header_write(&h, &rig, n);
	CU_ASSERT_PTR_NOT_NULL(strstr(h.buffer, "; Thu, 1 Jan 1970 00:00:00 +0000\r\n"));
	rig.relay->wall_us = rig.wall_us;
	rig_abandon(&rig, n);
	rig_end(&rig);
}

UNIT("relay/received",
     { "the header names everything a reader wants", the_header_names_everything_a_reader_wants },
     { "under TLS version and cipher are named", under_tls_version_and_cipher_are_named },
     { "the protocol word follows HELO, SMTPUTF8 and TLS",
       the_protocol_word_follows_helo_smtputf8_and_tls },
     { "an IPv6 client is named as an IPv6 literal", an_ip6_client_is_named_as_an_ip6_literal },
     { "a silent client is unknown", a_silent_client_is_unknown },
     { "a hostile HELO cannot end a line or open a comment",
       a_hostile_helo_cannot_end_a_line_or_open_a_comment },
     { "only a single ASCII recipient is named", only_a_single_ascii_recipient_is_named },
     { "a header is cut at its room and says so", a_header_is_cut_at_its_room_and_says_so },
     { "the longest peer and recipient fit the buffer of body_begin()",
       the_longest_peer_and_recipient_fit_the_buffer_of_body_begin },
     { "named days are right", named_days_are_right },
     { "every day of five hundred years is right", every_day_of_five_hundred_years_is_right },
     { "a clock before the epoch says the epoch", a_clock_before_the_epoch_says_the_epoch })
