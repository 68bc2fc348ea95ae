/*
 * tcp.h - the public face of the userspace TCP/IP stack of one worker.
 *
 * One stack owns one queue's worth of addresses, neighbours, listeners and connections, and is driven by the
 * four verbs: tcp_input() takes one Ethernet frame, tcp_output() writes the next frame to send,
 * tcp_deadline()/tcp_expire() carry time. Nothing here calls its caller, but to ask which ports it may use
 * (tcp_port_choice): what happened to connections is pulled with tcp_next_event().
 *
 * The application owns the far ends of two byte queues per connection:
 *   tcp_rx(): in-order bytes from the peer. The application consumes from it, then says tcp_rx_taken(), and
 *             the advertised window follows what is left: back-pressure is not reading.
 *   tcp_tx(): bytes not yet acknowledged. The application appends at the end (never more than tcp_tx_room()),
 *             then says tcp_tx_added(). It must not consume from it.
 *
 * A connection's handle stays valid until the application gives it up with tcp_release() or tcp_abort();
 * after that the stack finishes alone (FIN exchange, TIME-WAIT).
 *
 * Addresses may lie in VLANs: frames to one carry its tag and are taken with that tag only; neighbours are
 * known per VLAN. MTU and MSS count IP bytes and do not change with a tag.
 *
 * RFC 9293 (TCP), 6298 (RTO), 5681/6582 (loss recovery), 7323 (window scale, timestamps), 6528 (ISN),
 * 826/4861 (neighbours), 792/4443 (ICMP echo).
 */
#ifndef WEIR_TCP_TCP_H
#define WEIR_TCP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/prng.h"
#include "base/recorder.h"
#include "base/slab.h"
#include "base/span.h"
#include "tcp/black_box.h"

#define TCP_ADDRESSES_MAX 16u
#define TCP_ROUTES_MAX 68u /* 64 that an operator may write, and four gateways */
#define TCP_LISTENERS_MAX 64u
#define TCP_CUT_SEGMENTS_MAX 10u  /* of a frame that the port cuts: it must have room for as many */
#define TCP_CUT_HEADERS_MAX 118u  /* Ethernet with a tag, IPv6, TCP with all options */
#define TCP_FRAME_BYTES_MAX 9216u /* jumbo frames; the port's MTU is usually 1500 */
#define TCP_LARGE_BYTES_MAX 65593u /* frames that the port put together: a tag, IPv6, and what its length can say */
#define TCP_PIECES_MAX 64u        /* of a frame, to be taken piece by piece: of such a one in pieces of 1 KiB */

enum tcp_congestion { TCP_CUBIC = 0, TCP_NEWRENO };

struct tcp_keepalive { /* of a connection with nothing under way; idle_ms 0: none (RFC 9293 MUST-25) */
	uint32_t idle_ms, interval_ms;
	uint8_t probes; /* without an answer; then the connection ends as timed out */
};

/* Where several stacks share addresses: which local ports bring a peer's segments back to this stack. All NULL: those
 * of port_stride. For ports whose device hashes in a known way (pmd-config/rss.h). */
struct tcp_port_choice {
	const void *context;
	/* How many candidates there are from `local`; each port that will do is among them. */
	uint32_t (*candidates)(const void *context, struct ip_addr local);
	/* A candidate in O(1); `turn` sets where the naming begins. False: no port will do. */
	bool (*pick)(const void *context, struct ip_addr local, struct endpoint remote, uint32_t turn, uint32_t candidate,
	             uint16_t *port);
	/* The number of the stack to which the device brings segments from `remote` to `local`. */
	uint16_t (*owner)(const void *context, struct endpoint remote, struct endpoint local);
};

/* The way to what is off our links. A gateway is the route to 0.0.0.0/0 or ::/0. */
struct tcp_route {
	struct ip_prefix to;
	struct ip_addr via; /* on a link of ours: else the route is never taken */
};

static inline struct tcp_route tcp_gateway(struct ip_addr via)
{
	return (struct tcp_route){ .to = { .addr = { .family = via.family } }, .via = via };
}

