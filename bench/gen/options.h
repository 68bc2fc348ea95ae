/*
 * options.h - the command line of weir-gen as a checked configuration (options.def is the list).
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
	struct ip_prefix addresses[TCP_ADDRESSES_MAX];
	uint32_t gateway_count;
	struct ip_addr gateways[TCP_GATEWAYS_MAX];
	uint64_t duration_us; /* 0: none */
	uint64_t linger_us;
	const char *trust, *chain, *key, *json;
	bool tls_wanted; /* by senders or sinks */
	bool faults;     /* connections are broken on purpose: open ends are no failure */
	int argc;        /* the whole command line, for the report */
	char *const *argv;
};

#define GEN_OPTIONS_ERROR_BYTES 256u

/* False: `error` says which option is wrong and why. */
MUST_USE bool gen_options_parse(int argc, char **argv, struct gen_options *o, char *error,
                                size_t error_bytes);
void gen_options_manual(void);

#endif
