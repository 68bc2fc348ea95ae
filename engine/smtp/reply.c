/*
 * reply.c - SMTP replies: ours from replies.def, theirs from the wire, both written out the same
 * way.
 *
 * A reply's text keeps its lines apart with '\n' and never holds another control character: what a
 * next hop sent is made printable line by line, so nothing it says can end a line of ours. Bytes
 * above 0x7f pass.
 *
 * What it does not do: add enhanced codes to forwarded replies that have none; they are passed on
 * as they are.
 *
 * RFC 5321 4.2; RFC 2034 4; RFC 3463.
 */
#include "smtp/reply.h"

#include "base/blocks.h"
#include "base/text.h"

struct row {
	const char *name;
	uint16_t code;
	struct span enhanced;
	struct span text;
};

#define WORDS(literal) { .data = (const uint8_t *)(literal), .bytes = sizeof(literal) - 1 }

static const struct row rows[SMTP_REPLY_COUNT] = {
#define REPLY(label, number, dotted, words)                                                        \
	[SMTP_REPLY_##label] = { #label, number, WORDS(dotted), WORDS(words) },
#include "smtp/replies.def"
#undef REPLY
};

static const struct row *_row(enum smtp_reply_id id);
static void _begin(struct smtp_reply *r, uint16_t code, struct span enhanced);
static void _append(struct smtp_reply *r, struct span text);
static void _format(const struct smtp_reply *r, struct text *t);
static bool _line_code(struct span line, uint16_t *code);

void smtp_reply_set(struct smtp_reply *r, enum smtp_reply_id id)
{
	const struct row *row = _row(id);

	_begin(r, row->code, row->enhanced);
	_append(r, row->text);
}

void smtp_reply_set_text(struct smtp_reply *r, enum smtp_reply_id id, struct span text)
{
	const struct row *row = _row(id);

	_begin(r, row->code, row->enhanced);
	_append(r, text);
}

void smtp_reply_make(struct smtp_reply *r, uint16_t code, struct span enhanced, struct span text)
{
	CHECK(code >= 200);
	CHECK(code < 600);
	_begin(r, code, enhanced);
	_append(r, text);
}

void smtp_reply_write(const struct smtp_reply *r, struct byteq *out, struct block_pool *pool)
{
	char buffer[SMTP_REPLY_WIRE_MAX + 1];
	struct text t = text_of(buffer, sizeof(buffer));

	CHECK(r->code != 0);
	_format(r, &t);
	CHECK(!t.cut);
	CHECK(byteq_write(out, pool, text_as_span(&t)) == t.used);
}

bool smtp_reply_line(struct smtp_reply *r, struct span line, bool *last)
{
	uint16_t code;

	*last = false;
	if (!_line_code(line, &code) || (r->code != 0 && r->code != code))
		return false;
	uint8_t mark = line.bytes > 3 ? line.data[3] : ' ';
	if (mark != ' ' && mark != '-')
		return false;
	*last = mark == ' ';
	struct span text = span_after(line, 4);
	if (r->code == 0) {
		_begin(r, code, SPAN_NONE);
		_append(r, text);
		return true;
	}
	if (r->lines >= SMTP_REPLY_LINES_MAX || r->bytes + 1u + text.bytes > SMTP_REPLY_TEXT_MAX) {
		SOMETIMES(r->lines >= SMTP_REPLY_LINES_MAX);
		return true; /* read to its end, its further lines dropped */
	}
	r->text[r->bytes++] = '\n';
	r->lines++;
	_append(r, text);
	return true;
}

const char *smtp_reply_name(enum smtp_reply_id id)
{
	return _row(id)->name;
}

static const struct row *_row(enum smtp_reply_id id)
{
	CHECK(id > SMTP_REPLY_NONE);
	CHECK(id < SMTP_REPLY_COUNT);
	return &rows[id];
}

static void _begin(struct smtp_reply *r, uint16_t code, struct span enhanced)
{
	r->code = code;
	r->lines = 1;
	r->bytes = 0;
	if (enhanced.bytes == 0)
		return;
	_append(r, enhanced);
	_append(r, SPAN(" "));
}

/* Cut at the end of the text's room; control characters become '?'. */
static void _append(struct smtp_reply *r, struct span text)
{
	for (size_t i = 0; i < text.bytes && r->bytes < SMTP_REPLY_TEXT_MAX; i++) {
		uint8_t byte = text.data[i];
		r->text[r->bytes++] = byte < ' ' || byte == 0x7f ? '?' : (char)byte;
	}
}

static void _format(const struct smtp_reply *r, struct text *t)
{
	struct span left = span_of(r->text, r->bytes);

	for (;;) {
		struct span line = span_head(left, span_find(left, '\n'));
		bool last = line.bytes == left.bytes;
		text_u64(t, r->code);
		text_char(t, last ? ' ' : '-');
		text_span(t, line);
		text_str(t, "\r\n");
		if (last)
			return;
		left = span_after(left, line.bytes + 1);
	}
}

/* Three digits: 2..5, any, any (RFC 5321 4.2 has 0..5 in the middle; nobody gains by insisting). */
static bool _line_code(struct span line, uint16_t *code)
{
	uint64_t value;

	if (line.bytes < 3 || !span_to_u64(span_head(line, 3), &value))
		return false;
	*code = (uint16_t)value;
	return value >= 200 && value < 600;
}
