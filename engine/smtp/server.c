/*
 * server.c - the near side's machine: driving, answering, deadlines, and the one place where phases
 * change.
 *
 * Byte's path: bytes come from the leg and go to server_command.c (lines) or server_body.c
 * (content) by phase; what they find comes back as one event at a time.
 *
 * Room for replies: before anything is eaten that can owe a reply, one spare block is taken out of
 * the pool and kept until the reply is written; so an answer never fails for want of a block,
 * whenever it comes. With no block to be had nothing is eaten: back-pressure. Greeting, 220 to
 * STARTTLS and 421 are kept as an id in `owed` and written when output is asked for.
 *
 * Bounds: see server.h (errors, junk, unsent replies, bytes eaten for nothing) and the deadlines of
 * smtp_server_rearm(). The command deadline runs from the last answer, not from the last byte, so
 * that a line that trickles in has no more time than one that comes at once.
 *
 * RFC 5321 3.8, 4.5.3.2.7; RFC 3207 4.2.
 */
#include "smtp/server.h"

#include "base/text.h"
#include "smtp/server_int.h"

enum wait_kind { WAIT_COMMAND = 1, WAIT_BODY, WAIT_NEVER };

static const struct {
	const char *name;
	enum wait_kind wait;
} phases[SERVER_PHASE_COUNT] = {
	[SERVER_PHASE_NONE] = { "NONE", WAIT_NEVER },
#define SERVER_PHASE(phase, deadline, text) [SERVER_PHASE_##phase] = { #phase, WAIT_##deadline },
#include "smtp/phases.def"
};

static bool _is_edge(enum smtp_server_phase from, enum smtp_server_phase to);
static size_t _step(struct smtp_server *s, struct span bytes, struct instant now,
                    struct smtp_server_event *event);
static void _report_close(struct smtp_server *s, struct smtp_server_event *event);
static bool _may_close(const struct smtp_server *s);
static void _compose_owed(const struct smtp_server *s, struct smtp_reply *reply);

void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *config,
                      struct block_pool *pool, struct instant now)
{
	*s = (struct smtp_server){ .config = config, .pool = pool, .phase = SERVER_PHASE_START,
		                   .owed = SMTP_REPLY_GREETING };
	smtp_line_init(&s->line, SMTP_COMMAND_BYTES_MAX);
	smtp_server_rearm(s, now);
}

void smtp_server_fini(struct smtp_server *s)
{
	smtp_server_unspare(s);
	smtp_line_fini(&s->line, s->pool);
	byteq_clear(&s->out, s->pool);
	s->phase = SERVER_PHASE_CLOSED;
	s->deadline = INSTANT_NEVER;
}

size_t smtp_server_input(struct smtp_server *s, struct span bytes, struct instant now,
                         struct smtp_server_event *event)
{
	size_t eaten = 0;
	size_t step;

	*event = (struct smtp_server_event){ .kind = SERVER_NONE };
	if (s->waits != 0)
		return 0;
	smtp_line_done(&s->line, s->pool);
	do {
		step = _step(s, span_after(bytes, eaten), now, event);
		eaten += step;
	} while (step > 0 && event->kind == SERVER_NONE);
	if (event->kind == SERVER_STARTTLS && eaten < bytes.bytes) {
		smtp_server_close(s, SMTP_REPLY_TLS_INJECTION, now);
		_report_close(s, event);
	}
	if (s->waits == 0)
		smtp_server_unspare(s);
	return eaten;
}

void smtp_server_answer(struct smtp_server *s, const struct smtp_reply *reply, struct instant now)
{
	enum smtp_server_event_kind kind = (enum smtp_server_event_kind)s->waits;

	if (s->phase == SERVER_PHASE_CLOSED)
		return; /* expired or said goodbye meanwhile: nobody is left to tell */
	CHECK(kind != 0);
	s->waits = 0;
	smtp_line_done(&s->line, s->pool);
	bool go_ahead = kind == SERVER_DATA && smtp_reply_positive(reply);
	if (!go_ahead || s->body.rules.dots)
		smtp_server_say(s, reply);
	if (kind == SERVER_MAIL) {
		s->transaction = smtp_reply_positive(reply);
		if (s->transaction)
			smtp_server_enter(s, SERVER_PHASE_MAIL, now);
	} else if (kind == SERVER_RCPT) {
		s->recipients += smtp_reply_positive(reply);
		if (smtp_reply_positive(reply) && s->phase == SERVER_PHASE_MAIL)
			smtp_server_enter(s, SERVER_PHASE_RCPT, now);
	} else {
		smtp_server_body_answered(s, kind, reply->code, now);
	}
	smtp_server_unspare(s);
	smtp_server_rearm(s, now);
	if (s->goodbye != SMTP_REPLY_NONE)
		smtp_server_goodbye(s, (enum smtp_reply_id)s->goodbye, now);
}

void smtp_server_answer_id(struct smtp_server *s, enum smtp_reply_id id, struct instant now)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, id);
	smtp_server_answer(s, &reply, now);
}

