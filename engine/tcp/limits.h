/*
 * limits.h - every bound of the TCP/IP stack that is not a setting, with its unit and its reason.
 */
#ifndef WEIR_TCP_LIMITS_H
#define WEIR_TCP_LIMITS_H

#include "base/instant.h"

/* ---- segments ---- */
#define TCP_MSS_MIN 216u       /* below, each byte costs too much (CVE-2019-11479) */
#define TCP_CUT_MSS_MIN 536u   /* smaller ones are no great flow, and some devices do not cut them */
#define TCP_MSS_DEFAULT_V4 536u /* RFC 9293 3.7.1 */
#define TCP_MSS_DEFAULT_V6 1220u
#define TCP_STAMP_BYTES 12u /* timestamps option, padded */
#define TCP_PATH_MTU_MIN_V4 576u /* a smaller report of a router is not believed (RFC 5927 7.2) */
#define TCP_PATH_MTU_MIN_V6 1280u

/* ---- what size a path carries ---- */
#define TCP_BLACK_HOLE_RETRIES 2u /* of one large segment: then a smaller one is tried (RFC 4821 7.7) */
#define TCP_BLACK_HOLE_MSS_V4 1024u /* RFC 4821 7.2: what nearly every path carries */
#define TCP_PROBES_MAX 3u           /* of one size, lost in a row (RFC 8899 5.1.2: MAX_PROBES) */
#define TCP_PROBE_STEP_MIN 32u      /* bytes: to find out more costs more than it gains */
#define TCP_PROBE_PAUSE_US SECOND_US /* after a loss, at least: near peers would lose one every few milliseconds */
#define TCP_PATH_RAISE_US (600 * SECOND_US) /* RFC 8899 5.1.1: PMTU_RAISE_TIMER; RFC 8201 4, 5.3: so long is remembered */
#define TCP_TRIAL_SEGMENTS 128u /* of a new size; if more than a tenth are lost it is wrong (RFC 4821 7.8) */
#define TCP_TRIAL_LOST_SHARE 10u
#define TCP_SEARCH_SHARE 16u /* 1 in so many connections may search: the others go on with small segments */
#define TCP_SEARCHES_MIN 64u

/* ---- retransmission, RFC 6298 ---- */
#define TCP_RTO_INITIAL_US SECOND_US
#define TCP_RTO_MIN_US (200 * MS_US) /* below the RFC's second, as all large stacks have it */
#define TCP_RTO_MAX_US (60 * SECOND_US)
#define TCP_RTT_GRANULE_US MS_US /* G: the wheel's tick */
#define TCP_SYN_RETRIES_MAX 7u /* 1+2+4+8+16+32+60+60 s: three minutes (MUST-23), if the caller waits that long */
#define TCP_SYN_ACK_RETRIES_MAX 3u /* few answers to an address that is perhaps spoofed */
#define TCP_RETRIES_MAX 15u        /* R2: eight minutes from an RTO of 200 ms (MUST-20, SHLD-11); the callers'
	                            deadlines come sooner, and a path that loses half of all does not end mail */
#define TCP_ORPHAN_RETRIES_MAX 8u  /* of a connection that nobody holds any more */
#define TCP_FIN_WAIT_2_US (60 * SECOND_US) /* for released connections: the peer may never close */

/* ---- acknowledging ---- */
#define TCP_ACK_DELAY_US (40 * MS_US) /* MUST-58: below 500 ms */
#define TCP_ACK_SEGMENTS 2u           /* an ACK at least for every second full segment, SHLD-19 */
#define TCP_QUICK_ACKS 16u /* large segments at the start are acknowledged one by one: the peer is in slow
	                      start, and its window grows by our ACKs */
#define TCP_ACKS_OWED_MAX 64u         /* duplicate ACKs waiting to be sent */
#define TCP_CHALLENGES_MAX 2u         /* per connection and TCP_CHALLENGE_US (RFC 5961 7) */
#define TCP_CHALLENGE_US SECOND_US
#define TCP_CHALLENGES_ALL 1000u /* of all connections in a second, give or take half of it by a keyed draw: who
	                            counts ours learns nothing of others (CVE-2016-5696) */

/* ---- congestion ---- */
#define TCP_INITIAL_SEGMENTS 10u /* RFC 6928 */
#define TCP_INITIAL_BYTES 14600u
#define TCP_DUPLICATES 3u /* RFC 5681 3.2 */
#define TCP_WINDOW_MAX (1u << 30)