struct tcp_config {
	uint8_t mac[6];
	uint16_t mtu; /* IP bytes per frame, 1280..9000 */
	uint32_t address_count;
	struct ip_interface addresses[TCP_ADDRESSES_MAX];
	uint32_t route_count;
	struct tcp_route routes[TCP_ROUTES_MAX];   /* the longest that holds the address, of those the first */
	uint32_t connections_max;                  /* with those in TIME-WAIT */
	uint32_t half_open_max;                    /* SYN-RECEIVED connections; above: SYN cookies */
	bool pacing;                               /* new segments are spread over the round trip (pacing.c) */
	bool ecn;                                  /* explicit congestion notification (RFC 3168), where peers agree */
	bool mtu_probing_off;                      /* segments made smaller stay so, and nothing is remembered of paths */
	bool cookies_off;                          /* above half_open_max SYNs are dropped instead, counted */
	uint32_t per_source_max;                   /* accepted connections of one IPv4 address or IPv6 /64; 0: any */
	uint32_t per_source_half_open_max;         /* above: SYN cookies for that source; 0: half_open_max */
	uint32_t rx_bytes_max;                     /* per connection: the largest window advertised */
	uint32_t rx_bytes_initial;                 /* where the window starts; grows as the path needs it. 0: at once
	                                            * rx_bytes_max */
	uint32_t tx_bytes_max;                     /* per connection: the most that tcp_tx() may hold */
	uint32_t pool_windows;                     /* a window promises at most 1/pool_windows of the free blocks'
	                                            * bytes; 0: no such limit */
	uint32_t reorder_bytes_max;                /* per connection: out-of-order bytes kept */
	struct tcp_keepalive keepalive;            /* what a new connection has */
	uint8_t retries_max;                       /* R2 (RFC 9293 3.8.3): retransmissions of the same bytes; 0: 15 */
	uint32_t user_timeout_ms;                  /* the same: how long unacknowledged bytes are borne; 0: by the
	                                            * number of retransmissions (limits.h) */
	uint64_t time_wait_us;                     /* 2 MSL; 60 s where nothing else is said */
	enum tcp_congestion congestion;            /* control of it: RFC 9438, or RFC 5681 */
	uint64_t rto_initial_us;                   /* before the first round trip is known; 0: one second */
	uint8_t window_shift;                      /* the scale we offer is at least this, up to 14; 0: what
	                                            * rx_bytes_max needs */
	uint16_t port_first, port_last;            /* local ports for tcp_connect() */
	uint16_t port_stride, port_offset;         /* how many stacks share the addresses, and the number of this one: it
	                                            * uses ports with port % stride == offset, unless */
	struct tcp_port_choice choice;             /* says which */
	bool large_frames;                         /* the device may put segments together (LRO): frames are up to
	                                            * TCP_LARGE_BYTES_MAX, and may come in pieces */
	bool scattered;                            /* the device may bring segments of an accepted connection to any stack */
	struct room cut_room;                      /* the port's: where a frame is written that it cuts into segments (TSO,
	                                            * or wire/cut.h); none: every frame is a segment */
	bool tx_checksum_offload;                  /* the port fills L4 checksums; we leave the pseudo-header sum */
	bool rx_checksum_offload;                  /* the port flags good checksums; see TCP_FRAME_CHECKED */
	bool fragments;                            /* are put together; else refused, counted */
	bool black_boxes_told;                     /* connections that end in disorder leave a record */
	struct siphash_key secret;                 /* ISN, flow hash, port choice */
	uint64_t seed;                             /* for everything that need not be secret */
};

struct tcp_stack;

/* Takes all memory of a stack out of `arena` (NULL when it does not fit; with a counting arena the result
 * is not usable). `pool` is the worker's block pool, shared with the layers above. `recorder` may be NULL. */
MUST_USE struct tcp_stack *tcp_make(struct arena *arena, const struct tcp_config *config,
                                    struct block_pool *pool, struct recorder *recorder,
                                    struct instant now);

/* Tells the link whose addresses these are (gratuitous ARP, RFC 5227 3; unsolicited advertisement, RFC 4861
 * 7.2.6), so that neighbours who knew another MAC forget it. Once, when the port is up. */
void tcp_announce(struct tcp_stack *s, struct instant now);

/* ---- the four verbs ---- */

