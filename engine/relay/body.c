/*
 * body.c - the content on its way: inspected as it streams, its end withheld until the verdict.
 *
 * Byte's path: smtp/server -> here -> mime/header, policy/content -> smtp/client.
 *
 * Content that next has no room for is held, at most one piece of a block's size; while anything is held no more is
 * eaten, so near's window closes: memory per message is O(window). The commit (smtp_client_body_end) is made in one
 * place only, commit_or_refuse(), after the verdict PASS.
 */
#include "relay/relay_int.h"

static struct next *next_of(struct relay *r, struct transaction *t)
{
	return relay_next(r, t->next);
}

/* Passes on as much as next takes and holds the rest; false when the rest found no block. */
static bool content_pass(struct relay *r, struct near *n, struct span content)
{
	struct transaction *t = n->t;
	struct next *x = next_of(r, t);
	size_t taken = 0;
	if (byteq_bytes(&t->held) == 0) {
		taken = smtp_client_body(&x->smtp, content, r->now);
		visit_next(r, x);
	}
	struct span rest = span_after(content, taken);
	return byteq_write(&t->held, r->config.pool, rest) == rest.bytes;
}

void body_begin(struct relay *r, struct near *n)
{
	struct transaction *t = n->t;
	struct content *content = r->config.content;
	char buffer[2048];
	struct text header = text_of(buffer, sizeof(buffer));
	t->stream = content_ops_of(content)->open(content);
	t->inspected = t->stream != NULL;
	mime_header_init(&t->header, r->config.pool);
	t->header_open = true;
	received_write(r, n, &header);
	struct next *x = next_of(r, t);
	t->next_chunked = smtp_client_uses_bdat(&x->smtp);
	if (!content_pass(r, n, text_as_span(&header))) {
		struct smtp_reply reply;
		smtp_reply_set(&reply, SMTP_REPLY_OVERLOAD);
		body_refuse(r, n, &reply, RELAY_OUTCOME_DEFERRED);
	}
}

/* Counts the Received fields of what arrives (RFC 5321 6.3). */
static void header_read(struct transaction *t, struct span content)
{
	struct mime_header_event event;
	while (t->header_open) {
		size_t eaten = mime_header_input(&t->header, content, &event);
		content = span_after(content, eaten);
		if (event.kind == MIME_FIELD)
			t->received_fields += span_equal_nocase(event.name, SPAN("Received"));
		else if (event.kind == MIME_HEADER_END)
			t->header_open = false;
		else
			return;
	}
}

static void content_inspect(struct relay *r, struct transaction *t, struct span content)
{
	struct content *c = r->config.content;
	if (t->stream != NULL && !content_ops_of(c)->scan(c, t->stream, content))
		t->inspected = false;
	if (t->header_open)
		header_read(t, content);
}

void body_content(struct relay *r, struct near *n, struct span content)
{
	struct transaction *t = n->t;
	CHECK(t != NULL);
	t->body_bytes += content.bytes;
	r->counters[RELAY_BODY_BYTES] += content.bytes;
	if (t->phase == PHASE_SWALLOW)
		return;
	CHECK(t->phase == PHASE_BODY);
	budget_touch(r, n, RELAY_STAGE_BODY);
	content_inspect(r, t, content);
	if (!content_pass(r, n, content)) {
		struct smtp_reply reply;
		smtp_reply_set(&reply, SMTP_REPLY_OVERLOAD);
		body_refuse(r, n, &reply, RELAY_OUTCOME_DEFERRED);
	}
}

bool body_may_eat(const struct relay *r, const struct near *n)
{
	const struct transaction *t = n->t;
	if (t == NULL || t->phase != PHASE_BODY)
		return true;
	return byteq_bytes(&t->held) == 0 && !pool_is_low(r);
}

void body_release(struct relay *r, struct transaction *t)
{
	struct content *c = r->config.content;
	if (t->stream != NULL)
		(void)content_ops_of(c)->close(c, t->stream);
	t->stream = NULL;
	mime_header_fini(&t->header);
	t->header_open = false;
	byteq_clear(&t->held, r->config.pool);
}

