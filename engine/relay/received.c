/*
 * received.c - the one trace header that we add (RFC 5321 4.4, RFC 3848, RFC 8314 4.3's habit of naming TLS).
 *
 *	Received: from HELO ([ADDRESS])
 *		(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256)
 *		by HOSTNAME (weir) with ESMTPS id QUEUEID
 *		for <RECIPIENT>; Sat, 21 Nov 2026 18:40:46 +0000
 */
#include "relay/relay_int.h"

struct civil {
	int64_t year;
	unsigned month, day, weekday; /* month 0..11, day 1..31, weekday 0 = Sunday */
};

/* Days since 1970-01-01 to the proleptic Gregorian calendar; years are counted from 1 March so that the leap day is
 * the last one. */
static struct civil civil_of_days(int64_t days)
{
	int64_t z = days + 719468; /* since 0000-03-01 */
	int64_t era = z / 146097;
	unsigned day_of_era = (unsigned)(z - era * 146097);
	unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned shifted = (5 * day_of_year + 2) / 153; /* 0 = March */
	struct civil c;
	c.day = day_of_year - (153 * shifted + 2) / 5 + 1;
	c.month = shifted < 10 ? shifted + 2 : shifted - 10;
	c.year = (int64_t)year_of_era + era * 400 + (c.month <= 1);
	c.weekday = (unsigned)((days + 4) % 7);
	return c;
}

static void text_date(struct text *t, int64_t wall_us)
{
	static const char weekdays[] = "Sun\0Mon\0Tue\0Wed\0Thu\0Fri\0Sat";
	static const char months[] = "Jan\0Feb\0Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec";
	int64_t seconds = wall_us > 0 ? wall_us / 1000000 : 0;
	struct civil c = civil_of_days(seconds / 86400);
	uint64_t of_day = (uint64_t)(seconds % 86400);
	text_str(t, weekdays + 4 * c.weekday);
	text_str(t, ", ");
	text_u64(t, c.day);
	text_char(t, ' ');
	text_str(t, months + 4 * c.month);
	text_char(t, ' ');
	text_u64(t, (uint64_t)c.year);
	text_char(t, ' ');
	text_u64_padded(t, of_day / 3600, 2);
	text_char(t, ':');
	text_u64_padded(t, of_day / 60 % 60, 2);
	text_char(t, ':');
	text_u64_padded(t, of_day % 60, 2);
	text_str(t, " +0000");
}

/* What the peer called itself, as a token that cannot end or open a comment. */
static void text_helo(struct text *t, struct span helo)
{
	if (helo.bytes == 0)
		text_str(t, "unknown");
	for (size_t i = 0; i < helo.bytes; i++) {
		uint8_t c = helo.data[i];
		bool plain = c > 0x20 && c < 0x7f && c != '(' && c != ')' && c != ';' && c != '\\' && c != '"';
		text_char(t, plain ? (char)c : '?');
	}
}

static void text_tls(struct text *t, const struct near *n)
{
	if (n->tls_text == NULL)
		return;
	text_str(t, "\r\n\t(using ");
	text_str(t, n->tls_text);
	text_str(t, " with cipher ");
	text_str(t, n->cipher_text);
	text_char(t, ')');
}

static const char *protocol(const struct near *n)
{
	if (!smtp_server_is_esmtp(&n->smtp))
		return "SMTP";
	if (n->t->mail.smtputf8)
		return n->tls_text != NULL ? "UTF8SMTPS" : "UTF8SMTP";
	return n->tls_text != NULL ? "ESMTPS" : "ESMTP";
}

void received_write(const struct relay *r, const struct near *n, struct text *t)
{
	text_str(t, "Received: from ");
	text_helo(t, smtp_server_helo(&n->smtp));
	text_str(t, " ([");
	if (n->remote.addr.family == IP_V6)
		text_str(t, "IPv6:");
	text_ip_addr(t, n->remote.addr);
	text_str(t, "])");
	text_tls(t, n);
	text_str(t, "\r\n\tby ");
	text_str(t, r->config.settings->hostname);
	text_str(t, " (weir) with ");
	text_str(t, protocol(n));
	text_str(t, " id ");
	text_str(t, n->t->queue_id);
	if (n->t->recipients == 1 && !n->t->first.box.utf8) {
		text_str(t, "\r\n\tfor <");
		text_span(t, n->t->first.box.path);
		text_char(t, '>');
	}
	text_str(t, "; ");
	text_date(t, r->wall_us);
	text_str(t, "\r\n");
}
