/*
 * options_conclude.c - what follows from the options, and whether they fit together (options.h).
 */
#include <stdio.h>

#include "bench/gen/options.h"

#define MESSAGES_MAX 100000000u
#define MESSAGES_OF_DURATION_MAX 4000000u /* closed loop with a duration: 32 MiB of ledger */
#define SINK_CONNECTIONS_EXTRA 64u
#define CONNECTIONS_OF_SEARCH 1000u /* a search without a bound of its own may open so many */

static void conclude_addresses(struct gen_options *o)
{
	const struct gen_sink_config *k = &o->config.sink;
	if (o->address_count > 0)
		return;
	for (uint32_t i = 0; i < k->listener_count; i++) {
		struct ip_addr a = k->listeners[i].local.addr;
		bool known = false;
		for (uint32_t j = 0; j < o->address_count; j++)
			known = known || ip_addr_equal(o->addresses[j].addr, a);
		if (!known)
			o->addresses[o->address_count++] =
				(struct ip_interface){ .addr = a,
				                    .bits = a.family == IP_V4 ? 24 : 64 };
	}
}

static void conclude_count(struct gen_options *o)
{
	struct gen_sender_config *c = &o->config.sender;
	if (c->rate_per_1000s > 0 && c->arrivals == GEN_CLOSED_LOOP)
		c->arrivals = GEN_CONSTANT;
	if (o->duration_us == 0 || o->messages_given)
		return;
	c->message_count = MESSAGES_OF_DURATION_MAX;
	if (c->arrivals != GEN_CLOSED_LOOP)
		c->message_count = 1 + (uint64_t)((double)c->rate_per_1000s / 1e3 * (double)o->duration_us / 1e6);
	if (c->message_count > MESSAGES_MAX)
		c->message_count = MESSAGES_MAX;
}

static void conclude_tls(struct gen_options *o)
{
	struct gen_sink_config *k = &o->config.sink;
	o->tls_wanted = o->config.sender.tls_mode != GEN_TLS_NONE;
	for (uint32_t i = 0; i < k->listener_count; i++) {
		if (k->listeners[i].tls == 0)
			k->listeners[i].tls = o->chain != NULL ? GEN_TLS_STARTTLS : GEN_TLS_NONE;
		o->tls_wanted = o->tls_wanted || k->listeners[i].tls != GEN_TLS_NONE;
	}
}

/* The first thing that is wrong, in the words of the command line; NULL: nothing. */
static const char *wrong_about_where(const struct gen_options *o)
{
	const struct gen_sender_config *c = &o->config.sender;
	if (c->target_count == 0 && o->config.sink.listener_count == 0)
		return "neither --target nor --sink: nothing to do";
	if (c->target_count == 0 && o->duration_us == 0)
		return "--sink alone runs for a --duration: say how long";
	if (!o->kernel && o->device == NULL)
		return "--device is needed, or --kernel for kernel sockets";
	if (!o->kernel && o->address_count == 0)
		return "--address is needed where there is no --sink";
	if (o->config.crowd.kind == GEN_CROWD_SYN && o->config.crowd.connections > 0 && !o->kernel)
		return "crowd.kind = \"syn\" needs kernel sockets: SYNs are made with a raw one";
	return NULL;
}

static const char *wrong_about_tls(const struct gen_options *o)
{
	const struct gen_sender_config *c = &o->config.sender;
	const struct gen_sink_config *k = &o->config.sink;
	bool sinks_want_tls = false;
	for (uint32_t i = 0; i < k->listener_count; i++)
		sinks_want_tls = sinks_want_tls || k->listeners[i].tls != GEN_TLS_NONE;
	if (sinks_want_tls && (o->chain == NULL || o->key == NULL))
		return "sinks with TLS need --chain and --key";
	if (k->bad_certificate_per_mille > 0 && (o->bad_chain == NULL || o->bad_key == NULL))
		return "a share of bad certificates needs tls.bad_chain and tls.bad_key";
	if (c->tls_verify && c->server_name[0] == 0 && c->tls_mode != GEN_TLS_NONE)
		return "--trust needs --server-name: a certificate is verified for a name";
	return NULL;
}

static void conclude_search(struct gen_options *o)
{
	struct gen_sender_config *c = &o->config.sender;
	if (!o->find_saturation)
		return;
	if (c->arrivals == GEN_CLOSED_LOOP) {
		c->arrivals = GEN_POISSON;
		c->connections = CONNECTIONS_OF_SEARCH;
	}
	c->rate_per_1000s = 1000;
	o->duration_us = 0;
	o->messages_given = true;
	c->message_count = MESSAGES_OF_DURATION_MAX;
}

bool gen_options_conclude(struct gen_options *o, char *error, size_t error_bytes)
{
	struct gen_sender_config *c = &o->config.sender;
	struct gen_sink_config *k = &o->config.sink;
	struct mail_mix *mix = &o->config.mix;
	if (mix->domain_count == 0) {
		snprintf(mix->domains[0], sizeof(mix->domains[0]), "%s", "example.test");
		mix->domain_weights[0] = 1000;
		mix->domain_count = 1;
	}
	conclude_search(o);
	conclude_addresses(o);
	conclude_count(o);
	conclude_tls(o);
	k->connections = 2 * c->connections + o->config.crowd.connections + SINK_CONNECTIONS_EXTRA;
	o->faults = c->abort_per_mille > 0 || k->abort_per_mille > 0;
	const char *wrong = wrong_about_where(o);
	wrong = wrong == NULL ? wrong_about_tls(o) : wrong;
	if (wrong == NULL && c->arrivals != GEN_CLOSED_LOOP && c->rate_per_1000s == 0)
		wrong = "--poisson needs --rate";
	if (c->target_count == 0)
		c->message_count = 0;
	if (wrong != NULL)
		snprintf(error, error_bytes, "%s", wrong);
	return wrong == NULL;
}
