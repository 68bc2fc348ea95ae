/*
 * black_box_text.c - a record as text, one line an entry, and the names of connections. See black_box.h.
 */
#include "tcp/black_box.h"
#include "tcp/conn_int.h"
#include "wire/tcp_seg.h"

static void segment_text(struct text *t, const struct black_box_entry *e);
static void timer_text(struct text *t, const struct black_box_entry *e);
static void size_text(struct text *t, const struct black_box_entry *e);
static void seconds_text(struct text *t, uint64_t us);

static const char *const mark_texts[] = {
	[BLACK_BOX_NONE] = "nothing",
#define MARK(name, text) [BLACK_BOX_##name] = text,
#include "tcp/black_box.def"
#undef MARK
};
_Static_assert(COUNT_OF(mark_texts) == BLACK_BOX_MARK_COUNT, "every mark has a text");

static const char *const why_texts[] = {
	[TCP_CLOSE_NONE] = "open",
	[TCP_CLOSE_DONE] = "in order",
	[TCP_CLOSE_RESET] = "reset",
	[TCP_CLOSE_REFUSED] = "refused",
	[TCP_CLOSE_TIMEOUT] = "timed out",
	[TCP_CLOSE_UNREACHABLE] = "unreachable",
};

static const char *const size_texts[] = {
	[SIZE_BY_TIMEOUTS] = "large segments time out",
	[SIZE_BY_REPORT] = "a router says so",
	[SIZE_BY_MEMORY] = "known of the path",
	[SIZE_BY_PROBE] = "a probe arrived",
	[SIZE_BY_LOSSES] = "too many are lost",
};

static const char *const drop_texts[] = {
#define DROP(name, text) [TCP_DROP_##name] = text,
#include "tcp/drops.def"
#undef DROP
};

/* ---- names of connections ---- */

void text_conn_id(struct text *t, struct conn_id id)
{
	text_u64(t, id.worker);
	text_char(t, '.');
	text_u64(t, id.port);
	text_char(t, '.');
	text_u64(t, id.handle.slot);
	text_char(t, '.');
	text_u64(t, id.handle.generation);
}

bool conn_id_parse(struct span text, struct conn_id *id)
{
	uint32_t parts[4];
	for (unsigned i = 0; i < COUNT_OF(parts); i++) {
		size_t digits = i + 1 < COUNT_OF(parts) ? span_find(text, '.') : text.bytes;
		uint64_t value;
		bool found = digits < text.bytes || i + 1 == COUNT_OF(parts);
		if (!found || !span_to_u64(span_head(text, digits), &value) || value > UINT32_MAX)
			return false;
		parts[i] = (uint32_t)value;
		text = span_after(text, digits + 1);
	}
	*id = (struct conn_id){ .worker = parts[0],
		                .port = parts[1],
		                .handle = { .slot = parts[2], .generation = parts[3] } };
	return true;
}

/* ---- entries as digits ---- */

void black_box_entry_hex(const struct black_box_entry *e, char hex[BLACK_BOX_HEX_BYTES])
{
	uint8_t wire[BLACK_BOX_ENTRY_WIRE_BYTES];
	struct writer w = writer_of((struct room){ .data = wire, .bytes = sizeof(wire) });
	writer_be32(&w, e->at_us);
	writer_be32(&w, e->seq);
	writer_be32(&w, e->ack);
	writer_be16(&w, e->window);
	writer_be16(&w, e->bytes);
	writer_u8(&w, e->mark);
	writer_u8(&w, e->flags);
	writer_u8(&w, e->again);
	writer_u8(&w, e->detail);
	struct text t = text_of(hex, BLACK_BOX_HEX_BYTES);
	for (unsigned i = 0; i < sizeof(wire); i++)
		text_hex(&t, wire[i], 2);
}

static uint8_t nibble_of(uint8_t digit)
{
	uint8_t c = ascii_lower(digit);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0');
	return c >= 'a' && c <= 'f' ? (uint8_t)(c - 'a' + 10) : 16;
}

bool black_box_entry_parse(struct span hex, struct black_box_entry *e)
{
	uint8_t wire[BLACK_BOX_ENTRY_WIRE_BYTES];
	if (hex.bytes != 2 * sizeof(wire))
		return false;
	for (unsigned i = 0; i < sizeof(wire); i++) {
		uint8_t high = nibble_of(hex.data[2 * i]), low = nibble_of(hex.data[2 * i + 1]);
		if (high > 15 || low > 15)
			return false;
		wire[i] = (uint8_t)(high << 4 | low);
	}
	struct reader r = reader_of(span_of(wire, sizeof(wire)));
	e->at_us = reader_be32(&r);
	e->seq = reader_be32(&r);
	e->ack = reader_be32(&r);
	e->window = reader_be16(&r);
	e->bytes = reader_be16(&r);
	e->mark = reader_u8(&r);
	e->flags = reader_u8(&r);
	e->again = reader_u8(&r);
	e->detail = reader_u8(&r);
	return r.ok;
}

/* ---- text ---- */

uint32_t black_box_age_us(const struct black_box_record *r, uint32_t index)
{
	return (uint32_t)r->last.us - r->entries[index].at_us;
}

static const char *why_text(uint8_t why)
{
	return why < COUNT_OF(why_texts) ? why_texts[why] : "?";
}

