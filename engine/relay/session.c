/*
 * session.c - the transaction: MAIL, RCPT, DATA, and what next says to them.
 *
 * Byte's path: smtp/server -> here -> policy/decide -> smtp/client.
 *
 * The rules (PROTOCOL of one transaction): MAIL is answered by us, since the next hop is not known before the first
 * RCPT. The first recipient chooses route, level and next leg; MAIL and RCPT go out together and next's reply is the
 * reply. Later recipients of the same group key are relayed; others are asked to come in another transaction (452 4.5.3).
 * DATA is answered by next's 354. After the commit only next may answer. Whatever goes wrong before it is a 4yz.
 */
#include "relay/relay_int.h"

static const char *const phase_names[PHASE_COUNT] = {
#define PHASE(name, text) [PHASE_##name] = #name,
#include "relay/phases.def"
#undef PHASE
};

static bool edge_is_legal(enum phase from, enum phase to)
{
	static const struct {
		enum phase from, to;
	} edges[] = {
#define EDGE(from, to) { PHASE_##from, PHASE_##to },
#include "relay/phases.def"
#undef EDGE
	};
	for (size_t i = 0; i < COUNT_OF(edges); i++)
		if (edges[i].from == from && edges[i].to == to)
			return true;
	return false;
}

void transaction_enter(struct relay *r, struct near *n, enum phase to)
{
	CHECK(edge_is_legal(n->t->phase, to));
	recorder_note(r->config.recorder, r->now, phase_names[to], user_of_near(r, n), n->t->phase, to);
	n->t->phase = to;
}

static struct next *next_of(struct relay *r, struct transaction *t)
{
	return relay_next(r, t->next);
}

/* ---- keeping mailboxes beyond the call ---- */

static struct span rebased(struct span part, struct span whole, const uint8_t *copy)
{
	if (part.bytes == 0 || part.data < whole.data || part.data + part.bytes > whole.data + whole.bytes)
		return SPAN_NONE;
	return span_of(copy + (part.data - whole.data), part.bytes);
}

static void mailbox_keep(struct kept_mailbox *kept, const struct smtp_mailbox *box)
{
	struct span path = span_head(box->path, sizeof(kept->text));
	CHECK(path.bytes == box->path.bytes); /* the address parser bounds a path to SMTP_PATH_MAX */
	if (path.bytes > 0)
		memcpy(kept->text, path.data, path.bytes);
	kept->box = *box;
	kept->box.path = span_of(kept->text, path.bytes);
	kept->box.local = rebased(box->local, path, kept->text);
	kept->box.domain = rebased(box->domain, path, kept->text);
}

/* ---- MAIL ---- */

/* Within each millisecond ids are counted from a number that cannot be guessed; a clock that was set back is not
 * followed, and a millisecond whose numbers are used up borrows the next one. */
static void queue_id_advance(struct relay *r, uint64_t numbers)
{
	uint64_t ms = (uint64_t)r->wall_us / 1000;
	if (ms > r->queue_ms) {
		r->queue_ms = ms;
		r->queue_count = prng_below(&r->prng, numbers / 2);
	} else if (++r->queue_count == numbers) {
		r->queue_ms++;
		r->queue_count = 0;
	}
}

/* Time-ordered, unique within a worker: 8 digits of milliseconds, 3 of the number within, 2 of the worker. */
static void queue_id_write(struct relay *r, char id[QUEUE_ID_BYTES])
{
	static const char digits[] = "0123456789ABCDEFGHJKLMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz";
	uint64_t base = sizeof(digits) - 1;
	queue_id_advance(r, base * base * base);
	uint64_t parts[] = { r->queue_ms, r->queue_count, r->config.worker };
	unsigned widths[] = { 8, 3, 2 };
	unsigned at = 0;
	for (unsigned part = 0; part < COUNT_OF(parts); part++) {
		for (unsigned i = widths[part]; i > 0; i--) {
			id[at + i - 1] = digits[parts[part] % base];
			parts[part] /= base;
		}
		at += widths[part];
	}
	id[at] = '\0';
}

