/*
 * client_int.h - what the files of the client machine say to each other; nobody else includes it.
 */
#ifndef WEIR_SMTP_CLIENT_INT_H
#define WEIR_SMTP_CLIENT_INT_H

#include "smtp/client.h"

/* The one place where a phase changes; checks the edge against phases.def and records it. */
void smtp_client_enter(struct smtp_client *c, enum smtp_client_phase phase, struct instant now);

/* client_request.c: the ring of requests and what may leave. */
void smtp_client_request_push(struct smtp_client *c, enum smtp_request kind, size_t bytes,
                              struct instant now);
/* The oldest request, which must have been released, leaves the ring; 0 when there is none. */
enum smtp_request smtp_client_request_pop(struct smtp_client *c, struct instant now);
/* The oldest unanswered request, sent or not; 0 when there is none. */
enum smtp_request smtp_client_request_head(const struct smtp_client *c);
bool smtp_client_request_head_released(const struct smtp_client *c);
/* Lets leave what RFC 2920 and the next hop's extensions allow. */
void smtp_client_request_release(struct smtp_client *c);
/* Queues the commands the machine owes by itself (EHLO, HELO, RSET, QUIT) when there is room. */
void smtp_client_request_owed(struct smtp_client *c, struct instant now);

/* client_body.c: content on its way out. */
void smtp_client_body_begin(struct smtp_client *c);
/* Frames what is due: full chunks, and the end where it was ordered. */
void smtp_client_body_frame(struct smtp_client *c, struct instant now);
void smtp_client_body_drop(struct smtp_client *c);

/* client_reply.c: one complete reply in c->reply. */
void smtp_client_reply_complete(struct smtp_client *c, struct instant now,
                                struct smtp_client_event *event);
void smtp_client_reply_made_up(struct smtp_client *c, struct instant now,
                               struct smtp_client_event *event);
void smtp_client_reply_fault(struct smtp_client *c, enum smtp_client_fault fault,
                             struct instant now, struct smtp_client_event *event);

#endif
