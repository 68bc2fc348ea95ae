/*
 * next.c - the next leg: connect, greet, start TLS, serve a transaction, rest in the pool, quit.
 *
 * Byte's path: relay/session -> smtp/client -> here: relay/leg -> crypto-offload/session -> tcp/output; and replies back.
 *
 * A leg is opened for one waiting session. Each failure before it is ready becomes a fact, and policy says whether the
 * same candidate may be tried again on a new connection without TLS; otherwise the next candidate is tried; when
 * none is left the most telling fact is judged. Nothing is sent over a leg before policy_judge_next() let it pass.
 *
 * A leg is never freed inside a visit of another one: next_kill() marks it, its own visit frees it.
 */
#include "relay/relay_int.h"

static struct near *owner_of(struct relay *r, const struct next *x)
{
	return relay_near(r, x->near);
}

void next_kill(struct relay *r, struct next *x)
{
	x->phase = NEXT_DEAD;
	x->near = HANDLE_NONE;
	visit_next(r, x);
}

/* Like next_kill(), for a leg on which nothing is under way: FIN instead of RST. */
static void next_end(struct relay *r, struct next *x)
{
	next_kill(r, x);
	x->orderly = true;
}

static void next_free(struct relay *r, struct next *x)
{
	wheel_stop(&r->wheel, &x->timer);
	pool_forget(r, x);
	smtp_client_fini(&x->smtp);
	if (x->orderly)
		leg_drop(&x->leg, r->config.pool, r->now);
	else
		leg_abort(&x->leg, r->config.pool, r->now);
	slab_give(&r->nexts, x);
}

/* ---- opening ---- */

static uint64_t resumption_key(const struct next *x, const struct policy_next *want)
{
	uint64_t hash = hash_bytes(want->group_key, span_of(x->remote.addr.bytes, sizeof(x->remote.addr.bytes)));
	return hash ^ (uint64_t)x->remote.port << 48;
}

/* One TCP connection towards `remote`, over whichever port reaches it. */
static bool next_connect(struct relay *r, struct near *n, struct endpoint remote)
{
	struct next *x = slab_take(&r->nexts);
	if (x == NULL)
		return false;
	x->timer.kind = VISIT_NEXT;
	x->remote = remote;
	x->near = slab_handle(&r->nears, n);
	x->deadline = instant_add(r->now, r->config.settings->timeouts.next_connect_seconds * SECOND_US);
	for (uint32_t i = 0; i < r->config.stack_count; i++) {
		struct handle id;
		if (tcp_connect(r->config.stacks[i], remote, user_of_next(r, x), r->now, &id) !=
		    TCP_CONNECT_STARTED)
			continue;
		struct group *group = pool_group(r, n->t->group_key);
		CHECK(group != NULL); /* as many groups as legs and sessions together */
		leg_open(&x->leg, r->config.stacks[i], id);
		x->phase = NEXT_CONNECTING;
		x->group = group;
		group->nexts++;
		n->t->next = slab_handle(&r->nexts, x);
		count(r, RELAY_NEXT_OPENED);
		next_rearm(r, x);
		return true;
	}
	slab_give(&r->nexts, x);
	return false;
}

void next_open(struct relay *r, struct near *n)
{
	struct transaction *t = n->t;
	struct attempt *a = &t->attempt;
	const struct settings_route *route = t->want.route;
	for (; a->candidate < route->next_count; a->candidate++, a->without_tls = false) {
		if (instant_reached(a->deadline, r->now))
			break;
		if (next_connect(r, n, route->next[a->candidate]))
			return;
		if (a->fact == NEXT_FACT_UNKNOWN)
			a->fact = NEXT_FACT_UNREACHABLE;
	}
	struct verdict verdict = policy_judge_next(&t->want, a->fact);
	if (verdict.kind == VERDICT_PASS || verdict.kind == VERDICT_INVALID)
		verdict = (struct verdict){ .kind = VERDICT_DEFER, .reason = POLICY_REASON_UNDECIDED };
	session_next_failed(r, n, verdict);
}

/* This candidate did not work out: the same one without TLS, the next one, or the verdict. */
static void attempt_goes_on(struct relay *r, struct near *n, enum policy_fact_next fact)
{
	if (n == NULL || n->t == NULL || n->t->phase != PHASE_NEXT)
		return;
	struct attempt *a = &n->t->attempt;
	n->t->next = HANDLE_NONE;
	if (fact != NEXT_FACT_UNREACHABLE || a->fact == NEXT_FACT_UNKNOWN)
		a->fact = fact;
	if (!a->without_tls && policy_may_fall_back(&n->t->want, fact)) {
		count(r, RELAY_NEXT_FALLBACKS);
		a->without_tls = true;
	} else {
		a->candidate++;
		a->without_tls = false;
	}
	budget_touch(r, n, RELAY_STAGE_ENVELOPE);
	next_open(r, n);
}

