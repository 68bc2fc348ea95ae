/*
 * syn.h - a flood of SYNs whose answers nobody takes, from addresses that are nobody's (crowd.kind = "syn").
 *
 * Made with a raw socket (CAP_NET_RAW), IPv4 only, from a thread of its own. Sources are of 198.18.128.0/17,
 * which is set aside for benchmarks (RFC 2544): only in a network of your own do the answers go nowhere.
 */
#ifndef WEIR_BENCH_TOOL_SYN_H
#define WEIR_BENCH_TOOL_SYN_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"

/* False with the reason in `error`. */
MUST_USE bool syn_begin(struct endpoint target, uint32_t per_second, char *error, size_t error_bytes);
uint64_t syn_sent(void);
void syn_end(void); /* also when it never began */

#endif
