/*
 * sender_mail.c - a message in a sender's hands: its attempts, its commands and content, its
 * outcome.
 *
 * Where pipelining is wanted MAIL, RCPT and DATA are queued at once (the machine holds back what
 * the server does not allow, RFC 2920); where not, each waits for the reply before. With BDAT the
 * content waits for the recipients' replies: nothing else would stop it.
 *
 * A message whose recipients were all refused is over; one that has at least one is sent. Outcomes
 * and what counts as uncertain: ledger.h.
 */
#include "bench/gen/gen_int.h"

#include <string.h>

#define CUT_ENVELOPE_BYTES 200u /* about what the commands take: cuts fall among them as well */
#define CUT_TAIL_BYTES 8u       /* and behind the end */

static void begin_transaction(struct gen *g, struct sender *s, struct instant now);
static bool queue_recipients(struct gen *g, struct sender *s, struct instant now);
static bool queue_data(struct sender *s, struct instant now);
static bool blocks_are_short(const struct gen *g);
static bool send_body(struct sender *s, struct instant now);
static void recipient_reply(struct gen *g, struct sender *s, const struct smtp_reply *reply,
                            struct instant now);
static void data_reply(struct gen *g, struct sender *s, const struct smtp_reply *reply,
                       struct instant now);
static void end_reply(struct gen *g, struct sender *s, const struct smtp_reply *reply,
                      struct instant now);
static void note_failure(struct sender *s, enum gen_stage stage, const struct smtp_reply *reply);
static void give_up(struct gen *g, struct sender *s, struct instant now);
static void conclude(struct gen *g, struct sender *s, bool uncertain, struct instant now);
static void go_on(struct gen *g, struct sender *s, struct instant now);
static void acknowledged(struct gen *g, struct sender *s, struct instant now);
static bool leaves_it_open(const struct smtp_reply *reply);
static struct smtp_mailbox mailbox_of(const struct text *address);

static struct span reply_text(const struct smtp_reply *reply)
{
	return span_of(reply->text, reply->bytes);
}

/* ---- attempts ---- */

void mail_give(struct gen *g, struct sender *s, uint64_t number, struct instant due)
{
	struct sender_mail *m = &s->mail;
	s->has_message = true;
	m->number = number;
	m->due = due;
	m->attempts = 0;
	g->results.begun++;
	mail_maker_init(&m->maker, &g->config.mix, number);
	mail_attempt(g, s);
}

void mail_attempt(struct gen *g, struct sender *s)
{
	struct sender_mail *m = &s->mail;
	const struct gen_sender_config *c = &g->config.sender;
	if (m->attempts > 0)
		mail_maker_init(&m->maker, &g->config.mix, m->number);
	m->attempts++;
	m->recipients = c->recipients > 0 ? c->recipients : 1;
	m->rcpt_sent = m->rcpt_answered = m->rcpt_good = 0;
	m->mail_sent = m->mail_answered = m->data_sent = m->data_answered = m->body_open =
		m->end_sent = false;
	m->failed_code = 0;
	m->cut = CUT_NONE;
	s->transaction = false;
	ledger_attempt(g->ledger, m->number);
	if (!prng_chance(&g->prng, c->abort_per_mille))
		return;
	m->cut_fin = prng_chance(&g->prng, 500);
	m->cut_bytes = prng_below(&g->prng, CUT_ENVELOPE_BYTES + m->maker.bytes + CUT_TAIL_BYTES);
	uint64_t where = prng_below(&g->prng, 16);
	m->cut = where == 0 ? CUT_AT_OPEN : where == 1 ? CUT_AT_TLS : CUT_AT_BYTE;
}

enum gen_stage mail_stage(const struct sender *s)
{
	const struct sender_mail *m = &s->mail;
	if (!s->ready)
		return s->smtp_on ? GEN_STAGE_HELLO : GEN_STAGE_CONNECT;
	if (m->end_sent || m->body_open)
		return GEN_STAGE_END;
	if (m->data_sent && m->rcpt_answered == m->recipients)
		return GEN_STAGE_DATA;
	return m->mail_answered ? GEN_STAGE_RCPT : GEN_STAGE_MAIL;
}

/* ---- commands and content ---- */

bool mail_drive(struct gen *g, struct sender *s, struct instant now)
{
	struct sender_mail *m = &s->mail;
	bool progress = false;
	if (!s->has_message)
		return false;
	if (!m->mail_sent && smtp_client_can(&s->smtp, SMTP_REQUEST_MAIL)) {
		begin_transaction(g, s, now);
		progress = true;
	}
	if (m->mail_sent && m->rcpt_sent < m->recipients)
		progress |= queue_recipients(g, s, now);
	if (m->rcpt_sent == m->recipients && !m->data_sent)
		progress |= queue_data(s, now);
	s->starved = m->body_open && !m->end_sent && blocks_are_short(g);
	if (m->body_open && !m->end_sent && !s->starved)
		progress |= send_body(s, now);
	return progress;
}

