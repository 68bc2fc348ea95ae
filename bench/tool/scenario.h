/*
 * scenario.h - a scenario file (libconfig, scenario.def is the table) as plain values, and as what the
 * generator is told.
 *
 * Every mistake in a file is reported as FILE:LINE: SETTING: what is wrong (the rule). A scenario is a
 * set of beginnings: options of the command line come after it and win.
 */
#ifndef WEIR_BENCH_TOOL_SCENARIO_H
#define WEIR_BENCH_TOOL_SCENARIO_H

#include <stdint.h>
#include <stdio.h>

#include "base/check.h"
#include "bench/gen/gen.h"
#include "bench/gen/options.h"
#include "policy/settings.h"
#include "policy/settings_table.h"
#include "tcp/tcp.h"

#define SCENARIO_REFUSALS_MAX 10u

enum scenario_trouble { SCENARIO_GO_ON = 1, SCENARIO_STOP };
enum scenario_shape { SCENARIO_MIME = 1, SCENARIO_LINES };
enum scenario_stage { /* the words of trouble.sinks.refuse[].stage */
		      SCENARIO_AT_CONNECT = 1,
		      SCENARIO_AT_MAIL,
		      SCENARIO_AT_RCPT,
		      SCENARIO_AT_DATA,
		      SCENARIO_AT_END
};
enum scenario_class { SCENARIO_TRANSIENT = 1, SCENARIO_PERMANENT };
enum scenario_sink_tls { SCENARIO_SINK_OFF = 1, SCENARIO_SINK_OFFER, SCENARIO_SINK_IMPLICIT };
enum scenario_yes { SCENARIO_YES = 1, SCENARIO_NO };

struct scenario_size {
	uint32_t bytes, weight;
};

struct scenario_refusal {
	enum scenario_stage stage;
	enum scenario_class class;
	uint32_t share;
};

struct scenario_sink {
	struct endpoint local;
	enum scenario_sink_tls tls;
};

struct scenario { /* shares are per mille */
	const char *name, *about;
	uint64_t seed, duration_s, warmup_s, messages;
	enum scenario_trouble on_trouble;
	struct {
		enum gen_arrivals loop;
		uint32_t rate, connections;
		uint64_t think_ms, spread_ms;
	} load;
	struct {
		uint32_t messages_min, messages_max;
		enum gen_tls tls;
		uint32_t clear, tls12, resume, in_turn, bdat, recipients;
	} connection;
	struct {
		enum scenario_shape shape;
		const char *source;
		uint32_t size_count;
		struct scenario_size sizes[MAIL_SIZES_MAX];
		uint32_t median, spread, least, most, awkward, eicar;
		const char *sender_domain;
		struct settings_strings domains;
	} mail;
	struct {
		uint32_t abort, slow, slow_rate, fragment, fragment_bytes, attempts;
		uint64_t retry_after_ms, reply_timeout_ms;
	} senders;
	struct {
		uint32_t refuse_count;
		struct scenario_refusal refuse[SCENARIO_REFUSALS_MAX];
		uint64_t delay_ms[4]; /* MAIL, RCPT, DATA, END */
		uint32_t abort, slow, slow_rate, no_starttls, bad_certificate;
	} sinks;
	struct {
		uint32_t messages_max;
		enum scenario_yes tickets, bdat;
	} next;
	struct {
		uint32_t connections;
		enum gen_crowd kind;
		uint32_t rate;
	} crowd;
	struct {
		uint64_t within_ms;
		uint32_t share;
		uint64_t trial_s;
		uint32_t most;
	} saturation;
	struct {
		uint32_t address_count;
		struct endpoint addresses[GEN_TARGETS_MAX];
	} target;
	uint32_t listener_count;
	struct scenario_sink listeners[GEN_LISTENERS_MAX];
	struct {
		const char *trust, *server_name, *chain, *key, *bad_chain, *bad_key;
	} tls;
	struct {
		const char *device, *lcores;
		uint32_t address_count, gateway_count;
		struct ip_interface addresses[TCP_ADDRESSES_MAX];
		struct ip_addr gateways[GEN_GATEWAYS_MAX];
	} port;
};

const struct settings_table *scenario_table(void);
/* All settings, as the manual of weir's own: to `to`. */
void scenario_manual(FILE *to);

struct scenario_file; /* owns what its scenario points to */
/* NULL when there was any mistake; all of them were written to `errors`. */
MUST_USE struct scenario_file *scenario_load(const char *path, FILE *errors);
/* The same from a text in memory, for tests. */
MUST_USE struct scenario_file *scenario_load_text(const char *text, const char *name, FILE *errors);
const struct scenario *scenario_of(const struct scenario_file *file);
void scenario_free(struct scenario_file *file);

/* On top of gen_options_defaults(). What `o` then points to lives as long as the file. */
void scenario_apply(const struct scenario *s, struct gen_options *o);

#endif
