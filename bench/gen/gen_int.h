/*
 * gen_int.h - what gen.c, sender*.c and sink*.c share; never leaves this folder.
 */
#ifndef WEIR_BENCH_GEN_GEN_INT_H
#define WEIR_BENCH_GEN_GEN_INT_H

#include "base/prng.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "bench/gen/gen.h"
#include "bench/gen/leg.h"
#include "smtp/client.h"
#include "smtp/server.h"

#define SENDER_MAGIC 0x53454e44u
#define SINK_MAGIC 0x53494e4bu
#define GUEST_MAGIC 0x47554553u
#define USER_SINK ((uint64_t)1 << 63) /* in the user word of a connection or TLS session */
#define USER_GUEST ((uint64_t)1 << 62)
#define SLOW_TICK_US (10 * MS_US) /* slow peers move what a tick allows them */
#define STEP_ROUNDS_MAX 64u /* of one connection in one turn; the rest follows in the next */
#define POOL_LOW_BLOCKS 8u  /* under this many free blocks somebody may be waiting for one */
#define POOL_RETRY_US MS_US

enum timer_owner { TIMER_SENDER = 1, TIMER_SINK, TIMER_GUEST };

enum sender_state {
	SENDER_CONNECTING = 1,
	SENDER_TALKING, /* from established on; TLS handshakes too */
	SENDER_PAUSED,  /* between two messages: thinking, or waiting for an arrival */
	SENDER_QUITTING,
	SENDER_OVER,    /* the connection is gone; the slot is settled at the end of the step */
	SENDER_WAITING, /* no connection; the message is tried again at wait_until */
};

enum sender_cut { CUT_NONE = 0, CUT_AT_OPEN, CUT_AT_TLS, CUT_AT_BYTE };

struct sender_traits { /* what a connection is like, chosen when it is opened */
	bool clear, tls12, resume, in_turn, bdat, slow;
	uint32_t fragment_bytes; /* 0: as much as there is room for */
	uint32_t messages;       /* 0: no limit */
};

struct sender_mail { /* the message a sender has in hand */
	uint64_t number;
	struct instant due; /* latency counts from here */
	struct instant mail_at, data_at, end_at;
	uint32_t attempts;
	uint32_t recipients, rcpt_sent, rcpt_answered, rcpt_good;
	bool mail_sent, mail_answered, data_sent, data_answered, body_open, end_sent;
	uint8_t cut; /* enum sender_cut */
	bool cut_fin;
	uint64_t cut_at; /* value of leg.bytes_out */
	uint64_t cut_bytes;
	uint8_t failed_stage;
	uint16_t failed_code; /* of the first refusal; 0: none */
	char failed_text[GEN_REASON_BYTES];
	struct mail_maker maker;
};

struct sender {
	struct slab_head head;
	struct timer timer;
	struct gen_leg leg;
	struct smtp_client smtp;
	struct sender *idle_next, *idle_prev;
	struct sender_traits traits;
	struct instant credit_at; /* of a slow writer */
	uint64_t credit;
	uint8_t state;
	bool smtp_on; /* the machine was started */
	bool ready;   /* greeted */
	bool greeted_once;
	bool has_message;
	bool no_port;     /* the connection could not be tried: the same attempt goes on */
	bool transaction; /* MAIL was sent for the message in hand */
	bool on_idle_list;
	bool starved;           /* content waits for blocks */
	bool last;              /* the server said 421: this connection is not used again */
	uint32_t messages_done; /* on this connection */
	struct instant opened_at, tls_at, talking_at, wait_until;
	struct sender_mail mail;
};

struct sink {
	struct slab_head head;
	struct timer timer;
	struct gen_leg leg;
	struct smtp_server smtp;
	struct mail_checker checker;
	uint8_t listener;
	bool closing; /* flush, then close */
	bool tls_due; /* 220 to STARTTLS is queued */
	bool slow;
	bool over;
	uint8_t cut_stage; /* enum gen_stage; GEN_STAGE_COUNT: no stage */
	bool cut_body, cut_fin;
	bool cut_armed_after, cut_after; /* behind the 250: planned, and due */
	uint64_t cut_at;                 /* body bytes */
	uint64_t body_bytes;
	uint64_t number;  /* of the message, by its sender's address; UINT64_MAX: not one of ours */
	bool null_sender; /* a bounce */
	uint32_t messages_done;
	struct instant credit_at;
	uint64_t credit;   /* bytes that a slow sink may read now */
	bool answer_waits; /* an answer is delayed until answer_at */
	uint8_t answer_stage;
	uint16_t answer_code; /* 0: answer_id */
	enum smtp_reply_id answer_id;
	struct instant answer_at;
};

struct guest { /* a connection of the crowd */
	struct slab_head head;
	struct timer timer;
	struct gen_leg leg;
	struct smtp_client smtp;
	bool smtp_on, held, over;
	uint32_t crawled;
	struct instant crawl_at;
};

