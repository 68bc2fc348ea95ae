/*
 * stack_int.h - everything one worker's stack owns, and the seams between its parts.
 *
 * A frame's way in:  ahead.c (a first look) -> express.c -> text.c, if it is what was expected; else
 * stack.c (Ethernet, IP) -> demux.c -> listen.c | time_wait.c | input.c -> ack.c, text.c. A frame's way out: output.c (what is to be sent next) -> segment.c (bytes),
 * control.c (no connection).
 */
#ifndef WEIR_TCP_STACK_INT_H
#define WEIR_TCP_STACK_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/bucket.h"
#include "base/instant.h"
#include "base/prng.h"
#include "base/recorder.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "tcp/ahead_int.h"
#include "tcp/black_box_int.h"
#include "tcp/congestion_int.h"
#include "tcp/conn_int.h"
#include "tcp/control_int.h"
#include "tcp/cookie_int.h"
#include "tcp/flow_int.h"
#include "tcp/fragment_int.h"
#include "tcp/link_int.h"
#include "tcp/neigh_int.h"
#include "tcp/path_memory_int.h"
#include "tcp/path_mtu_int.h"
#include "tcp/source_int.h"
#include "tcp/tcp.h"
#include "tcp/time_wait_int.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/tcp_seg.h"

struct listener {
	struct endpoint local;
	uint32_t tag;
};

struct tcp_stack {
	struct tcp_config config;
	struct block_pool *pool;
	struct recorder *recorder;
	const struct congestion_ops *congestion;
	struct instant now; /* of the last verb: lengthens the 32-bit clock of TIME-WAIT */
	struct slab conns;
	struct slab reasms;
	struct slab searches;
	struct path_memory paths;
	struct black_boxes boxes;
	struct fragments *fragments; /* NULL: they are refused */
	struct flow_table flows;
	struct recent recent[TCP_RECENT_CONNECTIONS];
	struct time_waits waits;
	struct bucket icmp_passes; /* errors that may be another stack's */
	struct link paced;  /* connections that wait for the next millisecond, which is: */
	struct instant paced_until;
	struct link ready;  /* connections that may have something to send */
	struct link events; /* connections with news */
	struct controls controls;
	bool control_turn; /* controls and connections take turns under load */
	struct neighbours neighbours;
	uint32_t listener_count;
	struct listener listeners[TCP_LISTENERS_MAX];
	uint32_t half_open;
	struct sources sources;
	struct cookies cookies;
	struct link stalled; /* connections whose peers keep the window closed, oldest first */
	bool challenge_drawn;
	uint32_t challenges_left; /* in the second below */
	uint64_t challenge_second;
	uint32_t cut_bytes_max; /* of payload, in a frame that the port cuts */
	uint32_t frame_bytes_max; /* longer ones are refused */
	struct room joined; /* where a frame in pieces becomes one, if it takes the long way; none: no frame comes in pieces */
	uint8_t rcv_shift; /* makes rx_bytes_max fit a window field */
	uint32_t port_next;
	struct prng prng;
	struct tcp_counters counters;
	struct wheel wheel;
};

struct packet { /* one received IP packet for us */
	const uint8_t *mac; /* who sent the frame */
	bool group;         /* to a multicast or broadcast MAC */
	bool checked;       /* the port verified its checksums */
	bool final;         /* no other stack is to see it */
	const struct ahead *ahead; /* what its frame seemed to be */
	bool fragmented;    /* it had a fragment header, or came in pieces */
	uint8_t local;      /* index of the destination address */
	uint16_t vlan;      /* that the frame came in; 0: untagged */
	struct ip_view ip;
};

static inline void stack_drop(struct tcp_stack *s, enum tcp_drop reason)
{
	s->counters.drops[reason]++;
	if (s->boxes.current->detail == 0) /* the first reason is the one that others follow from */
		s->boxes.current->detail = (uint8_t)(reason + 1);
}

