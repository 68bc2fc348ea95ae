/*
 * client_reply.c - what a complete reply means to the request it answers.
 *
 * The class of a code is checked against the request: 3yz answers DATA and nothing else, 2yz
 * everything but DATA. A next hop that answers otherwise has lost count, and so have we:
 * CLIENT_FAULT_SYNTAX.
 *
 * While an abandoned transaction is being reset replies are eaten without a word until that of
 * RSET.
 *
 * RFC 5321 4.2.1, 4.3.2; RFC 3207 4; RFC 3030 2.
 */
#include "smtp/client_int.h"

static bool _class_fits(enum smtp_request request, uint16_t code);
static void _hello(struct smtp_client *c, enum smtp_request request, struct instant now,
                   struct smtp_client_event *event);
static void _report(struct smtp_client *c, enum smtp_request request,
                    struct smtp_client_event *event);
static void _transaction(struct smtp_client *c, enum smtp_request request, struct instant now,
                         struct smtp_client_event *event);
static void _chunk_refused(struct smtp_client *c, struct instant now,
                           struct smtp_client_event *event);

void smtp_client_reply_complete(struct smtp_client *c, struct instant now,
                                struct smtp_client_event *event)
{
	enum smtp_request request = smtp_client_request_pop(c, now);
	bool positive = c->reply.code < 400;

	c->chunks -= request == SMTP_REQUEST_CHUNK;
	if (!_class_fits(request, c->reply.code)) {
		smtp_client_reply_fault(c, CLIENT_FAULT_SYNTAX, now, event);
		return;
	}
	switch (request) {
	case SMTP_REQUEST_GREETING:
	case SMTP_REQUEST_EHLO:
	case SMTP_REQUEST_HELO:
		_hello(c, request, now, event);
		break;
	case SMTP_REQUEST_STARTTLS:
		if (c->phase == CLIENT_PHASE_STARTTLS)
			smtp_client_enter(c, positive ? CLIENT_PHASE_TLS : CLIENT_PHASE_READY, now);
		_report(c, request, event);
		if (c->phase == CLIENT_PHASE_TLS)
			event->kind = CLIENT_TLS_GO;
		break;
	case SMTP_REQUEST_RSET:
		if (c->phase == CLIENT_PHASE_RESETTING)
			smtp_client_enter(c, positive ? CLIENT_PHASE_READY : CLIENT_PHASE_REFUSED,
			                  now);
		_report(c, request, event);
		break;
	case SMTP_REQUEST_QUIT:
		_report(c, request, event);
		break;
	case SMTP_REQUEST_MAIL:
	case SMTP_REQUEST_RCPT:
	case SMTP_REQUEST_DATA:
	case SMTP_REQUEST_CHUNK:
	case SMTP_REQUEST_END:
		_transaction(c, request, now, event);
		break;
	case SMTP_REQUEST_COUNT:
		break; /* the ring never holds it */
	}
}

void smtp_client_reply_made_up(struct smtp_client *c, struct instant now,
                               struct smtp_client_event *event)
{
	if (smtp_client_request_head(c) != SMTP_REQUEST_DATA || c->requests[c->first].bytes != 0)
		return;
	smtp_client_request_release(c);
	smtp_reply_set(&c->reply, SMTP_REPLY_START_MAIL);
	smtp_client_reply_complete(c, now, event);
}

void smtp_client_reply_fault(struct smtp_client *c, enum smtp_client_fault fault,
                             struct instant now, struct smtp_client_event *event)
{
	*event = (struct smtp_client_event){ .kind = CLIENT_FAULT, .fault = fault };
	smtp_client_enter(c, CLIENT_PHASE_BROKEN, now);
}

static bool _class_fits(enum smtp_request request, uint16_t code)
{
	if (code >= 400)
		return true;
	return (code >= 300) == (request == SMTP_REQUEST_DATA);
}

static void _hello(struct smtp_client *c, enum smtp_request request, struct instant now,
                   struct smtp_client_event *event)
{
	bool quitting = c->phase == CLIENT_PHASE_QUITTING;

	if (quitting) {
		_report(c, request, event);
	} else if (c->reply.code < 300 && request == SMTP_REQUEST_GREETING) {
		c->owed = SMTP_REQUEST_EHLO;
		smtp_client_enter(c, CLIENT_PHASE_HELLO, now);
	} else if (c->reply.code < 300) {
		if (c->tls)
			c->extensions &= ~(uint32_t)SMTP_EXT_STARTTLS;
		event->kind = CLIENT_READY;
		smtp_client_enter(c, CLIENT_PHASE_READY, now);
	} else if (c->reply.code >= 500 && request == SMTP_REQUEST_EHLO) {
		c->owed = SMTP_REQUEST_HELO;
		smtp_client_enter(c, CLIENT_PHASE_HELLO, now);
	} else {
		smtp_client_enter(c, CLIENT_PHASE_REFUSED, now);
		_report(c, request, event);
	}
}

static void _report(struct smtp_client *c, enum smtp_request request,
                    struct smtp_client_event *event)
{
	event->kind = CLIENT_REPLY;
	event->request = request;
	event->reply = &c->reply;
}

static void _transaction(struct smtp_client *c, enum smtp_request request, struct instant now,
                         struct smtp_client_event *event)
{
	bool positive = c->reply.code < 400;

	if (c->phase == CLIENT_PHASE_RESETTING || c->phase == CLIENT_PHASE_QUITTING)
		return; /* abandoned: nobody waits for this any more */
	if (request == SMTP_REQUEST_CHUNK) {
		if (!positive && !c->chunk_failed)
			_chunk_refused(c, now, event);
		return; /* good news is silent, and bad news is told once */
	}
	if (request == SMTP_REQUEST_END && positive && !c->committed) {
		smtp_client_reply_fault(c, CLIENT_FAULT_UNASKED, now, event);
		return;
	}
	if (request == SMTP_REQUEST_DATA)
		smtp_client_enter(c, positive ? CLIENT_PHASE_BODY : CLIENT_PHASE_ENVELOPE, now);
	if (request == SMTP_REQUEST_END) {
		c->end_framed = false;
		smtp_client_enter(c, CLIENT_PHASE_READY, now);
	}
	_report(c, request, event);
}

/* With the end already ordered the refusal is the answer to it: what the LAST chunk is told then
 * (503, RFC 3030 2) is of no interest, and the machine resets by itself. */
static void _chunk_refused(struct smtp_client *c, struct instant now,
                           struct smtp_client_event *event)
{
	bool ending = c->phase == CLIENT_PHASE_ENDING;

	c->chunk_failed = true;
	smtp_client_body_drop(c);
	if (ending) {
		c->end_framed = false;
		c->owed = SMTP_REQUEST_RSET;
		smtp_client_enter(c, CLIENT_PHASE_RESETTING, now);
	}
	_report(c, ending ? SMTP_REQUEST_END : SMTP_REQUEST_CHUNK, event);
}
