/*
 * body.c - judging and unstuffing received content at the speed of one scan.
 *
 * One pass finds the next CR, LF or NUL sixteen bytes at a time (smtp_line_scan); as long as every
 * CR is followed by LF and no line begins with a dot, the whole span comes out as one piece. Pieces
 * end at a leading dot (which is dropped or ends the message), at a fault, and at a CR that is the
 * span's last byte: that CR comes out with its LF from a constant when the LF arrives.
 *
 * What it does not do: it knows nothing of commands, chunks' lengths or replies; server_body.c
 * does.
 *
 * RFC 5321 2.3.8, 4.1.1.4, 4.5.2; RFC 3030 (no dots); RFC 1870 (what a size counts).
 */
#include "smtp/body.h"

#include "smtp/line.h"

enum at {
	AT_LINE = 1, /* the next byte begins a line */
	AT_TEXT,
	AT_CR,     /* behind a CR that has not been judged */
	AT_DOT,    /* behind a leading dot */
	AT_DOT_CR, /* behind a leading dot and CR */
};

static const struct span line_end = { .data = (const uint8_t *)"\r\n", .bytes = 2 };

static void _fault(struct smtp_body *b, enum smtp_body_fault fault);
static size_t _run(struct smtp_body *b, struct span in, size_t *clean);
static struct span _within_size(struct smtp_body *b, struct span in);
static void _line_grows(struct smtp_body *b, struct span part);
static bool _has_high_byte(struct span s);
static bool _deliver(struct smtp_body *b, struct span piece, struct span *content);

void smtp_body_init(struct smtp_body *b, const struct smtp_body_rules *rules)
{
	*b = (struct smtp_body){ .rules = *rules, .at = AT_LINE };
	if (b->rules.line_bytes_max == 0)
		b->rules.line_bytes_max = SMTP_TEXT_LINE_MAX;
}

size_t smtp_body_input(struct smtp_body *b, struct span bytes, struct span *content,
                       enum smtp_body_outcome *outcome)
{
	size_t eaten = 0;

	*content = SPAN_NONE;
	*outcome = BODY_CONTENT;
	while (eaten < bytes.bytes) {
		struct span left = span_after(bytes, eaten);
		size_t clean = 0;
		switch ((enum at)b->at) {
		case AT_LINE:
			if (b->rules.dots && left.data[0] == '.') {
				b->at = AT_DOT;
				eaten++;
				break;
			}
			eaten += _run(b, left, &clean);
			if (_deliver(b, span_head(left, clean), content))
				return eaten;
			break;
		case AT_TEXT:
			eaten += _run(b, left, &clean);
			if (_deliver(b, span_head(left, clean), content))
				return eaten;
			break;
		case AT_CR:
			b->at = AT_TEXT;
			if (left.data[0] != '\n') {
				_fault(b, SMTP_FAULT_BARE_CR);
				break;
			}
			b->at = AT_LINE;
			b->line_bytes = 0;
			eaten++;
			if (b->fault == SMTP_FAULT_NONE && _deliver(b, line_end, content))
				return eaten;
			break;
		case AT_DOT:
			b->at = left.data[0] == '\r' ? AT_DOT_CR : AT_TEXT;
			eaten += left.data[0] == '\r';
			break;
		case AT_DOT_CR:
			if (left.data[0] == '\n') {
				*outcome = BODY_DONE;
				return eaten + 1;
			}
			_fault(b, SMTP_FAULT_BARE_CR);
			b->at = AT_TEXT;
			break;
		}
	}
	*outcome = BODY_MORE;
	return eaten;
}

void smtp_body_finish(struct smtp_body *b)
{
	if (b->at == AT_CR)
		_fault(b, SMTP_FAULT_BARE_CR);
}

static void _fault(struct smtp_body *b, enum smtp_body_fault fault)
{
	if (b->fault == SMTP_FAULT_NONE)
		b->fault = fault;
}

/* Eats text up to the next leading dot, a CR at the span's end, or the span's end. *clean is how
 * much of it, from its beginning, is content: nothing once there is a fault. */
static size_t _run(struct smtp_body *b, struct span in, size_t *clean)
{
	size_t at = 0;

	*clean = 0;
	in = _within_size(b, in);
	while (at < in.bytes) {
		if (b->at == AT_LINE && b->rules.dots && in.data[at] == '.')
			break;
		struct span part = span_after(in, at);
		part.bytes = smtp_line_scan(part);
		_line_grows(b, part);
		b->at = AT_TEXT;
		at += part.bytes;
		if (b->fault == SMTP_FAULT_NONE)
			*clean = at;
		if (at == in.bytes)
			break;
		uint8_t end = in.data[at++];
		if (end == '\n') {
			_fault(b, SMTP_FAULT_BARE_LF);
		} else if (end == '\0') {
			_fault(b, SMTP_FAULT_NUL);
		} else if (at == in.bytes) {
			b->at = AT_CR;
		} else if (in.data[at] != '\n') {
			_fault(b, SMTP_FAULT_BARE_CR);
		} else {
			at++;
			b->at = AT_LINE;
			b->line_bytes = 0;
			if (b->fault == SMTP_FAULT_NONE)
				*clean = at;
		}
	}
	return at;
}

/* Text beyond the size limit is a fault before it is looked at, so that which fault comes first
 * depends on the content alone and not on how it was cut. */
static struct span _within_size(struct smtp_body *b, struct span in)
{
	uint64_t max = b->rules.bytes_max;

	if (max == 0 || b->fault != SMTP_FAULT_NONE)
		return in;
	if (b->bytes < max)
		return span_head(in,
		                 max - b->bytes < in.bytes ? (size_t)(max - b->bytes) : in.bytes);
	_fault(b, SMTP_FAULT_TOO_BIG);
	return in;
}

static void _line_grows(struct smtp_body *b, struct span part)
{
	size_t total = (size_t)b->line_bytes + part.bytes;
	size_t room = b->line_bytes < b->rules.line_bytes_max ?
	                      b->rules.line_bytes_max - b->line_bytes :
	                      0;

	if (b->rules.seven_bit && _has_high_byte(span_head(part, room)))
		_fault(b, SMTP_FAULT_EIGHT_BIT);
	b->line_bytes = total < UINT32_MAX ? (uint32_t)total : UINT32_MAX;
	if (b->line_bytes > b->rules.line_bytes_max)
		_fault(b, SMTP_FAULT_LONG_LINE);
}

static bool _has_high_byte(struct span s)
{
	uint8_t all = 0;

	for (size_t i = 0; i < s.bytes; i++)
		all |= s.data[i];
	return all >= 0x80;
}

/* Counts a piece and hands it out, cut at the size limit. False: there is nothing to hand out. */
static bool _deliver(struct smtp_body *b, struct span piece, struct span *content)
{
	uint64_t max = b->rules.bytes_max;

	if (max != 0 && piece.bytes > max - b->bytes) {
		piece.bytes = (size_t)(max - b->bytes);
		_fault(b, SMTP_FAULT_TOO_BIG);
	}
	b->bytes += piece.bytes;
	*content = piece;
	return piece.bytes != 0;
}