static void begin_transaction(struct gen *g, struct sender *s, struct instant now)
{
	struct sender_mail *m = &s->mail;
	char address[MAIL_NAME_BYTES * 2];
	struct text t = text_of(address, sizeof(address));
	mail_sender(&t, &g->config.mix, m->number);
	struct smtp_mail mail = {
		.sender = mailbox_of(&t),
		.size = m->maker.bytes,
		.body = m->maker.plan.eight_bit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT,
	};
	smtp_client_mail(&s->smtp, &mail, now);
	s->transaction = true;
	m->mail_sent = true;
	m->mail_at = now;
	m->cut_at = s->leg.bytes_out + m->cut_bytes;
}

static bool queue_recipients(struct gen *g, struct sender *s, struct instant now)
{
	struct sender_mail *m = &s->mail;
	bool pipelining = !s->traits.in_turn;
	uint32_t before = m->rcpt_sent;
	while (m->rcpt_sent < m->recipients && smtp_client_can(&s->smtp, SMTP_REQUEST_RCPT)) {
		if (!pipelining && (!m->mail_answered || m->rcpt_answered < m->rcpt_sent))
			break;
		char address[MAIL_NAME_BYTES * 2];
		struct text t = text_of(address, sizeof(address));
		mail_recipient(&t, &g->config.mix, &m->maker.plan, m->rcpt_sent);
		struct smtp_mailbox box = mailbox_of(&t);
		smtp_client_rcpt(&s->smtp, &box, now);
		m->rcpt_sent++;
	}
	return m->rcpt_sent > before;
}

static bool queue_data(struct sender *s, struct instant now)
{
	struct sender_mail *m = &s->mail;
	bool wait = s->traits.in_turn || smtp_client_uses_bdat(&s->smtp);
	if (wait && m->rcpt_answered < m->recipients)
		return false;
	if (!smtp_client_can(&s->smtp, SMTP_REQUEST_DATA))
		return false;
	smtp_client_data(&s->smtp, now);
	m->data_sent = true;
	m->data_at = now;
	return true;
}

/* Half of the pool is for what arrives: with all blocks full of content that waits to leave,
 * sinks could take nothing, and behind a relay nothing would ever leave. */
static bool blocks_are_short(const struct gen *g)
{
	return g->config.pool->free_count < g->config.pool->total / 2;
}

static bool send_body(struct sender *s, struct instant now)
{
	struct sender_mail *m = &s->mail;
	bool progress = false;
	if (!smtp_client_can(&s->smtp, SMTP_REQUEST_END))
		return false;
	while (m->rcpt_good > 0) { /* without a recipient only the end is owed, RFC 2920 3.1 */
		struct span piece = mail_maker_peek(&m->maker);
		size_t taken = piece.bytes > 0 ? smtp_client_body(&s->smtp, piece, now) : 0;
		mail_maker_take(&m->maker, taken);
		progress = progress || taken > 0;
		if (piece.bytes == 0)
			break;
		if (taken == 0)
			return progress;
	}
	smtp_client_body_end(&s->smtp, now);
	m->end_sent = true;
	m->end_at = now;
	return true;
}

/* ---- replies ---- */

void mail_reply(struct gen *g, struct sender *s, enum smtp_request request,
                const struct smtp_reply *reply, struct instant now)
{
	switch (request) {
	case SMTP_REQUEST_GREETING:
	case SMTP_REQUEST_EHLO:
	case SMTP_REQUEST_HELO:
		mail_failed(g, s, GEN_STAGE_HELLO, reply->code, reply_text(reply), now);
		s->last = true;
		go_on(g, s, now);
		break;
	case SMTP_REQUEST_MAIL:
		s->mail.mail_answered = true;
		if (!smtp_reply_positive(reply))
			note_failure(s, GEN_STAGE_MAIL, reply);
		if (s->mail.rcpt_sent == 0 && !smtp_reply_positive(reply))
			give_up(g, s, now);
		break;
	case SMTP_REQUEST_RCPT:
		recipient_reply(g, s, reply, now);
		break;
	case SMTP_REQUEST_DATA:
		data_reply(g, s, reply, now);
		break;
	case SMTP_REQUEST_CHUNK: /* refused; behind the end the last reply settles it */
		note_failure(s, GEN_STAGE_END, reply);
		if (!s->mail.end_sent)
			give_up(g, s, now);
		break;
	case SMTP_REQUEST_END:
		end_reply(g, s, reply, now);
		break;
	case SMTP_REQUEST_STARTTLS: /* sender.c's */
	case SMTP_REQUEST_RSET: /* of a message given up: only the next MAIL waits for it */
	case SMTP_REQUEST_QUIT:
	case SMTP_REQUEST_COUNT:
		break;
	}
}

static void recipient_reply(struct gen *g, struct sender *s, const struct smtp_reply *reply,
                            struct instant now)
{
	struct sender_mail *m = &s->mail;
	m->rcpt_answered++;
	if (smtp_reply_positive(reply))
		m->rcpt_good++;
	else
		note_failure(s, GEN_STAGE_RCPT, reply);
	if (m->rcpt_answered < m->recipients)
		return;
	results_phase(&g->results, GEN_PHASE_ENVELOPE, m->mail_at, now);
	if (m->rcpt_good == 0 && !m->data_sent)
		give_up(g, s, now);
}

