/*
 * options.c - parsing the command line: getopt_long over options.def, then one function per kind of
 * value.
 */
#include "bench/gen/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/gen/option_values.h"

#define MESSAGES_DEFAULT 1000u
#define MESSAGES_MAX 100000000u

enum option_id {
	OPTION_NONE = 0x100, /* above all short options */
#define OPTION(id, name, brief, argument, help) OPTION_##id,
#include "bench/gen/options.def"
};

struct option_row {
	enum option_id id;
	const char *name;
	char brief;
	const char *argument, *help;
	const char *section; /* set in rows that begin a section */
};

static const struct option_row rows[] = {
#define SECTION(title) { OPTION_NONE, NULL, 0, NULL, NULL, title },
#define OPTION(id, name, brief, argument, help) { OPTION_##id, name, brief, argument, help, NULL },
#include "bench/gen/options.def"
};

struct parse {
	struct gen_options *o;
	const char *bank_domain;
	uint32_t bank_per_mille;
};

static bool take(struct parse *p, enum option_id id, char *text);
static bool take_run(struct parse *p, enum option_id id, char *text);
static bool take_mail(struct parse *p, enum option_id id, char *text);
static bool take_tls(struct parse *p, enum option_id id, char *text);
static bool take_faults(struct parse *p, enum option_id id, char *text);
static bool take_where(struct parse *p, enum option_id id, char *text);
static bool take_reports(struct parse *p, enum option_id id, char *text);
static bool add_bank(struct parse *p);

static bool add_domain(struct mail_mix *mix, const char *text, uint32_t weight)
{
	uint32_t i = mix->domain_count;
	if (i == MAIL_DOMAINS_MAX || !value_name(text, mix->domains[i], MAIL_NAME_BYTES))
		return false;
	mix->domain_weights[i] = weight;
	mix->domain_count++;
	return true;
}

static bool sizes(struct mail_mix *mix, char *text)
{
	char *rest = text;
	mix->spread.median_bytes = 0;
	mix->size_count = 0;
	for (char *part = strsep(&rest, ","); part != NULL; part = strsep(&rest, ",")) {
		struct mail_size *size = &mix->sizes[mix->size_count];
		char *weight = value_cut(part, ':');
		size->weight = 1;
		if (mix->size_count == MAIL_SIZES_MAX || !value_bytes(part, &size->body_bytes))
			return false;
		if (weight != NULL && !value_number32(weight, 1000000, &size->weight))
			return false;
		mix->size_count++;
	}
	return true;
}

static bool sink(struct gen_options *o, char *text)
{
	struct gen_sink_config *c = &o->config.sink;
	char *word = strchr(text, ',');
	if (c->listener_count == GEN_LISTENERS_MAX)
		return false;
	struct gen_listener_config *l = &c->listeners[c->listener_count++];
	if (word != NULL) {
		*word++ = 0;
		if (strncmp(word, "tls=", 4) != 0 ||
		    !value_tls_word(word + 4, "off", "offer", &l->tls))
			return false;
	}
	return endpoint_parse(value_span(text), &l->local);
}

static bool sink_refuse(struct gen_sink_config *c, char *text)
{
	char *share = value_cut(text, ':');
	char *class = share != NULL ? value_cut(text, ':') : NULL;
	unsigned at;
	uint32_t per_mille;
	if (class == NULL || !value_stage(text, &at) || !value_percent(share, &per_mille))
		return false;
	if (strcmp(class, "4") == 0)
		c->refuse[at].transient_per_mille = per_mille;
	else if (strcmp(class, "5") == 0)
		c->refuse[at].permanent_per_mille = per_mille;
	else
		return false;
	return true;
}

static bool sink_delay(struct gen_sink_config *c, char *text)
{
	char *time = value_cut(text, ':');
	unsigned at;
	return time != NULL && value_stage(text, &at) && value_seconds(time, &c->delay_us_max[at]);
}

static bool sink_slow(struct gen_sink_config *c, char *text)
{
	char *speed = value_cut(text, ':');
	return speed != NULL && value_percent(text, &c->slow_per_mille) &&
	       value_bytes(speed, &c->slow_bytes_per_second) && c->slow_bytes_per_second > 0;
}

/* ---- the command line ---- */

