/*
 * conn_int.h - one connection (the TCB of RFC 9293 3.3.1), and what every part of the stack may do
 * to it.
 *
 * A connection lives in the stack's slab. It is found through the flow table while it is open,
 * stands in at most one output list (ready, or waiting for a neighbour) and at most once in the
 * event list, and in the list of those whose peer keeps its window closed (pressure.c) while it does.
 * It ends in two steps: conn_close() takes it off the wire and tells the application
 * why; conn_free() gives the memory back, when the application has released it (or never had it).
 *
 * The lines of the struct are cache lines: the first six are touched by every segment. The word of `head` is
 * the connection's place among the black boxes (black_box_int.h).
 */
#ifndef WEIR_TCP_CONN_INT_H
#define WEIR_TCP_CONN_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/instant.h"
#include "base/slab.h"
#include "base/text.h"
#include "base/wheel.h"
#include "tcp/congestion_int.h"
#include "tcp/link_int.h"
#include "tcp/rack_int.h"
#include "tcp/reasm_int.h"
#include "tcp/rtt_int.h"
#include "tcp/sent_int.h"
#include "tcp/tcp.h"
#include "tcp/tuple_int.h"
#include "wire/seq.h"

enum conn_state {
#define STATE(name, text) CONN_##name,
#include "tcp/states.def"
#undef STATE
	CONN_STATE_COUNT
};

/* HyStart++: how round trips change while the window doubles (hystart.c). */
struct hystart {
	struct seq round_end;
	uint32_t min_us, last_min_us; /* the shortest of this round and of the last; 0: none */
	uint32_t baseline_us;         /* when growth became cautious */
	uint8_t samples, rounds;
	bool cautious;
	bool between; /* the last round has ended, and nothing was sent since */
};

/* Where in tx a sequence number stands, remembered so that the next one is found without a walk. */
struct place {
	struct block *block; /* NULL: nowhere */
	uint32_t at;         /* offset into its data[] */
	struct seq seq;
};

enum conn_flag {
	CONN_ACK_NOW = 1u << 0,    /* an ACK is due; any segment carries it */
	CONN_SEND_SYN = 1u << 1,   /* SYN or SYN-ACK, by state */
	CONN_RETRANSMIT = 1u << 2, /* one lost segment whatever the congestion window says */
	CONN_PROBE = 1u << 3,      /* one byte, or FIN, into a closed window */
	CONN_SHUT = 1u << 4,       /* FIN follows what is in tx */
	CONN_PEER_FIN = 1u << 5,   /* the peer's FIN was reached: nothing follows rcv_nxt */
	CONN_FIN_AHEAD =
		1u << 6,       /* the peer's FIN was seen at fin_seq, bytes before it are missing */
	CONN_STAMPS = 1u << 7, /* negotiated: timestamps, SACK */
	CONN_SACK = 1u << 8,
	CONN_LOSS = 1u << 9,      /* a timeout came, `recover` is not yet acknowledged */
	CONN_RECOVERY = 1u << 10, /* in fast recovery, up to `recover` */
	CONN_PASSIVE = 1u << 11,
	CONN_VISIBLE = 1u << 12,   /* the application holds the handle */
	CONN_HALF_OPEN = 1u << 13, /* counted in half_open */
	CONN_TX_LOST = 1u << 14,   /* closed before everything was acknowledged */
	CONN_IN_FLOW = 1u << 15,
	CONN_NAGLE = 1u << 16,
	CONN_LIMITED = 1u << 17,    /* the congestion window was what stopped the last sending */
	CONN_TAIL_DUE = 1u << 18,   /* a tail loss probe is to be sent */
	CONN_TAIL = 1u << 19,       /* one is under way, up to tail_end, */
	CONN_TAIL_AGAIN = 1u << 20, /* and it was a repetition */
	CONN_UNDO = 1u << 21,       /* the last reduction may still turn out to be for nothing */
	CONN_UNDO_STAMP = 1u << 22, /* undo_ms is when its first repetition left */
	CONN_DOUBLED = 1u << 23,    /* bytes arrived twice: the next ACK says which (RFC 2883) */
	CONN_KEEP_DUE = 1u << 24,   /* a keep-alive probe is to be sent */
	CONN_COUNTED = 1u << 25,    /* among those of its source */
	CONN_ECN = 1u << 26,        /* negotiated (RFC 3168) */
	CONN_ECN_ECHO = 1u << 27,   /* a mark came: ECE on all we send until the peer has reacted */
	CONN_PACED = 1u << 31, /* new segments wait for the next millisecond */
	CONN_UNDO_TOLD = 1u << 30,  /* what answered that repetition has come: no echo tells more */
	CONN_REDUCED_TWICE = 1u << 29, /* in this recovery a repetition was lost as well */
	CONN_ECN_REACTED = 1u << 28, /* the window was reduced: CWR on the next new segment */
};

