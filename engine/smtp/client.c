/*
 * client.c - the next side's machine: driving, deadlines, and the one place where phases change.
 *
 * Requests are framed into `out` at once and wait there; client_request.c decides what may leave.
 * Replies come back in the order of the requests; client_reply.c decides what each means. Content
 * is client_body.c's.
 *
 * What the machine says by itself (EHLO, HELO, RSET, QUIT, the end of the body) is kept as a note
 * (`owed`, `end_wanted`) until output finds a block for it, so that nothing is lost for want of
 * memory.
 *
 * Deadlines run from the last progress (a reply, bytes moved out, a request queued while none was
 * awaited) and are as long as the oldest unanswered request allows.
 *
 * RFC 5321 4.5.3.2; RFC 2920 3.1; RFC 3207 4.
 */
#include "smtp/client.h"

#include "smtp/client_int.h"

static const char *const names[CLIENT_PHASE_COUNT] = {
	[CLIENT_PHASE_NONE] = "NONE",
#define CLIENT_PHASE(phase, text) [CLIENT_PHASE_##phase] = #phase,
#include "smtp/phases.def"
};

static bool _is_edge(enum smtp_client_phase from, enum smtp_client_phase to);
static size_t _read_line(struct smtp_client *c, struct span bytes, struct instant now,
                         struct smtp_client_event *event);
static void _line(struct smtp_client *c, struct span line, struct instant now,
                  struct smtp_client_event *event);
static uint64_t _timeout_us(const struct smtp_client *c);

void smtp_client_init(struct smtp_client *c, const struct smtp_client_config *config,
                      struct block_pool *pool, struct instant now)
{
	*c = (struct smtp_client){ .config = config, .pool = pool, .phase = CLIENT_PHASE_GREETING };
	smtp_line_init(&c->line, SMTP_CLIENT_REPLY_LINE_MAX);
	smtp_client_request_push(c, SMTP_REQUEST_GREETING, 0, now);
	smtp_client_request_release(c);
}

void smtp_client_fini(struct smtp_client *c)
{
	smtp_line_fini(&c->line, c->pool);
	byteq_clear(&c->out, c->pool);
	smtp_client_body_drop(c);
	c->phase = CLIENT_PHASE_BROKEN;
	c->count = c->released = c->gates = 0;
	c->owed = 0;
}

size_t smtp_client_input(struct smtp_client *c, struct span bytes, struct instant now,
                         struct smtp_client_event *event)
{
	size_t eaten = 0;
	size_t step;

	*event = (struct smtp_client_event){ .kind = CLIENT_NONE };
	do {
		smtp_line_done(&c->line, c->pool);
		struct span left = span_after(bytes, eaten);
		step = 0;
		if (c->phase == CLIENT_PHASE_BROKEN)
			break;
		smtp_client_reply_made_up(c, now, event);
		if (event->kind != CLIENT_NONE || left.bytes == 0)
			break;
		if (c->phase == CLIENT_PHASE_TLS)
			smtp_client_reply_fault(c, CLIENT_FAULT_INJECTION, now, event);
		else
			step = _read_line(c, left, now, event);
		eaten += step;
	} while (step > 0 && event->kind == CLIENT_NONE);
	/* Bytes behind the 220 were sent in plaintext by who knows whom. */
	if (event->kind == CLIENT_TLS_GO && eaten < bytes.bytes)
		smtp_client_reply_fault(c, CLIENT_FAULT_INJECTION, now, event);
	return eaten;
}

size_t smtp_client_output(struct smtp_client *c, struct byteq *out, size_t room, struct instant now)
{
	if (c->phase == CLIENT_PHASE_BROKEN)
		return 0;
	smtp_client_request_owed(c, now);
	smtp_client_body_frame(c, now);
	smtp_client_request_release(c);
	size_t moved = byteq_move(out, &c->out, c->pool, c->allowed < room ? c->allowed : room);
	c->allowed -= moved;
	if (moved > 0)
		c->since = now;
	if (c->end_framed && byteq_bytes(&c->out) == 0)
		c->committed = true;
	return moved;
}

struct instant smtp_client_deadline(const struct smtp_client *c)
{
	uint64_t timeout_us = _timeout_us(c);

	return timeout_us == 0 ? INSTANT_NEVER : instant_add(c->since, timeout_us);
}

bool smtp_client_expire(struct smtp_client *c, struct instant now)
{
	if (!instant_reached(smtp_client_deadline(c), now))
		return false;
	smtp_client_enter(c, CLIENT_PHASE_BROKEN, now);
	return true;
}