#define TCP_FRAME_CHECKED 1u /* the port verified the IP and L4 checksums of this frame */
#define TCP_FRAME_FINAL 2u   /* no other stack is to see it: all that are concerned have */

/* One received Ethernet frame, borrowed for the call, that no other stack is to see. Bad frames are counted drops
 * (drops.def). */
void tcp_input(struct tcp_stack *s, struct span frame, uint32_t flags, struct instant now);

#define TCP_BURST_MAX 32u

struct tcp_frame { /* a received Ethernet frame, borrowed */
	struct span head;        /* all of it; with large_frames perhaps its first piece only */
	const struct span *more; /* the pieces behind that */
	uint32_t more_count;
	uint32_t flags; /* TCP_FRAME_* */
};

static inline size_t tcp_frame_bytes(const struct tcp_frame *f)
{
	size_t bytes = f->head.bytes;
	for (uint32_t i = 0; i < f->more_count; i++)
		bytes += f->more[i].bytes;
	return bytes;
}

/* The same for up to TCP_BURST_MAX frames that came together, in their order. With many connections much faster than
 * one by one: what one frame needs is fetched while another is dealt with.
 * Returns which frames (bit i) were not taken because they are another stack's: tcp_foreign_owner() says whose. */
uint32_t tcp_input_burst(struct tcp_stack *s, const struct tcp_frame *frames, uint32_t count, struct instant now);

struct tcp_frame_meta { /* what a checksum-offloading port must know of a frame */
	uint16_t l2_bytes, l3_bytes, l4_bytes;
	bool ipv6;
	bool checksum_wanted; /* the L4 checksum field holds the pseudo-header sum: the port must finish it */
	uint16_t segment_bytes; /* not 0: the frame stands in cut_room, and the port must cut its payload into segments of
	                           * so many bytes. No checksum is filled in: each segment wants its own */
};

/* Writes the next frame to send; returns its bytes, 0 when there is nothing to send now. room must hold
 * mtu + 18 bytes (Ethernet's header with a VLAN tag). */
size_t tcp_output(struct tcp_stack *s, struct room room, struct tcp_frame_meta *meta, struct instant now);
/* When tcp_expire() has something to do next; INSTANT_NEVER when idle. */
struct instant tcp_deadline(const struct tcp_stack *s);
void tcp_expire(struct tcp_stack *s, struct instant now);

/* ---- opening ---- */

/* Accept connections to addr:port (addr of family IP_NONE: any of ours). `tag` comes back in the event. */
MUST_USE bool tcp_listen(struct tcp_stack *s, struct endpoint local, uint32_t tag);

enum tcp_connect_outcome {
	TCP_CONNECT_STARTED = 1,
	TCP_CONNECT_NO_PORT,       /* all local ports towards this remote are in use */
	TCP_CONNECT_NO_CONNECTION, /* connections_max reached */
	TCP_CONNECT_NO_ROUTE,      /* no address of that family, or off-link and no route */
};

/* Active open. The outcome of the handshake arrives as an event. `user` is the caller's own word. */
MUST_USE enum tcp_connect_outcome tcp_connect(struct tcp_stack *s, struct endpoint remote, uint64_t user,
                                              struct instant now, struct handle *id);

/* The same from a local address (of family IP_NONE: the one that faces `remote`) and port (0: chosen) of the
 * caller's own. A port that is in use towards `remote`, or an address that is not ours, has no port. */
MUST_USE enum tcp_connect_outcome tcp_connect_from(struct tcp_stack *s, struct endpoint local,
                                                   struct endpoint remote, uint64_t user,
                                                   struct instant now, struct handle *id);

/* ---- events ---- */

enum tcp_event_bits {
	TCP_ACCEPTED = 1u << 0, /* a new connection, established; tag = listener's */
	TCP_OPENED = 1u << 1,   /* an active open was established */
	TCP_READABLE = 1u << 2, /* tcp_rx() has grown */
	TCP_WRITABLE = 1u << 3, /* tcp_tx_room() has grown */
	TCP_EOF = 1u << 4,      /* the peer closed its side: nothing follows what is in tcp_rx() */
	TCP_CLOSED = 1u << 5,   /* over: see why. The handle waits for tcp_release(). */
};

