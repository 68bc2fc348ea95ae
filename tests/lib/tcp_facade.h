/*
 * tcp_facade.h - a small socket interface over one TCP/IP stack in virtual time.
 *
 * For programs that want to drive the stack from outside as a script drives a host: they call
 * sockets, put raw IP packets in, take IP packets out, and move the clock. Nothing here waits, no
 * thread runs, no real clock is read: time stands still until facade_advance() moves it, and the same
 * calls give the same packets.
 *
 *	struct facade_options o = facade_defaults();
 *	struct facade *f = facade_make(&o);
 *	int s = facade_socket(f, IP_V4);
 *	facade_bind(f, s, (struct endpoint){ .addr = ours, .port = 25 });
 *	facade_listen(f, s, 10);
 *	facade_inject(f, syn);                  the peer's IP packet
 *	facade_take(f, room, &at);              our SYN-ACK, and when it left
 *	facade_advance(f, 10 * MS_US);
 *
 * Contract
 *   Time      facade_advance() runs every timer on its way at its own instant. Calls between two
 *             advances happen at one instant, in their order, and what they make the stack send is
 *             decided when the next packet is asked for or time moves: as a host that reads
 *             all that has arrived and then answers.
 *   Link      ARP and neighbour discovery are answered by the facade itself; packets in and out start
 *             with the IP header. Every address is reachable.
 *   Sockets   small numbers from 0. None of the calls blocks: FACADE_AGAIN says that nothing
 *             can be done now, facade_poll() what can.
 *   Ownership whoever makes a facade frees it. Packets and bytes are copied.
 *   Bounds    FACADE_SOCKETS_MAX sockets, FACADE_PACKETS_MAX packets not yet taken (more is a
 *             failure of the program under test: the facade stops with a message).
 */
#ifndef WEIR_TESTS_TCP_FACADE_H
#define WEIR_TESTS_TCP_FACADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/span.h"
#include "tcp/tcp.h"

#define FACADE_SOCKETS_MAX 256u
#define FACADE_PACKETS_MAX 4096u
#define FACADE_PACKET_BYTES_MAX 9000u

/* ---- one host ---- */

enum facade_order { /* of the options on SYN and SYN-ACK; no other segment is touched */
	FACADE_ORDER_OURS = 0, /* mss, nop+scale, nop+nop+sack-permitted, nop+nop+stamps */
	FACADE_ORDER_LINUX     /* mss, sack-permitted+stamps, nop+scale */
};

struct facade_options {
	struct tcp_config stack; /* everything the stack lets one choose: addresses, mtu, rx_bytes_max
	                          * (receive buffer), tx_bytes_max, window_shift (scale),
	                          * rto_initial_us, and so on */
	uint32_t blocks;         /* of 4 KiB, shared by all sockets */
	struct instant begin;    /* what the clock shows first */
	enum facade_order order;
	uint32_t pieces;         /* packets come in pieces of at most so many bytes (scatter.h); 0: whole */
};

struct facade;

/* One address of each family (198.18.0.1/24, 2001:2::1/64) with a gateway, 1500 bytes, 64 KiB each way. */
struct facade_options facade_defaults(void);
MUST_USE struct facade *facade_make(const struct facade_options *options);
void facade_free(struct facade *f);

/* ---- time ---- */

struct instant facade_now(const struct facade *f);
/* Moves the clock by `us`, or to an instant that is not before now. */
void facade_advance(struct facade *f, uint64_t us);
void facade_advance_to(struct facade *f, struct instant to);
/* When a timer has something to do; INSTANT_NEVER when none has. */
struct instant facade_deadline(const struct facade *f);

/* ---- the wire ---- */

/* One IP packet (version 4 or 6 by its first byte) arrives now. */
void facade_inject(struct facade *f, struct span packet);
/* The next IP packet the stack sent: its bytes (0: none), and when it left. */
size_t facade_take(struct facade *f, struct room room, struct instant *at);

/* ---- sockets ---- */

