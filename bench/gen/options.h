/*
 * options.h - the command line of `weir-bench send` and `run` as a checked configuration
 * (options.def is the list).
 */
#ifndef WEIR_BENCH_GEN_OPTIONS_H
#define WEIR_BENCH_GEN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/gen/gen.h"
#include "tcp/tcp.h"

struct gen_options {
	struct gen_config
		config; /* nets, engines, pool, ledger and the split are filled in later */
	bool kernel, quiet, busy, help;
	const char *device, *lcores, *eal;
	uint16_t mtu;
	uint32_t address_count;
	struct ip_interface addresses[TCP_ADDRESSES_MAX];
	uint32_t gateway_count;
	struct ip_addr gateways[GEN_GATEWAYS_MAX];
	uint64_t duration_us; /* 0: none */
	uint64_t linger_us;
	uint64_t warmup_us;
	const char *trust, *chain, *key, *bad_chain, *bad_key;
	const char *json, *html, *source;
	bool plain; /* no live view */
	bool sink_no_tickets;
	bool stop_on_trouble;
	/* the search for saturation */
	bool find_saturation;
	uint64_t within_us, trial_us;
	uint32_t within_per_mille;
	uint64_t rate_most; /* messages a second */
	/* the system under test */
	const char *label, *engine;
	uint32_t process; /* 0: none */
	/* the scenario that this came from; NULL: none */
	const char *scenario, *scenario_path, *about;
	bool messages_given; /* the count was asked for, not only a duration */
	bool domains_own;    /* the scenario's domains; the first of the command line takes their place */
	bool tls_wanted; /* by senders or sinks */
	bool faults;     /* connections are broken on purpose: open ends are no failure */
	int argc;        /* the whole command line, for the report */
	char *const *argv;
};

#define GEN_OPTIONS_ERROR_BYTES 256u

/* False: `error` says which option is wrong and why. */
void gen_options_defaults(struct gen_options *o);
/* On top of what *o says already; argv[0] is skipped. */
MUST_USE bool gen_options_parse(int argc, char **argv, struct gen_options *o, char *error,
                                size_t error_bytes);
/* What follows from the options, and whether they fit together. */
MUST_USE bool gen_options_conclude(struct gen_options *o, char *error, size_t error_bytes);
/* The list of options, for manuals. */
void gen_options_list(void);

#endif
