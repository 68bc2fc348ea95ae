/*
 * set.c - what a script's head may choose, and weir's settings made of it.
 *
 * Fixed for all scripts: weir is weir.test at 198.18.0.2; listener 25 (near.tls) and 465 (implicit TLS). Recipients at
 * example.test and same.test share a route and a group key; other.test has a route of its own, to the second
 * port only; sealed.test has the first route but level encrypt, whatever next.level says. No other domain is routed. Senders at
 * partner.test are under near.sender. One content rule, eicar.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

#define STRINGS(array)                                                                             \
	{                                                                                          \
		.count = sizeof(array) / sizeof(array[0]), .items = array                          \
	}

struct word {
	const char *text;
	uint64_t value;
};

static const struct word near_tls[] = { { "offer", SETTINGS_NEAR_OFFER },
	                                { "off", SETTINGS_NEAR_OFF },
	                                { "require", SETTINGS_NEAR_REQUIRE },
	                                { NULL, 0 } };
static const struct word levels[] = { { "opportunistic", TLS_LEVEL_OPPORTUNISTIC },
	                              { "none", TLS_LEVEL_NONE },
	                              { "encrypt", TLS_LEVEL_ENCRYPT },
	                              { "verify", TLS_LEVEL_VERIFY },
	                              { NULL, 0 } };
static const struct word on_failures[] = { { "defer", SETTINGS_ON_FAILURE_DEFER },
	                                   { "reject", SETTINGS_ON_FAILURE_REJECT },
	                                   { NULL, 0 } };
static const struct word minimums[] = { { "TLSv1.2", SETTINGS_TLS_1_2 },
	                                { "TLSv1.3", SETTINGS_TLS_1_3 },
	                                { NULL, 0 } };
static const struct word versions[] = { { "TLSv1.3", TLS_VERSION_1_3 },
	                                { "TLSv1.2", TLS_VERSION_1_2 },
	                                { NULL, 0 } };
static const struct word verdicts[] = { { "reject", SETTINGS_VERDICT_REJECT },
	                                { "defer", SETTINGS_VERDICT_DEFER },
	                                { NULL, 0 } };
static const struct word answers[] = { { "no", 0 }, { "yes", 1 }, { NULL, 0 } };

#define AT(field) offsetof(struct talk_settings, field)

static const struct row {
	const char *name;
	size_t at;
	const struct word *words; /* NULL: a number */
	uint64_t otherwise;
} rows[] = {
	{ "near.tls", AT(near_tls), near_tls, SETTINGS_NEAR_OFFER },
	{ "near.sender", AT(sender_level), levels, TLS_LEVEL_NONE },
	{ "near.on_failure", AT(sender_on_failure), on_failures, SETTINGS_ON_FAILURE_DEFER },
	{ "next.level", AT(next_level), levels, TLS_LEVEL_OPPORTUNISTIC },
	{ "next.on_failure", AT(next_on_failure), on_failures, SETTINGS_ON_FAILURE_DEFER },
	{ "next.minimum", AT(next_minimum), minimums, SETTINGS_TLS_1_2 },
	{ "next.candidates", AT(next_candidates), NULL, 1 },
	{ "next.closed", AT(next_closed), NULL, 0 }, /* this port does not listen */
	{ "next.trusted", AT(next_trusted), answers, 1 },
	{ "next.version", AT(next_version), versions, TLS_VERSION_1_3 },
	{ "next.tls_fails", AT(next_tls_fails), answers, 0 },
	{ "next.window", AT(next_window), NULL, 65536 },
	{ "next.connections_max", AT(next_connections_max), NULL, 64 },
	{ "next.idle_seconds", AT(next_idle_seconds), NULL, 30 },
	{ "next.messages_max", AT(next_messages_max), NULL, 0 },
	{ "message_bytes_max", AT(message_bytes_max), NULL, 10u << 20 },
	{ "recipients_max", AT(recipients_max), NULL, 100 },
	{ "park", AT(park), NULL, 0 }, /* per mille of weir's handshake steps */
	{ "content.verdict", AT(content_verdict), verdicts, SETTINGS_VERDICT_REJECT },
	{ "blocks", AT(blocks), NULL, 4096 },
};

static uint64_t *field_of(struct talk_settings *s, const struct row *row)
{
	return (uint64_t *)(void *)((uint8_t *)s + row->at);
}

void talk_settings_init(struct talk_settings *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		*field_of(s, &rows[i]) = rows[i].otherwise;
	memcpy(s->next_name, "next.test", sizeof("next.test"));
}

static const char *row_set(struct talk_settings *s, const struct row *row, const char *value)
{
	char *end;
	if (row->words == NULL) {
		*field_of(s, row) = strtoull(value, &end, 10);
		return *end == '\0' && end != value ? NULL : "this setting is a number";
	}
	for (const struct word *w = row->words; w->text != NULL; w++)
		if (strcmp(w->text, value) == 0) {
			*field_of(s, row) = w->value;
			return NULL;
		}
	return "this setting does not have that value";
}

