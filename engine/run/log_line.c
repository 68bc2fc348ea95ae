/*
 * log_line.c - a transaction as one line. See log_line.h.
 *
 * Values of plain printable bytes stand bare; all others are in double quotes, in which a quote and a backslash have a
 * backslash before them and bytes outside printable ASCII are \xNN. So whatever a peer sends, a line stays one line
 * and a value cannot pretend to be a field. What is not there is "-". Times are UTC (RFC 3339), durations
 * milliseconds.
 */
#include "run/log_line.h"

#include <string.h>
#include <time.h>

#include "run/label.h"

static void key(struct text *t, const char *name)
{
	if (t->used > 0)
		text_char(t, ' ');
	text_str(t, name);
	text_char(t, '=');
}

static bool is_bare(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || *s == '"' || *s == '\\' || *s == '=')
			return false;
	return true;
}

static void quoted(struct text *t, const char *s)
{
	text_char(t, '"');
	for (; *s != '\0'; s++) {
		uint8_t c = (uint8_t)*s;
		if (c < ' ' || c > '~') {
			text_str(t, "\\x");
			text_hex(t, c, 2);
			continue;
		}
		if (c == '"' || c == '\\')
			text_char(t, '\\');
		text_char(t, (char)c);
	}
	text_char(t, '"');
}

static void field(struct text *t, const char *name, const char *value)
{
	key(t, name);
	if (value == NULL || value[0] == '\0')
		text_char(t, '-');
	else if (is_bare(value) && strcmp(value, "-") != 0)
		text_str(t, value);
	else
		quoted(t, value);
}

/* The null reverse-path is an address too, and not "no address". */
static void field_address(struct text *t, const char *name, const char *value)
{
	if (value[0] == '\0')
		field(t, name, "<>");
	else
		field(t, name, value);
}

static void field_number(struct text *t, const char *name, uint64_t value)
{
	key(t, name);
	text_u64(t, value);
}

static void field_ms(struct text *t, const char *prefix, const char *name, uint64_t us)
{
	text_char(t, ' ');
	text_str(t, prefix);
	text_str(t, name);
	text_str(t, "_ms=");
	text_u64(t, us / 1000);
	text_char(t, '.');
	text_u64_padded(t, us % 1000, 3);
}

static void field_endpoint(struct text *t, const char *name, struct endpoint e)
{
	key(t, name);
	if (e.port == 0)
		text_char(t, '-');
	else
		text_endpoint(t, e);
}

/* "TLSv1.3/TLS_AES_128_GCM_SHA256" */
static void field_tls(struct text *t, const char *name, const char *version, const char *cipher)
{
	if (version == NULL || version[0] == '\0') {
		field(t, name, NULL);
		return;
	}
	key(t, name);
	text_str(t, version);
	text_char(t, '/');
	text_str(t, cipher == NULL ? "" : cipher);
}

static void field_conn(struct text *t, const char *name, struct conn_id id)
{
	if (handle_is_none(id.handle)) {
		field(t, name, NULL);
		return;
	}
	key(t, name);
	text_conn_id(t, id);
}

static void field_time(struct text *t, int64_t wall_us)
{
	struct tm tm;
	time_t seconds = (time_t)(wall_us / (int64_t)SECOND_US);
	if (wall_us < 0 || gmtime_r(&seconds, &tm) == NULL) {
		field(t, "time", NULL);
		return;
	}
	key(t, "time");
	text_u64_padded(t, (uint64_t)tm.tm_year + 1900, 4);
	text_char(t, '-');
	text_u64_padded(t, (uint64_t)tm.tm_mon + 1, 2);
	text_char(t, '-');
	text_u64_padded(t, (uint64_t)tm.tm_mday, 2);
	text_char(t, 'T');
	text_u64_padded(t, (uint64_t)tm.tm_hour, 2);
	text_char(t, ':');
	text_u64_padded(t, (uint64_t)tm.tm_min, 2);
	text_char(t, ':');
	text_u64_padded(t, (uint64_t)tm.tm_sec, 2);
	text_char(t, '.');
	text_u64_padded(t, (uint64_t)(wall_us % (int64_t)SECOND_US), 6);
	text_char(t, 'Z');
}

void log_line(struct text *t, const struct relay_report *r)
{
	field_time(t, r->wall_us);
	field(t, "id", r->queue_id);
	field_number(t, "worker", r->worker);
	field(t, "outcome", relay_outcome_text(r->outcome));
	field_number(t, "code", r->reply_code);
	field(t, "text", r->reply_text);
	field(t, "rule", r->rule);
	field_address(t, "from", r->sender);
	field(t, "to", r->recipient);
	field_number(t, "nrcpt", r->recipients);
	field_number(t, "size", r->body_bytes);
	field(t, "chunked", r->chunked ? "yes" : "no");
	field(t, "helo", r->helo);
	field_endpoint(t, "near", r->near);
	field_conn(t, "near_conn", r->near_conn);
	field_tls(t, "near_tls", r->near_tls, r->near_cipher);
	field_endpoint(t, "next", r->next);
	field_conn(t, "next_conn", r->next_conn);
	field_tls(t, "next_tls", r->next_tls, r->next_cipher);
	field(t, "level", r->level);
	field(t, "verified", r->next_verified ? "yes" : "no");
	field(t, "reused", r->next_reused ? "yes" : "no");
	field_ms(t, "", "total", r->total_us);
	field_ms(t, "", "engine", r->engine_us);
	for (enum relay_stage s = 0; s < RELAY_STAGE_COUNT; s++)
		field_ms(t, "stage_", label_of(relay_stage_name(s)).text, r->stage_us[s]);
	text_char(t, '\n');
}
