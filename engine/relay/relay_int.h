/*
 * relay_int.h - the relay's own structures: near sessions, transactions, next legs, groups. Never leaves the folder.
 *
 * Who owns what: a near session owns its transaction; a transaction names its next leg by handle and the next leg
 * names its near session by handle, so that either may vanish first. Groups hold the idle next legs and the waiting
 * sessions of one group key. All of it lives in slabs of one worker; a transaction lives in one block of the pool, so
 * that a session between transactions holds none.
 */
#ifndef WEIR_RELAY_RELAY_INT_H
#define WEIR_RELAY_RELAY_INT_H

#include "base/prng.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "mime/header.h"
#include "relay/leg.h"
#include "relay/limits.h"
#include "relay/relay.h"
#include "smtp/client.h"
#include "smtp/server.h"

#define QUEUE_ID_BYTES 16u

enum phase {
#define PHASE(name, text) PHASE_##name,
#include "relay/phases.def"
#undef PHASE
	PHASE_COUNT
};

enum visit_kind { VISIT_NEAR = 1, VISIT_NEXT };

/* A place in the queue of legs to be pumped in this turn. First member behind the slab head in both kinds. */
struct visit {
	struct visit *following;
	enum visit_kind kind;
	bool queued;
	struct instant since; /* what it is for cannot have come earlier */
};

struct visit_line {
	struct visit *first, *last;
};

/* A mailbox that was kept: the spans of `box` point into `text`. */
struct kept_mailbox {
	struct smtp_mailbox box;
	uint8_t text[SMTP_PATH_MAX];
};

struct attempt {               /* at getting a next leg for the first recipient */
	uint32_t candidate;    /* index into the route's next hops */
	bool without_tls;      /* the fallback on a new connection */
	bool fresh;            /* idle connections are not to be used: one was just found dead */
	enum policy_fact_next fact; /* the most telling failure so far */
	struct instant deadline;
};

struct transaction {
	enum phase phase;
	bool chunked;        /* near sends BDAT */
	bool body_complete;  /* near has sent all content */
	bool inspected;      /* every byte so far went through the matcher */
	bool header_open;    /* mime/header still reads */
	bool near_gone;      /* the sender left after commit */
	bool waiting;        /* in its group's line for a next leg */
	bool next_reused, next_verified, next_chunked;
	uint32_t recipients; /* accepted by next */
	uint32_t received_fields;
	uint64_t group_key;  /* fixed by the first recipient that was accepted */
	uint64_t body_bytes;
	struct instant began;
	struct handle next;
	struct near *line_before, *line_behind;
	struct attempt attempt;
	struct policy_next want; /* of the recipient being decided */
	struct content_stream *stream;
	struct mime_header header;
	struct byteq held; /* content that next had no room for yet */
	const char *next_tls, *next_cipher;
	struct endpoint next_remote;
	struct conn_id next_conn;
	struct verdict verdict;
	enum relay_outcome refused_outcome; /* while SWALLOW, or the next leg is gone: what `refused` means */
	enum relay_stage touched;
	uint64_t stage_us[RELAY_STAGE_COUNT];
	char queue_id[QUEUE_ID_BYTES];
	struct smtp_mail mail;
	struct kept_mailbox sender, recipient, first;
	uint8_t scratch[POLICY_SCRATCH_BYTES];
	struct smtp_reply refused; /* code 0: nothing was refused */
};

_Static_assert(sizeof(struct transaction) <= BLOCK_DATA_BYTES, "a transaction fits one block");

struct near {
	struct slab_head head;
	struct visit visit;
	struct leg leg;
	struct timer timer;
	uint32_t listener; /* index into the settings' listeners */
	bool starttls_due; /* the 220 is queued: TLS starts once it has left */
	bool tls_known;    /* the handshake's end was noticed */
	bool closing;      /* nothing is eaten any more: flush, close, linger */
	bool in_touched;
	struct instant linger;
	struct endpoint remote;
	struct conn_id conn;
	const char *tls_text, *cipher_text;
	struct block *block;   /* what the transaction lives in */
	struct transaction *t; /* NULL: between transactions */
	struct smtp_server smtp;
};

