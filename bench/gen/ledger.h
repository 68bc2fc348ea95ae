/*
 * ledger.h - what became of every message: the senders' book against the sinks' book (pure,
 * bounded).
 *
 * One row a message, at the number it was made from. The senders write what they tried and how it
 * ended, the sinks what they took; ledger_count() reconciles. A ledger may be shared by several
 * workers: a sender writes only rows of its own numbers, and what sinks write is written
 * atomically.
 *
 * Three kinds of end of an attempt:
 *   acknowledged   2yz after the end of the message: it must have been delivered, once
 *   refused        another reply, or a failure before the end was sent: it must not have been
 *                  delivered
 *   uncertain      the connection was lost behind the end, or the reply behind the end was 4yz with
 *                  4.4.2 or 4.5.0: the next hop may have taken it (RFC 5321 4.2.5, 6.1); one
 *                  delivery more is explained by this
 */
#ifndef WEIR_BENCH_GEN_LEDGER_H
#define WEIR_BENCH_GEN_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/check.h"

#define LEDGER_TIMES_MAX 255u /* every count of a row stops there */

struct ledger_row {
	uint8_t attempts;
	uint8_t acknowledged;
	uint8_t refused;
	uint8_t uncertain;
	uint8_t finished;  /* no further attempt follows */
	uint8_t delivered; /* the sink answered 250, the content was right */
	uint8_t corrupted; /* the sink answered 250, the content was not right */
	uint8_t turned_away; /* the sink refused it for good */
};

struct ledger {
	struct ledger_row *rows;
	uint64_t count;
	uint64_t unknown; /* taken by a sink, but without an id of this run in it */
	uint64_t bounces; /* taken by a sink, from the null sender: notifications (RFC 5321 4.5.5) */
};

struct ledger_totals {  /* in messages, but for the last three */
	uint64_t begun; /* at least one attempt */
	uint64_t acknowledged;
	uint64_t delivered; /* at least once, right */
	uint64_t refused;   /* finished without acknowledgement, certainly */
	uint64_t unanswered; /* finished without acknowledgement, an attempt was uncertain */
	uint64_t unfinished; /* begun, but no final outcome */
	uint64_t lost;       /* acknowledged and never delivered, right or not */
	uint64_t bounced;    /* so, but because the sink refused it for good: a bounce is owed */
	uint64_t duplicated; /* delivered oftener than acknowledged or uncertain attempts */
	uint64_t duplicated_explained; /* delivered more than once, explained */
	uint64_t corrupted;
	uint64_t contradicted; /* delivered although every attempt was refused */
	uint64_t attempts;
	uint64_t deliveries;
	uint64_t unknown;
	uint64_t bounces;
};

/* NULL when it does not fit. */
MUST_USE struct ledger *ledger_make(struct arena *arena, uint64_t count);

void ledger_attempt(struct ledger *l, uint64_t number);
void ledger_acknowledged(struct ledger *l, uint64_t number);
void ledger_refused(struct ledger *l, uint64_t number, bool final);
void ledger_uncertain(struct ledger *l, uint64_t number, bool final);
/* By a sink: `right` as mail.h judged. A number outside the ledger counts as unknown. */
void ledger_delivered(struct ledger *l, uint64_t number, bool right);
void ledger_unknown(struct ledger *l);
/* A sink refused it for good. A mail server that had acknowledged it must send a bounce; one that
 * relays replies must not have acknowledged it. */
void ledger_turned_away(struct ledger *l, uint64_t number);
void ledger_bounce(struct ledger *l);

void ledger_count(const struct ledger *l, struct ledger_totals *totals);
/* Nothing lost, doubled, corrupted, contradicted, unknown or left open, and for what bounced there was
 * a bounce. `uncertain_allowed`:
 * connections were broken on purpose, so unanswered messages are no fault. */
bool ledger_balanced(const struct ledger_totals *totals, bool uncertain_allowed);

#endif
