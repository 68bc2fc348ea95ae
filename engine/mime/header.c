/*
 * header.c - the message header, unfolded field by field, from spans that are cut anywhere.
 *
 * Byte's path: body content from smtp/server, on its way to the policy's filter chain.
 *
 * A field is known to be over when the next line does not begin with white space; so it is reported
 * at the first byte of that line, which is not eaten with it. Unfolding removes the CRLF and keeps
 * the white space behind it (RFC 5322 2.2.3). White space between name and colon is accepted (4.5,
 * obsolete syntax).
 *
 * Bounds: MIME_FIELD_MAX bytes of one field, MIME_HEADER_MAX of all; one block, only while a field
 * is open.
 *
 * What it does not do: it decodes nothing (no encoded words), and does not judge line ends:
 * smtp/body did.
 *
 * RFC 5322 2.2, 2.2.3, 3.6.8, 4.5.
 */
#include "mime/header.h"

_Static_assert(MIME_FIELD_MAX <= BLOCK_DATA_BYTES, "a field fits one block");

enum state {
	AT_LINE = 1, /* the next byte begins a line */
	AT_NAME,
	AT_COLON, /* white space behind the name: the colon is due */
	AT_VALUE,
	AT_CR,     /* behind the CR of a field's line */
	AT_LAST_CR, /* behind the CR of the empty line */
	AT_END,
};

static size_t _line_begins(struct mime_header *h, uint8_t byte, struct mime_header_event *event);
static size_t _name(struct mime_header *h, uint8_t byte, struct mime_header_event *event);
static size_t _value(struct mime_header *h, struct span left);
static void _collect(struct mime_header *h, struct span part);
static void _report_field(struct mime_header *h, struct mime_header_event *event);
static void _report_end(struct mime_header *h, struct mime_header_event *event);
static void _give_back(struct mime_header *h);

void mime_header_init(struct mime_header *h, struct block_pool *pool)
{
	*h = (struct mime_header){ .pool = pool, .state = AT_LINE };
}

void mime_header_fini(struct mime_header *h)
{
	h->reported = h->field != NULL;
	_give_back(h);
	h->state = AT_END;
}

size_t mime_header_input(struct mime_header *h, struct span bytes, struct mime_header_event *event)
{
	size_t eaten = 0;

	*event = (struct mime_header_event){ .kind = MIME_NONE };
	_give_back(h);
	if (h->header_cut && h->state != AT_END) {
		_report_end(h, event);
		return 0;
	}
	while (eaten < bytes.bytes && event->kind == MIME_NONE && h->state != AT_END) {
		struct span left = span_after(bytes, eaten);
		uint8_t byte = left.data[0];
		size_t step = 1;
		switch ((enum state)h->state) {
		case AT_LINE:
			step = _line_begins(h, byte, event);
			break;
		case AT_NAME:
		case AT_COLON:
			step = _name(h, byte, event);
			break;
		case AT_VALUE:
			step = _value(h, left);
			break;
		case AT_CR:
			step = byte == '\n'; /* a CR without LF cannot come here; if it did it would be a space */
			h->state = byte == '\n' ? AT_LINE : AT_VALUE;
			break;
		case AT_LAST_CR:
			step = byte == '\n';
			_report_end(h, event);
			break;
		case AT_END:
			break; /* the loop's condition */
		}
		eaten += step;
		h->header_bytes += (uint32_t)step;
		if (h->header_bytes > MIME_HEADER_MAX && event->kind == MIME_NONE) {
			h->header_cut = true;
			h->cut = true;
			mime_header_end(h, event);
		}
	}
	return eaten;
}

void mime_header_end(struct mime_header *h, struct mime_header_event *event)
{
	*event = (struct mime_header_event){ .kind = MIME_NONE };
	_give_back(h);
	if (h->open && h->state != AT_NAME && h->state != AT_COLON)
		_report_field(h, event);
	else
		_report_end(h, event);
}

/* White space goes on with the open field; the empty line ends the header; anything else begins a
 * field. */
static size_t _line_begins(struct mime_header *h, uint8_t byte, struct mime_header_event *event)
{
	bool folded = byte == ' ' || byte == '\t';

	if (folded && h->open) {
		h->state = AT_VALUE;
		return 0;
	}
	if (h->open) {
		_report_field(h, event);
		return 0;
	}
	if (folded) {
		_report_end(h, event);
		return 0;
	}
	if (byte == '\r') {
		h->state = AT_LAST_CR;
		return 1;
	}
	h->open = true;
	h->state = AT_NAME;
	return 0;
}

static bool _is_name_byte(uint8_t byte)
{
	return byte > ' ' && byte < 0x7f && byte != ':';
}

static size_t _name(struct mime_header *h, uint8_t byte, struct mime_header_event *event)
{
	bool space = byte == ' ' || byte == '\t';
	bool named = h->cut || (h->field != NULL && h->field->end > 0);

	if (byte == ':' && named) {
		h->state = AT_VALUE;
	} else if (space && named) {
		h->state = AT_COLON;
	} else if (!_is_name_byte(byte) || h->state == AT_COLON) {
		_report_end(h, event);
		return 0;
	}
	_collect(h, span_of(&byte, 1));
	return 1;
}

static size_t _value(struct mime_header *h, struct span left)
{
	size_t bytes = span_find(left, '\r');

	_collect(h, span_head(left, bytes));
	if (bytes == left.bytes)
		return bytes;
	h->state = AT_CR;
	return bytes + 1;
}

/* Without a block, or beyond the bound, the rest is skipped and the field flagged. */
static void _collect(struct mime_header *h, struct span part)
{
	if (h->field == NULL && !h->cut && (h->field = block_take(h->pool)) == NULL)
		h->cut = true;
	if (h->field == NULL)
		return;
	size_t room = MIME_FIELD_MAX - h->field->end;
	h->cut |= part.bytes > room;
	part = span_head(part, room);
	if (part.bytes > 0)
		memcpy(h->field->data + h->field->end, part.data, part.bytes);
	h->field->end += (uint32_t)part.bytes;
}

static void _report_field(struct mime_header *h, struct mime_header_event *event)
{
	event->kind = MIME_FIELD;
	event->cut = h->cut;
	if (h->field != NULL) {
		struct span text = span_of(h->field->data, h->field->end);
		size_t colon = span_find(text, ':');
		event->name = span_trim(span_head(text, colon));
		event->value = span_trim(span_after(text, colon + 1));
	}
	h->reported = true;
	h->open = false;
	h->cut = false;
}

static void _report_end(struct mime_header *h, struct mime_header_event *event)
{
	event->kind = MIME_HEADER_END;
	event->cut = h->header_cut;
	if (h->field != NULL)
		event->value = span_of(h->field->data, h->field->end);
	h->reported = true;
	h->open = false;
	h->state = AT_END;
}

static void _give_back(struct mime_header *h)
{
	if (h->reported && h->field != NULL) {
		block_give(h->pool, h->field);
		h->field = NULL;
	}
	h->reported = false;
}
