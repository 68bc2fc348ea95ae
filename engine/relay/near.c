/*
 * near.c - the near leg of a session: accept, TLS, SMTP server machine, close.
 *
 * Byte's path: tcp/input -> here: relay/leg, crypto-offload/session, smtp/server -> relay/session, relay/body.
 *
 * A visit does, in this order: let TLS work on what arrived; feed the SMTP machine as long as the transaction can take
 * it; move replies out; start TLS or close if that is due; re-arm the one timer. What the SMTP machine reports is
 * handed to session.c and body.c by one switch.
 */
#include "relay/relay_int.h"

void near_answer(struct relay *r, struct near *n, const struct smtp_reply *reply)
{
	if (!leg_is_open(&n->leg) || !smtp_server_waits_for_answer(&n->smtp))
		return;
	smtp_server_answer(&n->smtp, reply, r->now);
	visit_near(r, n);
}

void near_answer_id(struct relay *r, struct near *n, enum smtp_reply_id id)
{
	struct smtp_reply reply;
	smtp_reply_set(&reply, id);
	near_answer(r, n, &reply);
}

/* ---- beginning and end ---- */

static bool near_tls_open(struct relay *r, struct near *n)
{
	struct tls_engine *tls = r->config.tls;
	uint32_t certificate = r->config.settings->listeners[n->listener].certificate;
	if (tls == NULL)
		return false;
	if (tls_ops_of(tls)->near_open(tls, certificate, r->now, &n->leg.tls) != TLS_CALL_OK) {
		n->leg.tls = NULL;
		return false;
	}
	tls_ops_of(tls)->user_set(n->leg.tls, user_of_near(r, n));
	return true;
}

static void near_start(struct relay *r, struct near *n)
{
	smtp_server_init(&n->smtp, &r->server_configs[n->listener], r->config.pool, r->now);
	if (r->config.settings->listeners[n->listener].tls != SETTINGS_NEAR_IMPLICIT)
		return;
	smtp_server_tls_implicit(&n->smtp);
	if (!near_tls_open(r, n)) {
		count(r, RELAY_NEAR_TLS_FAILED);
		n->closing = true;
	}
}

void near_accept(struct relay *r, struct tcp_stack *tcp, const struct tcp_event *event)
{
	struct near *n = r->draining ? NULL : slab_take(&r->nears);
	if (n == NULL) {
		count(r, RELAY_SESSIONS_REFUSED);
		tcp_abort(tcp, event->id, r->now);
		return;
	}
	struct tcp_info info;
	count(r, RELAY_SESSIONS);
	leg_open(&n->leg, tcp, event->id);
	leg_note(&n->leg, event);
	tcp_info(tcp, event->id, &info);
	n->remote = info.remote;
	n->conn = report_conn_id(r, tcp, event->id);
	n->listener = event->tag;
	n->timer.kind = VISIT_NEAR;
	n->linger = INSTANT_NEVER;
	tcp_user_set(tcp, event->id, user_of_near(r, n));
	near_start(r, n);
	visit_near(r, n);
}

static void near_free(struct relay *r, struct near *n)
{
	CHECK(n->t == NULL);
	CHECK(!leg_is_open(&n->leg));
	if (n->visit.queued)
		return; /* its visit finds the leg closed and comes back here */
	wheel_stop(&r->wheel, &n->timer);
	slab_give(&r->nears, n);
}

/* The connection is over: the session goes, unless a committed message still waits for next's word. */
static void near_gone(struct relay *r, struct near *n)
{
	if (n->t != NULL)
		session_near_gone(r, n);
	if (leg_is_open(&n->leg)) {
		smtp_server_fini(&n->smtp);
		leg_drop(&n->leg, r->config.pool, r->now);
	}
	wheel_stop(&r->wheel, &n->timer);
	if (n->t == NULL)
		near_free(r, n);
}

static void near_close(struct relay *r, struct near *n)
{
	if (n->closing)
		return;
	n->closing = true;
	if (n->t != NULL)
		session_near_gone(r, n);
}

/* ---- TLS ---- */