enum next_phase {
	NEXT_CONNECTING = 1, /* TCP */
	NEXT_GREETING,       /* greeting, EHLO, STARTTLS command */
	NEXT_HANDSHAKE,      /* TLS */
	NEXT_BUSY,           /* serves a transaction */
	NEXT_RESETTING,      /* an abandoned transaction's RSET is on its way */
	NEXT_IDLE,           /* in its group's pool */
	NEXT_QUITTING,       /* QUIT was sent, or closing */
	NEXT_DEAD,           /* to be freed at its next visit */
};

struct group;

struct next {
	struct slab_head head;
	struct visit visit;
	struct leg leg;
	struct timer timer;
	enum next_phase phase;
	bool leaving; /* said 421: the leg is not used again */
	bool orderly; /* once DEAD: close with FIN, nothing was under way */
	bool verified;
	struct handle near; /* whom it serves, or is being opened for */
	struct group *group;
	struct next *idle_before, *idle_behind;
	struct instant deadline; /* connecting, idle, quitting */
	struct endpoint remote;
	uint64_t uses;
	const char *tls_text, *cipher_text;
	bool mail_refused; /* next refused MAIL: its reply answers the recipient */
	struct smtp_client smtp;
};

struct group {
	struct slab_head head;
	struct group *same_bucket;
	uint64_t key;
	uint32_t nexts; /* legs of this group in any phase */
	struct next *idle;          /* most recently used first */
	struct near *line, *line_end; /* sessions waiting, first come first served */
};

struct touched { /* a session that was worked for, and since when it had waited for that */
	struct handle near;
	struct instant since;
};

struct pending_report {
	bool open; /* its last stretch of time, from `since` on, is added when the turn is over */
	struct instant since;
	struct relay_report report;
};

struct relay {
	struct relay_config config;
	struct instant now;  /* of this turn or chore */
	struct instant turn; /* when the last turn began, and with it took the frames that were there */
	struct instant came; /* what is noticed now cannot have come earlier */
	struct instant waiting_since; /* the same for the leg that is being visited, which may have stood in line */
	int64_t wall_us;
	bool draining;
	struct instant starved; /* blocks ran low: when to look after all legs; INSTANT_NEVER: they did not */
	struct slab nears, nexts, groups;
	struct group **buckets;
	uint32_t bucket_count; /* a power of two */
	struct visit_line visits;     /* legs to be pumped in this turn */
	struct visit_line handshakes; /* legs in a TLS handshake, one for each chore */
	struct wheel wheel;
	struct prng prng;
	uint64_t queue_ms;    /* of the last queue id */
	uint64_t queue_count; /* of the last queue id, within its millisecond */
	struct smtp_server_config server_configs[SETTINGS_LISTENERS_MAX];
	struct smtp_client_config client_config;
	struct touched *touched; /* sessions that were worked for in this turn or chore */
	uint32_t touched_count;
	uint64_t counters[RELAY_COUNTER_COUNT];
	struct histogram budget[RELAY_STAGE_COUNT + 1]; /* the last one: the message whole */
	uint32_t reports_head, reports_tail, reports_open; /* ring positions */
	struct pending_report *reports;
};

static inline void count(struct relay *r, enum relay_counter counter)
{
	r->counters[counter]++;
}

/* Blocks below which no more content is eaten, and all legs are looked after again later. */
static inline uint32_t pool_reserve(const struct relay *r)
{
	return BODY_BLOCKS_RESERVE + r->config.pool->total / BODY_POOL_SHARE;
}

static inline bool pool_is_low(const struct relay *r)
{
	return r->config.pool->free_count < pool_reserve(r);
}

/* ---- relay.c ---- */
void visit_near(struct relay *r, struct near *n);
void visit_next(struct relay *r, struct next *x);
struct near *relay_near(struct relay *r, struct handle h);
struct next *relay_next(struct relay *r, struct handle h);
/* The word that comes back with TCP events and TLS completions. */
uint64_t user_of_near(const struct relay *r, const struct near *n);
uint64_t user_of_next(const struct relay *r, const struct next *x);

/* ---- near.c: the near leg of a session ---- */
void near_accept(struct relay *r, struct tcp_stack *tcp, const struct tcp_event *event);
void near_visit(struct relay *r, struct near *n);
void near_expire(struct relay *r, struct near *n);
void near_answer(struct relay *r, struct near *n, const struct smtp_reply *reply);
void near_answer_id(struct relay *r, struct near *n, enum smtp_reply_id id);

