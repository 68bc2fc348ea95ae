/*
 * server_int.h - what the files of the server machine say to each other; nobody else includes it.
 */
#ifndef WEIR_SMTP_SERVER_INT_H
#define WEIR_SMTP_SERVER_INT_H

#include "smtp/server.h"

/* The one place where a phase changes; checks the edge against phases.def and records it. */
void smtp_server_enter(struct smtp_server *s, enum smtp_server_phase phase, struct instant now);
/* Starts the deadline of the phase anew. */
void smtp_server_rearm(struct smtp_server *s, struct instant now);

void smtp_server_say(struct smtp_server *s, const struct smtp_reply *reply);
void smtp_server_say_id(struct smtp_server *s, enum smtp_reply_id id);
/* Gives the spare block back: right before writing at most two replies, which then are sure to
 * fit. */
void smtp_server_unspare(struct smtp_server *s);
/* Writes what `owed` holds; a block is at hand. */
void smtp_server_flush_owed(struct smtp_server *s);
/* Says that the peer erred and counts it; beyond SMTP_ERRORS_MAX the session ends instead. */
void smtp_server_refuse(struct smtp_server *s, enum smtp_reply_id id, struct instant now);
/* Ends the session; SERVER_CLOSE is reported by the next input. SMTP_REPLY_NONE: without a word. */
void smtp_server_close(struct smtp_server *s, enum smtp_reply_id id, struct instant now);
/* Forgets the envelope. With an event: reports SERVER_RESET when the relay holds a transaction. */
void smtp_server_forget(struct smtp_server *s, struct smtp_server_event *event);
/* Reports an event that must be answered. */
void smtp_server_ask(struct smtp_server *s, enum smtp_server_event_kind kind,
                     struct smtp_server_event *event, struct instant now);

/* server_command.c */
size_t smtp_server_command_input(struct smtp_server *s, struct span bytes, struct instant now,
                                 struct smtp_server_event *event);

/* server_body.c */
void smtp_server_body_begin(struct smtp_server *s, bool dots);
size_t smtp_server_body_input(struct smtp_server *s, struct span bytes, struct instant now,
                              struct smtp_server_event *event);
/* The reply just said is held back until chunk_left bytes were eaten; then `after` is entered. */
void smtp_server_body_swallow(struct smtp_server *s, enum smtp_server_phase after,
                              struct instant now);
/* The answer to SERVER_DATA, _CHUNK, _BODY_END or _BODY_BAD: where it leads. */
void smtp_server_body_answered(struct smtp_server *s, enum smtp_server_event_kind kind,
                               uint16_t code, struct instant now);

#endif