static bool transaction_begin(struct relay *r, struct near *n, const struct smtp_mail *mail)
{
	struct block *block = block_take(r->config.pool);
	if (block == NULL)
		return false;
	memset(block->data, 0, sizeof(struct transaction));
	block->end = sizeof(struct transaction);
	n->block = block;
	n->t = (struct transaction *)(void *)block->data;
	struct transaction *t = n->t;
	t->began = r->now;
	t->mail = *mail;
	mailbox_keep(&t->sender, &mail->sender);
	t->mail.sender = t->sender.box;
	t->touched = RELAY_STAGE_ENVELOPE;
	queue_id_write(r, t->queue_id);
	transaction_enter(r, n, PHASE_MAIL);
	count(r, RELAY_TRANSACTIONS);
	return true;
}

void session_mail(struct relay *r, struct near *n, const struct smtp_mail *mail)
{
	struct verdict verdict =
		policy_judge_near(r->config.policy, mail->sender.domain, n->tls_text != NULL);
	if (n->t != NULL)
		session_abandon(r, n); /* the machine allows MAIL only between transactions; be sure */
	if (verdict.kind != VERDICT_PASS)
		near_answer_id(r, n, verdict_reply(verdict));
	else if (!transaction_begin(r, n, mail))
		near_answer_id(r, n, SMTP_REPLY_OVERLOAD);
	else
		near_answer_id(r, n, SMTP_REPLY_SENDER_OK);
	budget_touch(r, n, RELAY_STAGE_ENVELOPE);
}

/* ---- RCPT ---- */

static void recipient_refuse(struct relay *r, struct near *n, enum smtp_reply_id id)
{
	count(r, RELAY_RECIPIENTS_REFUSED);
	near_answer_id(r, n, id);
}

/* What the next hop must be able to do for this envelope; SMTP_REPLY_NONE when it can. */
static enum smtp_reply_id extension_missing(const struct transaction *t, const struct next *x)
{
	uint32_t offered = smtp_client_extensions(&x->smtp);
	uint64_t limit = smtp_client_size_limit(&x->smtp);
	bool utf8 = t->mail.smtputf8 || t->mail.sender.utf8 || t->recipient.box.utf8;
	if (utf8 && (offered & SMTP_EXT_SMTPUTF8) == 0)
		return SMTP_REPLY_NEXT_NO_SMTPUTF8;
	if (t->mail.body == SMTP_BODY_8BITMIME && (offered & SMTP_EXT_8BITMIME) == 0)
		return SMTP_REPLY_NEXT_NO_8BITMIME;
	if (limit != 0 && t->mail.size > limit)
		return SMTP_REPLY_NEXT_TOO_BIG;
	return SMTP_REPLY_NONE;
}

/* The next leg of a transaction whose recipients were all refused goes back before another one is looked for. */
static void next_detach(struct relay *r, struct near *n)
{
	struct next *x = next_of(r, n->t);
	n->t->next = HANDLE_NONE;
	if (x != NULL)
		next_let_go(r, x);
}

static void recipient_send(struct relay *r, struct near *n, struct next *x)
{
	enum smtp_reply_id missing = extension_missing(n->t, x);
	if (missing == SMTP_REPLY_NONE && !smtp_client_can(&x->smtp, SMTP_REQUEST_RCPT))
		missing = SMTP_REPLY_TOO_MANY_RECIPIENTS;
	if (missing != SMTP_REPLY_NONE) {
		if (n->t->phase == PHASE_NEXT) { /* MAIL went, RCPT cannot: the leg begins anew */
			transaction_enter(r, n, PHASE_MAIL);
			next_detach(r, n);
		}
		recipient_refuse(r, n, missing);
		return;
	}
	smtp_client_rcpt(&x->smtp, &n->t->recipient.box, r->now);
	transaction_enter(r, n, PHASE_RCPT_SENT);
	visit_next(r, x);
}

/* Looks for a next leg under the group key of t->want. */
static void next_want(struct relay *r, struct near *n)
{
	struct transaction *t = n->t;
	t->group_key = t->want.group_key;
	t->refused.code = 0;
	t->attempt = (struct attempt){ .deadline = instant_add(r->now, NEXT_TOTAL_US) };
	transaction_enter(r, n, PHASE_NEXT);
	pool_want(r, n);
}

