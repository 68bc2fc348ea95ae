/*
 * exception.h - the exception path of one port, as one worker sees it: what arrives and is the kernel's goes to a
 * network interface of the kernel (a tap with the port's MAC), what the kernel sends there leaves by the port. So ping,
 * SSH and BGP to the kernel's addresses keep working on a port that DPDK has taken.
 *
 * Whose a frame is, tcp/share.c says. Only the first worker has the tap: others hand the kernel's frames to it through
 * the rings that exist for connections. Each direction of each worker has a token bucket, so that a flood costs a bounded
 * share of a turn and of the ring, and mail goes on. Nothing here blocks; writing to a tap is the driver's system call.
 *
 * Bounds: `per_second` frames in each direction, a burst of EXCEPTION_BURST_SHARE of that and at least
 * EXCEPTION_BURST_MIN; PORT_BURST frames of the kernel's a turn. What the kernel sends too fast waits in its own queue.
 */
#ifndef WEIR_RUN_EXCEPTION_H
#define WEIR_RUN_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/instant.h"
#include "base/span.h"
#include "run/port_io.h"
#include "tcp/tcp.h"

#define EXCEPTION_BURST_SHARE 10u /* a tenth of a second's worth may come at once */
#define EXCEPTION_BURST_MIN 64u   /* two bursts of the port */

struct exception_counters {
	uint64_t in_passed, in_handed, in_limited, in_full; /* from the cable to the kernel */
	uint64_t out_passed, out_ours, out_full;            /* from the kernel to the cable */
};

struct exception {
	const struct tcp_config *config; /* NULL: the port has no exception path */
	struct port_queue *tap;          /* NULL: another worker has it */
	struct bucket in, out;
	struct exception_counters counters;
};

/* `tap` is NULL for all workers but the first. */
void exception_init(struct exception *x, const struct tcp_config *config, struct port_queue *tap, uint32_t per_second);
static inline bool exception_is_on(const struct exception *x)
{
	return x->config != NULL;
}
/* Frame `index` of the last burst of `q`. True: it was the kernel's alone, and is dealt with. */
MUST_USE bool exception_input(struct exception *x, struct port_queue *q, uint32_t index, struct span frame,
                              struct instant now);
/* After the burst: sends to the kernel what came, and to `q` what the kernel has sent. True when that was anything. */
bool exception_turn(struct exception *x, struct port_queue *q, struct instant now);

#endif