void black_box_entry_text(struct text *t, const struct black_box_entry *e)
{
	switch ((enum black_box_mark)e->mark) {
	case BLACK_BOX_IN:
	case BLACK_BOX_RUN:
	case BLACK_BOX_OUT:
		segment_text(t, e);
		return;
	case BLACK_BOX_STATE:
		text_str(t, "state ");
		text_str(t, conn_state_name((enum conn_state)e->detail));
		return;
	case BLACK_BOX_CLOSED:
		text_str(t, "closed: ");
		text_str(t, why_text(e->detail));
		return;
	case BLACK_BOX_TIMEOUT:
	case BLACK_BOX_REORDER:
	case BLACK_BOX_TAIL:
	case BLACK_BOX_PERSIST:
	case BLACK_BOX_KEEPALIVE:
		timer_text(t, e);
		return;
	case BLACK_BOX_SIZE:
	case BLACK_BOX_SIZE_PROBE:
	case BLACK_BOX_SIZE_LOST:
		size_text(t, e);
		return;
	case BLACK_BOX_SHUT:
	case BLACK_BOX_RELEASED:
	case BLACK_BOX_ABORTED:
	case BLACK_BOX_NONE:
	case BLACK_BOX_MARK_COUNT:
		break;
	}
	text_str(t, e->mark < BLACK_BOX_MARK_COUNT ? mark_texts[e->mark] : "?");
}

static void flags_text(struct text *t, uint8_t flags)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = { { TCP_SYN, "SYN" }, { TCP_FIN, "FIN" }, { TCP_RST, "RST" }, { TCP_PSH, "PSH" },
		      { TCP_ACK, "ACK" }, { TCP_URG, "URG" }, { TCP_ECE, "ECE" }, { TCP_CWR, "CWR" } };
	bool first = true;
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		if ((flags & names[i].flag) == 0)
			continue;
		if (!first)
			text_char(t, ',');
		text_str(t, names[i].name);
		first = false;
	}
	if (first)
		text_str(t, "none");
}

static void number_text(struct text *t, const char *name, uint32_t number)
{
	text_str(t, name);
	text_u64(t, number);
}

static void segment_text(struct text *t, const struct black_box_entry *e)
{
	text_str(t, e->mark == BLACK_BOX_OUT ? "out " : "in  ");
	flags_text(t, e->flags);
	number_text(t, " seq ", e->seq);
	if ((e->flags & TCP_ACK) != 0)
		number_text(t, " ack ", e->ack);
	number_text(t, " len ", e->bytes);
	number_text(t, " win ", e->window);
	if (e->again != 0)
		text_str(t, ", repeated");
	if (e->mark == BLACK_BOX_RUN) {
		number_text(t, ", segments ", e->detail);
		return;
	}
	if (e->mark != BLACK_BOX_IN || e->detail == 0)
		return;
	text_str(t, ", ");
	text_str(t, e->detail <= TCP_DROP_COUNT ? drop_texts[e->detail - 1] : "?");
}

static void timer_text(struct text *t, const struct black_box_entry *e)
{
	text_str(t, mark_texts[e->mark]);
	number_text(t, " no. ", e->bytes);
	number_text(t, ", not acknowledged from seq ", e->seq);
	number_text(t, " on, rto ", e->ack / 1000);
	text_str(t, " ms");
}

static void size_text(struct text *t, const struct black_box_entry *e)
{
	text_str(t, mark_texts[e->mark]);
	number_text(t, " ", e->bytes);
	if (e->mark == BLACK_BOX_SIZE) {
		number_text(t, ", was ", e->ack);
		text_str(t, ": ");
		text_str(t, e->detail < COUNT_OF(size_texts) && e->detail > 0 ? size_texts[e->detail] : "?");
	} else {
		number_text(t, " at seq ", e->seq);
		number_text(t, ", try no. ", e->detail);
	}
}

static void seconds_text(struct text *t, uint64_t us)
{
	text_u64(t, us / SECOND_US);
	text_char(t, '.');
	text_u64_padded(t, us % SECOND_US, 6);
}

static void head_text(struct text *t, const struct black_box_record *r, struct conn_id id, int64_t wall_us)
{
	text_str(t, "connection ");
	text_conn_id(t, id);
	text_str(t, ", ours ");
	text_endpoint(t, r->local);
	text_str(t, ", theirs ");
	text_endpoint(t, r->remote);
	text_str(t, ", ");
	text_str(t, r->why == TCP_CLOSE_NONE ? conn_state_name((enum conn_state)r->state) : why_text(r->why));
	number_text(t, ", windows times 2^", r->send_shift);
	number_text(t, " (theirs) 2^", r->receive_shift);
	text_str(t, " (ours), 0 is ");
	seconds_text(t, (uint64_t)wall_us - (r->count == 0 ? 0 : black_box_age_us(r, 0)));
	if (r->earlier > 0)
		number_text(t, ", before it ", r->earlier);
	text_char(t, '\n');
}

void black_box_text(struct text *t, const struct black_box_record *r, struct conn_id id, int64_t wall_us)
{
	head_text(t, r, id, wall_us);
	for (uint32_t i = 0; i < r->count; i++) {
		text_char(t, '+');
		seconds_text(t, black_box_age_us(r, 0) - black_box_age_us(r, i));
		text_char(t, ' ');
		black_box_entry_text(t, &r->entries[i]);
		text_char(t, '\n');
	}
}
