/*
 * mail_check.c - judging test messages as they arrive (mail.h): the hash, and the checker's walk
 * down the header.
 *
 * The hash takes eight bytes a step; each step is a bijection of the state, so that one changed
 * byte always changes the value. Which steps the bytes fall into does not depend on how they were
 * cut into pieces.
 */
#include "bench/gen/mail.h"

#include <string.h>

#define HASH_MULTIPLIER 0x9fb21c651e98df25u
#define HASH_BEGIN 0x243f6a8885a308d3u

enum at { AT_TRACE = 0, AT_LENGTH, AT_HASH, AT_COVERED, AT_NOTHING };

static uint64_t hash_step(uint64_t state, uint64_t word);
static uint64_t load_word(const uint8_t *from);
static size_t take_line(struct mail_checker *c, struct span bytes);
static void judge_line(struct mail_checker *c);
static void judge_trace(struct mail_checker *c, struct span line);
static bool is_trace(struct span line);
static bool parse_id(struct mail_checker *c, struct span text);
static bool parse_hex(struct span text, uint64_t *value);

void mail_hash_init(struct mail_hash *h, uint64_t run, uint64_t number, uint64_t bytes)
{
	*h = (struct mail_hash){ .state = HASH_BEGIN };
	h->state = hash_step(h->state, run);
	h->state = hash_step(h->state, number);
	h->state = hash_step(h->state, bytes);
}

void mail_hash_add(struct mail_hash *h, struct span s)
{
	size_t at = 0;
	while (at < s.bytes) {
		if (h->filled == 0 && s.bytes - at >= 8) {
			h->state = hash_step(h->state, load_word(s.data + at));
			at += 8;
			continue;
		}
		h->word |= (uint64_t)s.data[at++] << (8 * h->filled++);
		if (h->filled == 8) {
			h->state = hash_step(h->state, h->word);
			h->word = 0;
			h->filled = 0;
		}
	}
}

uint64_t mail_hash_value(const struct mail_hash *h)
{
	uint64_t value = hash_step(hash_step(h->state, h->word), h->filled);
	value ^= value >> 32;
	return value * HASH_MULTIPLIER;
}

void mail_checker_init(struct mail_checker *c)
{
	*c = (struct mail_checker){ .at = AT_TRACE };
}

void mail_checker_input(struct mail_checker *c, struct span bytes)
{
	while (bytes.bytes > 0 && c->at < AT_COVERED)
		bytes = span_after(bytes, take_line(c, bytes));
	if (c->at == AT_COVERED) {
		mail_hash_add(&c->hash, bytes);
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
	return mail_hash_value(&c->hash) == c->hash_wanted ? MAIL_RIGHT : MAIL_CORRUPTED;
}

static uint64_t hash_step(uint64_t state, uint64_t word)
{
	state ^= word;
	state = state << 29 | state >> 35;
	return state * HASH_MULTIPLIER + 1;
}

static uint64_t load_word(const uint8_t *from)
{
	uint64_t word = 0;
	for (unsigned i = 0; i < 8; i++)
		word |= (uint64_t)from[i] << (8 * i);
	return word;
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
		good = good && parse_hex(value, &c->hash_wanted);
		c->at = AT_COVERED;
		mail_hash_init(&c->hash, c->run, c->number, c->bytes_wanted);
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