void body_refuse(struct relay *r, struct near *n, const struct smtp_reply *reply,
                 enum relay_outcome outcome)
{
	struct transaction *t = n->t;
	struct smtp_reply copy = *reply;
	struct next *x = next_of(r, t);
	t->next = HANDLE_NONE;
	if (x != NULL)
		next_let_go(r, x);
	body_release(r, t);
	if (t->phase == PHASE_ENDING) { /* all content is here: the sender waits for this */
		near_answer(r, n, &copy);
		session_finish(r, n, outcome, &copy);
		return;
	}
	if (t->phase != PHASE_BODY)
		return;
	t->refused = copy;
	t->refused_outcome = outcome;
	transaction_enter(r, n, PHASE_SWALLOW);
	visit_near(r, n);
}

void body_bad(struct relay *r, struct near *n, const struct smtp_server_event *event)
{
	struct smtp_reply reply;
	smtp_reply_set(&reply, event->fault_reply);
	count(r, RELAY_BODY_FAULTS);
	if (n->t != NULL)
		session_finish(r, n, RELAY_OUTCOME_REJECTED, &reply);
	near_answer(r, n, &reply);
}

/* The verdict on the whole message; PASS only when every byte was inspected and nothing matched. */
static struct verdict content_verdict(struct relay *r, struct transaction *t)
{
	struct content *c = r->config.content;
	uint32_t rule = CONTENT_NO_RULE;
	if (t->stream != NULL)
		rule = content_ops_of(c)->close(c, t->stream);
	t->stream = NULL;
	return policy_judge_content(r->config.policy, rule, t->inspected);
}

static void verdict_refuse(struct relay *r, struct near *n, enum smtp_reply_id id, bool reject)
{
	struct smtp_reply reply;
	smtp_reply_set(&reply, id);
	body_refuse(r, n, &reply, reject ? RELAY_OUTCOME_REJECTED : RELAY_OUTCOME_DEFERRED);
}

/* All content was given to next but its end. This is the only place where a message is committed. */
static void commit_or_refuse(struct relay *r, struct near *n)
{
	struct transaction *t = n->t;
	struct next *x = next_of(r, t);
	t->verdict = content_verdict(r, t);
	if (t->received_fields > RECEIVED_MAX) {
		count(r, RELAY_LOOPS);
		verdict_refuse(r, n, SMTP_REPLY_LOOP, true);
		return;
	}
	if (t->verdict.kind != VERDICT_PASS) {
		verdict_refuse(r, n, verdict_reply(t->verdict), t->verdict.kind == VERDICT_REJECT);
		return;
	}
	transaction_enter(r, n, PHASE_COMMITTED);
	smtp_client_body_end(&x->smtp, r->now);
	visit_next(r, x);
}

void body_drain(struct relay *r, struct near *n)
{
	struct transaction *t = n->t;
	struct next *x = next_of(r, t);
	while (byteq_bytes(&t->held) > 0) {
		size_t taken = smtp_client_body(&x->smtp, byteq_peek(&t->held), r->now);
		if (taken == 0)
			return;
		byteq_consume(&t->held, r->config.pool, taken);
		visit_next(r, x);
	}
	if (t->phase == PHASE_ENDING) {
		budget_touch(r, n, RELAY_STAGE_VERDICT);
		commit_or_refuse(r, n);
	} else {
		visit_near(r, n); /* there is room again */
	}
}

static void header_finish(struct transaction *t)
{
	struct mime_header_event event = { .kind = MIME_NONE };
	while (t->header_open) {
		mime_header_end(&t->header, &event);
		if (event.kind == MIME_FIELD)
			t->received_fields += span_equal_nocase(event.name, SPAN("Received"));
		else
			t->header_open = false;
	}
}

void body_end(struct relay *r, struct near *n)
{
	struct transaction *t = n->t;
	CHECK(t != NULL);
	if (t->phase == PHASE_SWALLOW) {
		struct smtp_reply reply = t->refused;
		near_answer(r, n, &reply);
		session_finish(r, n, t->refused_outcome, &reply);
		return;
	}
	CHECK(t->phase == PHASE_BODY);
	budget_touch(r, n, RELAY_STAGE_VERDICT);
	header_finish(t);
	t->body_complete = true;
	transaction_enter(r, n, PHASE_ENDING);
	body_drain(r, n);
}
