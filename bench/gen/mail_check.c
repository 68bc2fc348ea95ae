/*
 * mail_check.c - judging test messages as they arrive (mail.h): the checker's walk down the header,
 * and the hash of what is behind it.
 */
#include "bench/gen/mail.h"

#include <string.h>

enum at { AT_TRACE = 0, AT_LENGTH, AT_HASH, AT_COVERED, AT_NOTHING };

static size_t take_line(struct mail_checker *c, struct span bytes);
static void judge_line(struct mail_checker *c);
static void judge_trace(struct mail_checker *c, struct span line);
static bool is_trace(struct span line);
static bool parse_id(struct mail_checker *c, struct span text);
static bool parse_hex(struct span text, uint64_t *value);
static bool parse_hash(struct span text, uint8_t value[SHA256_BYTES]);

void mail_hash_init(struct sha256 *h, sha256_compress *sha256, uint64_t run, uint64_t number,
                    uint64_t bytes)
{
	char id[80];
	struct text t = text_of(id, sizeof(id));
	text_hex(&t, run, 16);
	text_char(&t, '.');
	text_u64(&t, number);
	text_char(&t, '.');
	text_u64(&t, bytes);
	sha256_init(h, sha256);
	sha256_add(h, text_as_span(&t));
}

void mail_checker_init(struct mail_checker *c, sha256_compress *sha256)
{
	*c = (struct mail_checker){ .at = AT_TRACE, .hash = { .compress = sha256 } };
}

void mail_checker_input(struct mail_checker *c, struct span bytes)
{
	while (bytes.bytes > 0 && c->at < AT_COVERED)
		bytes = span_after(bytes, take_line(c, bytes));
	if (c->at == AT_COVERED) {
		sha256_add(&c->hash, bytes);
		c->bytes += bytes.bytes;
	}
}

enum mail_verdict mail_checker_end(const struct mail_checker *c)
{
	if (c->at == AT_TRACE || c->at == AT_NOTHING)
		return MAIL_UNKNOWN;
	if (c->at != AT_COVERED || c->broken)
		return MAIL_CORRUPTED;
	if (c->bytes != c->bytes_wanted)
		return MAIL_CORRUPTED;
	uint8_t value[SHA256_BYTES];
	sha256_value(&c->hash, value);
	return memcmp(value, c->hash_wanted, sizeof(value)) == 0 ? MAIL_RIGHT : MAIL_CORRUPTED;
}

/* Eats to the end of the line or of the bytes. Of an overlong line only the beginning is kept. */
static size_t take_line(struct mail_checker *c, struct span bytes)
{
	size_t end = span_find(bytes, '\n');
	size_t eaten = end < bytes.bytes ? end + 1 : end;
	size_t keep = sizeof(c->line) - c->line_used;
	keep = keep < eaten ? keep : eaten;
	memcpy(c->line + c->line_used, bytes.data, keep);
	c->line_used = (uint16_t)(c->line_used + keep);
	if (end < bytes.bytes) {
		judge_line(c);
		c->line_used = 0;
	}
	return eaten;
}

static void judge_line(struct mail_checker *c)
{
	struct span line = span_of(c->line, c->line_used);
	if (line.bytes >= 2 && line.data[line.bytes - 2] == '\r')
		line.bytes -= 2;
	else if (line.bytes < sizeof(c->line))
		c->broken = true; /* no CRLF, and not merely cut */
	if (c->at == AT_TRACE) {
		judge_trace(c, line);
		return;
	}
	struct span name = c->at == AT_LENGTH ? SPAN("X-Weir-Length: ") : SPAN("X-Weir-Hash: ");
	struct span value = span_after(line, name.bytes);
	bool good = span_equal(span_head(line, name.bytes), name);
	if (c->at == AT_LENGTH) {
		good = good && span_to_u64(value, &c->bytes_wanted);
		c->at = AT_HASH;
	} else {
		good = good && parse_hash(value, c->hash_wanted);
		c->at = AT_COVERED;
		mail_hash_init(&c->hash, c->hash.compress, c->run, c->number, c->bytes_wanted);
	}
	c->broken = c->broken || !good;
}

static void judge_trace(struct mail_checker *c, struct span line)
{
	struct span name = SPAN("X-Weir-Id: ");
	if (span_equal(span_head(line, name.bytes), name) &&
	    parse_id(c, span_after(line, name.bytes)))
		c->at = AT_LENGTH;
	else if (line.bytes == 0)
		c->at = AT_NOTHING;
	else if (!is_trace(line))
		c->broken = true;
}

/* What mail servers add at the top, and the folded lines of it (RFC 5321 4.4, RFC 8601). */
static bool is_trace(struct span line)
{
	return line.data[0] == ' ' || line.data[0] == '\t' ||
	       span_starts_nocase(line, SPAN("Received:")) ||
	       span_starts_nocase(line, SPAN("Return-Path:")) ||
	       span_starts_nocase(line, SPAN("Delivered-To:")) ||
	       span_starts_nocase(line, SPAN("X-Original-To:")) ||
	       span_starts_nocase(line, SPAN("Authentication-Results:"));
}

static bool parse_id(struct mail_checker *c, struct span text)
{
	size_t dot = span_find(text, '.');
	return parse_hex(span_head(text, dot), &c->run) &&
	       span_to_u64(span_after(text, dot + 1), &c->number);
}

/* Exactly 16 lower-case digits, as the maker writes them. */
static bool parse_hex(struct span text, uint64_t *value)
{
	if (text.bytes != 16)
		return false;
	uint64_t sum = 0;
	for (size_t i = 0; i < text.bytes; i++) {
		uint8_t c = text.data[i];
		bool digit = c >= '0' && c <= '9';
		if (!digit && !(c >= 'a' && c <= 'f'))
			return false;
		sum = sum << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
	}
	*value = sum;
	return true;
}

static bool parse_hash(struct span text, uint8_t value[SHA256_BYTES])
{
	if (text.bytes != 2 * SHA256_BYTES)
		return false;
	for (size_t word = 0; word < SHA256_BYTES / 8; word++) {
		uint64_t sum;
		if (!parse_hex(span_head(span_after(text, 16 * word), 16), &sum))
			return false;
		for (size_t i = 0; i < 8; i++)
			value[8 * word + i] = (uint8_t)(sum >> (56 - 8 * i));
	}
	return true;
}