enum conn_timer {
	CONN_TIMER_NONE = 0,
	CONN_TIMER_RETRANSMIT,
	CONN_TIMER_REORDER, /* RACK: what is missing then is lost */
	CONN_TIMER_TAIL,    /* tail loss probe */
	CONN_TIMER_PERSIST,
	CONN_TIMER_FIN_WAIT_2,
	CONN_TIMER_KEEPALIVE
};

/* What struct timer.kind says for the timers of a stack. */
enum stack_timer { STACK_TIMER_CONN = 1, STACK_TIMER_ACK, STACK_TIMER_NEIGH };

struct conn {
	/* line 0, per segment */
	struct slab_head head;
	struct link output; /* in the ready list or a neighbour's */
	struct seq snd_una, snd_nxt;
	struct seq snd_max; /* beyond snd_nxt by what probed a closed window */
	uint32_t snd_wnd;
	struct seq rcv_nxt;
	struct seq rcv_adv; /* right edge of the window as far as it was ever advertised */
	uint32_t flags;     /* enum conn_flag */
	uint8_t state;      /* enum conn_state */
	uint8_t snd_shift, rcv_shift;
	uint8_t duplicates; /* in a row: ACKs, with SACK those that reported something new */

	/* line 1, per segment with data */
	struct byteq tx;           /* from snd_una on (behind our SYN) */
	struct byteq rx;
	uint32_t tx_known;         /* bytes of tx that tcp_tx_added() told of */
	uint32_t heard_ms;         /* when the last acceptable segment came */
	struct instant rto_at;     /* when RTO comes, whatever timer is set */

	/* line 2, per segment: whose it is, and where the last one stood */
	struct ip_addr remote;
	uint8_t local; /* index of our address */
	uint16_t local_port, remote_port;
	uint16_t announced_mss;
	uint16_t mss;          /* payload bytes of a full segment, options allowed for */
	uint8_t unacked;       /* segments received since our last ACK */
	uint8_t acks_owed;     /* duplicate ACKs to send one by one (RFC 5681 4.2) */
	uint8_t quick_acks;
	uint8_t keep_sent;
	struct reasm *reasm;   /* NULL: nothing out of order */
	struct seq snd_wl1, snd_wl2;
	struct seq ack_sent;   /* Last.ACK.sent */
	uint32_t stamp_recent; /* TS.Recent */
	uint32_t stamp_recent_ms;
	uint32_t stamp_offset;

	/* line 3, per ACK and per event */
	struct link event;
	uint8_t events; /* enum tcp_event_bits to report */
	uint8_t paced;  /* segments sent in last_send_ms */
	uint16_t search; /* 1 + the place of a search for the path's size; 0: none (path_mtu_int.h) */
	uint32_t snd_wnd_max;
	struct seq tx_end; /* behind the last byte of tx: where FIN goes */
	uint8_t retries;       /* timeouts in a row */
	uint8_t timer_kind;    /* enum conn_timer */
	uint8_t visit;         /* frames sent in this visit of the output loop */
	uint8_t probes;        /* of a closed window, in a row, answered or not */
	struct instant ack_deadline; /* of a delayed ACK; INSTANT_NEVER: none */
	struct rtt rtt;

	/* line 4 and on, per ACK of something */
	struct sent sent;
	struct rack rack;
	struct seq recover;
	struct instant deadline; /* of timer_kind; the wheel may fire earlier */
	struct place fresh, again;   /* where in tx new and repeated bytes were last found */
	struct congestion congestion;
	uint32_t prr_delivered, prr_out, prr_base; /* RFC 6937 */
	struct seq tail_end;
	uint32_t undo_ms, undo_bytes;
	struct seq undo_una; /* snd_una when the reduction came: what was doubled before is another story */
	uint32_t reduced_us; /* when the last recovery began */
	struct hystart hystart;
	struct seq ecn_recover; /* no further reduction for an echo before this is acknowledged */

	/* per timer */
	struct timer timer;
	struct timer ack_timer;
	uint32_t last_send_ms;
	uint32_t neigh_generation;
	uint16_t neigh_slot;

	/* rare */
	uint8_t why; /* enum tcp_close_reason */
	uint8_t challenges;
	uint32_t hash;
	struct seq iss, fin_seq;
	uint32_t rx_bytes_max, tx_bytes_max; /* of this connection */
	uint32_t rx_window;      /* what is advertised of rx_bytes_max: grows with the path (tuning.c) */
	uint32_t tuning_us;      /* when the present measurement began, */
	struct seq tuning_begin; /* and how far the application had read */
	struct seq doubled_begin, doubled_end;
	uint32_t stalled_ms;
	struct link stalled; /* among those with a closed window, since then */
	uint32_t source; /* hash of where it comes from, if COUNTED */
	struct tcp_keepalive keep;
	uint32_t user_timeout_ms;
	uint32_t progress_ms; /* when something was last acknowledged, or began to wait for it */
	uint32_t tag;
	uint32_t retransmits;
	uint64_t user;
	uint32_t challenge_ms; /* when the challenges began that are counted */
	uint32_t born_ms;
};