struct schedule {
	enum gen_arrivals arrivals;
	bool paused;
	double mean_us;
	double next_us; /* exact time line; rounding must not add up */
	struct prng prng;
};

struct gen {
	struct gen_config config;
	struct ledger *ledger;
	uint64_t run;
	struct wheel wheel;
	struct prng prng;
	struct gen_results results;
	struct instant begun_at;
	bool stopping, shutting;

	struct slab senders;
	struct smtp_client_config client_config, bdat_config;
	struct schedule schedule;
	struct sender *idle;
	uint64_t number_next, number_end;
	uint32_t opened; /* connections of the first round, for the start spread */
	uint32_t target_next;

	struct slab sinks;
	struct smtp_server_config server_configs[GEN_LISTENERS_MAX];
	struct smtp_server_config clear_configs[GEN_LISTENERS_MAX]; /* without STARTTLS */

	struct slab guests;
	uint32_t guests_held;
	struct instant guest_next;
};

/* schedule.c */
void schedule_init(struct schedule *s, enum gen_arrivals arrivals, uint64_t rate_per_1000s,
                   uint64_t seed, struct instant now);
struct instant schedule_next(const struct schedule *s);
void schedule_step(struct schedule *s);
void schedule_rate(struct schedule *s, uint64_t rate_per_1000s, struct instant now); /* 0: pauses */
uint64_t schedule_backlog(const struct schedule *s, struct instant now);

/* traits.c */
void traits_choose(struct sender_traits *t, const struct gen_sender_config *c, struct prng *prng);
/* How much may be moved now by who moves `per_second`; tops `credit` up as time passes. */
uint64_t slow_credit(uint64_t *credit, struct instant *at, uint32_t per_second, struct instant now);

/* results.c */
void results_refused(struct gen_results *r, enum gen_stage stage, uint16_t code, struct span text);
void results_phase(struct gen_results *r, enum gen_phase phase, struct instant from,
                   struct instant to);

/* sender_open.c: a connection up to its first EHLO */
void sender_open(struct gen *g, struct sender *s, struct instant now);
void sender_opened(struct gen *g, struct sender *s, struct instant now);
void sender_begin_tls(struct gen *g, struct sender *s, struct instant now);
void sender_tls_is_on(struct gen *g, struct sender *s, struct instant now);

/* sender.c: the life of a connection */
bool senders_turn(struct gen *g, struct instant now); /* arrivals: begins messages */
struct instant senders_deadline(const struct gen *g);
void senders_shut(struct gen *g, struct instant now);
void sender_event(struct gen *g, const struct tcp_event *event, struct instant now);
void sender_ready(struct gen *g, uint64_t user, struct instant now);
void sender_expire(struct gen *g, struct sender *s, struct instant now);
void sender_end(struct gen *g, struct sender *s, enum gen_end end, struct instant now);

/* sender_mail.c: the life of a message on it */
void mail_give(struct gen *g, struct sender *s, uint64_t number, struct instant due);
void mail_attempt(struct gen *g, struct sender *s); /* a new attempt at the message in hand */
bool mail_drive(struct gen *g, struct sender *s,
                struct instant now); /* queues what can be queued */
void mail_reply(struct gen *g, struct sender *s, enum smtp_request request,
                const struct smtp_reply *reply, struct instant now);
/* The connection or the session failed under it: code 0 and an end's name, or the reply that
 * refused all. */
void mail_failed(struct gen *g, struct sender *s, enum gen_stage stage, uint16_t code,
                 struct span text, struct instant now);
enum gen_stage mail_stage(const struct sender *s);
/* sender.c, called when a message has its outcome and the connection lives */
void sender_next(struct gen *g, struct sender *s, struct instant now);

/* sink.c */
bool sinks_listen(struct gen *g);
void sinks_shut(struct gen *g, struct instant now);
void sink_event(struct gen *g, const struct tcp_event *event, struct instant now);
void sink_ready(struct gen *g, uint64_t user, struct instant now);
void sink_expire(struct gen *g, struct sink *k, struct instant now);
void sink_close(struct gen *g, struct sink *k, enum gen_leg_close how, struct instant now);

/* crowd.c: connections without mail */
bool crowd_turn(struct gen *g, struct instant now);
struct instant crowd_deadline(const struct gen *g);
void crowd_shut(struct gen *g, struct instant now);
void guest_event(struct gen *g, const struct tcp_event *event, struct instant now);
void guest_ready(struct gen *g, uint64_t user, struct instant now);
void guest_expire(struct gen *g, struct guest *c, struct instant now);

/* sink_mail.c: answering what the machine asks */
void sink_asked(struct gen *g, struct sink *k, const struct smtp_server_event *event,
                struct instant now);
void sink_answer_now(struct gen *g, struct sink *k, struct instant now);

#endif