enum tcp_close_reason {
	TCP_CLOSE_NONE = 0,
	TCP_CLOSE_DONE,       /* both sides closed in order */
	TCP_CLOSE_RESET,      /* the peer sent RST */
	TCP_CLOSE_REFUSED,    /* RST to our SYN */
	TCP_CLOSE_TIMEOUT,    /* retransmissions exhausted (R2), or no answer to our SYN */
	TCP_CLOSE_UNREACHABLE /* neighbour resolution failed, or a hard ICMP error on our SYN */
};

struct tcp_event {
	struct handle id;
	uint64_t user; /* as given to tcp_connect()/tcp_user_set(); 0 for a fresh accept */
	uint32_t bits; /* enum tcp_event_bits, several at once */
	uint32_t tag;
	enum tcp_close_reason why;
};

/* The next connection with news, merged per connection; false when there is none. */
MUST_USE bool tcp_next_event(struct tcp_stack *s, struct tcp_event *event);

/* ---- one connection; all of these accept only live handles (CHECK) ---- */

struct byteq *tcp_rx(struct tcp_stack *s, struct handle id);
void tcp_rx_taken(struct tcp_stack *s, struct handle id, struct instant now);
struct byteq *tcp_tx(struct tcp_stack *s, struct handle id);
/* How many bytes may be appended to tcp_tx() now; 0 after tcp_shut() and once closed. */
size_t tcp_tx_room(const struct tcp_stack *s, struct handle id);
void tcp_tx_added(struct tcp_stack *s, struct handle id, struct instant now);
void tcp_user_set(struct tcp_stack *s, struct handle id, uint64_t user);
/* No more bytes from us: FIN after what is in tcp_tx(). Reading goes on. */
void tcp_shut(struct tcp_stack *s, struct handle id, struct instant now);
/* RST now (nothing when already closed); queues dropped; the handle is gone. */
void tcp_abort(struct tcp_stack *s, struct handle id, struct instant now);
/* The application is done: closes in order if still open; unread bytes turn it into an abort
 * (RFC 9293 3.6.1 / RFC 1122 4.2.2.13). The handle is gone. */
void tcp_release(struct tcp_stack *s, struct handle id, struct instant now);

/* Bounds of this connection's queues, no larger than the stack's; 0: the stack's own. What the window already
 * promised stays promised. */
void tcp_bounds_set(struct tcp_stack *s, struct handle id, uint32_t rx_bytes_max, uint32_t tx_bytes_max);
/* With Nagle's rule (RFC 9293 3.7.4) less than a full segment waits while anything is unacknowledged. Off where
 * nothing is said: callers write whole replies. */
void tcp_nagle_set(struct tcp_stack *s, struct handle id, bool on, struct instant now);

void tcp_keepalive_set(struct tcp_stack *s, struct handle id, const struct tcp_keepalive *keep,
                       struct instant now);
/* RFC 5482; 0: none. */
void tcp_user_timeout_set(struct tcp_stack *s, struct handle id, uint32_t ms);

struct tcp_info {
	struct endpoint local, remote;
	const char *state;        /* as in states.def */
	uint32_t smoothed_rtt_us; /* 0: not measured yet */
	uint32_t rtt_variance_us;
	uint32_t rto_us;
	uint32_t mss;
	uint32_t congestion_bytes; /* the congestion window */
	uint32_t threshold_bytes;  /* where slow start ends */
	uint32_t send_window_bytes; /* as the peer advertised it */
	uint32_t receive_limit_bytes; /* what an empty queue would advertise: grows with the path */
	uint32_t receive_window_bytes; /* as we advertised it, less what came since */
	uint32_t flight_bytes; /* sent and not acknowledged */
	uint32_t unsent_bytes;
	uint8_t send_shift, receive_shift;
	bool stamps, sack; /* negotiated */
	uint64_t retransmits;
	bool all_acked; /* every byte written (and the FIN) was acknowledged */
	bool peer_closed;
	bool shut; /* tcp_shut() was said */
};
void tcp_info(const struct tcp_stack *s, struct handle id, struct tcp_info *info);

/* ---- looking at connections from outside: inspect.c ---- */

/* The black box and the numbers of any connection, also one that nobody holds any more. False: there is none of
 * that name. A connection that has gone without a ring has no entries. */
