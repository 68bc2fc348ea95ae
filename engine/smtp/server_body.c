/*
 * server_body.c - receiving content: through DATA to the lone dot, through BDAT chunk by chunk.
 *
 * The judge is body.c; this file knows where content ends and what is reported then. A BDAT chunk
 * with a fault is eaten to its own end and reported as SERVER_BODY_BAD there (RFC 3030 2: the
 * octets are gone whatever the reply); DATA is eaten to CRLF.CRLF. A chunk that is refused before
 * it is read is swallowed, and its reply held back, so that a sender never sees a refusal in the
 * middle of its own chunk.
 *
 * Bounds: what is eaten for nothing is counted per session until a message goes through; beyond
 * message_bytes_max + SMTP_SWALLOW_BYTES_MAX the session ends with 421.
 *
 * RFC 5321 4.1.1.4; RFC 3030 2, 3.
 */
#include "smtp/server_int.h"

static const uint16_t fault_replies[SMTP_FAULT_COUNT] = {
	[SMTP_FAULT_NONE] = SMTP_REPLY_NONE,
	[SMTP_FAULT_BARE_CR] = SMTP_REPLY_BARE_NEWLINE,
	[SMTP_FAULT_BARE_LF] = SMTP_REPLY_BARE_NEWLINE,
	[SMTP_FAULT_NUL] = SMTP_REPLY_BARE_NEWLINE,
	[SMTP_FAULT_TOO_BIG] = SMTP_REPLY_TOO_BIG,
	[SMTP_FAULT_LONG_LINE] = SMTP_REPLY_LONG_LINE,
	[SMTP_FAULT_EIGHT_BIT] = SMTP_REPLY_EIGHT_BIT,
};

static size_t _data(struct smtp_server *s, struct span bytes, struct instant now,
                    struct smtp_server_event *event);
static size_t _chunk(struct smtp_server *s, struct span bytes, struct instant now,
                     struct smtp_server_event *event);
static size_t _swallow(struct smtp_server *s, struct span bytes, struct instant now);
static void _report_end(struct smtp_server *s, enum smtp_server_event_kind good, struct instant now,
                        struct smtp_server_event *event);
static void _count_swallowed(struct smtp_server *s, size_t bytes, struct instant now);

void smtp_server_body_begin(struct smtp_server *s, bool dots)
{
	struct smtp_body_rules rules = {
		.bytes_max = s->config->message_bytes_max,
		.line_bytes_max = s->config->text_line_bytes_max,
		.dots = dots,
		.seven_bit = s->config->seven_bit_strict && s->body_type == SMTP_BODY_7BIT,
	};

	smtp_body_init(&s->body, &rules);
}

size_t smtp_server_body_input(struct smtp_server *s, struct span bytes, struct instant now,
                              struct smtp_server_event *event)
{
	if (bytes.bytes > 0)
		smtp_server_rearm(s, now);
	if (s->phase == SERVER_PHASE_DATA)
		return _data(s, bytes, now, event);
	if (s->phase == SERVER_PHASE_CHUNK)
		return _chunk(s, bytes, now, event);
	return _swallow(s, bytes, now);
}

void smtp_server_body_swallow(struct smtp_server *s, enum smtp_server_phase after,
                              struct instant now)
{
	if (s->chunk_left == 0) {
		if (after != (enum smtp_server_phase)s->phase)
			smtp_server_enter(s, SERVER_PHASE_SWALLOW, now);
		if (after != (enum smtp_server_phase)s->phase)
			smtp_server_enter(s, after, now);
		return;
	}
	s->after_swallow = (uint8_t)after;
	s->out_held = s->said;
	smtp_server_enter(s, SERVER_PHASE_SWALLOW, now);
}

