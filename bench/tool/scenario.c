/*
 * scenario.c - the table of scenario.def, and a scenario as the options of the generator (scenario.h).
 */
#include "bench/tool/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "pmd-config/config_file.h"
#include "policy/settings_rows.h"

#define MANUAL_BYTES 65536u

static const struct settings_row rows[] = {
#include "bench/tool/scenario.def"
};

struct scenario_file {
	struct config *config;
};

static void apply_load(const struct scenario *s, struct gen_options *o);
static void apply_mail(const struct scenario *s, struct gen_options *o);
static void apply_senders(const struct scenario *s, struct gen_sender_config *c);
static void apply_sinks(const struct scenario *s, struct gen_sink_config *k);
static void apply_where(const struct scenario *s, struct gen_options *o);
static bool fits(const struct config *c, const char *name, FILE *errors);

const struct settings_table *scenario_table(void)
{
	static const struct settings_table table = { rows, COUNT_OF(rows) };
	return &table;
}

void scenario_manual(FILE *to)
{
	static char text[MANUAL_BYTES];
	struct text t = text_of(text, sizeof(text));
	settings_table_manual(&t, scenario_table());
	CHECK(!t.cut);
	fputs(text, to);
}

static const struct config_kind *kind(void)
{
	static struct config_kind k = { .bytes = sizeof(struct scenario),
		                        .manual = "weir-bench settings" };
	k.table = scenario_table();
	return &k;
}

static struct scenario_file *finish(struct config *config, const char *name, FILE *errors)
{
	struct scenario_file *file = NULL;
	if (config != NULL && fits(config, name, errors))
		file = calloc(1, sizeof(*file));
	if (file != NULL)
		file->config = config;
	else
		config_free(config);
	return file;
}

struct scenario_file *scenario_load(const char *path, FILE *errors)
{
	return finish(config_load_kind(kind(), path, errors), path, errors);
}

struct scenario_file *scenario_load_text(const char *text, const char *name, FILE *errors)
{
	return finish(config_load_kind_text(kind(), text, name, "", errors), name, errors);
}

const struct scenario *scenario_of(const struct scenario_file *file)
{
	return config_values(file->config);
}

void scenario_free(struct scenario_file *file)
{
	if (file == NULL)
		return;
	config_free(file->config);
	free(file);
}

/* ---- what must fit together ---- */

struct rule { /* one that is broken when `broken` */
	bool broken;
	const char *setting, *words;
};

static bool refuses_5yz_at_connect(const struct scenario *s)
{
	bool found = false;
	for (uint32_t i = 0; i < s->sinks.refuse_count; i++)
		found = found || (s->sinks.refuse[i].stage == SCENARIO_AT_CONNECT &&
		                  s->sinks.refuse[i].class == SCENARIO_PERMANENT);
	return found;
}

static bool fits(const struct config *c, const char *name, FILE *errors)
{
	const struct scenario *s = config_values(c);
	(void)name;
	const struct rule rules[] = {
		{ s->load.loop != GEN_CLOSED_LOOP && s->load.rate == 0, "load.rate",
		  "an open loop needs a rate above 0" },
		{ s->connection.messages_max != 0 &&
		          s->connection.messages_max < s->connection.messages_min,
		  "connection.messages_max", "is less than messages_min" },
		{ s->warmup_s >= s->duration_s, "warmup", "leaves nothing of the duration to be measured" },
		{ s->mail.least > s->mail.most, "mail.least", "is more than mail.most" },
		{ s->sinks.bad_certificate > 0 && (s->tls.bad_chain == NULL || s->tls.bad_key == NULL),
		  "trouble.sinks.bad_certificate", "needs tls.bad_chain and tls.bad_key" },
		{ s->tls.trust != NULL && s->tls.server_name == NULL, "tls.trust",
		  "needs tls.server_name: a certificate is verified for a name" },
		{ (s->tls.chain == NULL) != (s->tls.key == NULL), "tls.chain", "chain and key go together" },
		{ refuses_5yz_at_connect(s), "trouble.sinks.refuse",
		  "at \"connect\" only \"4yz\" is to be had (421)" },
		{ s->crowd.kind == GEN_CROWD_SYN && s->crowd.connections > 0 && s->port.device != NULL,
		  "crowd.kind", "\"syn\" needs kernel sockets: SYNs are made with a raw one" },
	};
	bool good = true;
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		char where[1024];
		if (!rules[i].broken)
			continue;
		good = false;
		config_where(c, rules[i].setting, where, sizeof(where));
		fprintf(errors, "%s: %s: %s\n", where, rules[i].setting, rules[i].words);
	}
	return good;
}