bool smtp_server_waits_for_answer(const struct smtp_server *s)
{
	return s->waits != 0;
}

size_t smtp_server_output(struct smtp_server *s, struct byteq *out, size_t room, struct instant now)
{
	(void)now;
	if (s->owed != SMTP_REPLY_NONE && byteq_fits(&s->out, s->pool, SMTP_REPLY_WIRE_MAX))
		smtp_server_flush_owed(s);
	size_t ready = byteq_bytes(&s->out) - s->out_held;
	return byteq_move(out, &s->out, s->pool, ready < room ? ready : room);
}

struct instant smtp_server_deadline(const struct smtp_server *s)
{
	return s->deadline;
}

bool smtp_server_expire(struct smtp_server *s, struct instant now)
{
	if (!instant_reached(s->deadline, now))
		return false;
	smtp_server_close(s, SMTP_REPLY_TIMEOUT, now);
	return true;
}

void smtp_server_goodbye(struct smtp_server *s, enum smtp_reply_id id, struct instant now)
{
	if (s->phase == SERVER_PHASE_CLOSED)
		return;
	s->goodbye = (uint16_t)id;
	if (_may_close(s))
		smtp_server_close(s, id, now);
}

bool smtp_server_starttls_injected(struct smtp_server *s, size_t plaintext_left, struct instant now)
{
	if (plaintext_left == 0 || s->phase != SERVER_PHASE_TLS)
		return false;
	smtp_server_close(s, SMTP_REPLY_TLS_INJECTION, now);
	s->owed = SMTP_REPLY_TLS_INJECTION; /* said even where the 220 has left: no handshake has begun */
	return true;
}

void smtp_server_tls_started(struct smtp_server *s, struct instant now)
{
	if (s->phase == SERVER_PHASE_CLOSED)
		return;
	CHECK(s->phase == SERVER_PHASE_TLS);
	s->tls = true;
	s->esmtp = false;
	s->helo_bytes = 0;
	smtp_line_fini(&s->line, s->pool);
	smtp_server_enter(s, SERVER_PHASE_START, now);
	if (s->goodbye != SMTP_REPLY_NONE)
		smtp_server_goodbye(s, (enum smtp_reply_id)s->goodbye, now);
}

void smtp_server_tls_implicit(struct smtp_server *s)
{
	s->tls = true;
}

struct span smtp_server_helo(const struct smtp_server *s)
{
	return span_of(s->helo, s->helo_bytes);
}

bool smtp_server_is_esmtp(const struct smtp_server *s)
{
	return s->esmtp;
}

bool smtp_server_tls_on(const struct smtp_server *s)
{
	return s->tls;
}

enum smtp_server_phase smtp_server_phase(const struct smtp_server *s)
{
	return (enum smtp_server_phase)s->phase;
}

const char *smtp_server_phase_name(enum smtp_server_phase phase)
{
	CHECK(phase < SERVER_PHASE_COUNT);
	return phases[phase].name;
}

void smtp_server_enter(struct smtp_server *s, enum smtp_server_phase phase, struct instant now)
{
	enum smtp_server_phase from = (enum smtp_server_phase)s->phase;

	CHECK(phase == SERVER_PHASE_CLOSED || _is_edge(from, phase));
	recorder_note(s->config->recorder, now, "smtp server phase", (uint64_t)(uintptr_t)s, from,
	              phase);
	s->phase = (uint8_t)phase;
	smtp_server_rearm(s, now);
}

void smtp_server_rearm(struct smtp_server *s, struct instant now)
{
	switch (phases[s->phase].wait) {
	case WAIT_COMMAND:
		s->deadline = instant_add(now, s->config->command_timeout_us);
		break;
	case WAIT_BODY:
		s->deadline = instant_add(now, s->config->data_timeout_us);
		break;
	case WAIT_NEVER: /* the leg bounds how long a close may take */
		s->deadline = INSTANT_NEVER;
		return;
	}
	if (s->waits != 0)
		s->deadline = instant_add(now, SMTP_ANSWER_TIMEOUT_US);
}

void smtp_server_say(struct smtp_server *s, const struct smtp_reply *reply)
{
	smtp_server_unspare(s);
	smtp_server_flush_owed(s);
	size_t before = byteq_bytes(&s->out);
	smtp_reply_write(reply, &s->out, s->pool);
	s->said = (uint16_t)(byteq_bytes(&s->out) - before);
}

void smtp_server_say_id(struct smtp_server *s, enum smtp_reply_id id)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, id);
	smtp_server_say(s, &reply);
}

void smtp_server_unspare(struct smtp_server *s)
{
	if (s->spare != NULL)
		block_give(s->pool, s->spare);
	s->spare = NULL;
}

void smtp_server_refuse(struct smtp_server *s, enum smtp_reply_id id, struct instant now)
{
	if (++s->errors > SMTP_ERRORS_MAX)
		smtp_server_close(s, SMTP_REPLY_TOO_MANY_ERRORS, now);
	else
		smtp_server_say_id(s, id);
}