/* ---- session.c: the transaction ---- */
void transaction_enter(struct relay *r, struct near *n, enum phase to);
void session_mail(struct relay *r, struct near *n, const struct smtp_mail *mail);
void session_rcpt(struct relay *r, struct near *n, const struct smtp_mailbox *recipient);
void session_data(struct relay *r, struct near *n, bool chunked);
void session_chunk(struct relay *r, struct near *n);
/* RSET, EHLO, QUIT, timeout or loss of the sender before commit. */
void session_abandon(struct relay *r, struct near *n);
/* The sender is gone; before commit the transaction goes too, after it the reply is awaited. */
void session_near_gone(struct relay *r, struct near *n);
void session_next_ready(struct relay *r, struct near *n, struct next *x);
void session_next_failed(struct relay *r, struct near *n, struct verdict verdict);
void session_next_reply(struct relay *r, struct near *n, struct next *x, enum smtp_request request,
                        const struct smtp_reply *reply);
void session_next_lost(struct relay *r, struct near *n, struct next *x, enum smtp_reply_id id);
/* Ends the transaction: next is let go, the report written, everything given back. `reply` is what the sender
 * was told, or NULL. Does not answer. */
void session_finish(struct relay *r, struct near *n, enum relay_outcome outcome,
                    const struct smtp_reply *reply);

/* ---- body.c: the content on its way ---- */
void body_begin(struct relay *r, struct near *n);
void body_content(struct relay *r, struct near *n, struct span content);
void body_bad(struct relay *r, struct near *n, const struct smtp_server_event *event);
void body_end(struct relay *r, struct near *n);
/* Hands held content to next as it has room; at the end decides. */
void body_drain(struct relay *r, struct near *n);
/* Refuse inside the body: next is abandoned, the answer waits for the end of the content. */
void body_refuse(struct relay *r, struct near *n, const struct smtp_reply *reply, enum relay_outcome outcome);
bool body_may_eat(const struct relay *r, const struct near *n);
void body_release(struct relay *r, struct transaction *t);

/* ---- next.c: the next leg ---- */
/* Starts connecting for a session, to the first candidate from t->attempt on that can be tried; when there is none
 * left, tells session_next_failed() the verdict. */
void next_open(struct relay *r, struct near *n);
void next_visit(struct relay *r, struct next *x);
void next_expire(struct relay *r, struct next *x);
void next_event(struct relay *r, struct next *x, const struct tcp_event *event);
/* The transaction is over or given up: back to the pool if the next hop can be brought to a clean state, else
 * aborted, so that next never takes a part for a whole. */
void next_let_go(struct relay *r, struct next *x);
void next_kill(struct relay *r, struct next *x);
void next_quit(struct relay *r, struct next *x);
void next_rearm(struct relay *r, struct next *x);

/* ---- pool.c: idle legs and waiting sessions by group key ---- */
/* Finds an idle leg, opens one, or puts the session in line. */
void pool_want(struct relay *r, struct near *n);
void pool_leave_line(struct relay *r, struct near *n);
void pool_give(struct relay *r, struct next *x);
/* In an idle leg's visit: the first session in line gets it. */
void pool_serve(struct relay *r, struct next *x);
void pool_forget(struct relay *r, struct next *x);
MUST_USE struct group *pool_group(struct relay *r, uint64_t key);

/* ---- received.c ---- */
/* The trace header of this transaction; `text` is cut at its capacity, never invalid. */
void received_write(const struct relay *r, const struct near *n, struct text *text);

/* ---- verdict.c ---- */
enum smtp_reply_id verdict_reply(struct verdict verdict);

/* ---- budget.c ---- */
/* In this turn or chore we worked for this message; `stage` gets the time that it waited for us. */
void budget_touch(struct relay *r, struct near *n, enum relay_stage stage);
/* What was touched has been dealt with by `now`. */
void budget_settle(struct relay *r);
/* How weirctl and the log name a connection. */
struct conn_id report_conn_id(const struct relay *r, const struct tcp_stack *tcp, struct handle id);
void report_make(struct relay *r, struct near *n, enum relay_outcome outcome,
                 const struct smtp_reply *reply);

#endif
