/*
 * budget.c - the engine's own share of a message's delay, and the report of a transaction.
 *
 * The clock is read once per turn and once per chore, so time is accounted by those: when one of them worked for a
 * message, the message waited for us from the moment its bytes could first have arrived (when the turn before had just
 * looked for frames; a sleep of an idle worker and all chores since then are in it) to the moment its answer had been
 * sent. A leg that stood in line for its handshake waited all that time. That is an upper bound, known when the clock
 * is read next. The stages ENVELOPE, NEXT_TLS, VERDICT and REPLY add such stretches up, since each stands in the dialogue's
 * way; content streams while the sender still sends, so BODY keeps the longest stretch only.
 */
#include "relay/relay_int.h"

void budget_touch(struct relay *r, struct near *n, enum relay_stage stage)
{
	if (n->t == NULL)
		return;
	n->t->touched = stage;
	if (n->in_touched)
		return;
	n->in_touched = true;
	CHECK(r->touched_count < r->config.sessions_max);
	r->touched[r->touched_count++] =
		(struct touched){ .near = slab_handle(&r->nears, n), .since = r->waiting_since };
}

static void stage_add(uint64_t stage_us[RELAY_STAGE_COUNT], enum relay_stage stage, uint64_t us)
{
	if (stage == RELAY_STAGE_BODY)
		stage_us[stage] = us > stage_us[stage] ? us : stage_us[stage];
	else
		stage_us[stage] += us;
}

static void report_settle(struct relay *r, struct pending_report *p)
{
	uint64_t total = 0;
	stage_add(p->report.stage_us, RELAY_STAGE_REPLY, instant_since(p->since, r->now));
	for (uint32_t stage = 0; stage < RELAY_STAGE_COUNT; stage++)
		total += p->report.stage_us[stage];
	p->report.engine_us = total;
	p->open = false;
	if (p->report.outcome == RELAY_OUTCOME_ABORTED)
		return; /* the sender left: no delay was felt */
	for (uint32_t stage = 0; stage < RELAY_STAGE_COUNT; stage++)
		histogram_add(&r->budget[stage], p->report.stage_us[stage]);
	histogram_add(&r->budget[RELAY_STAGE_COUNT], total);
}

void budget_settle(struct relay *r)
{
	for (uint32_t i = 0; i < r->touched_count; i++) {
		struct near *n = relay_near(r, r->touched[i].near);
		if (n == NULL)
			continue;
		n->in_touched = false;
		if (n->t != NULL)
			stage_add(n->t->stage_us, n->t->touched, instant_since(r->touched[i].since, r->now));
	}
	r->touched_count = 0;
	for (; r->reports_open != r->reports_head; r->reports_open++)
		report_settle(r, &r->reports[r->reports_open % REPORTS_MAX]);
}

static void text_field(char *to, size_t capacity, struct span s)
{
	struct text t = text_of(to, capacity);
	text_printable(&t, s);
}

static void text_copy(char *to, size_t capacity, const char *from)
{
	struct text t = text_of(to, capacity);
	if (from != NULL)
		text_str(&t, from);
}

static void report_reply(struct relay_report *report, const struct smtp_reply *reply)
{
	struct text t = text_of(report->reply_text, sizeof(report->reply_text));
	if (reply == NULL)
		return;
	report->reply_code = reply->code;
	struct span text = span_of(reply->text, reply->bytes);
	text_span(&t, span_head(text, span_find(text, '\n')));
}

struct conn_id report_conn_id(const struct relay *r, const struct tcp_stack *tcp, struct handle id)
{
	uint32_t port = 0;
	while (port + 1 < r->config.stack_count && r->config.stacks[port] != tcp)
		port++;
	return (struct conn_id){ .worker = r->config.worker, .port = port, .handle = id };
}

static void report_next(struct relay_report *report, const struct transaction *t)
{
	report->next = t->next_remote;
	report->next_conn = t->next_conn;
	report->next_tls = t->next_tls != NULL ? t->next_tls : "";
	report->next_cipher = t->next_cipher != NULL ? t->next_cipher : "";
	report->next_verified = t->next_verified;
	report->next_reused = t->next_reused;
	report->level = t->want.tls != NULL ? tls_level_name(t->want.level) : "";
}

void report_make(struct relay *r, struct near *n, enum relay_outcome outcome,
                 const struct smtp_reply *reply)
{
	static const enum relay_counter counters[] = {
		[RELAY_OUTCOME_NONE] = RELAY_COUNTER_COUNT,
#define OUTCOME(name, text, counter) [RELAY_OUTCOME_##name] = RELAY_##counter,
#include "relay/outcomes.def"
#undef OUTCOME
	};
	const struct transaction *t = n->t;
	CHECK(outcome != RELAY_OUTCOME_NONE);
	count(r, counters[outcome]);
	if (r->reports_head - r->reports_tail == REPORTS_MAX) {
		count(r, RELAY_REPORTS_DROPPED);
		return;
	}
	struct pending_report *p = &r->reports[r->reports_head++ % REPORTS_MAX];
	*p = (struct pending_report){ .open = true, .since = r->waiting_since };
	struct relay_report *report = &p->report;
	text_copy(report->queue_id, sizeof(report->queue_id), t->queue_id);
	report->wall_us = r->wall_us;
	report->worker = r->config.worker;
	report->outcome = outcome;
	report_reply(report, reply);
	text_copy(report->rule, sizeof(report->rule), t->verdict.rule);
	report->near = n->remote;
	report->near_conn = n->conn;
	report->near_tls = n->tls_text != NULL ? n->tls_text : "";
	report->near_cipher = n->cipher_text != NULL ? n->cipher_text : "";
	report_next(report, t);
	text_field(report->helo, sizeof(report->helo), smtp_server_helo(&n->smtp));
	text_field(report->sender, sizeof(report->sender), t->mail.sender.path);
	text_field(report->recipient, sizeof(report->recipient), t->first.box.path);
	report->recipients = t->recipients;
	report->body_bytes = t->body_bytes;
	report->chunked = t->chunked;
	report->total_us = instant_since(t->began, r->now);
	memcpy(report->stage_us, t->stage_us, sizeof(report->stage_us));
}
