/*
 * client_request.c - commands framed from parsed form, the ring of unanswered requests, and what
 * may leave.
 *
 * What leaves is never what was received: verbs are ours, addresses are written from struct
 * smtp_mailbox, parameters from struct smtp_mail. A path holds no space, control or '>' outside
 * quotes (address.c).
 *
 * Pipelining (RFC 2920 3.1): with the extension, requests leave without waiting, except behind one
 * of the gates (EHLO, HELO, STARTTLS, DATA, the end, QUIT), whose reply decides what comes next.
 * Without it each waits for the reply before.
 *
 * Bounds: SMTP_CLIENT_PENDING_MAX requests; smtp_client_can() keeps a few of them free for what the
 * machine says by itself.
 */
#include "base/text.h"
#include "smtp/client_int.h"

static void _command(struct smtp_client *c, enum smtp_request kind, const struct text *t,
                     struct instant now);
static void _path(struct text *t, const struct smtp_mailbox *box);
static bool _is_gate(struct smtp_client_request request);

void smtp_client_starttls(struct smtp_client *c, struct instant now)
{
	char buffer[SMTP_CLIENT_COMMAND_BYTES_MAX];
	struct text t = text_of(buffer, sizeof(buffer));

	CHECK(smtp_client_can(c, SMTP_REQUEST_STARTTLS));
	text_str(&t, "STARTTLS\r\n");
	_command(c, SMTP_REQUEST_STARTTLS, &t, now);
	smtp_client_enter(c, CLIENT_PHASE_STARTTLS, now);
}

void smtp_client_mail(struct smtp_client *c, const struct smtp_mail *mail, struct instant now)
{
	char buffer[SMTP_CLIENT_COMMAND_BYTES_MAX];
	struct text t = text_of(buffer, sizeof(buffer));

	CHECK(smtp_client_can(c, SMTP_REQUEST_MAIL));
	text_str(&t, "MAIL FROM:");
	_path(&t, &mail->sender);
	if ((c->extensions & SMTP_EXT_SIZE) != 0 && mail->size != 0) {
		text_str(&t, " SIZE=");
		text_u64(&t, mail->size);
	}
	if ((c->extensions & SMTP_EXT_8BITMIME) != 0 && mail->body == SMTP_BODY_8BITMIME)
		text_str(&t, " BODY=8BITMIME");
	if ((c->extensions & SMTP_EXT_SMTPUTF8) != 0 && mail->smtputf8)
		text_str(&t, " SMTPUTF8");
	text_str(&t, "\r\n");
	_command(c, SMTP_REQUEST_MAIL, &t, now);
	c->bdat = c->config->chunking && (c->extensions & SMTP_EXT_CHUNKING) != 0;
	smtp_client_enter(c, CLIENT_PHASE_ENVELOPE, now);
}

void smtp_client_rcpt(struct smtp_client *c, const struct smtp_mailbox *recipient,
                      struct instant now)
{
	char buffer[SMTP_CLIENT_COMMAND_BYTES_MAX];
	struct text t = text_of(buffer, sizeof(buffer));

	CHECK(smtp_client_can(c, SMTP_REQUEST_RCPT));
	text_str(&t, "RCPT TO:");
	_path(&t, recipient);
	text_str(&t, "\r\n");
	_command(c, SMTP_REQUEST_RCPT, &t, now);
}

void smtp_client_data(struct smtp_client *c, struct instant now)
{
	char buffer[SMTP_CLIENT_COMMAND_BYTES_MAX];
	struct text t = text_of(buffer, sizeof(buffer));

	CHECK(smtp_client_can(c, SMTP_REQUEST_DATA));
	if (!c->bdat)
		text_str(&t, "DATA\r\n");
	_command(c, SMTP_REQUEST_DATA, &t, now);
	smtp_client_body_begin(c);
	smtp_client_enter(c, CLIENT_PHASE_ASKED, now);
}