bool gen_options_parse(int argc, char **argv, struct gen_options *o, char *error,
                       size_t error_bytes)
{
	struct option longs[COUNT_OF(rows) + 1];
	char briefs[3 * COUNT_OF(rows) + 2] = ":";
	struct parse p = { .o = o, .bank_per_mille = 10 };
	size_t count = 0, used = 1;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct option_row *row = &rows[i];
		if (row->name == NULL)
			continue;
		longs[count++] =
			(struct option){ row->name, row->argument != NULL, NULL, (int)row->id };
		if (row->brief == 0)
			continue;
		briefs[used++] = row->brief;
		if (row->argument != NULL)
			briefs[used++] = ':';
	}
	longs[count] = (struct option){ 0 };
	optind = 1;
	o->argc = argc;
	o->argv = argv;
	for (int c; (c = getopt_long(argc, argv, briefs, longs, NULL)) != -1;) {
		enum option_id id = (enum option_id)c;
		for (size_t i = 0; i < COUNT_OF(rows); i++)
			if (rows[i].brief != 0 && rows[i].brief == c)
				id = rows[i].id;
		const char *what = optind > 0 && optind <= argc ? argv[optind - 1] : "";
		if (c == '?' || c == ':') {
			snprintf(error, error_bytes, "%s: %s", what,
			         c == '?' ? "no such option, or ambiguous" : "needs a value");
			return false;
		}
		char value[1024] = "";
		if (optarg != NULL)
			snprintf(value, sizeof(value), "%s", optarg);
		if (!take(&p, id, value)) {
			snprintf(error, error_bytes, "%s: not a value for this option (see --help)",
			         optarg != NULL ? optarg : what);
			return false;
		}
	}
	if (optind < argc) {
		snprintf(error, error_bytes, "%s: not an option", argv[optind]);
		return false;
	}
	if (p.bank_domain != NULL && !add_bank(&p)) {
		snprintf(error, error_bytes, "--bank-domain: not a domain, or too many of them");
		return false;
	}
	return true;
}

void gen_options_defaults(struct gen_options *o)
{
	*o = (struct gen_options){ .lcores = "1",
		                   .mtu = 1500,
		                   .linger_us = 200 * MS_US,
		                   .within_us = 15 * MS_US,
		                   .within_per_mille = 999,
		                   .trial_us = 5 * SECOND_US,
		                   .rate_most = 20000 };
	o->config.mix = (struct mail_mix){ .seed = 1,
		                           .size_count = 1,
		                           .sizes = { { 4096, 1 } },
		                           .sender_domain = "gen.test",
		                           .hostile_per_mille = 20 };
	o->config.sender = (struct gen_sender_config){
		.message_count = MESSAGES_DEFAULT,
		.connections = 1,
		.messages_per_connection = 1,
		.arrivals = GEN_CLOSED_LOOP,
		.tls_mode = GEN_TLS_NONE,
		.helo = "gen.test",
		.pipelining = true,
		.attempts_max = 1,
		.retry_after_us = SECOND_US,
	};
	o->config.crowd = (struct gen_crowd_config){ .kind = GEN_CROWD_IDLE, .opened_per_second = 500 };
	o->config.sink = (struct gen_sink_config){ .hostname = "sink.gen.test", .chunking = true };
}

static bool take(struct parse *p, enum option_id id, char *text)
{
	return take_where(p, id, text) || take_run(p, id, text) || take_mail(p, id, text) ||
	       take_tls(p, id, text) || take_faults(p, id, text) || take_reports(p, id, text);
}

/* Each of these answers whether the option is one of its own and its value is good. Texts that
 * are kept are taken from optarg, which lives as long as argv. */

static bool take_where(struct parse *p, enum option_id id, char *text)
{
	struct gen_options *o = p->o;
	struct gen_sender_config *c = &o->config.sender;
	uint32_t value;
	switch ((int)id) {
	case OPTION_TARGET:
		return c->target_count < GEN_TARGETS_MAX &&
		       endpoint_parse(value_span(text), &c->targets[c->target_count++]);
	case OPTION_SINK:
		return sink(o, text);
	case OPTION_ADDRESS:
		return o->address_count < TCP_ADDRESSES_MAX &&
		       ip_interface_parse(value_span(text), &o->addresses[o->address_count++]);
	case OPTION_GATEWAY:
		return o->gateway_count < GEN_GATEWAYS_MAX &&
		       ip_addr_parse(value_span(text), &o->gateways[o->gateway_count++]);
	case OPTION_MTU:
		if (!value_number32(text, 9000, &value) || value < 1280)
			return false;
		o->mtu = (uint16_t)value;
		return true;
	case OPTION_DEVICE:
		o->device = optarg;
		o->kernel = false;
		return true;
	case OPTION_LCORES:
		o->lcores = optarg;
		return true;
	case OPTION_EAL:
		o->eal = optarg;
		return true;
	case OPTION_BUSY:
		return o->busy = true;
	case OPTION_KERNEL:
		return o->kernel = true;
	default:
		return false;
	}
}

