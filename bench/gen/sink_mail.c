/*
 * sink_mail.c - what a sink answers, and when: accepting, scripted refusals, delays and cuts; and
 * the judging of what was delivered. See gen.h for the shares and gen_int.h for the state.
 *
 * A message counts as delivered at the moment its 250 is given to the SMTP machine: from then on
 * the sink has said yes, whether or not anybody hears it.
 */
#include "bench/gen/gen_int.h"

#define CUT_BODY_BYTES_MAX 20000u /* where within a body, if it is that long */

/* Where a transaction may be cut; each as likely as any other. */
enum cut_place { CUT_MAIL, CUT_RCPT, CUT_DATA, CUT_BODY, CUT_END, CUT_AFTER, CUT_PLACES };

static void mail_begins(struct gen *g, struct sink *k, const struct smtp_mailbox *sender);
static void choose_cut(struct gen *g, struct sink *k);
static void count_recipient(struct gen *g, struct sink *k, struct span domain);
static void take_body(struct gen *g, struct sink *k, struct span body, struct instant now);
static void ask(struct gen *g, struct sink *k, enum gen_stage stage, enum smtp_reply_id accept,
                struct instant now);
static uint16_t choose_refusal(struct gen *g, enum gen_stage stage);
static void cut(struct gen *g, struct sink *k, struct instant now);
static void judge(struct gen *g, struct sink *k);

void sink_asked(struct gen *g, struct sink *k, const struct smtp_server_event *event,
                struct instant now)
{
	switch (event->kind) {
	case SERVER_NONE: /* part of a line, or something the machine answered itself */
		break;
	case SERVER_MAIL:
		mail_begins(g, k, &event->mail.sender);
		ask(g, k, GEN_STAGE_MAIL, SMTP_REPLY_SENDER_OK, now);
		break;
	case SERVER_RCPT:
		count_recipient(g, k, event->recipient.domain);
		ask(g, k, GEN_STAGE_RCPT, SMTP_REPLY_RECIPIENT_OK, now);
		break;
	case SERVER_DATA:
		mail_checker_init(&k->checker, g->config.mix.sha256);
		k->body_bytes = 0;
		ask(g, k, GEN_STAGE_DATA, SMTP_REPLY_START_MAIL, now);
		break;
	case SERVER_BODY:
		take_body(g, k, event->body, now);
		break;
	case SERVER_CHUNK:
		smtp_server_answer_id(&k->smtp, SMTP_REPLY_CHUNK_OK, now);
		break;
	case SERVER_BODY_END:
		ask(g, k, GEN_STAGE_END, SMTP_REPLY_OK, now);
		break;
	case SERVER_BODY_BAD:
		g->results.sink_failures++;
		smtp_server_answer_id(&k->smtp, event->fault_reply, now);
		break;
	case SERVER_RESET: /* the next MAIL begins anew */
		break;
	case SERVER_STARTTLS:
		k->tls_due = true;
		break;
	case SERVER_CLOSE:
		k->closing = true;
		break;
	}
}

/* Whose message it is stands in the sender's address, where no relay changes it. */
static uint64_t number_of(const struct smtp_mailbox *sender)
{
	uint64_t number;
	bool ours = span_equal(span_head(sender->local, 4), SPAN("gen.")) &&
	            span_to_u64(span_after(sender->local, 4), &number);
	return ours ? number : UINT64_MAX;
}

static void mail_begins(struct gen *g, struct sink *k, const struct smtp_mailbox *sender)
{
	k->number = number_of(sender);
	k->null_sender = sender->path.bytes == 0;
	struct gen_listener_counters *n = &g->results.listeners[k->listener];
	if (k->leg.tls != NULL)
		n->tls_mail++;
	else
		n->plain_mail++;
	choose_cut(g, k);
}

static void choose_cut(struct gen *g, struct sink *k)
{
	static const uint8_t stages[CUT_PLACES] = {
		[CUT_MAIL] = GEN_STAGE_MAIL, [CUT_RCPT] = GEN_STAGE_RCPT,
		[CUT_DATA] = GEN_STAGE_DATA, [CUT_BODY] = GEN_STAGE_COUNT,
		[CUT_END] = GEN_STAGE_END,   [CUT_AFTER] = GEN_STAGE_COUNT,
	};
	k->cut_stage = GEN_STAGE_COUNT;
	k->cut_body = false;
	k->cut_after = false;
	k->cut_armed_after = false;
	if (!prng_chance(&g->prng, g->config.sink.abort_per_mille))
		return;
	uint64_t place = prng_below(&g->prng, CUT_PLACES);
	k->cut_fin = prng_chance(&g->prng, 500);
	k->cut_stage = stages[place];
	k->cut_body = place == CUT_BODY;
	k->cut_armed_after = place == CUT_AFTER;
	k->cut_at = prng_below(&g->prng, CUT_BODY_BYTES_MAX);
}