/* ---- what is in flight ---- */
#define SENT_RANGES_MAX 128u /* per connection (CVE-2019-5599: work per ACK must be bounded) */
#define SENT_RANGES_FEW 4u   /* in the connection itself: a dialogue needs three */
#define TCP_SACKED_SEGMENTS 3u /* RFC 8985 3.2: DupThresh */
#define TCP_REORDER_STEPS_MAX 255u /* reo_wnd_mult; the smoothed round trip bounds the window anyway */
#define TCP_REORDER_PERSIST 16u    /* RFC 8985 6.2 step 4: recoveries without D-SACK */
#define TCP_TAIL_DELAY_US (200 * MS_US) /* RFC 8985 7.2: the peer may delay the ACK of one segment */
#define TCP_RTT_MIN_WINDOW_MS (300u * 1000) /* how long the shortest round trip is remembered */

/* ---- PAWS ---- */
#define TCP_PAWS_IDLE_MS (24u * 24 * 3600 * 1000) /* 24 days, RFC 7323 5.5 */

/* ---- reassembly ---- */
#define TCP_REORDER_RANGES_MAX 64u /* per connection (CVE-2018-5390); work per segment is bounded by it */
#define TCP_REORDER_SPARE_BLOCKS 8u /* for the edges of ranges, above what the bytes themselves fill */
#define TCP_REORDER_SHARE 16u      /* 1 in so many connections may hold out-of-order bytes */
#define TCP_REORDER_CONNECTIONS_MIN 64u
#define TCP_WINDOW_SHARE_MIN 8192u /* a window's share of the pool is never smaller: some segments */
#define TCP_POOL_LOW_SHARE 16u /* windows stop growing while less than 1/16 of the blocks is free */

/* ---- finding connections ---- */
#define TCP_RECENT_CONNECTIONS 256u /* a power of two; a burst comes from few peers */

/* ---- memory pressure ---- */
#define TCP_STALL_US (5 * SECOND_US) /* a closed window is borne that long while blocks are low */
#define TCP_STALL_EVICTIONS 16u      /* per turn: making room must not become the work itself */

/* ---- datagrams in pieces ---- */
#define FRAGMENT_BUDGET_BYTES (4u << 20)
#define FRAGMENT_DATAGRAMS_MAX 1024u /* a power of two; dead ones too */
#define FRAGMENT_PIECES_MAX 64u      /* 64 KiB in Ethernet frames are 45; FragmentSmack (CVE-2018-5391) needs many */
#define FRAGMENT_CHUNK_BYTES 510u    /* 512 with their link: an eight-byte piece costs one */
#define FRAGMENT_CHUNKS 6656u
#define FRAGMENT_SOURCES 4096u
#define FRAGMENT_SOURCE_MAX 64u
#define FRAGMENT_TIMEOUT_V4_US (15 * SECOND_US) /* RFC 791 3.2 */
#define FRAGMENT_TIMEOUT_V6_US (60 * SECOND_US) /* RFC 8200 4.5 */
#define FRAGMENT_EXPIRIES 64u                   /* per turn */

/* ---- black boxes ---- */
#define BLACK_BOX_EACH 4096u /* connections of a stack with a ring each: 2.7 MiB ... */
#define BLACK_BOX_SHARE 16u  /* ... above, one for so many: what a million idle ones may cost, 42 bytes each */
#define BLACK_BOX_SETTLE_US SECOND_US /* a ring is taken over from who was quiet that long */
#define BLACK_BOX_PER_SECOND 10u      /* records of ended connections: an outage ends all at once, and few tell it all */
#define BLACK_BOX_PENDING_MAX 16u     /* of them between two turns of the application */

/* ---- output ---- */
#define TCP_VISIT_FRAMES 4u /* frames of one connection before the next has its turn */

/* ---- neighbours ---- */
#define TCP_NEIGHBOURS_MAX 1024u           /* a power of two */
#define TCP_NEIGHBOURS_UNRESOLVED_MAX 256u /* RFC 6583: a scan must not push out who is known */
#define TCP_NEIGHBOUR_TRIES 3u             /* RFC 4861 10: MAX_*_SOLICIT */
#define TCP_NEIGHBOUR_RETRY_US SECOND_US   /* RETRANS_TIMER */
#define TCP_NEIGHBOUR_FRESH_US (30 * SECOND_US) /* REACHABLE_TIME */

/* ---- frames without a connection ---- */
#define TCP_CONTROL_FRAMES_MAX 256u /* more than a burst of SYNs brings between two outputs */
#define TCP_CONTROL_BYTES_MAX 1600u
#define TCP_CONTROL_PER_MS 32u /* answers to whoever asks: no reflector, no RST storm */

#define TCP_ICMP_PASSES_PER_SECOND 1000u /* errors handed on to other stacks: each goes to all of them */

/* ---- ports ---- */
#define TCP_PORT_TRIES_MAX 4096u /* then the range counts as used up towards that remote */
#define TCP_TIME_WAIT_REUSE_MS 1000u /* then its port may be used again (RFC 6191) */

#endif