/* ---- black boxes: what is noted of a connection ---- */

static inline struct black_box_entry *stack_note(struct tcp_stack *s, struct conn *c, enum black_box_mark mark,
                                                 struct instant now)
{
	struct black_box_entry *e = black_box_note(&s->boxes, &c->head, now);
	*e = (struct black_box_entry){ .at_us = (uint32_t)now.us, .seq = c->snd_una.v, .mark = (uint8_t)mark };
	return e;
}

static inline void stack_note_timer(struct tcp_stack *s, struct conn *c, enum black_box_mark mark,
                                    uint32_t count, struct instant now)
{
	struct black_box_entry *e = stack_note(s, c, mark, now);
	e->ack = c->rtt.timeout_us;
	e->bytes = (uint16_t)count;
}

static inline struct black_box_entry *stack_note_segment(struct tcp_stack *s, struct conn *c,
                                                         struct black_box_entry entry, struct instant now)
{
	struct black_box_entry *e = black_box_note(&s->boxes, &c->head, now);
	entry.at_us = (uint32_t)now.us;
	*e = entry;
	return e;
}

/* A segment has come, and reasons to drop it are noted until stack_noted_in(). */
static inline void stack_note_in(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                                 struct instant now)
{
	s->boxes.current = stack_note_segment(s, c,
	                                      (struct black_box_entry){ .seq = seg->seq.v,
	                                                                .ack = seg->ack.v,
	                                                                .window = seg->window,
	                                                                .bytes = (uint16_t)seg->payload.bytes,
	                                                                .mark = BLACK_BOX_IN,
	                                                                .flags = seg->flags },
	                                      now);
}

static inline void stack_noted_in(struct tcp_stack *s)
{
	s->boxes.current = &s->boxes.scrap;
}

static inline void stack_note_out(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                                  uint32_t bytes, bool again, struct instant now)
{
	(void)stack_note_segment(s, c,
	                         (struct black_box_entry){ .seq = seg->seq.v,
	                                                   .ack = seg->ack.v,
	                                                   .window = seg->window,
	                                                   .bytes = (uint16_t)bytes,
	                                                   .mark = BLACK_BOX_OUT,
	                                                   .flags = seg->flags,
	                                                   .again = again },
	                         now);
}

static inline struct ip_addr stack_addr(const struct tcp_stack *s, uint8_t local)
{
	return s->config.addresses[local].addr;
}

/* The VLAN that frames of this address are in, and the bytes in front of their IP header. */
static inline uint16_t stack_vlan(const struct tcp_stack *s, uint8_t local)
{
	return s->config.addresses[local].vlan;
}

static inline uint16_t stack_l2_bytes(const struct tcp_stack *s, uint8_t local)
{
	return eth_header_bytes(stack_vlan(s, local));
}

/* With fewer, what is left is for bytes in order: windows stop growing, nothing out of order is kept. */
static inline uint32_t stack_blocks_reserve(const struct tcp_stack *s)
{
	return s->pool->total / TCP_POOL_LOW_SHARE;
}

static inline bool stack_blocks_low(const struct tcp_stack *s)
{
	return s->pool->free_count < stack_blocks_reserve(s);
}

/* The most that one connection may be promised of what is free now: all windows shrink together as the
 * pool fills, before bytes have to be dropped. */
static inline uint32_t stack_window_share(const struct tcp_stack *s)
{
	if (s->config.pool_windows == 0)
		return UINT32_MAX;
	uint64_t share = (uint64_t)s->pool->free_count * BLOCK_DATA_BYTES / s->config.pool_windows;
	if (share > UINT32_MAX)
		return UINT32_MAX;
	return share < TCP_WINDOW_SHARE_MIN ? TCP_WINDOW_SHARE_MIN : (uint32_t)share;
}

/* The memory of a slot, live or not. */
static inline struct conn *stack_conn_at(const struct tcp_stack *s, uint32_t slot)
{
	return slab_at(&s->conns, slot);
}