static void attempt_failed(struct relay *r, struct next *x, enum policy_fact_next fact)
{
	struct near *n = owner_of(r, x);
	next_kill(r, x);
	attempt_goes_on(r, n, fact);
}

/* The connection is sound, but no mail may or can travel on it: it ends with QUIT (RFC 5321 4.1.1.10). */
static void attempt_refused(struct relay *r, struct next *x, enum policy_fact_next fact)
{
	struct near *n = owner_of(r, x);
	x->near = HANDLE_NONE;
	next_quit(r, x);
	attempt_goes_on(r, n, fact);
}

/* The connection is gone, or must go. */
static void next_gone(struct relay *r, struct next *x, enum smtp_reply_id id)
{
	struct near *n;
	switch (x->phase) {
	case NEXT_CONNECTING:
	case NEXT_GREETING:
		count(r, RELAY_NEXT_UNREACHABLE);
		attempt_failed(r, x, NEXT_FACT_UNREACHABLE);
		break;
	case NEXT_HANDSHAKE:
		count(r, RELAY_NEXT_TLS_FAILED);
		attempt_failed(r, x, NEXT_FACT_TLS_FAILED);
		break;
	case NEXT_BUSY:
		count(r, RELAY_NEXT_LOST);
		n = owner_of(r, x);
		if (n != NULL && n->t != NULL)
			session_next_lost(r, n, x, id);
		else
			next_kill(r, x);
		break;
	case NEXT_RESETTING:
	case NEXT_IDLE:
	case NEXT_QUITTING:
		next_end(r, x);
		break;
	case NEXT_DEAD:
		break;
	}
}

/* ---- TLS ---- */

static void next_tls_open(struct relay *r, struct next *x)
{
	struct near *n = owner_of(r, x);
	struct tls_engine *tls = r->config.tls;
	CHECK(n != NULL && n->t != NULL);
	const struct policy_next *policy = &n->t->want;
	struct tls_next_want want = {
		.server_name = policy->server_name,
		.verify = tls_level_verifies(policy->level),
		.reference_count = policy->reference_count,
		.minimum = policy->tls->minimum == SETTINGS_TLS_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2,
		.resumption_key = resumption_key(x, policy),
	};
	for (uint32_t i = 0; i < policy->reference_count; i++)
		want.references[i] = policy->references[i];
	if (leg_plain_left(&x->leg) > 0 || tls == NULL ||
	    tls_ops_of(tls)->next_open(tls, &want, r->now, &x->leg.tls) != TLS_CALL_OK) {
		x->leg.tls = NULL;
		count(r, RELAY_NEXT_TLS_FAILED);
		attempt_failed(r, x, NEXT_FACT_TLS_FAILED);
		return;
	}
	tls_ops_of(tls)->user_set(x->leg.tls, user_of_next(r, x));
	x->phase = NEXT_HANDSHAKE;
}

static bool failure_is_of_certificate(enum tls_failure failure)
{
	return failure == TLS_FAILURE_UNTRUSTED || failure == TLS_FAILURE_NAME ||
	       failure == TLS_FAILURE_EXPIRED || failure == TLS_FAILURE_CERTIFICATE;
}

static void next_tls_failed(struct relay *r, struct next *x)
{
	struct tls_facts facts;
	tls_facts(x->leg.tls, &facts);
	leg_push(&x->leg, r->config.pool, r->now); /* the alert */
	if (x->phase != NEXT_HANDSHAKE) {
		next_gone(r, x, SMTP_REPLY_NEXT_LOST);
		return;
	}
	bool certificate = failure_is_of_certificate(facts.failure);
	count(r, certificate ? RELAY_NEXT_TLS_UNVERIFIED : RELAY_NEXT_TLS_FAILED);
	attempt_failed(r, x, certificate ? NEXT_FACT_TLS_UNVERIFIED : NEXT_FACT_TLS_FAILED);
}