static void recipient_route(struct relay *r, struct near *n, const struct policy_next *want)
{
	struct transaction *t = n->t;
	struct next *x = next_of(r, t);
	if (t->refused.code != 0 && t->recipients > 0) {
		count(r, RELAY_RECIPIENTS_REFUSED); /* the leg was lost behind an accepted recipient */
		near_answer(r, n, &t->refused);
		return;
	}
	if (x != NULL && want->group_key == t->group_key && t->refused.code == 0) {
		t->want = *want;
		recipient_send(r, n, x);
		return;
	}
	if (t->recipients > 0) {
		recipient_refuse(r, n, SMTP_REPLY_ANOTHER_TRANSACTION);
		return;
	}
	next_detach(r, n);
	t->want = *want;
	next_want(r, n);
}

void session_rcpt(struct relay *r, struct near *n, const struct smtp_mailbox *recipient)
{
	struct transaction *t = n->t;
	struct policy_next want;
	CHECK(t != NULL);
	budget_touch(r, n, RELAY_STAGE_ENVELOPE);
	mailbox_keep(&t->recipient, recipient);
	policy_next_find(r->config.policy, t->recipient.box.domain,
	                 (struct room){ .data = t->scratch, .bytes = sizeof(t->scratch) }, &want);
	if (!want.routed) {
		struct verdict denied = { .kind = VERDICT_REJECT, .reason = POLICY_REASON_ROUTE_DENIED };
		recipient_refuse(r, n, verdict_reply(denied));
		return;
	}
	recipient_route(r, n, &want);
}

/* ---- what the search for a next leg came to ---- */

void session_next_ready(struct relay *r, struct near *n, struct next *x)
{
	struct transaction *t = n->t;
	CHECK(t != NULL && t->phase == PHASE_NEXT);
	budget_touch(r, n, RELAY_STAGE_ENVELOPE);
	t->next = slab_handle(&r->nexts, x);
	t->next_remote = x->remote;
	t->next_conn = report_conn_id(r, x->leg.tcp, x->leg.id);
	t->next_tls = x->tls_text;
	t->next_cipher = x->cipher_text;
	t->next_verified = x->verified;
	t->next_reused = x->uses > 0;
	x->uses++;
	x->mail_refused = false;
	if (x->tls_text == NULL)
		count(r, RELAY_NEXT_PLAIN);
	enum smtp_reply_id missing = extension_missing(t, x);
	if (missing == SMTP_REPLY_NONE && !smtp_client_can(&x->smtp, SMTP_REQUEST_MAIL))
		missing = SMTP_REPLY_OVERLOAD; /* no block for the command */
	if (missing != SMTP_REPLY_NONE) {
		transaction_enter(r, n, PHASE_MAIL);
		next_detach(r, n);
		recipient_refuse(r, n, missing);
		return;
	}
	smtp_client_mail(&x->smtp, &t->mail, r->now);
	recipient_send(r, n, x);
}

void session_next_failed(struct relay *r, struct near *n, struct verdict verdict)
{
	struct transaction *t = n->t;
	CHECK(t != NULL && t->phase == PHASE_NEXT);
	pool_leave_line(r, n);
	struct next *x = next_of(r, t);
	t->next = HANDLE_NONE;
	if (x != NULL)
		next_kill(r, x);
	t->verdict = verdict;
	transaction_enter(r, n, PHASE_MAIL);
	budget_touch(r, n, RELAY_STAGE_ENVELOPE);
	recipient_refuse(r, n, verdict_reply(verdict));
}

/* ---- DATA ---- */

void session_data(struct relay *r, struct near *n, bool chunked)
{
	struct transaction *t = n->t;
	CHECK(t != NULL);
	t->chunked = chunked;
	budget_touch(r, n, RELAY_STAGE_ENVELOPE);
	struct next *x = next_of(r, t);
	if (t->recipients == 0) { /* the machine refuses this itself; never pass a body without a recipient */
		near_answer_id(r, n, SMTP_REPLY_NO_VALID_RECIPIENTS);
		session_finish(r, n, RELAY_OUTCOME_ABORTED, NULL);
		return;
	}
	if (x == NULL || !smtp_client_can(&x->smtp, SMTP_REQUEST_DATA)) {
		struct smtp_reply reply = t->refused;
		if (x != NULL)
			smtp_reply_set(&reply, SMTP_REPLY_OVERLOAD); /* no block for the command */
		session_finish(r, n, RELAY_OUTCOME_DEFERRED, &reply);
		near_answer(r, n, &reply);
		return;
	}
	smtp_client_data(&x->smtp, r->now);
	transaction_enter(r, n, PHASE_DATA_SENT);
	visit_next(r, x);
}