/* What became of a frame. */
enum frame_fate {
	FRAME_TAKEN = 1, /* dealt with, be it by dropping it */
	FRAME_ELSEWHERE  /* untouched: it is for another stack, or may be */
};

/* ---- stack.c ---- */
/* The long way of a frame. */
MUST_USE enum frame_fate stack_frame(struct tcp_stack *s, const struct ahead *ahead, struct instant now);
/* ---- host.c ---- */
bool host_owns(const struct tcp_stack *s, struct ip_addr a, uint8_t *local);
void host_arp_input(struct tcp_stack *s, const struct eth_view *eth, struct instant now);
void host_nd_input(struct tcp_stack *s, const struct packet *p, struct instant now);
/* Asks for the MAC of `addr` in a VLAN; to `mac` when it is only to be confirmed, to all when NULL. */
void host_solicit(struct tcp_stack *s, uint16_t vlan, struct ip_addr addr, const uint8_t *mac,
                  struct instant now);
/* ---- icmp_in.c ---- */
MUST_USE enum frame_fate icmp_in(struct tcp_stack *s, const struct packet *p, struct instant now);
/* ---- route.c ---- */
/* The neighbour through which `remote` is reached, and which of our addresses faces it. What has an
 * address already leaves by the VLAN of that one; ROUTE_ANY_VLAN: by whichever there is a way. */
#define ROUTE_ANY_VLAN UINT16_MAX
MUST_USE bool route_find(const struct tcp_stack *s, uint16_t vlan, struct ip_addr remote,
                         struct ip_addr *hop, uint8_t *local);
/* ---- foreign.c ---- */
/* Is the local port of a tuple for active opens, and then whose? -1: it is not. */
int foreign_owner(const struct tcp_stack *s, const struct tuple *t);
/* Nobody here knows what a packet is about: may its frame go to another stack? */
bool foreign_may_pass(const struct tcp_stack *s, const struct packet *p);
/* ---- demux.c ---- */
MUST_USE enum frame_fate demux_input(struct tcp_stack *s, const struct packet *p, struct instant now);
/* The open connection of a tuple, or NULL; *wait is its TIME-WAIT entry, if that is what there is.
 * */
struct conn *demux_find(const struct tcp_stack *s, const struct tuple *t, struct time_wait **wait);
/* ---- listen.c ---- */
void listen_input(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *seg,
                  const struct tuple *t, const struct seq *isn_min, struct instant now);
/* A connection for a listener's tuple, not yet in any state; NULL (counted): no room. */
struct conn *listen_take(struct tcp_stack *s, const struct packet *p, const struct tuple *t,
                         struct instant now);
const struct listener *listen_find(const struct tcp_stack *s, struct ip_addr addr, uint16_t port);
/* ---- handshake.c ---- */
/* First numbers of a connection: ISN (not before *isn_min), windows, timers. */
void handshake_begin(struct tcp_stack *s, struct conn *c, const struct tuple *t,
                     const struct seq *isn_min, struct instant now);
/* Our first sequence number, where it is not for handshake_begin() to choose. */
void handshake_number(struct conn *c, struct seq isn);
/* The peer's SYN or SYN-ACK: its sequence number and options. */
void handshake_learn(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                     struct instant now);
/* Our SYN was acknowledged by `seg`. */
void handshake_done(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                    struct instant now);
/* The options of our SYN or SYN-ACK. */
void handshake_options(const struct tcp_stack *s, const struct conn *c, struct tcp_options *o);
/* ---- input.c ---- */
enum step {
	STEP_ON = 1, /* to the next step */
	STEP_STOP,   /* the segment is dealt with */
	STEP_GONE,   /* so is the connection: do not touch it */
	STEP_ELSEWHERE /* it is not about this connection, but may be about one of another stack */
};
MUST_USE enum frame_fate input_segment(struct tcp_stack *s, struct conn *c, const struct packet *p,
                                       struct tcp_seg *seg, struct instant now);