bool smtp_client_can(const struct smtp_client *c, enum smtp_request request)
{
	bool room = c->count < SMTP_CLIENT_PENDING_MAX - 2 * SMTP_CLIENT_PENDING_RESERVE &&
	            byteq_fits(&c->out, c->pool, SMTP_CLIENT_COMMAND_BYTES_MAX);

	switch (request) {
	case SMTP_REQUEST_STARTTLS:
		return room && smtp_client_idle(c) && !c->tls &&
		       (c->extensions & SMTP_EXT_STARTTLS) != 0;
	case SMTP_REQUEST_MAIL:
		return room && c->phase == CLIENT_PHASE_READY && c->owed == 0;
	case SMTP_REQUEST_RCPT:
	case SMTP_REQUEST_DATA:
		return room && c->phase == CLIENT_PHASE_ENVELOPE;
	case SMTP_REQUEST_CHUNK:
	case SMTP_REQUEST_END:
		return c->phase == CLIENT_PHASE_BODY;
	case SMTP_REQUEST_RSET:
		return c->phase == CLIENT_PHASE_ENVELOPE ||
		       (c->phase == CLIENT_PHASE_BODY && c->bdat);
	case SMTP_REQUEST_QUIT:
		return _is_edge((enum smtp_client_phase)c->phase, CLIENT_PHASE_QUITTING);
	case SMTP_REQUEST_GREETING:
	case SMTP_REQUEST_EHLO:
	case SMTP_REQUEST_HELO:
	case SMTP_REQUEST_COUNT:
		return false; /* the machine's own affair */
	}
	return false;
}

void smtp_client_tls_started(struct smtp_client *c, struct instant now)
{
	if (c->phase == CLIENT_PHASE_BROKEN)
		return;
	CHECK(c->phase == CLIENT_PHASE_TLS);
	c->tls = true;
	c->extensions = 0;
	c->size_limit = 0;
	c->owed = SMTP_REQUEST_EHLO;
	c->since = now;
	smtp_client_enter(c, CLIENT_PHASE_HELLO, now);
}

void smtp_client_tls_implicit(struct smtp_client *c)
{
	c->tls = true;
}

bool smtp_client_committed(const struct smtp_client *c)
{
	return c->committed;
}

bool smtp_client_abandon(struct smtp_client *c, struct instant now)
{
	switch ((enum smtp_client_phase)c->phase) {
	case CLIENT_PHASE_GREETING:
	case CLIENT_PHASE_HELLO:
	case CLIENT_PHASE_READY:
	case CLIENT_PHASE_STARTTLS:
	case CLIENT_PHASE_TLS:
	case CLIENT_PHASE_RESETTING:
		return true; /* nothing was begun, or its end is on its way */
	case CLIENT_PHASE_ASKED:
	case CLIENT_PHASE_BODY:
		if (!c->bdat)
			return false;
		break;
	case CLIENT_PHASE_ENVELOPE:
		break;
	case CLIENT_PHASE_ENDING:
	case CLIENT_PHASE_REFUSED:
	case CLIENT_PHASE_QUITTING:
	case CLIENT_PHASE_BROKEN:
	case CLIENT_PHASE_NONE:
	case CLIENT_PHASE_COUNT:
		return false;
	}
	smtp_client_body_drop(c);
	c->owed = SMTP_REQUEST_RSET;
	c->since = now;
	smtp_client_enter(c, CLIENT_PHASE_RESETTING, now);
	return true;
}

void smtp_client_quit(struct smtp_client *c, struct instant now)
{
	if (!smtp_client_can(c, SMTP_REQUEST_QUIT))
		return;
	c->owed = SMTP_REQUEST_QUIT;
	c->since = now;
	smtp_client_enter(c, CLIENT_PHASE_QUITTING, now);
}

uint32_t smtp_client_extensions(const struct smtp_client *c)
{
	return c->extensions;
}

uint64_t smtp_client_size_limit(const struct smtp_client *c)
{
	return c->size_limit;
}

enum smtp_client_phase smtp_client_phase(const struct smtp_client *c)
{
	return (enum smtp_client_phase)c->phase;
}

const char *smtp_client_phase_name(enum smtp_client_phase phase)
{
	CHECK(phase < CLIENT_PHASE_COUNT);
	return names[phase];
}

bool smtp_client_idle(const struct smtp_client *c)
{
	return c->phase == CLIENT_PHASE_READY && c->count == 0 && c->owed == 0 &&
	       byteq_bytes(&c->out) == 0;
}