/* ---- as options ---- */

void scenario_apply(const struct scenario *s, struct gen_options *o)
{
	o->scenario = s->name;
	o->about = s->about;
	o->duration_us = s->duration_s * SECOND_US;
	o->warmup_us = s->warmup_s * SECOND_US;
	o->stop_on_trouble = s->on_trouble == SCENARIO_STOP;
	o->within_us = s->saturation.within_ms * MS_US;
	o->within_per_mille = s->saturation.share;
	o->trial_us = s->saturation.trial_s * SECOND_US;
	o->rate_most = s->saturation.most;
	o->config.crowd = (struct gen_crowd_config){ .connections = s->crowd.connections,
		                                     .kind = s->crowd.kind,
		                                     .opened_per_second = s->crowd.rate };
	apply_load(s, o);
	apply_mail(s, o);
	apply_senders(s, &o->config.sender);
	apply_sinks(s, &o->config.sink);
	apply_where(s, o);
}

static void apply_load(const struct scenario *s, struct gen_options *o)
{
	struct gen_sender_config *c = &o->config.sender;
	c->arrivals = s->load.loop;
	c->rate_per_1000s = (uint64_t)s->load.rate * 1000;
	c->connections = s->load.connections;
	c->think_us = s->load.think_ms * MS_US;
	c->start_spread_us = (uint32_t)(s->load.spread_ms * MS_US);
	o->messages_given = s->messages > 0;
	if (s->messages > 0)
		c->message_count = s->messages;
}

static void copy_name(char *to, size_t room, const char *name)
{
	snprintf(to, room, "%s", name != NULL ? name : "");
}

static void apply_mail(const struct scenario *s, struct gen_options *o)
{
	struct mail_mix *mix = &o->config.mix;
	mix->seed = s->seed;
	mix->mime = s->mail.shape == SCENARIO_MIME;
	mix->hostile_per_mille = s->mail.awkward;
	mix->eicar_per_mille = s->mail.eicar;
	mix->size_count = s->mail.size_count;
	for (uint32_t i = 0; i < s->mail.size_count; i++)
		mix->sizes[i] = (struct mail_size){ s->mail.sizes[i].bytes, s->mail.sizes[i].weight };
	if (s->mail.size_count == 0)
		mix->spread = (struct mail_spread){ s->mail.median, s->mail.spread, s->mail.least,
			                            s->mail.most };
	copy_name(mix->sender_domain, sizeof(mix->sender_domain), s->mail.sender_domain);
	for (uint32_t i = 0; i < s->mail.domains.count; i++) {
		copy_name(mix->domains[i], sizeof(mix->domains[i]), s->mail.domains.items[i]);
		mix->domain_weights[i] = 1000;
	}
	mix->domain_count = s->mail.domains.count;
	o->domains_own = s->mail.domains.count > 0;
	o->source = s->mail.source;
}