_Static_assert(offsetof(struct conn, tx) == 64, "line 0 of a connection is full");
_Static_assert(offsetof(struct conn, remote) == 128, "line 1 of a connection is full");
_Static_assert(offsetof(struct conn, event) == 192, "line 2 of a connection is full");
_Static_assert(offsetof(struct conn, sent) == 256, "line 3 of a connection is full");
#define CONN_HOT_BYTES 384u /* the lines that any segment touches */

_Static_assert(sizeof(struct conn) <= 704, "a connection is eleven cache lines");

/* ---- life ---- */

/* A new connection in the flow table, state CLOSED; NULL when connections_max is reached even after
 * giving up the oldest TIME-WAIT. */
struct conn *conn_take(struct tcp_stack *s, const struct tuple *tuple, uint8_t local,
                       struct instant now);
void conn_enter(struct tcp_stack *s, struct conn *c, enum conn_state state, struct instant now);
/* Off the wire, with a reason. The application is told if it holds the handle, else the memory is
 * given back: do not touch `c` afterwards. */
void conn_close(struct tcp_stack *s, struct conn *c, enum tcp_close_reason why, struct instant now);
void conn_free(struct tcp_stack *s, struct conn *c);
/* The established connection of a live handle; anything else is a CHECK. */
struct conn *conn_of(const struct tcp_stack *s, struct handle id);
struct tuple conn_tuple(const struct tcp_stack *s, const struct conn *c);
const char *conn_state_name(enum conn_state state);
/* (app.c) */
void conn_info(const struct tcp_stack *s, const struct conn *c, struct tcp_info *info);
/* One line: state, addresses, sequence numbers. */
void conn_describe(const struct tcp_stack *s, const struct conn *c, struct text *t);

/* ---- what others ask of it ---- */

/* There may be something to send: stands in the ready list until output finds that there is not. */
void conn_ready(struct tcp_stack *s, struct conn *c);
void conn_raise(struct tcp_stack *s, struct conn *c, uint32_t bits);
void conn_timer_set(struct tcp_stack *s, struct conn *c, enum conn_timer kind, struct instant at);
void conn_timer_stop(struct conn *c);
/* An ACK within TCP_ACK_DELAY_US. */
void conn_ack_later(struct tcp_stack *s, struct conn *c, struct instant now);
void conn_ack_now(struct tcp_stack *s, struct conn *c);
/* An ACK that a peer provoked without bringing anything: at most TCP_CHALLENGES_MAX per second, and a share
 * of what all connections may send. */
void conn_ack_challenge(struct tcp_stack *s, struct conn *c, struct instant now);
/* [begin, end) came although we had it: an ACK is due, and says so. */
void conn_doubled(struct tcp_stack *s, struct conn *c, struct seq begin, struct seq end);
void conn_reasm_drop(struct tcp_stack *s, struct conn *c);

/* Sequence numbers sent and not acknowledged, as far as snd_nxt. */
static inline uint32_t conn_flight(const struct conn *c)
{
	return seq_span(c->snd_una, c->snd_nxt);
}

/* What is thought to be under way: neither reported nor lost (RFC 6675 4, RFC 8985 3.2). */
static inline uint32_t conn_pipe(const struct conn *c)
{
	return conn_flight(c) - c->sent.sacked_bytes - c->sent.lost_bytes;
}

/* Bytes (without FIN) that were never sent. */
static inline uint32_t conn_unsent(const struct conn *c)
{
	int32_t bytes = seq_diff(c->snd_nxt, c->tx_end);
	return bytes > 0 ? (uint32_t)bytes : 0;
}

static inline bool conn_fin_due(const struct conn *c)
{
	return (c->flags & CONN_SHUT) != 0 && seq_eq(c->snd_nxt, c->tx_end);
}

static inline bool conn_fin_acked(const struct conn *c)
{
	return (c->flags & CONN_SHUT) != 0 && seq_gt(c->snd_una, c->tx_end);
}

/* Past the handshake? */
static inline bool conn_synchronised(const struct conn *c)
{
	return c->state >= CONN_ESTABLISHED;
}

static inline uint32_t conn_stamp(const struct conn *c, struct instant now)
{
	return (uint32_t)(now.us / MS_US) + c->stamp_offset;
}

#endif