void smtp_server_close(struct smtp_server *s, enum smtp_reply_id id, struct instant now)
{
	/* Once the 220 to STARTTLS has left, plaintext would only break the handshake. */
	bool mute = s->phase == SERVER_PHASE_TLS && s->owed == SMTP_REPLY_NONE;

	if (s->spare != NULL) {
		smtp_server_unspare(s);
		smtp_server_flush_owed(s); /* a greeting not yet written comes before our last word */
	}
	s->owed = (uint16_t)(mute ? SMTP_REPLY_NONE : id);
	s->goodbye = (uint16_t)id;
	s->out_held = 0;
	s->waits = 0;
	s->close_due = true;
	smtp_line_fini(&s->line, s->pool);
	smtp_server_forget(s, NULL);
	smtp_server_enter(s, SERVER_PHASE_CLOSED, now);
}

void smtp_server_forget(struct smtp_server *s, struct smtp_server_event *event)
{
	if (event != NULL && s->transaction)
		event->kind = SERVER_RESET;
	s->transaction = false;
	s->recipients = 0;
	s->smtputf8 = false;
	s->body_type = SMTP_BODY_7BIT;
}

void smtp_server_ask(struct smtp_server *s, enum smtp_server_event_kind kind,
                     struct smtp_server_event *event, struct instant now)
{
	CHECK(s->spare != NULL);
	event->kind = kind;
	s->waits = (uint8_t)kind;
	smtp_server_rearm(s, now);
}

static bool _is_edge(enum smtp_server_phase from, enum smtp_server_phase to)
{
#define SERVER_EDGE(a, b)                                                                          \
	if (from == SERVER_PHASE_##a && to == SERVER_PHASE_##b)                                    \
		return true;
#include "smtp/phases.def"
	return false;
}

/* One thing at most: a line, a piece of content, or an event that needs no byte. */
static size_t _step(struct smtp_server *s, struct span bytes, struct instant now,
                    struct smtp_server_event *event)
{
	switch ((enum smtp_server_phase)s->phase) {
	case SERVER_PHASE_START:
	case SERVER_PHASE_READY:
	case SERVER_PHASE_MAIL:
	case SERVER_PHASE_RCPT:
	case SERVER_PHASE_BETWEEN:
	case SERVER_PHASE_FAILED:
	case SERVER_PHASE_DATA:
	case SERVER_PHASE_CHUNK:
	case SERVER_PHASE_SWALLOW:
		if (s->spare == NULL && (s->spare = block_take(s->pool)) == NULL)
			return 0;
		if (phases[s->phase].wait == WAIT_BODY)
			return smtp_server_body_input(s, bytes, now, event);
		return smtp_server_command_input(s, bytes, now, event);
	case SERVER_PHASE_TLS:
		/* With the 220 still unsent these bytes were pipelined: injection. After it they
		 * are TLS. */
		if (bytes.bytes > 0 && s->owed == SMTP_REPLY_TLS_READY)
			smtp_server_close(s, SMTP_REPLY_TLS_INJECTION, now);
		break;
	case SERVER_PHASE_NONE:
	case SERVER_PHASE_CLOSED:
	case SERVER_PHASE_COUNT:
		break; /* nothing is eaten any more */
	}
	if (s->close_due)
		_report_close(s, event);
	return 0;
}

static void _report_close(struct smtp_server *s, struct smtp_server_event *event)
{
	event->kind = SERVER_CLOSE;
	event->fault_reply = (enum smtp_reply_id)s->goodbye;
	s->close_due = false;
}

/* Between commands and with the handshake not under way (RFC 5321 3.8). */
static bool _may_close(const struct smtp_server *s)
{
	if (s->waits != 0 || phases[s->phase].wait != WAIT_COMMAND)
		return false;
	return s->phase != SERVER_PHASE_TLS;
}

void smtp_server_flush_owed(struct smtp_server *s)
{
	struct smtp_reply reply;

	if (s->owed == SMTP_REPLY_NONE)
		return;
	_compose_owed(s, &reply);
	s->owed = SMTP_REPLY_NONE;
	smtp_reply_write(&reply, &s->out, s->pool);
}

/* The greeting is led by our name, everything else stands in its row. */
static void _compose_owed(const struct smtp_server *s, struct smtp_reply *reply)
{
	char buffer[SMTP_HELO_MAX + 32];
	struct text t = text_of(buffer, sizeof(buffer));

	smtp_reply_set(reply, (enum smtp_reply_id)s->owed);
	if (s->owed != SMTP_REPLY_GREETING)
		return;
	text_span(&t, s->config->hostname);
	text_char(&t, ' ');
	text_span(&t, span_of(reply->text, reply->bytes));
	smtp_reply_set_text(reply, SMTP_REPLY_GREETING, text_as_span(&t));
}