/* True when SMTP may go on. */
static bool next_tls_step(struct relay *r, struct next *x)
{
	struct tls_facts facts;
	if (x->leg.tls == NULL)
		return true;
	if (leg_tls_failed(&x->leg)) {
		next_tls_failed(r, x);
		return false;
	}
	if (x->phase != NEXT_HANDSHAKE)
		return true;
	struct near *n = owner_of(r, x);
	if (n != NULL)
		budget_touch(r, n, RELAY_STAGE_NEXT_TLS);
	if (leg_handshaking(&x->leg))
		return false;
	tls_facts(x->leg.tls, &facts);
	x->tls_text = facts.version_text;
	x->cipher_text = facts.cipher_text;
	x->verified = facts.verified;
	x->phase = NEXT_GREETING;
	smtp_client_tls_started(&x->smtp, r->now);
	return true;
}

/* ---- SMTP ---- */

/* Greeted, extensions known: TLS next, or is the leg good enough as it is? */
static void next_decide(struct relay *r, struct next *x)
{
	struct near *n = owner_of(r, x);
	enum policy_fact_next fact = NEXT_FACT_PLAIN;
	if (n == NULL || n->t == NULL || n->t->phase != PHASE_NEXT) {
		next_kill(r, x);
		return;
	}
	const struct policy_next *want = &n->t->want;
	bool offered = (smtp_client_extensions(&x->smtp) & SMTP_EXT_STARTTLS) != 0;
	if (x->leg.tls == NULL && offered && policy_wants_tls(want) && !n->t->attempt.without_tls &&
	    r->config.tls != NULL) {
		if (smtp_client_can(&x->smtp, SMTP_REQUEST_STARTTLS))
			smtp_client_starttls(&x->smtp, r->now);
		else
			attempt_refused(r, x, NEXT_FACT_UNREACHABLE); /* no block for the command */
		return;
	}
	if (x->leg.tls != NULL)
		fact = x->verified ? NEXT_FACT_TLS_VERIFIED : NEXT_FACT_TLS;
	struct verdict verdict = policy_judge_next(want, fact);
	if (verdict.kind != VERDICT_PASS) {
		attempt_refused(r, x, fact);
		return;
	}
	x->phase = NEXT_BUSY;
	count(r, RELAY_NEXT_READY);
	session_next_ready(r, n, x);
}

/* Between transactions: into the pool, unless the next hop has said goodbye or has had its share of messages. */
static void next_rest(struct relay *r, struct next *x)
{
	uint32_t uses_max = r->config.settings->limits.next_messages_max;
	if (x->leaving)
		next_end(r, x);
	else if (uses_max != 0 && x->uses >= uses_max)
		next_quit(r, x);
	else
		pool_give(r, x);
}

static void next_reply(struct relay *r, struct next *x, const struct smtp_client_event *event)
{
	struct near *n = owner_of(r, x);
	bool positive = smtp_reply_positive(event->reply);
	x->leaving = x->leaving || event->reply->code == 421;
	if (x->phase == NEXT_GREETING) {
		if (event->request == SMTP_REQUEST_STARTTLS && !positive) {
			attempt_refused(r, x, NEXT_FACT_STARTTLS_REFUSED);
		} else if (!positive) {
			count(r, RELAY_NEXT_UNREACHABLE);
			attempt_refused(r, x, NEXT_FACT_UNREACHABLE);
		}
	} else if (x->phase == NEXT_BUSY && n != NULL) {
		session_next_reply(r, n, x, event->request, event->reply);
	} else if (x->phase == NEXT_QUITTING) {
		x->leg.shut = true;
	}
	if (x->phase == NEXT_RESETTING && smtp_client_idle(&x->smtp))
		next_rest(r, x);
}

static void next_smtp_event(struct relay *r, struct next *x, const struct smtp_client_event *event)
{
	switch (event->kind) {
	case CLIENT_NONE:
		break; /* no whole reply yet */
	case CLIENT_READY:
		next_decide(r, x);
		break;
	case CLIENT_REPLY:
		next_reply(r, x, event);
		break;
	case CLIENT_TLS_GO:
		next_tls_open(r, x);
		break;
	case CLIENT_FAULT:
		if (x->phase != NEXT_IDLE) /* there it is the next hop's goodbye */
			count(r, RELAY_NEXT_FAULTS);
		next_gone(r, x,
		          event->fault == CLIENT_FAULT_TIMEOUT ? SMTP_REPLY_NEXT_TIMEOUT :
		                                                 SMTP_REPLY_NEXT_PROTOCOL);
		break;
	}
}

