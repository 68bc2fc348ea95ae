/*
 * limits.h - the bounds of the relay, each with its unit and its reason.
 */
#ifndef WEIR_RELAY_LIMITS_H
#define WEIR_RELAY_LIMITS_H

#include "base/instant.h"

#define LEG_PLAIN_BYTES_MAX 32768u /* decrypted and not yet eaten: two TLS records */
#define LEG_OUT_BYTES_MAX 65536u   /* from an SMTP machine and not yet encrypted or moved to TCP */
#define LEG_POOL_SHARE 64u         /* what a leg may hold in `out`, and in tcp_tx, of the free blocks: one in so many */
#define LEG_SHARE_BYTES_MIN 20480u /* but always a whole TLS record */
#define PUMP_EVENTS_MAX 64u        /* SMTP events of one leg in one visit, so that legs take turns */
#define VISITS_PER_TURN_MAX 4096u  /* leg visits in one turn; the rest wait for the next one */
#define EVENTS_PER_TURN_MAX 4096u  /* TCP events of one stack taken in one turn */
#define TIMERS_PER_TURN_MAX 1024u
#define BODY_BLOCKS_RESERVE 8u     /* with fewer free blocks no more content is eaten: back-pressure */
#define BODY_POOL_SHARE 32u    /* ... nor with less than this part of the pool. TCP stops taking content at 1/16: what
			       * is received can always be passed on, and next's replies find blocks */
#define STARVED_RETRY_US (20 * MS_US) /* so long after blocks ran out all legs are looked after again, if not sooner */
#define RECEIVED_MAX 100u          /* RFC 5321 6.3: at least 100 before a loop is assumed */
#define REPORTS_MAX 1024u          /* transaction reports waiting for control; a power of two */
#define NEXT_TOTAL_US (60 * SECOND_US) /* all candidates of one recipient together; RCPT may take 5 min */
#define CLOSE_LINGER_US (10 * SECOND_US) /* a closing leg may take so long to flush its last reply */

#endif