MUST_USE bool tcp_inspect(const struct tcp_stack *s, struct handle id, struct black_box_record *record,
                          struct tcp_info *info);

struct tcp_row {
	struct handle id;
	struct endpoint local, remote;
	const char *state; /* as in states.def */
	uint32_t age_ms;
	uint32_t quiet_ms; /* since the peer was heard last */
	uint32_t unread_bytes, unacked_bytes;
};

/* Up to `rows_max` connections from *slot on, of which `slots_max` are looked at; *slot moves on behind them, to
 * connections_max at the end. Returns how many. */
uint32_t tcp_rows(const struct tcp_stack *s, uint32_t *slot, uint32_t slots_max, struct tcp_row *rows,
                  uint32_t rows_max, struct instant now);
uint32_t tcp_slots(const struct tcp_stack *s); /* of which *slot is one */

/* The record of a connection that ended by RST, timeout or an unreachable peer; false: no more. Not told are those
 * that we aborted, and those that never opened to us: scans and floods of SYNs would drown the rest. */
MUST_USE bool tcp_black_box_next(struct tcp_stack *s, struct black_box_record *record);

/* ---- accounting ---- */

enum tcp_drop { /* reasons in tcp/drops.def */
#define DROP(name, text) TCP_DROP_##name,
#include "tcp/drops.def"
#undef DROP
	TCP_DROP_COUNT
};

struct tcp_counters {
	uint64_t frames_in, frames_out, bytes_in, bytes_out;
	uint64_t predicted; /* of segments_in, those that took the short way (express.c) */
	uint64_t segments_in, segments_out, retransmits, fast_retransmits, timeouts;
	uint64_t tail_probes; /* RFC 8985 7 */
	uint64_t spurious;    /* recoveries that were for nothing and were undone */
	uint64_t reneged;     /* peers that forgot what they had reported */
	uint64_t ecn_marks;   /* segments that a router marked instead of dropping them */
	uint64_t ecn_echoes;  /* reductions because the peer said that ours were */
	uint64_t doubled_in;  /* segments with bytes that we had already */
	uint64_t cookies_given, cookies_taken; /* SYN cookies, and connections made of them */
	uint64_t black_holes; /* paths that swallowed large segments without a word (RFC 8899) */
	uint64_t path_reports;     /* segments made smaller because a router said so */
	uint64_t path_known;       /* connections that began with what was remembered of the path */
	uint64_t path_probes, path_probes_lost; /* larger segments that were tried (RFC 4821), */
	uint64_t path_raised, path_undone;      /* those that showed that the path carries them, and did not in the end */
	uint64_t opened_active, opened_passive, closed, resets_in, resets_out;
	uint64_t reassembled; /* datagrams put together of fragments */
	uint64_t black_boxes; /* records of connections that ended in disorder, */
	uint64_t black_boxes_lost; /* and those that more would have been */
	uint64_t foreign; /* frames for a connection of another stack: see tcp_input_burst() */
	uint64_t drops[TCP_DROP_COUNT];
};
const struct tcp_counters *tcp_counters(const struct tcp_stack *s);
const char *tcp_drop_name(enum tcp_drop drop);
uint32_t tcp_connections(const struct tcp_stack *s); /* live, with TIME-WAIT */
uint32_t tcp_time_waits(const struct tcp_stack *s);

/* Several stacks share one address: the number of the one that must see this frame. For a TCP segment to a local port
 * of tcp_connect() the answer is known; else -1, and any of them may be the one. Pure function of the frame; used by the
 * worker to hand a frame over when its device brought it to another queue. */
int tcp_foreign_owner(const struct tcp_stack *s, const struct tcp_frame *frame);

/* The kernel has an interface behind the same port, with the same MAC: whose is this frame? Our addresses are
 * ours alone, the rest of what this station gets is the kernel's; news of neighbours is for both. */
enum tcp_share { TCP_SHARE_OURS = 1, TCP_SHARE_KERNEL, TCP_SHARE_BOTH };
enum tcp_share tcp_frame_share(struct span frame, const struct tcp_config *config);
/* May the kernel send this by our port? Not in the name of an address of ours. */
bool tcp_frame_may_leave(struct span frame, const struct tcp_config *config);

#endif