static void apply_senders(const struct scenario *s, struct gen_sender_config *c)
{
	c->messages_per_connection = s->connection.messages_min;
	c->messages_per_connection_max = s->connection.messages_max;
	c->tls_mode = s->connection.tls;
	c->clear_per_mille = s->connection.clear;
	c->tls12_per_mille = s->connection.tls12;
	c->resume_per_mille = s->connection.resume;
	c->in_turn_per_mille = s->connection.in_turn;
	c->bdat_per_mille = s->connection.bdat;
	c->recipients = s->connection.recipients;
	c->abort_per_mille = s->senders.abort;
	c->slow_per_mille = s->senders.slow;
	c->slow_bytes_per_second = s->senders.slow_rate;
	c->fragment_per_mille = s->senders.fragment;
	c->fragment_bytes = s->senders.fragment_bytes;
	c->attempts_max = s->senders.attempts;
	c->retry_after_us = s->senders.retry_after_ms * MS_US;
	c->reply_timeout_us = s->senders.reply_timeout_ms * MS_US;
	copy_name(c->server_name, sizeof(c->server_name), s->tls.server_name);
	c->tls_verify = s->tls.trust != NULL;
}

static void apply_refusal(const struct scenario_refusal *r, struct gen_sink_config *k)
{
	static const enum gen_stage stages[] = {
		[SCENARIO_AT_MAIL] = GEN_STAGE_MAIL,
		[SCENARIO_AT_RCPT] = GEN_STAGE_RCPT,
		[SCENARIO_AT_DATA] = GEN_STAGE_DATA,
		[SCENARIO_AT_END] = GEN_STAGE_END,
	};
	if (r->stage == SCENARIO_AT_CONNECT)
		k->goodbye_per_mille = r->share;
	else if (r->class == SCENARIO_TRANSIENT)
		k->refuse[stages[r->stage]].transient_per_mille = r->share;
	else
		k->refuse[stages[r->stage]].permanent_per_mille = r->share;
}

static void apply_sinks(const struct scenario *s, struct gen_sink_config *k)
{
	for (uint32_t i = 0; i < s->sinks.refuse_count; i++)
		apply_refusal(&s->sinks.refuse[i], k);
	for (uint32_t i = 0; i < COUNT_OF(s->sinks.delay_ms); i++)
		k->delay_us_max[GEN_STAGE_MAIL + i] = s->sinks.delay_ms[i] * MS_US;
	k->abort_per_mille = s->sinks.abort;
	k->slow_per_mille = s->sinks.slow;
	k->slow_bytes_per_second = s->sinks.slow_rate;
	k->no_starttls_per_mille = s->sinks.no_starttls;
	k->bad_certificate_per_mille = s->sinks.bad_certificate;
	k->chunking = s->next.bdat == SCENARIO_YES;
	k->messages_max = s->next.messages_max;
}

static void apply_where(const struct scenario *s, struct gen_options *o)
{
	static const enum gen_tls tls[] = { [SCENARIO_SINK_OFF] = GEN_TLS_NONE,
		                            [SCENARIO_SINK_OFFER] = GEN_TLS_STARTTLS,
		                            [SCENARIO_SINK_IMPLICIT] = GEN_TLS_IMPLICIT };
	struct gen_sender_config *c = &o->config.sender;
	c->target_count = s->target.address_count;
	memcpy(c->targets, s->target.addresses, sizeof(c->targets));
	o->config.sink.listener_count = s->listener_count;
	for (uint32_t i = 0; i < s->listener_count; i++)
		o->config.sink.listeners[i] = (struct gen_listener_config){
			.local = s->listeners[i].local, .tls = tls[s->listeners[i].tls]
		};
	o->kernel = s->port.device == NULL;
	o->device = s->port.device;
	o->lcores = s->port.lcores;
	o->address_count = s->port.address_count;
	memcpy(o->addresses, s->port.addresses, sizeof(o->addresses));
	o->gateway_count = s->port.gateway_count;
	memcpy(o->gateways, s->port.gateways, sizeof(o->gateways));
	o->trust = s->tls.trust;
	o->sink_no_tickets = s->next.tickets == SCENARIO_NO;
	o->chain = s->tls.chain;
	o->key = s->tls.key;
	o->bad_chain = s->tls.bad_chain;
	o->bad_key = s->tls.bad_key;
}
