/*
 * kernel.h - kernel sockets as a net of the generator (net.h), over one epoll instance; one thread.
 *
 * The same queues and events as the stack's: bytes are moved between sockets and byte queues when
 * the kernel says that it can take or has some, in kernel_net_poll() and at the verbs themselves.
 * Bounds: connections_max, KERNEL_QUEUE_BYTES each way.
 */
#ifndef WEIR_BENCH_GEN_KERNEL_H
#define WEIR_BENCH_GEN_KERNEL_H

#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"
#include "bench/gen/net.h"

#define KERNEL_QUEUE_BYTES (128u * 1024u)

struct kernel_net;

/* NULL: no memory or no descriptors. */
MUST_USE struct kernel_net *kernel_net_make(uint32_t connections_max, struct block_pool *pool);
struct gen_net kernel_net_of(struct kernel_net *net);
/* Waits until something happens, `wait_us` at most. */
void kernel_net_poll(struct kernel_net *net, uint64_t wait_us);
/* Are there events to be taken? Then a poll must not wait. */
bool kernel_net_has_events(const struct kernel_net *net);
void kernel_net_free(struct kernel_net *net);

#endif