static bool take_run(struct parse *p, enum option_id id, char *text)
{
	struct gen_options *o = p->o;
	struct gen_sender_config *c = &o->config.sender;
	uint64_t us;
	double rate;
	switch ((int)id) {
	case OPTION_MESSAGES:
		p->o->messages_given = true;
		return value_number(text, MESSAGES_MAX, &c->message_count);
	case OPTION_CONNECTIONS:
		return value_number32(text, 1000000, &c->connections) && c->connections > 0;
	case OPTION_PER_CONNECTION:
		return value_number32(text, UINT32_MAX, &c->messages_per_connection);
	case OPTION_RATE:
		if (!value_decimal(text, 1e7, &rate) || rate < 0.001)
			return false;
		c->rate_per_1000s = (uint64_t)(rate * 1000);
		return true;
	case OPTION_POISSON:
		c->arrivals = GEN_POISSON;
		return true;
	case OPTION_DURATION:
		return value_seconds(text, &o->duration_us) && o->duration_us > 0;
	case OPTION_THINK:
		return value_seconds(text, &c->think_us);
	case OPTION_CROWD:
		return value_number32(text, 1000000, &o->config.crowd.connections);
	case OPTION_SPREAD:
		if (!value_seconds(text, &us) || us > UINT32_MAX)
			return false;
		c->start_spread_us = (uint32_t)us;
		return true;
	case OPTION_WARMUP:
		return value_seconds(text, &o->warmup_us);
	case OPTION_SATURATION:
		return o->find_saturation = true;
	case OPTION_TRIAL:
		return value_seconds(text, &o->trial_us) && o->trial_us >= SECOND_US;
	case OPTION_WITHIN:
		return value_seconds(text, &o->within_us) && o->within_us > 0;
	default:
		return false;
	}
}

static bool take_mail(struct parse *p, enum option_id id, char *text)
{
	struct mail_mix *mix = &p->o->config.mix;
	struct gen_sender_config *c = &p->o->config.sender;
	uint32_t weight = 1;
	switch ((int)id) {
	case OPTION_SIZE:
		mix->spread.median_bytes = 0;
		mix->size_count = 1;
		mix->sizes[0].weight = 1;
		return value_bytes(text, &mix->sizes[0].body_bytes);
	case OPTION_SIZES:
		return sizes(mix, text);
	case OPTION_HOSTILE:
		return value_percent(text, &mix->hostile_per_mille);
	case OPTION_MIME:
		return mix->mime = true;
	case OPTION_SOURCE:
		p->o->source = optarg;
		return true;
	case OPTION_SEVEN_BIT:
		return mix->seven_bit = true;
	case OPTION_EICAR_SHARE:
		return value_percent(text, &mix->eicar_per_mille);
	case OPTION_DOMAIN: {
		char *after = value_cut(text, ':');
		mix->domain_count = p->o->domains_own ? 0 : mix->domain_count;
		p->o->domains_own = false;
		return (after == NULL || value_number32(after, 1000000, &weight)) &&
		       add_domain(mix, text, weight * 1000);
	}
	case OPTION_BANK_DOMAIN:
		p->bank_domain = optarg;
		return true;
	case OPTION_BANK_SHARE:
		return value_percent(text, &p->bank_per_mille);
	case OPTION_SENDER_DOMAIN:
		return value_name(text, mix->sender_domain, MAIL_NAME_BYTES);
	case OPTION_RECIPIENTS:
		return value_number32(text, 100, &c->recipients) && c->recipients > 0;
	case OPTION_HELO:
		return value_name(text, c->helo, GEN_NAME_BYTES);
	case OPTION_NO_PIPELINING:
		c->pipelining = false;
		return true;
	case OPTION_BDAT:
		return c->chunking = true;
	case OPTION_SEED:
		return value_number(text, UINT64_MAX, &mix->seed);
	default:
		return false;
	}
}