void smtp_server_body_answered(struct smtp_server *s, enum smtp_server_event_kind kind,
                               uint16_t code, struct instant now)
{
	bool positive = code < 400;
	bool dots = s->body.rules.dots;
	enum smtp_server_phase after_failure =
		dots || s->chunk_last ? SERVER_PHASE_READY : SERVER_PHASE_FAILED;

	if (kind == SERVER_DATA && positive) {
		CHECK(!dots || code / 100 == 3);
		smtp_server_enter(s, dots ? SERVER_PHASE_DATA : SERVER_PHASE_CHUNK, now);
		return;
	}
	if (kind == SERVER_CHUNK && positive) {
		smtp_server_enter(s, SERVER_PHASE_BETWEEN, now);
		return;
	}
	smtp_server_forget(s, NULL); /* the relay knows: it has just answered */
	if (kind == SERVER_DATA && !dots) {
		smtp_server_body_swallow(s, after_failure, now);
		return;
	}
	if (kind == SERVER_BODY_END) {
		s->junk = 0;
		s->swallowed = 0;
	}
	smtp_server_enter(s, after_failure, now);
}

static size_t _data(struct smtp_server *s, struct span bytes, struct instant now,
                    struct smtp_server_event *event)
{
	enum smtp_body_outcome outcome;
	size_t eaten = smtp_body_input(&s->body, bytes, &event->body, &outcome);

	if (outcome == BODY_CONTENT)
		event->kind = SERVER_BODY;
	else if (outcome == BODY_DONE)
		_report_end(s, SERVER_BODY_END, now, event);
	else
		_count_swallowed(s, eaten, now);
	return eaten;
}

static size_t _chunk(struct smtp_server *s, struct span bytes, struct instant now,
                     struct smtp_server_event *event)
{
	enum smtp_body_outcome outcome = BODY_MORE;
	size_t eaten = 0;

	if (s->chunk_left > 0)
		eaten = smtp_body_input(&s->body, span_head(bytes, s->chunk_left), &event->body,
		                        &outcome);
	s->chunk_left -= eaten;
	if (outcome == BODY_CONTENT) {
		event->kind = SERVER_BODY;
		return eaten;
	}
	_count_swallowed(s, eaten, now);
	if (s->chunk_left > 0 || s->phase != SERVER_PHASE_CHUNK)
		return eaten;
	if (s->chunk_last)
		smtp_body_finish(&s->body);
	_report_end(s, s->chunk_last ? SERVER_BODY_END : SERVER_CHUNK, now, event);
	return eaten;
}

static size_t _swallow(struct smtp_server *s, struct span bytes, struct instant now)
{
	size_t eaten = bytes.bytes < s->chunk_left ? bytes.bytes : (size_t)s->chunk_left;

	s->chunk_left -= eaten;
	_count_swallowed(s, eaten, now);
	if (s->chunk_left == 0 && s->phase == SERVER_PHASE_SWALLOW) {
		s->out_held = 0;
		smtp_server_enter(s, (enum smtp_server_phase)s->after_swallow, now);
	}
	return eaten;
}

static void _report_end(struct smtp_server *s, enum smtp_server_event_kind good, struct instant now,
                        struct smtp_server_event *event)
{
	if (s->body.fault == SMTP_FAULT_NONE) {
		smtp_server_ask(s, good, event, now);
		return;
	}
	event->fault = (enum smtp_body_fault)s->body.fault;
	event->fault_reply = (enum smtp_reply_id)fault_replies[s->body.fault];
	smtp_server_ask(s, SERVER_BODY_BAD, event, now);
}

/* Bytes that yielded no content: framing, which is little, or what follows a fault. */
static void _count_swallowed(struct smtp_server *s, size_t bytes, struct instant now)
{
	if (s->body.fault == SMTP_FAULT_NONE && s->phase != SERVER_PHASE_SWALLOW)
		return;
	s->swallowed += bytes;
	if (s->swallowed > s->config->message_bytes_max + SMTP_SWALLOW_BYTES_MAX)
		smtp_server_close(s, SMTP_REPLY_TOO_MANY_ERRORS, now);
}