/* ---- ack.c: step 5 ---- */
MUST_USE enum step ack_input(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                             struct instant now);
/* ---- text.c: steps 7 and 8 ---- */
MUST_USE enum step text_input(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                              struct instant now);
struct received { /* payload, as it came */
	const struct span *pieces; /* one behind the other */
	uint32_t count;
	uint32_t bytes;       /* of all */
	uint32_t segments;    /* that they came in */
	uint32_t first_bytes; /* of the first frame */
};
/* As how many segments payload was sent that came at once: a port may have put several together (LRO). */
static inline uint32_t text_segments(const struct conn *c, uint32_t bytes)
{
	return bytes > c->announced_mss ? (bytes + c->announced_mss - 1u) / c->announced_mss : 1;
}
/* Only bytes, from rcv_nxt on, inside the window, no gap anywhere. */
void text_in_order(struct tcp_stack *s, struct conn *c, const struct received *text, struct instant now);
/* How many bytes from rcv_nxt on are certain to be taken, whole and inside the window, in however many segments. */
uint32_t text_room(const struct tcp_stack *s, const struct conn *c);
/* ---- recovery.c ---- */
struct recovery_ack { /* what an ACK says beyond what the record of the sent tells */
	struct seq ack;
	bool duplicate; /* as RFC 5681 2 defines it */
	bool bare;      /* a duplicate that reports nothing either */
	uint32_t doubled_bytes; /* of a D-SACK, which begins at: */
	struct seq doubled_begin;
};
void recovery_acked(struct tcp_stack *s, struct conn *c, const struct sent_news *news,
                    const struct recovery_ack *ack);
/* A segment has left, and stands in the record. */
void recovery_sent(struct tcp_stack *s, struct conn *c, uint32_t bytes, bool again,
                   struct instant now);
/* Sets the timer that is due first; `restart`: RTO counts from now; `wait_us`: RACK wants to look
 * again then. */
void recovery_arm(struct tcp_stack *s, struct conn *c, bool restart, uint32_t wait_us,
                  struct instant now);
void recovery_reorder_due(struct tcp_stack *s, struct conn *c, struct instant now);
void recovery_timed_out(struct tcp_stack *s, struct conn *c, struct instant now);
/* ---- ecn.c: RFC 3168 ---- */
/* Flags of a SYN or SYN-ACK, and what the peer's mean. */
uint8_t ecn_syn_flags(const struct tcp_stack *s, const struct conn *c, bool again);
void ecn_learn(const struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg);
/* A data segment came, marked or not; an ACK came, with an echo or not. */
void ecn_received(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg, enum ip_ecn ecn);
void ecn_acked(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg, uint32_t acked_bytes);
/* The window was reduced, for a mark or a loss: the peer is told, and what it echoes of the same window is answered. */
void ecn_reduced(struct conn *c);
/* ---- hystart.c ---- */
/* Slow start has been acknowledged something: true when it should grow cautiously. */
bool hystart_acked(struct conn *c, const struct sent_news *news);
/* ---- prr.c ---- */
/* `flight`: RecoverFS, bytes under way that were not reported before the loss was found (so RFC 9937 6: what was can
 * not be delivered again). */
void prr_begin(struct conn *c, uint32_t flight);
/* Sets the congestion window for what one ACK delivered. */
void prr_acked(struct conn *c, uint32_t delivered);
/* ---- spurious.c ---- */
/* A reduction begins: what it will repeat may turn out not to have been lost. */
void spurious_begin(struct conn *c);
void spurious_sent_again(struct conn *c, uint32_t bytes, struct instant now);
/* True when the ACK shows that it was for nothing; it is undone then. */
MUST_USE bool spurious_acked(struct tcp_stack *s, struct conn *c, const struct sent_news *news,
                             const struct recovery_ack *ack);