static void data_reply(struct gen *g, struct sender *s, const struct smtp_reply *reply,
                       struct instant now)
{
	struct sender_mail *m = &s->mail;
	m->data_answered = true;
	if (!smtp_reply_positive(reply)) {
		note_failure(s, GEN_STAGE_DATA, reply);
		give_up(g, s, now);
		return;
	}
	if (!smtp_client_uses_bdat(&s->smtp))
		results_phase(&g->results, GEN_PHASE_DATA, m->data_at, now);
	m->body_open = true;
}

static void end_reply(struct gen *g, struct sender *s, const struct smtp_reply *reply,
                      struct instant now)
{
	struct sender_mail *m = &s->mail;
	bool positive = smtp_reply_positive(reply);
	if (positive && m->rcpt_good > 0) {
		acknowledged(g, s, now);
	} else {
		if (!positive)
			note_failure(s, GEN_STAGE_END, reply);
		conclude(g, s, !positive && leaves_it_open(reply), now);
	}
	go_on(g, s, now);
}

static void note_failure(struct sender *s, enum gen_stage stage, const struct smtp_reply *reply)
{
	struct sender_mail *m = &s->mail;
	if (m->failed_code != 0)
		return; /* what follows is a consequence of the first */
	struct text t = text_of(m->failed_text, sizeof(m->failed_text));
	text_span(&t, reply_text(reply));
	m->failed_stage = (uint8_t)stage;
	m->failed_code = reply->code;
}

/* ---- outcomes ---- */

/* Refused before its content: the rest of the transaction is reset. */
static void give_up(struct gen *g, struct sender *s, struct instant now)
{
	bool reset = smtp_client_abandon(&s->smtp, now);
	conclude(g, s, false, now);
	s->last = s->last || !reset;
	go_on(g, s, now);
}

/* The attempt ended with the failure noted. A message that is to be tried again stays in the
 * sender's hands. */
static void conclude(struct gen *g, struct sender *s, bool uncertain, struct instant now)
{
	struct sender_mail *m = &s->mail;
	const struct gen_sender_config *c = &g->config.sender;
	bool again = m->failed_code < 500 && m->attempts < c->attempts_max && !g->stopping;
	if (uncertain)
		ledger_uncertain(g->ledger, m->number, !again);
	else
		ledger_refused(g->ledger, m->number, !again);
	s->transaction = false;
	if (again) {
		g->results.tried_again++;
		s->wait_until = instant_add(now, c->retry_after_us);
		return;
	}
	s->has_message = false;
	g->results.uncertain += uncertain;
	g->results.refused += !uncertain;
	struct span text = span_of(m->failed_text, sizeof(m->failed_text));
	results_refused(&g->results, (enum gen_stage)m->failed_stage, m->failed_code,
	                span_head(text, span_find(text, 0)));
}

/* A new attempt gets a connection of its own; with the message done, this one takes the next. */
static void go_on(struct gen *g, struct sender *s, struct instant now)
{
	if (!s->has_message) {
		sender_next(g, s, now);
		return;
	}
	gen_leg_close(&s->leg, LEG_CLOSE_ORDERLY, now);
	s->state = SENDER_OVER;
}

void mail_failed(struct gen *g, struct sender *s, enum gen_stage stage, uint16_t code,
                 struct span text, struct instant now)
{
	struct sender_mail *m = &s->mail;
	bool committed =
		s->smtp_on && m->end_sent && smtp_client_committed(&s->smtp) && m->rcpt_good > 0;
	if (!s->has_message)
		return;
	struct text t = text_of(m->failed_text, sizeof(m->failed_text));
	text_span(&t, text);
	m->failed_stage = (uint8_t)stage;
	m->failed_code = code;
	conclude(g, s, committed, now);
}

static void acknowledged(struct gen *g, struct sender *s, struct instant now)
{
	struct sender_mail *m = &s->mail;
	ledger_acknowledged(g->ledger, m->number);
	g->results.acknowledged++;
	g->results.bytes_acknowledged += m->maker.bytes;
	results_phase(&g->results, GEN_PHASE_FINAL, m->end_at, now);
	results_phase(&g->results, GEN_PHASE_TOTAL, m->due, now);
	s->has_message = false;
	s->transaction = false;
}

/* 4yz behind the end whose enhanced code says that the next hop's answer was not had (ledger.h). */
static bool leaves_it_open(const struct smtp_reply *reply)
{
	struct span text = reply_text(reply);
	return smtp_reply_transient(reply) && (span_equal(span_head(text, 5), SPAN("4.4.2")) ||
	                                       span_equal(span_head(text, 5), SPAN("4.5.0")));
}

static struct smtp_mailbox mailbox_of(const struct text *address)
{
	struct span path = text_as_span(address);
	size_t at = span_find_last(path, '@');
	CHECK(!address->cut);
	return (struct smtp_mailbox){ .local = span_head(path, at),
		                      .domain = span_after(path, at + 1),
		                      .path = path };
}