void session_chunk(struct relay *r, struct near *n)
{
	struct transaction *t = n->t;
	CHECK(t != NULL);
	if (t->phase != PHASE_SWALLOW) {
		near_answer_id(r, n, SMTP_REPLY_CHUNK_OK);
		return;
	}
	struct smtp_reply reply = t->refused;
	session_finish(r, n, t->refused_outcome, &reply);
	near_answer(r, n, &reply);
}

/* ---- next's replies ---- */

/* A 421 of next's is not ours to give: we do not close. Its text stays. */
static const struct smtp_reply *reply_relayed(const struct smtp_reply *reply, struct smtp_reply *copy)
{
	if (reply->code != 421)
		return reply;
	*copy = *reply;
	copy->code = 451;
	return copy;
}

static void recipient_replied(struct relay *r, struct near *n, struct next *x, const struct smtp_reply *reply)
{
	struct transaction *t = n->t;
	if (t->phase != PHASE_RCPT_SENT)
		return;
	if (x->mail_refused) {
		/* MAIL was refused: that reply answers the recipient, and the leg begins anew. */
		struct smtp_reply refused = t->refused;
		count(r, RELAY_RECIPIENTS_REFUSED);
		transaction_enter(r, n, PHASE_MAIL);
		t->refused.code = 0;
		next_detach(r, n);
		near_answer(r, n, &refused);
		return;
	}
	if (smtp_reply_positive(reply)) {
		if (t->recipients == 0)
			mailbox_keep(&t->first, &t->recipient.box);
		t->recipients++;
		count(r, RELAY_RECIPIENTS);
	} else {
		count(r, RELAY_RECIPIENTS_REFUSED);
	}
	transaction_enter(r, n, PHASE_ENVELOPE);
	near_answer(r, n, reply);
}

static void data_replied(struct relay *r, struct near *n, const struct smtp_reply *reply)
{
	if (n->t->phase != PHASE_DATA_SENT)
		return;
	if (reply->code == 354) {
		transaction_enter(r, n, PHASE_BODY);
		body_begin(r, n);
		near_answer_id(r, n, SMTP_REPLY_START_MAIL);
		return;
	}
	struct smtp_reply refused = *reply;
	if (smtp_reply_positive(reply))
		smtp_reply_set(&refused, SMTP_REPLY_NEXT_PROTOCOL); /* 2yz to DATA makes no sense */
	session_finish(r, n,
	               smtp_reply_transient(&refused) ? RELAY_OUTCOME_DEFERRED_BY_NEXT :
	                                                RELAY_OUTCOME_REFUSED_BY_NEXT,
	               &refused);
	near_answer(r, n, &refused);
}

static void end_replied(struct relay *r, struct near *n, const struct smtp_reply *reply)
{
	enum relay_outcome outcome = RELAY_OUTCOME_REFUSED_BY_NEXT;
	if (n->t->phase != PHASE_COMMITTED)
		return;
	if (smtp_reply_positive(reply))
		outcome = n->t->near_gone ? RELAY_OUTCOME_ORPHANED : RELAY_OUTCOME_DELIVERED;
	else if (smtp_reply_transient(reply))
		outcome = RELAY_OUTCOME_DEFERRED_BY_NEXT;
	budget_touch(r, n, RELAY_STAGE_REPLY);
	near_answer(r, n, reply);
	session_finish(r, n, outcome, reply);
}