void smtp_client_enter(struct smtp_client *c, enum smtp_client_phase phase, struct instant now)
{
	enum smtp_client_phase from = (enum smtp_client_phase)c->phase;

	CHECK(phase == CLIENT_PHASE_BROKEN || _is_edge(from, phase));
	recorder_note(c->config->recorder, now, "smtp client phase", (uint64_t)(uintptr_t)c, from,
	              phase);
	c->phase = (uint8_t)phase;
}

static bool _is_edge(enum smtp_client_phase from, enum smtp_client_phase to)
{
#define CLIENT_EDGE(a, b)                                                                          \
	if (from == CLIENT_PHASE_##a && to == CLIENT_PHASE_##b)                                    \
		return true;
#include "smtp/phases.def"
	return false;
}

static size_t _read_line(struct smtp_client *c, struct span bytes, struct instant now,
                         struct smtp_client_event *event)
{
	struct span line;
	enum smtp_line_outcome outcome;
	size_t eaten = smtp_line_input(&c->line, c->pool, bytes, &line, &outcome);
	uint32_t eaten_counted = (uint32_t)eaten;

	if (eaten > SMTP_CLIENT_REPLY_BYTES_MAX)
		eaten_counted = SMTP_CLIENT_REPLY_BYTES_MAX;
	c->reply_bytes += eaten_counted;
	if (c->reply_bytes > SMTP_CLIENT_REPLY_BYTES_MAX)
		outcome = LINE_LONG;
	switch (outcome) {
	case LINE_PART:
	case LINE_NO_ROOM:
		break; /* no line yet; the deadline runs on */
	case LINE_WHOLE:
		_line(c, line, now, event);
		break;
	case LINE_LONG:
	case LINE_ENDLESS:
		smtp_client_reply_fault(c, CLIENT_FAULT_LONG, now, event);
		break;
	case LINE_BAD:
	case LINE_BARE_LF:
		smtp_client_reply_fault(c, CLIENT_FAULT_SYNTAX, now, event);
		break;
	}
	return eaten;
}

static void _line(struct smtp_client *c, struct span line, struct instant now,
                  struct smtp_client_event *event)
{
	bool last;

	if (!smtp_client_request_head_released(c)) {
		smtp_client_reply_fault(c, CLIENT_FAULT_UNASKED, now, event);
		return;
	}
	if (c->reply_bytes <= line.bytes + 2)
		c->reply = (struct smtp_reply){ .code = 0 };
	bool first = c->reply.code == 0;
	if (!smtp_reply_line(&c->reply, line, &last)) {
		smtp_client_reply_fault(c, CLIENT_FAULT_SYNTAX, now, event);
		return;
	}
	if (!first && c->reply.code == 250 && smtp_client_request_head(c) == SMTP_REQUEST_EHLO)
		smtp_ehlo_read(span_after(line, 4), &c->extensions, &c->size_limit);
	if (!last)
		return;
	c->reply_bytes = 0;
	smtp_client_reply_complete(c, now, event);
}

/* 0: nothing is awaited. */
static uint64_t _timeout_us(const struct smtp_client *c)
{
	if (c->phase == CLIENT_PHASE_BROKEN)
		return 0;
	switch (smtp_client_request_head(c)) {
	case SMTP_REQUEST_GREETING:
		return c->config->greeting_timeout_us;
	case SMTP_REQUEST_DATA:
	case SMTP_REQUEST_CHUNK:
		return c->config->data_timeout_us;
	case SMTP_REQUEST_END:
		return c->config->final_timeout_us;
	case SMTP_REQUEST_EHLO:
	case SMTP_REQUEST_HELO:
	case SMTP_REQUEST_STARTTLS:
	case SMTP_REQUEST_MAIL:
	case SMTP_REQUEST_RCPT:
	case SMTP_REQUEST_RSET:
	case SMTP_REQUEST_QUIT:
		return c->config->command_timeout_us;
	case SMTP_REQUEST_COUNT:
		break; /* no request: see below */
	}
	if (c->owed != 0 || c->phase == CLIENT_PHASE_TLS || c->phase == CLIENT_PHASE_REFUSED ||
	    c->phase == CLIENT_PHASE_QUITTING)
		return c->config->command_timeout_us; /* the relay or the next hop has something to do */
	return byteq_bytes(&c->out) > 0 || c->end_wanted ? c->config->data_timeout_us : 0;
}