void smtp_client_request_owed(struct smtp_client *c, struct instant now)
{
	char buffer[SMTP_CLIENT_COMMAND_BYTES_MAX];
	struct text t = text_of(buffer, sizeof(buffer));
	enum smtp_request kind = (enum smtp_request)c->owed;

	if (kind == 0 || !byteq_fits(&c->out, c->pool, sizeof(buffer)))
		return;
	c->owed = 0;
	if (kind == SMTP_REQUEST_EHLO || kind == SMTP_REQUEST_HELO) {
		text_str(&t, kind == SMTP_REQUEST_EHLO ? "EHLO " : "HELO ");
		text_span(&t, span_head(c->config->helo, SMTP_DOMAIN_MAX));
	} else {
		text_str(&t, kind == SMTP_REQUEST_RSET ? "RSET" : "QUIT");
	}
	text_str(&t, "\r\n");
	_command(c, kind, &t, now);
}

void smtp_client_request_push(struct smtp_client *c, enum smtp_request kind, size_t bytes,
                              struct instant now)
{
	uint32_t slot = (c->first + c->count) % SMTP_CLIENT_PENDING_MAX;

	CHECK(c->count < SMTP_CLIENT_PENDING_MAX);
	CHECK(bytes < 1u << 24);
	if (c->count == 0)
		c->since = now;
	c->requests[slot] =
		(struct smtp_client_request){ .kind = kind, .bytes = (uint32_t)bytes & 0xffffffu };
	c->count++;
}

enum smtp_request smtp_client_request_pop(struct smtp_client *c, struct instant now)
{
	CHECK(c->released > 0);
	struct smtp_client_request request = c->requests[c->first];
	c->first = (uint16_t)((c->first + 1u) % SMTP_CLIENT_PENDING_MAX);
	c->count--;
	c->released--;
	c->gates -= _is_gate(request);
	c->since = now;
	return (enum smtp_request)request.kind;
}

enum smtp_request smtp_client_request_head(const struct smtp_client *c)
{
	return c->count == 0 ? SMTP_REQUEST_COUNT : (enum smtp_request)c->requests[c->first].kind;
}

bool smtp_client_request_head_released(const struct smtp_client *c)
{
	return c->released > 0;
}

void smtp_client_request_release(struct smtp_client *c)
{
	bool pipelining = (c->extensions & SMTP_EXT_PIPELINING) != 0;

	while (c->released < c->count && c->gates == 0 && (pipelining || c->released == 0)) {
		struct smtp_client_request next =
			c->requests[(c->first + c->released) % SMTP_CLIENT_PENDING_MAX];
		c->allowed += next.bytes;
		c->gates += _is_gate(next);
		c->released++;
	}
}

static void _command(struct smtp_client *c, enum smtp_request kind, const struct text *t,
                     struct instant now)
{
	CHECK(!t->cut);
	CHECK(byteq_write(&c->out, c->pool, text_as_span(t)) == t->used);
	smtp_client_request_push(c, kind, t->used, now);
}

static void _path(struct text *t, const struct smtp_mailbox *box)
{
	text_char(t, '<');
	text_span(t, box->local);
	if (box->domain.bytes != 0)
		text_char(t, '@');
	text_span(t, box->domain);
	text_char(t, '>');
}

/* DATA without bytes is the one agreed with ourselves (BDAT): nothing needs to wait behind it. */
static bool _is_gate(struct smtp_client_request request)
{
	switch ((enum smtp_request)request.kind) {
	case SMTP_REQUEST_GREETING:
	case SMTP_REQUEST_EHLO:
	case SMTP_REQUEST_HELO:
	case SMTP_REQUEST_STARTTLS:
	case SMTP_REQUEST_END:
	case SMTP_REQUEST_QUIT:
		return true;
	case SMTP_REQUEST_DATA:
		return request.bytes != 0;
	case SMTP_REQUEST_MAIL:
	case SMTP_REQUEST_RCPT:
	case SMTP_REQUEST_CHUNK:
	case SMTP_REQUEST_RSET:
	case SMTP_REQUEST_COUNT:
		return false;
	}
	return false;
}
