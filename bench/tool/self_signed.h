/*
 * self_signed.h - a certificate for sinks that were given none: self-signed, P-256, in a folder of its
 * own under /tmp that is taken away again.
 */
#ifndef WEIR_BENCH_TOOL_SELF_SIGNED_H
#define WEIR_BENCH_TOOL_SELF_SIGNED_H

#include "base/check.h"
#include "bench/gen/options.h"

/* Where a sink wants TLS and there is no certificate. False: it could not be made. */
MUST_USE bool self_signed_provide(struct gen_options *o);
void self_signed_remove(void);

#endif