static void near_tls_established(struct relay *r, struct near *n)
{
	struct tls_facts facts;
	tls_facts(n->leg.tls, &facts);
	n->tls_text = facts.version_text;
	n->cipher_text = facts.cipher_text;
	n->tls_known = true;
	count(r, RELAY_NEAR_TLS_STARTED);
	if (!smtp_server_tls_on(&n->smtp))
		smtp_server_tls_started(&n->smtp, r->now);
}

/* True when SMTP may go on: no TLS, or its handshake is done. */
static bool near_tls_step(struct relay *r, struct near *n)
{
	if (n->leg.tls == NULL)
		return true;
	if (leg_tls_failed(&n->leg)) {
		if (!n->closing)
			count(r, RELAY_NEAR_TLS_FAILED);
		near_close(r, n);
		return false;
	}
	if (leg_handshaking(&n->leg))
		return false;
	if (!n->tls_known)
		near_tls_established(r, n);
	return true;
}

/* Whatever plaintext came behind STARTTLS is an injection (RFC 3207 4.2, CVE-2011-0411). Asked when the line is eaten,
 * so that the 220 does not leave, and again when it has left. */
static bool near_injected(struct relay *r, struct near *n)
{
	if (!smtp_server_starttls_injected(&n->smtp, leg_plain_left(&n->leg), r->now))
		return false;
	count(r, RELAY_NEAR_INJECTIONS);
	n->closing = true;
	return true;
}

static void near_starttls(struct relay *r, struct near *n)
{
	n->starttls_due = false;
	if (near_injected(r, n))
		return;
	if (!near_tls_open(r, n)) {
		count(r, RELAY_NEAR_TLS_FAILED);
		near_close(r, n);
	}
}

/* ---- SMTP ---- */

static void near_event(struct relay *r, struct near *n, const struct smtp_server_event *event)
{
	switch (event->kind) {
	case SERVER_NONE:
		break; /* all bytes eaten, or an answer is awaited */
	case SERVER_MAIL:
		session_mail(r, n, &event->mail);
		break;
	case SERVER_RCPT:
		session_rcpt(r, n, &event->recipient);
		break;
	case SERVER_DATA:
		session_data(r, n, event->chunked);
		break;
	case SERVER_BODY:
		body_content(r, n, event->body);
		break;
	case SERVER_CHUNK:
		session_chunk(r, n);
		break;
	case SERVER_BODY_END:
		body_end(r, n);
		break;
	case SERVER_BODY_BAD:
		body_bad(r, n, event);
		break;
	case SERVER_RESET:
		session_abandon(r, n);
		break;
	case SERVER_STARTTLS:
		n->starttls_due = true;
		break;
	case SERVER_CLOSE:
		if (event->fault_reply == SMTP_REPLY_TLS_INJECTION)
			count(r, RELAY_NEAR_INJECTIONS);
		near_close(r, n);
		break;
	}
}

static bool near_may_eat(const struct relay *r, const struct near *n)
{
	if (n->closing || n->starttls_due || smtp_server_waits_for_answer(&n->smtp))
		return false;
	if (byteq_bytes(&n->leg.out) > LEG_OUT_BYTES_MAX / 2)
		return false; /* replies are not being read: neither are commands */
	return body_may_eat(r, n);
}

/* Feeds the SMTP machine. An empty piece is fed too: an event may wait without further bytes. */
static void near_eat(struct relay *r, struct near *n)
{
	for (uint32_t i = 0; i < PUMP_EVENTS_MAX; i++) {
		struct smtp_server_event event = { .kind = SERVER_NONE };
		if (!near_may_eat(r, n))
			return;
		if (leg_peek(&n->leg).bytes == 0)
			leg_pull(&n->leg, r->config.pool, r->now);
		struct span bytes = span_head(leg_peek(&n->leg), BLOCK_DATA_BYTES);
		size_t eaten = smtp_server_input(&n->smtp, bytes, r->now, &event);
		near_event(r, n, &event);
		leg_eat(&n->leg, r->config.pool, eaten, r->now);
		if (event.kind == SERVER_STARTTLS)
			n->starttls_due = !near_injected(r, n);
		if (eaten == 0 && event.kind == SERVER_NONE)
			return;
		(void)smtp_server_output(&n->smtp, &n->leg.out, leg_out_room(&n->leg, r->config.pool), r->now);
	}
	visit_near(r, n); /* there is more; the other legs go first */
}