static bool take_tls(struct parse *p, enum option_id id, char *text)
{
	struct gen_options *o = p->o;
	struct gen_sender_config *c = &o->config.sender;
	switch ((int)id) {
	case OPTION_TLS:
		return value_tls_word(text, "none", "starttls", &c->tls_mode);
	case OPTION_TRUST:
	case OPTION_CA:
		o->trust = optarg;
		return c->tls_verify = true;
	case OPTION_SERVER_NAME:
		return value_name(text, c->server_name, GEN_NAME_BYTES);
	case OPTION_TLS13:
		c->tls_minimum = TLS_VERSION_1_3;
		return true;
	case OPTION_CHAIN:
	case OPTION_CERTIFICATE:
		o->chain = optarg;
		return true;
	case OPTION_KEY:
		o->key = optarg;
		return true;
	case OPTION_RESUME:
		c->resume_per_mille = 1000;
		return true;
	default:
		return false;
	}
}

static bool take_faults(struct parse *p, enum option_id id, char *text)
{
	struct gen_sender_config *c = &p->o->config.sender;
	struct gen_sink_config *k = &p->o->config.sink;
	switch ((int)id) {
	case OPTION_ATTEMPTS:
		return value_number32(text, 100, &c->attempts_max) && c->attempts_max > 0;
	case OPTION_RETRY_AFTER:
		return value_seconds(text, &c->retry_after_us);
	case OPTION_TIMEOUT:
		return value_seconds(text, &c->reply_timeout_us);
	case OPTION_ABORT:
		return value_percent(text, &c->abort_per_mille);
	case OPTION_SINK_ABORT:
		return value_percent(text, &k->abort_per_mille);
	case OPTION_SINK_REFUSE:
		return sink_refuse(k, text);
	case OPTION_SINK_DELAY:
		return sink_delay(k, text);
	case OPTION_SINK_SLOW:
		return sink_slow(k, text);
	case OPTION_SINK_MESSAGES:
		return value_number32(text, UINT32_MAX, &k->messages_max);
	case OPTION_SINK_NO_TICKETS:
		return p->o->sink_no_tickets = true;
	case OPTION_SINK_NO_BDAT:
		k->chunking = false;
		return true;
	default:
		return false;
	}
}

static bool take_reports(struct parse *p, enum option_id id, char *text)
{
	struct gen_options *o = p->o;
	switch ((int)id) {
	case OPTION_LABEL:
		o->label = optarg;
		return true;
	case OPTION_PROCESS:
		return value_number32(text, UINT32_MAX, &o->process) && o->process > 0;
	case OPTION_ENGINE:
		o->engine = optarg;
		return true;
	case OPTION_HTML:
		o->html = optarg;
		return true;
	case OPTION_JSON:
		o->json = optarg;
		return true;
	case OPTION_LINGER:
		return value_seconds(text, &o->linger_us);
	case OPTION_PLAIN:
		return o->plain = true;
	case OPTION_QUIET:
		return o->quiet = true;
	case OPTION_HELP:
		return o->help = true;
	default:
		return false;
	}
}

static bool add_bank(struct parse *p)
{
	struct mail_mix *mix = &p->o->config.mix;
	uint64_t others = 0;
	for (uint32_t i = 0; i < mix->domain_count; i++)
		others += mix->domain_weights[i];
	if (p->bank_per_mille >= 1000)
		memset(mix->domain_weights, 0, sizeof(mix->domain_weights));
	uint64_t weight = p->bank_per_mille >= 1000
	                          ? 1
	                          : others * p->bank_per_mille / (1000 - p->bank_per_mille);
	return weight <= UINT32_MAX && add_domain(mix, p->bank_domain, (uint32_t)weight);
}

void gen_options_list(void)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct option_row *row = &rows[i];
		if (row->section != NULL) {
			printf("  %s\n", row->section);
			continue;
		}
		if (row->brief != 0)
			printf("    -%c, ", row->brief);
		else
			printf("        ");
		printf("--%s%s%s\n            %s\n", row->name, row->argument != NULL ? " " : "",
		       row->argument != NULL ? row->argument : "", row->help);
	}
}
