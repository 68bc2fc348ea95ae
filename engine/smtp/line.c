/*
 * line.c - lines end with CRLF and with nothing else.
 *
 * Called by the server machine for command lines and by the client machine for reply lines; the two
 * scanners at the end serve body.c and stuff.c as well, so that there is one place that looks for
 * these bytes.
 *
 * The common case costs one scan: the whole line lies in the span and is borrowed. Otherwise its
 * beginning is copied into one block. A line that became too long or holds a bare CR or NUL gives
 * its block back at once and is only counted until its CRLF.
 *
 * RFC 5321 2.3.8, 4.5.3.1.4-6.
 */
#include "smtp/line.h"

#include <string.h>

#define LANES 16u

typedef uint8_t lanes __attribute__((vector_size(LANES)));

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the scanners find the lowest byte first");

static bool _borrowed(struct smtp_line *l, struct span in, struct span *line, size_t *eaten);
static bool _append(struct smtp_line *l, struct block_pool *pool, struct span part);
static enum smtp_line_outcome _finish(struct smtp_line *l, struct block_pool *pool,
                                      struct span *line);
static void _restart(struct smtp_line *l);
static void _drop(struct smtp_line *l, struct block_pool *pool);

void smtp_line_init(struct smtp_line *l, uint16_t bytes_max)
{
	CHECK(bytes_max <= BLOCK_DATA_BYTES);
	*l = (struct smtp_line){ .bytes_max = bytes_max };
}

size_t smtp_line_input(struct smtp_line *l, struct block_pool *pool, struct span bytes,
                       struct span *line, enum smtp_line_outcome *outcome)
{
	size_t at = 0;

	CHECK(!l->whole);
	*line = SPAN_NONE;
	*outcome = LINE_WHOLE;
	if (_borrowed(l, bytes, line, &at))
		return at;
	while (at < bytes.bytes) {
		if (l->after_cr && bytes.data[at] == '\n') {
			*outcome = _finish(l, pool, line);
			return at + 1;
		}
		l->bad |= l->after_cr;
		l->after_cr = false;
		struct span part = span_after(bytes, at);
		part.bytes = smtp_line_scan(part);
		if (!_append(l, pool, part)) {
			*outcome = LINE_NO_ROOM;
			return at;
		}
		at += part.bytes;
		if (at == bytes.bytes)
			break;
		uint8_t end = bytes.data[at++];
		if (end == '\n') {
			_drop(l, pool);
			*outcome = LINE_BARE_LF;
			return at;
		}
		l->after_cr = end == '\r';
		l->bad |= end == '\0';
	}
	*outcome = l->bytes > SMTP_LINE_SWALLOW_MAX ? LINE_ENDLESS : LINE_PART;
	return at;
}

void smtp_line_done(struct smtp_line *l, struct block_pool *pool)
{
	if (l->whole)
		_drop(l, pool);
}

void smtp_line_fini(struct smtp_line *l, struct block_pool *pool)
{
	_drop(l, pool);
}

/* Nothing gathered yet and the CRLF is within the span: no copy, no block. */
static bool _borrowed(struct smtp_line *l, struct span in, struct span *line, size_t *eaten)
{
	if (l->bytes != 0 || l->after_cr || l->bad)
		return false;
	size_t end = smtp_line_scan(in);
	if (end > l->bytes_max || end + 1 >= in.bytes || in.data[end] != '\r' ||
	    in.data[end + 1] != '\n')
		return false;
	*line = span_head(in, end);
	*eaten = end + 2;
	return true;
}

/* False: a block is needed and there is none. Only the first part of a line can meet that. */
static bool _append(struct smtp_line *l, struct block_pool *pool, struct span part)
{
	size_t total = (size_t)l->bytes + part.bytes;

	if (l->bad || total > l->bytes_max) {
		if (l->gather != NULL)
			block_give(pool, l->gather);
		l->gather = NULL;
		l->bytes = total < UINT32_MAX ? (uint32_t)total : UINT32_MAX;
		return true;
	}
	if (part.bytes == 0)
		return true;
	if (l->gather == NULL && (l->gather = block_take(pool)) == NULL)
		return false;
	memcpy(l->gather->data + l->bytes, part.data, part.bytes);
	l->bytes = (uint32_t)total;
	l->gather->end = l->bytes;
	return true;
}

static enum smtp_line_outcome _finish(struct smtp_line *l, struct block_pool *pool,
                                      struct span *line)
{
	enum smtp_line_outcome outcome = LINE_WHOLE;

	if (l->bad)
		outcome = LINE_BAD;
	if (l->bytes > l->bytes_max)
		outcome = LINE_LONG;
	if (outcome != LINE_WHOLE) {
		_drop(l, pool);
		return outcome;
	}
	if (l->gather != NULL)
		*line = span_of(l->gather->data, l->bytes);
	_restart(l);
	l->whole = true;
	return outcome;
}

static void _restart(struct smtp_line *l)
{
	l->bytes = 0;
	l->after_cr = false;
	l->bad = false;
	l->whole = false;
}

static void _drop(struct smtp_line *l, struct block_pool *pool)
{
	if (l->gather != NULL)
		block_give(pool, l->gather);
	l->gather = NULL;
	_restart(l);
}

/* Lanes that matched are 0xff. The halves are looked at in order, lowest address first. */
static inline size_t _first_match(lanes hits)
{
	uint64_t half[2];

	memcpy(half, &hits, sizeof(half));
	if (half[0] != 0)
		return (size_t)__builtin_ctzll(half[0]) / 8;
	return half[1] != 0 ? 8 + (size_t)__builtin_ctzll(half[1]) / 8 : LANES;
}

size_t smtp_line_scan(struct span s)
{
	size_t at = 0;

	for (; at + LANES <= s.bytes; at += LANES) {
		lanes v;
		memcpy(&v, s.data + at, LANES);
		size_t found = _first_match((lanes)((v == '\r') | (v == '\n') | (v == 0)));
		if (found < LANES)
			return at + found;
	}
	for (; at < s.bytes; at++)
		if (s.data[at] == '\r' || s.data[at] == '\n' || s.data[at] == '\0')
			return at;
	return s.bytes;
}

size_t smtp_line_scan_lf(struct span s)
{
	size_t at = 0;

	for (; at + LANES <= s.bytes; at += LANES) {
		lanes v;
		memcpy(&v, s.data + at, LANES);
		size_t found = _first_match((lanes)(v == '\n'));
		if (found < LANES)
			return at + found;
	}
	for (; at < s.bytes; at++)
		if (s.data[at] == '\n')
			return at;
	return s.bytes;
}