/* A closing session reads what still comes and forgets it, so that our last reply is not lost in a reset. */
static void near_discard(struct relay *r, struct near *n)
{
	for (uint32_t i = 0; i < PUMP_EVENTS_MAX; i++) {
		leg_pull(&n->leg, r->config.pool, r->now);
		size_t bytes = leg_peek(&n->leg).bytes;
		if (bytes == 0)
			return;
		leg_eat(&n->leg, r->config.pool, bytes, r->now);
	}
}

/* ---- visit ---- */

static void near_flush(struct relay *r, struct near *n)
{
	if (!leg_handshaking(&n->leg))
		(void)smtp_server_output(&n->smtp, &n->leg.out, leg_out_room(&n->leg, r->config.pool), r->now);
	leg_push(&n->leg, r->config.pool, r->now);
	if (n->starttls_due && leg_flushed(&n->leg))
		near_starttls(r, n);
	if (!n->closing)
		return;
	if (n->linger.us == UINT64_MAX) {
		n->linger = instant_add(r->now, CLOSE_LINGER_US);
		n->leg.shut = true;
		(void)smtp_server_output(&n->smtp, &n->leg.out, leg_out_room(&n->leg, r->config.pool), r->now);
	}
	leg_push(&n->leg, r->config.pool, r->now);
	near_discard(r, n);
}

static void near_rearm(struct relay *r, struct near *n)
{
	struct instant at = n->linger;
	if (!n->closing && !leg_handshaking(&n->leg) && !smtp_server_waits_for_answer(&n->smtp))
		at = instant_earlier(at, smtp_server_deadline(&n->smtp));
	if (n->leg.tls != NULL)
		at = instant_earlier(at, tls_deadline(n->leg.tls));
	if (n->t != NULL && n->t->phase == PHASE_NEXT)
		at = instant_earlier(at, n->t->attempt.deadline);
	wheel_set(&r->wheel, &n->timer, at);
}

/* Nobody is there any more: reset, or the sender closed its side and nothing is left to answer. */
static bool near_is_over(struct near *n)
{
	if (n->leg.closed)
		return true;
	bool answer_owed = smtp_server_waits_for_answer(&n->smtp) && n->t != NULL &&
	                   (n->t->phase == PHASE_COMMITTED || n->t->phase == PHASE_ENDING);
	return leg_ended(&n->leg) && !answer_owed && !n->leg.shut && leg_flushed(&n->leg);
}

static void near_drain_if_asked(struct relay *r, struct near *n)
{
	if (r->draining && !n->closing && n->t == NULL && !leg_handshaking(&n->leg) &&
	    !smtp_server_waits_for_answer(&n->smtp)) {
		smtp_server_goodbye(&n->smtp, SMTP_REPLY_SHUTTING_DOWN, r->now);
		n->closing = true;
	}
}

void near_visit(struct relay *r, struct near *n)
{
	if (!leg_is_open(&n->leg)) {
		if (n->t == NULL)
			near_free(r, n);
		return;
	}
	leg_pull(&n->leg, r->config.pool, r->now);
	if (near_tls_step(r, n)) {
		near_eat(r, n);
		near_drain_if_asked(r, n);
	}
	near_flush(r, n);
	if (near_is_over(n))
		near_gone(r, n);
	else
		near_rearm(r, n);
}

void near_expire(struct relay *r, struct near *n)
{
	if (instant_reached(n->linger, r->now)) {
		near_gone(r, n);
		return;
	}
	if (n->leg.tls != NULL && instant_reached(tls_deadline(n->leg.tls), r->now))
		tls_expire(n->leg.tls, r->now);
	if (n->t != NULL && n->t->phase == PHASE_NEXT && instant_reached(n->t->attempt.deadline, r->now)) {
		struct verdict late = { .kind = VERDICT_DEFER, .reason = POLICY_REASON_NEXT_UNREACHABLE };
		session_next_failed(r, n, late);
	}
	if (!n->closing && !leg_handshaking(&n->leg) && !smtp_server_waits_for_answer(&n->smtp) &&
	    smtp_server_expire(&n->smtp, r->now)) {
		count(r, RELAY_NEAR_TIMEOUTS);
		near_close(r, n);
	}
	visit_near(r, n);
}
