/*
 * time_wait_int.h - connections in TIME-WAIT (RFC 9293 3.6, 3.10.7.4), in entries of one cache
 * line.
 *
 * Kept are the tuple and what is needed to acknowledge a repeated FIN and to judge a new SYN;
 * timestamp offset and ISN are functions of the tuple. All entries wait equally long, so a FIFO
 * list is their timer.
 */
#ifndef WEIR_TCP_TIME_WAIT_INT_H
#define WEIR_TCP_TIME_WAIT_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/slab.h"
#include "tcp/tuple_int.h"
#include "wire/seq.h"
#include "wire/tcp_seg.h"

struct tcp_stack;
struct conn;
struct packet;

struct time_wait {
	struct slab_head head;
	uint8_t remote[16];
	uint16_t local_port, remote_port;
	uint8_t local;
	bool stamps;
	uint16_t unused;
	struct seq snd_nxt, rcv_nxt;
	uint32_t stamp_recent;
	uint32_t until_ms; /* low bits of the millisecond clock */
	uint32_t older, newer; /* slots in the FIFO; TIME_WAIT_END ends */
};

_Static_assert(sizeof(struct time_wait) == 64, "a TIME-WAIT entry is one cache line");

#define TIME_WAIT_END UINT32_MAX

struct time_waits {
	struct slab slab;
	uint32_t oldest, newest;
};

void time_wait_init(struct time_waits *t, void *memory, uint32_t count);
struct time_wait *time_wait_at(const struct tcp_stack *s, uint32_t slot);
/* `c` has exchanged FINs: its tuple now belongs to an entry here, and the last ACK is queued. The
 * caller closes `c`. */
void time_wait_enter(struct tcp_stack *s, struct conn *c, struct instant now);
void time_wait_leave(struct tcp_stack *s, struct time_wait *w);
/* Gives up the oldest; false when there is none. */
bool time_wait_evict(struct tcp_stack *s);

enum time_wait_verdict { TIME_WAIT_DONE = 1, TIME_WAIT_REOPEN };
/* A segment for an entry. REOPEN: a SYN that may open the connection anew; the entry is gone, and
 * the new ISN must not lie before *isn_min. */
enum time_wait_verdict time_wait_input(struct tcp_stack *s, struct time_wait *w,
                                       const struct packet *p, const struct tcp_seg *seg,
                                       struct seq *isn_min, struct instant now);
/* May an active open take this tuple over (RFC 6191: timestamps, and old enough)? */
bool time_wait_reusable(const struct tcp_stack *s, const struct time_wait *w, struct instant now);
struct tuple time_wait_tuple(const struct tcp_stack *s, const struct time_wait *w);
struct instant time_wait_deadline(const struct tcp_stack *s);
void time_wait_expire(struct tcp_stack *s, struct instant now);

#endif