/* ---- window.c ---- */
/* The right edge we could advertise now (RFC 9293 3.8.6.2.2); never before rcv_adv. */
struct seq window_edge(const struct tcp_stack *s, const struct conn *c);
/* The window field for that edge. */
uint16_t window_field(const struct conn *c, struct seq edge);
/* Does the application's reading warrant an update of its own? */
bool window_worth_telling(const struct tcp_stack *s, const struct conn *c);
/* ---- tuning.c ---- */
/* Where the window starts, and when the first measurement begins. */
void tuning_begin(const struct tcp_stack *s, struct conn *c);
void tuning_opened(struct conn *c, struct instant now);
/* The application has read. */
void tuning_taken(struct conn *c, struct instant now);
/* ---- pressure.c ---- */
/* The persist timer was set; some other timer, or none, was. */
void pressure_stalled(struct tcp_stack *s, struct conn *c, struct instant now);
void pressure_moves(struct conn *c);
/* Once a turn. */
void pressure_relieve(struct tcp_stack *s, struct instant now);
/* ---- pacing.c ---- */
/* How many new segments may leave in this millisecond; none: CONN_PACED says that it waits for that. */
uint32_t pacing_segments(struct tcp_stack *s, struct conn *c, struct instant now);
/* So many have left. */
void pacing_sent(struct conn *c, uint32_t segments, struct instant now);
/* A connection that stands in no output list waits for the next millisecond. */
void pacing_wait(struct tcp_stack *s, struct conn *c, struct instant now);
struct instant pacing_deadline(const struct tcp_stack *s);
void pacing_expire(struct tcp_stack *s, struct instant now);
/* ---- keepalive.c ---- */
/* Nothing is under way: the timer is for keep-alive, or free. */
void keepalive_arm(struct tcp_stack *s, struct conn *c, struct instant now);
void keepalive_due(struct tcp_stack *s, struct conn *c, struct instant now);
/* Has the user timeout passed, and if not, the earlier of it and `at`. */
bool keepalive_given_up(const struct conn *c, struct instant now);
struct instant keepalive_limit(const struct conn *c, struct instant at, struct instant now);
/* ---- segment.c ---- */
struct segment_plan {
	struct seq seq;
	uint32_t bytes; /* of tx, from seq on */
	uint8_t flags;
	bool probe; /* does not move snd_nxt: the window is closed */
	bool again; /* repeats what stands in the record */
	bool fresh; /* new data: ECN-capable where that is negotiated */
	bool whole; /* one segment, larger than the others: a probe of the path's size */
};
/* As how many segments it reaches the wire: more than one where the port cuts it. */
static inline uint32_t segment_count(const struct conn *c, const struct segment_plan *plan)
{
	return plan->bytes > c->mss && !plan->whole ? (plan->bytes + c->mss - 1u) / c->mss : 1;
}
/* (ecn.c) Flags of a segment that is no SYN. */
uint8_t ecn_flags(struct conn *c, const struct segment_plan *plan);
/* Writes the segment as a frame, and notes what was thereby acknowledged and advertised. */
size_t segment_emit(struct tcp_stack *s, struct conn *c, const struct segment_plan *plan,
                    const uint8_t *mac, struct room room, struct tcp_frame_meta *meta,
                    struct instant now);
/* The sequence number of a segment without data: never beyond what the peer's window takes. */
struct seq segment_bare_seq(const struct conn *c);
void segment_reset(struct tcp_stack *s, struct conn *c, struct instant now);
/* ---- timers.c ---- */
void timers_conn(struct tcp_stack *s, struct conn *c, struct instant now);
void timers_ack(struct tcp_stack *s, struct conn *c, struct instant now);
/* ---- inspect.c ---- */
/* `c` has closed: notes it, and leaves a record if that was in disorder. */
void inspect_ended(struct tcp_stack *s, struct conn *c, struct instant now);
/* ---- close.c ---- */
void close_finished(struct tcp_stack *s, struct conn *c, struct instant now);

#endif