/* The bytes are eaten before their event is handled: a switch to TLS changes where the leg's bytes come from. */
static void next_eat(struct relay *r, struct next *x)
{
	for (uint32_t i = 0; i < PUMP_EVENTS_MAX; i++) {
		struct smtp_client_event event = { .kind = CLIENT_NONE };
		if (x->phase == NEXT_DEAD || x->phase == NEXT_HANDSHAKE)
			return;
		if (leg_peek(&x->leg).bytes == 0)
			leg_pull(&x->leg, r->config.pool, r->now);
		size_t eaten = smtp_client_input(&x->smtp, leg_peek(&x->leg), r->now, &event);
		leg_eat(&x->leg, r->config.pool, eaten, r->now);
		next_smtp_event(r, x, &event);
		if (eaten == 0 && event.kind == CLIENT_NONE)
			return;
	}
	visit_next(r, x);
}

static void next_send(struct relay *r, struct next *x)
{
	if (!leg_handshaking(&x->leg))
		(void)smtp_client_output(&x->smtp, &x->leg.out, leg_out_room(&x->leg, r->config.pool), r->now);
	leg_push(&x->leg, r->config.pool, r->now);
}

/* ---- letting go ---- */

void next_let_go(struct relay *r, struct next *x)
{
	x->near = HANDLE_NONE;
	if (x->phase != NEXT_BUSY) {
		if (x->phase != NEXT_DEAD)
			next_kill(r, x);
		return;
	}
	if (smtp_client_idle(&x->smtp)) {
		next_rest(r, x);
	} else if (smtp_client_abandon(&x->smtp, r->now)) {
		x->phase = NEXT_RESETTING;
		visit_next(r, x);
	} else {
		next_kill(r, x);
	}
}

void next_quit(struct relay *r, struct next *x)
{
	x->phase = NEXT_QUITTING;
	x->deadline = instant_add(r->now, CLOSE_LINGER_US);
	smtp_client_quit(&x->smtp, r->now);
	visit_next(r, x);
}

/* ---- visit ---- */

void next_event(struct relay *r, struct next *x, const struct tcp_event *event)
{
	leg_note(&x->leg, event);
	if ((event->bits & TCP_OPENED) == 0 || x->phase != NEXT_CONNECTING)
		return;
	x->phase = NEXT_GREETING;
	smtp_client_init(&x->smtp, &r->client_config, r->config.pool, r->now);
}

void next_rearm(struct relay *r, struct next *x)
{
	struct instant at = x->phase == NEXT_BUSY || x->phase == NEXT_RESETTING ? INSTANT_NEVER : x->deadline;
	if (x->phase != NEXT_CONNECTING)
		at = instant_earlier(at, smtp_client_deadline(&x->smtp));
	if (x->leg.tls != NULL)
		at = instant_earlier(at, tls_deadline(x->leg.tls));
	wheel_set(&r->wheel, &x->timer, at);
}

static void next_drain_owner(struct relay *r, struct next *x)
{
	struct near *n = owner_of(r, x);
	if (x->phase != NEXT_BUSY || n == NULL || n->t == NULL)
		return;
	if (byteq_bytes(&n->t->held) > 0)
		body_drain(r, n);
}

static void next_work(struct relay *r, struct next *x)
{
	if (x->phase == NEXT_CONNECTING) {
		if (x->leg.closed)
			next_gone(r, x, SMTP_REPLY_NEXT_UNREACHABLE);
		return;
	}
	leg_pull(&x->leg, r->config.pool, r->now);
	if (next_tls_step(r, x))
		next_eat(r, x);
	if (x->phase == NEXT_DEAD)
		return;
	next_send(r, x);
	next_drain_owner(r, x);
	if (x->phase != NEXT_DEAD && (leg_ended(&x->leg) || x->leg.closed))
		next_gone(r, x, SMTP_REPLY_NEXT_LOST);
}

void next_visit(struct relay *r, struct next *x)
{
	if (x->phase != NEXT_DEAD)
		next_work(r, x);
	if (x->phase == NEXT_IDLE)
		pool_serve(r, x);
	if (x->phase != NEXT_DEAD)
		next_rearm(r, x);
	else if (!x->visit.queued)
		next_free(r, x);
}

void next_expire(struct relay *r, struct next *x)
{
	bool own = x->phase != NEXT_BUSY && x->phase != NEXT_RESETTING && instant_reached(x->deadline, r->now);
	if (x->leg.tls != NULL && instant_reached(tls_deadline(x->leg.tls), r->now))
		tls_expire(x->leg.tls, r->now);
	if (own && x->phase == NEXT_IDLE)
		next_quit(r, x);
	else if (own)
		next_gone(r, x, SMTP_REPLY_NEXT_TIMEOUT);
	else if (x->phase != NEXT_CONNECTING && x->phase != NEXT_DEAD && smtp_client_expire(&x->smtp, r->now))
		next_gone(r, x, SMTP_REPLY_NEXT_TIMEOUT);
	visit_next(r, x);
}