const char *talk_settings_set(struct talk_settings *s, const char *name, const char *value)
{
	if (strcmp(name, "next.name") == 0) {
		snprintf(s->next_name, sizeof(s->next_name), "%s", value);
		return NULL;
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return row_set(s, &rows[i], value);
	return "no such setting";
}

/* ---- weir's settings ---- */

static const char *const example_domains[] = { "example.test", "same.test" };
static const char *const sealed_domains[] = { "sealed.test" };
static const char *const other_domains[] = { "other.test" };
static const char *const any_domains[] = { "*" };
static const char *const partner_domains[] = { "partner.test" };
static const char *const eicar_literals[] = { "EICAR-STANDARD-ANTIVIRUS-TEST-FILE" };

#define NEXT(number)                                                                               \
	{                                                                                          \
		.addr = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } }, .port = number            \
	}

static struct settings_route routes[] = {
	{ .domains = STRINGS(example_domains),
	  .next = { NEXT(TALK_NEXT_PORT), NEXT(TALK_NEXT_PORT + 1) },
	  .name = "next.test" },
	{ .domains = STRINGS(sealed_domains),
	  .next = { NEXT(TALK_NEXT_PORT), NEXT(TALK_NEXT_PORT + 1) },
	  .name = "next.test" },
	{ .domains = STRINGS(other_domains),
	  .next_count = 1,
	  .next = { NEXT(TALK_NEXT_PORT + 1) },
	  .name = "next.test" },
};

static struct settings_tls_next next_rules[2];
static struct settings_tls_near near_rules[1];
static struct settings_content content_rules[1];

static void rules_fill(const struct talk_settings *chosen)
{
	next_rules[0] = (struct settings_tls_next){
		.domains = STRINGS(sealed_domains),
		.level = TLS_LEVEL_ENCRYPT,
		.minimum = SETTINGS_TLS_1_2,
		.on_failure = SETTINGS_ON_FAILURE_DEFER,
	};
	next_rules[1] = (struct settings_tls_next){
		.domains = STRINGS(any_domains),
		.level = (enum tls_level)chosen->next_level,
		.minimum = (enum settings_tls_version)chosen->next_minimum,
		.on_failure = (enum settings_failure)chosen->next_on_failure,
	};
	near_rules[0] = (struct settings_tls_near){
		.domains = STRINGS(partner_domains),
		.level = (enum tls_level)chosen->sender_level,
		.on_failure = (enum settings_failure)chosen->sender_on_failure,
	};
	content_rules[0] = (struct settings_content){
		.name = "eicar",
		.literals = STRINGS(eicar_literals),
		.verdict = (enum settings_verdict)chosen->content_verdict,
	};
	routes[0].next_count = (uint32_t)chosen->next_candidates;
	routes[1].next_count = (uint32_t)chosen->next_candidates;
}

static void listener_add(struct settings *s, const char *name, uint16_t port,
                         enum settings_near_tls tls)
{
	struct ip_addr addr = { .family = IP_V4, .bytes = { 198, 18, 0, 2 } };
	s->listeners[s->listener_count++] =
		(struct settings_listener){ .name = name, .local = { addr, port }, .tls = tls };
}

static void limits_fill(const struct talk_settings *chosen, struct settings *s)
{
	s->limits.message_bytes_max = chosen->message_bytes_max;
	s->limits.recipients_max = (uint32_t)chosen->recipients_max;
	s->limits.next_idle_seconds = (uint32_t)chosen->next_idle_seconds;
	s->limits.next_connections_max = (uint32_t)chosen->next_connections_max;
	s->limits.next_messages_max = (uint32_t)chosen->next_messages_max;
	s->timeouts.near_command_seconds = 300;
	s->timeouts.near_data_seconds = 180;
	s->timeouts.next_connect_seconds = 20;
	s->timeouts.next_command_seconds = 60;
	s->timeouts.next_final_seconds = 600;
}

void talk_settings_fill(const struct talk_settings *chosen, struct settings *s)
{
	memset(s, 0, sizeof(*s));
	s->hostname = "weir.test";
	rules_fill(chosen);
	limits_fill(chosen, s);
	listener_add(s, "inbound", 25, (enum settings_near_tls)chosen->near_tls);
	listener_add(s, "smtps", 465, SETTINGS_NEAR_IMPLICIT);
	s->route_count = COUNT_OF(routes);
	s->routes = routes;
	s->tls.next_count = COUNT_OF(next_rules);
	s->tls.next = next_rules;
	s->tls.near_count = COUNT_OF(near_rules);
	s->tls.near = near_rules;
	s->content_count = COUNT_OF(content_rules);
	s->content = content_rules;
}