static void count_recipient(struct gen *g, struct sink *k, struct span domain)
{
	struct gen_listener_counters *n = &g->results.listeners[k->listener];
	const struct mail_mix *mix = &g->config.mix;
	for (uint32_t i = 0; i < mix->domain_count; i++) {
		struct span name = span_of(mix->domains[i], MAIL_NAME_BYTES);
		if (!span_equal_nocase(domain, span_head(name, span_find(name, 0))))
			continue;
		if (k->leg.tls != NULL)
			n->tls_rcpt[i]++;
		else
			n->plain_rcpt[i]++;
	}
}

static void take_body(struct gen *g, struct sink *k, struct span body, struct instant now)
{
	struct gen_listener_counters *n = &g->results.listeners[k->listener];
	mail_checker_input(&k->checker, body);
	k->body_bytes += body.bytes;
	if (k->leg.tls != NULL)
		n->tls_body_bytes += body.bytes;
	else
		n->plain_body_bytes += body.bytes;
	if (k->cut_body && k->body_bytes > k->cut_at)
		cut(g, k, now);
}

/* Decides the answer now, and gives it now or later. */
static void ask(struct gen *g, struct sink *k, enum gen_stage stage, enum smtp_reply_id accept,
                struct instant now)
{
	if (k->cut_stage == stage) {
		cut(g, k, now);
		return;
	}
	uint64_t delay_us_max = g->config.sink.delay_us_max[stage];
	k->answer_stage = (uint8_t)stage;
	k->answer_id = accept;
	k->answer_code = choose_refusal(g, stage);
	k->answer_waits = true;
	k->answer_at = now;
	if (delay_us_max > 0)
		k->answer_at = instant_add(now, prng_below(&g->prng, delay_us_max + 1));
	if (instant_reached(k->answer_at, now))
		sink_answer_now(g, k, now);
}

/* 0: accept. */
static uint16_t choose_refusal(struct gen *g, enum gen_stage stage)
{
	const struct gen_refusal_config *c = &g->config.sink.refuse[stage];
	uint64_t roll = prng_below(&g->prng, 1000);
	if (roll < c->transient_per_mille)
		return stage == GEN_STAGE_DATA || stage == GEN_STAGE_END ? 451 : 450;
	if (roll < (uint64_t)c->transient_per_mille + c->permanent_per_mille)
		return stage == GEN_STAGE_DATA || stage == GEN_STAGE_END ? 554 : 550;
	return 0;
}

void sink_answer_now(struct gen *g, struct sink *k, struct instant now)
{
	k->answer_waits = false;
	if (!smtp_server_waits_for_answer(&k->smtp))
		return; /* the session ended while the answer was delayed */
	if (k->answer_code != 0) {
		struct smtp_reply reply;
		g->results.sink_refusals++;
		if (k->answer_code >= 500)
			ledger_turned_away(g->ledger, k->number);
		smtp_reply_make(&reply, k->answer_code,
		                k->answer_code < 500 ? SPAN("4.3.0") : SPAN("5.3.0"),
		                SPAN("refused by the script of the sink"));
		smtp_server_answer(&k->smtp, &reply, now);
		return;
	}
	if (k->answer_stage == GEN_STAGE_END) {
		judge(g, k);
		k->cut_after = k->cut_armed_after;
	}
	smtp_server_answer_id(&k->smtp, k->answer_id, now);
	if (k->answer_stage == GEN_STAGE_END && ++k->messages_done == g->config.sink.messages_max)
		smtp_server_goodbye(&k->smtp, SMTP_REPLY_TOO_MANY_CONNECTIONS, now);
}

static void cut(struct gen *g, struct sink *k, struct instant now)
{
	g->results.sink_aborts++;
	sink_close(g, k, k->cut_fin ? LEG_CLOSE_FIN : LEG_CLOSE_RESET, now);
}

static void judge(struct gen *g, struct sink *k)
{
	enum mail_verdict verdict = mail_checker_end(&k->checker);
	g->results.deliveries++;
	g->results.corrupted += verdict != MAIL_RIGHT && !k->null_sender;
	if (verdict == MAIL_UNKNOWN && k->null_sender)
		ledger_bounce(g->ledger);
	else if (verdict == MAIL_UNKNOWN || k->checker.run != g->run)
		ledger_unknown(g->ledger);
	else
		ledger_delivered(g->ledger, k->checker.number, verdict == MAIL_RIGHT);
}