void session_next_reply(struct relay *r, struct near *n, struct next *x, enum smtp_request request,
                        const struct smtp_reply *reply)
{
	struct smtp_reply copy;
	if (n->t == NULL)
		return;
	reply = reply_relayed(reply, &copy);
	switch (request) {
	case SMTP_REQUEST_MAIL:
		x->mail_refused = !smtp_reply_positive(reply);
		if (x->mail_refused)
			n->t->refused = *reply;
		break;
	case SMTP_REQUEST_RCPT:
		budget_touch(r, n, RELAY_STAGE_ENVELOPE);
		recipient_replied(r, n, x, reply);
		break;
	case SMTP_REQUEST_DATA:
		budget_touch(r, n, RELAY_STAGE_ENVELOPE);
		data_replied(r, n, reply);
		break;
	case SMTP_REQUEST_CHUNK:
		if (!smtp_reply_positive(reply))
			body_refuse(r, n, reply,
			            smtp_reply_transient(reply) ? RELAY_OUTCOME_DEFERRED_BY_NEXT :
			                                          RELAY_OUTCOME_REFUSED_BY_NEXT);
		break;
	case SMTP_REQUEST_END:
		end_replied(r, n, reply);
		break;
	case SMTP_REQUEST_GREETING:
	case SMTP_REQUEST_EHLO:
	case SMTP_REQUEST_HELO:
	case SMTP_REQUEST_STARTTLS:
	case SMTP_REQUEST_RSET:
	case SMTP_REQUEST_QUIT:
	case SMTP_REQUEST_COUNT:
		break; /* the leg's own affairs: next.c */
	}
}

/* ---- loss ---- */

/* A reused connection that turns out dead before its first recipient was answered: nothing was said on it that counts,
 * so the envelope moves to a new one. */
static bool envelope_moves(struct relay *r, struct near *n, struct next *x)
{
	struct transaction *t = n->t;
	if (t->phase != PHASE_RCPT_SENT || t->recipients > 0 || !t->next_reused || t->attempt.fresh)
		return false;
	count(r, RELAY_NEXT_RETRIED);
	next_kill(r, x);
	t->attempt.fresh = true;
	transaction_enter(r, n, PHASE_NEXT);
	pool_want(r, n);
	return true;
}

void session_next_lost(struct relay *r, struct near *n, struct next *x, enum smtp_reply_id id)
{
	struct transaction *t = n->t;
	struct smtp_reply reply;
	smtp_reply_set(&reply, id);
	t->next = HANDLE_NONE;
	if (envelope_moves(r, n, x))
		return;
	bool committed = t->phase == PHASE_COMMITTED && smtp_client_committed(&x->smtp);
	if (t->phase == PHASE_RCPT_SENT && x->mail_refused)
		reply = t->refused; /* next answered MAIL before it went: its words, not ours */
	next_kill(r, x);
	switch (t->phase) {
	case PHASE_RCPT_SENT:
		t->refused = reply;
		count(r, RELAY_RECIPIENTS_REFUSED);
		transaction_enter(r, n, t->recipients > 0 ? PHASE_ENVELOPE : PHASE_MAIL);
		near_answer(r, n, &reply);
		break;
	case PHASE_ENVELOPE:
		t->refused = reply;
		break;
	case PHASE_BODY:
		body_refuse(r, n, &reply, RELAY_OUTCOME_DEFERRED);
		break;
	case PHASE_DATA_SENT:
	case PHASE_ENDING:
	case PHASE_COMMITTED:
		near_answer(r, n, &reply);
		session_finish(r, n, committed ? RELAY_OUTCOME_UNKNOWN : RELAY_OUTCOME_DEFERRED, &reply);
		break;
	case PHASE_IDLE:
	case PHASE_MAIL:
	case PHASE_NEXT:
	case PHASE_SWALLOW:
	case PHASE_COUNT:
		break; /* no leg belongs to these */
	}
}

/* ---- the end ---- */

void session_finish(struct relay *r, struct near *n, enum relay_outcome outcome,
                    const struct smtp_reply *reply)
{
	struct transaction *t = n->t;
	report_make(r, n, outcome, reply); /* first: `reply` may live in the next leg's machine */
	pool_leave_line(r, n);
	next_detach(r, n);
	body_release(r, t);
	transaction_enter(r, n, PHASE_IDLE);
	n->t = NULL;
	block_give(r->config.pool, n->block);
	n->block = NULL;
	visit_near(r, n);
}

void session_abandon(struct relay *r, struct near *n)
{
	if (n->t == NULL)
		return;
	CHECK(n->t->phase != PHASE_COMMITTED);
	session_finish(r, n, RELAY_OUTCOME_ABORTED, NULL);
}

void session_near_gone(struct relay *r, struct near *n)
{
	if (n->t->phase == PHASE_COMMITTED)
		n->t->near_gone = true;
	else
		session_finish(r, n, RELAY_OUTCOME_ABORTED, NULL);
}