enum facade_result {
	FACADE_OK = 1,
	FACADE_AGAIN,        /* nothing to accept, read, or no room to write */
	FACADE_BAD_SOCKET,   /* no such socket, or not one that can do this */
	FACADE_IN_USE,       /* the address and port are taken; or no socket is left */
	FACADE_INVALID,      /* an argument makes no sense */
	FACADE_PIPE,         /* written after shutdown, or after the end of the connection */
	FACADE_RESET,        /* by the peer */
	FACADE_REFUSED,      /* RST to our SYN */
	FACADE_TIMED_OUT,    /* retransmissions, keep-alive or user timeout exhausted */
	FACADE_UNREACHABLE,  /* no route, or a hard ICMP error while connecting */
	FACADE_NO_CONNECTION /* the stack has no room for another one */
};

/* A socket of a family, or -1. */
int facade_socket(struct facade *f, enum ip_family family);
/* An address of family IP_NONE is any of ours; port 0 is chosen at connect. */
enum facade_result facade_bind(struct facade *f, int socket, struct endpoint local);
/* At most `backlog` connections wait to be accepted; further ones are reset. */
enum facade_result facade_listen(struct facade *f, int socket, uint32_t backlog);
/* *accepted is the new socket, *peer who is there (may be NULL). */
enum facade_result facade_accept(struct facade *f, int socket, int *accepted,
                                 struct endpoint *peer);
/* Sends a SYN. FACADE_AGAIN: under way; facade_poll() says when it ended, facade_error() how. */
enum facade_result facade_connect(struct facade *f, int socket, struct endpoint remote);
/* *bytes of 0 with FACADE_OK is the end of the stream. */
enum facade_result facade_read(struct facade *f, int socket, struct room to, size_t *bytes);
/* Takes what there is room for. */
enum facade_result facade_write(struct facade *f, int socket, struct span from, size_t *bytes);

enum facade_half { FACADE_READ = 1, FACADE_WRITE = 2, FACADE_BOTH = 3 };
enum facade_result facade_shutdown(struct facade *f, int socket, enum facade_half half);
/* The number may be used again at once; the connection ends by itself. */
enum facade_result facade_close(struct facade *f, int socket);

enum facade_poll_bits {
	FACADE_POLL_IN = 1u << 0,  /* accept or read gives something (also the end) */
	FACADE_POLL_OUT = 1u << 1, /* connected, and there is room to write */
	FACADE_POLL_EOF = 1u << 2, /* the peer closed its side */
	FACADE_POLL_END = 1u << 3, /* both sides are over, in order or not */
	FACADE_POLL_ERR = 1u << 4, /* not in order: facade_error() */
};
uint32_t facade_poll(struct facade *f, int socket);
/* FACADE_OK, or how the connection ended. */
enum facade_result facade_error(struct facade *f, int socket);

/* ---- options ---- */

enum facade_option {
	FACADE_RECEIVE_BUFFER = 1, /* bytes; no more than the stack's rx_bytes_max */
	FACADE_SEND_BUFFER,
	FACADE_NO_DELAY,           /* 1: no Nagle (what a new socket has), 0: Nagle */
	FACADE_LINGER_RESET,       /* 1: close sends RST instead of FIN */
	FACADE_KEEP_IDLE_MS,       /* keep-alive after so long without a word; 0: none */
	FACADE_KEEP_INTERVAL_MS,   /* between its probes */
	FACADE_KEEP_PROBES,        /* unanswered ones that end the connection */
	FACADE_USER_TIMEOUT_MS,    /* how long unacknowledged bytes are borne; 0: by retransmissions */
	FACADE_OPTION_COUNT
};
/* On a listening socket: what accepted ones will have. */
enum facade_result facade_option_set(struct facade *f, int socket, enum facade_option option,
                                     uint64_t value);
enum facade_result facade_option_get(struct facade *f, int socket, enum facade_option option,
                                     uint64_t *value);
/* State, round-trip times, windows, counters: see struct tcp_info. */
enum facade_result facade_info(struct facade *f, int socket, struct tcp_info *info);

/* ---- for tests of the stack itself ---- */

struct tcp_stack *facade_stack(struct facade *f);
struct block_pool *facade_pool(struct facade *f);
/* The stack's own name of a socket's connection; HANDLE_NONE when it has none. */
struct handle facade_handle(struct facade *f, int socket);
/* The news of a socket's connection since the last call, as the stack reported it. */
uint32_t facade_events(struct facade *f, int socket, enum tcp_close_reason *why);
/* No connection, no block in use, no timer: everything was given back. */
bool facade_is_empty(const struct facade *f);

#endif
