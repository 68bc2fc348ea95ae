/*
 * eal_args.h - the arguments DPDK's environment layer is started with, made from settings, so that
 * no operator needs to know them (pure).
 *
 * Made before the ports can be asked what they are; so only from what is written: cores, device
 * texts, the operator's own words at the end. Arguments that are made here are refused among those
 * words.
 */
#ifndef WEIR_PMD_CONFIG_EAL_ARGS_H
#define WEIR_PMD_CONFIG_EAL_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/text.h"
#include "pmd-config/plan.h"

#define EAL_ARGS_MAX   64u
#define EAL_ARGS_BYTES 8192u
#define EAL_CPUS_MAX   1024u

struct eal_want {
	const char *program;     /* argv[0] */
	const char *file_prefix; /* unique on this machine among running processes: "weir-1234" */
	const char *lcores;      /* of the workers */
	uint32_t cpu_count;
	const uint16_t *cpus; /* those this process may run on, ascending */
	uint32_t port_count;
	struct plan_port_want ports[PLAN_PORTS_MAX];
	bool secondary;    /* other processes may attach */
	const char *words; /* dpdk.eal, "" for none */
};

struct eal_args {
	uint32_t count;
	char *argv[EAL_ARGS_MAX + 1]; /* NULL behind the last; into `bytes` */
	uint16_t main_lcore;          /* control's; no worker's */
	size_t used;
	char bytes[EAL_ARGS_BYTES];
};

/* Can this be a port's device, for so many workers? False: the reason, beginning with
 * "ports[INDEX].device: ", is in `why`. Whether the machine has it is not asked. */
MUST_USE bool eal_args_port_check(const struct plan_port_want *port, uint32_t index,
				  uint32_t workers, struct text *why);
/* The name of the device behind `exception` of port `index`: made beside the port's own. */
void eal_exception_device(uint32_t index, struct text *t);
/* False when refused; the reason, setting first, is in `why`. */
MUST_USE bool eal_args_make(const struct eal_want *want, struct eal_args *args, struct text *why);

#endif
