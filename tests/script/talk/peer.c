/*
 * peer.c - the connections of near and next that a script speaks for. See stage.h.
 *
 * Built on relay/leg, which is what a hop below SMTP is. A peer reads from its leg only when the script listens; until
 * then its window closes as a slow reader's would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

void peers_init(struct stage *g)
{
	for (struct peer *p = g->peers; p < g->peers + TALK_PEERS_MAX; p++) {
		struct talk_text inbox = p->inbox, outbox = p->outbox;
		if (inbox.data == NULL)
			inbox.data = malloc(TALK_TEXT_BYTES);
		if (outbox.data == NULL)
			outbox.data = malloc(TALK_TEXT_BYTES);
		CHECK(inbox.data != NULL);
		CHECK(outbox.data != NULL);
		inbox.head = inbox.end = outbox.head = outbox.end = outbox.ready = 0;
		*p = (struct peer){ .inbox = inbox, .outbox = outbox };
	}
}

static struct peer *peer_take(struct stage *g)
{
	struct peer *p = g->peers;
	while (p < g->peers + TALK_PEERS_MAX && p->live)
		p++;
	CHECK(p < g->peers + TALK_PEERS_MAX);
	struct talk_text inbox = p->inbox, outbox = p->outbox;
	inbox.head = inbox.end = outbox.head = outbox.end = outbox.ready = 0;
	*p = (struct peer){ .live = true, .order = g->orders++, .inbox = inbox, .outbox = outbox };
	return p;
}

struct peer *peer_named(struct stage *g, const char *name)
{
	for (struct peer *p = g->peers; p < g->peers + TALK_PEERS_MAX; p++)
		if (p->live && strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

struct peer *peer_open(struct stage *g, const char *name, uint16_t port)
{
	struct endpoint remote = { .addr = { .family = IP_V4, .bytes = { 198, 18, 0, 2 } },
		                   .port = port };
	struct peer *p = peer_take(g);
	struct handle id;
	p->near = true;
	p->port = port;
	snprintf(p->name, sizeof(p->name), "%s", name);
	enum tcp_connect_outcome outcome = tcp_connect(g->stacks[HOST_NEAR], remote,
	                                               (uint64_t)(p - g->peers) + 1, g->now, &id);
	CHECK(outcome == TCP_CONNECT_STARTED);
	leg_open(&p->leg, g->stacks[HOST_NEAR], id);
	return p;
}

struct peer *peer_unnamed(struct stage *g)
{
	struct peer *first = NULL;
	for (struct peer *p = g->peers; p < g->peers + TALK_PEERS_MAX; p++)
		if (p->live && p->name[0] == '\0' && (first == NULL || p->order < first->order))
			first = p;
	return first;
}

/* ---- events ---- */

static void peer_accept(struct stage *g, const struct tcp_event *event)
{
	struct peer *p = peer_take(g);
	p->port = (uint16_t)event->tag;
	p->opened = true;
	leg_open(&p->leg, g->stacks[HOST_NEXT], event->id);
	leg_note(&p->leg, event);
	tcp_user_set(p->leg.tcp, event->id, (uint64_t)(p - g->peers) + 1);
}

static void events_take(struct stage *g, struct tcp_stack *tcp)
{
	struct tcp_event event;
	while (tcp_next_event(tcp, &event)) {
		if (event.bits & TCP_ACCEPTED) {
			peer_accept(g, &event);
			continue;
		}
		struct peer *p = &g->peers[event.user - 1];
		if (!p->live || p->leg.tcp != tcp || !handle_equal(p->leg.id, event.id))
			continue;
		p->opened = p->opened || (event.bits & TCP_OPENED);
		leg_note(&p->leg, &event);
	}
}

static void peer_push(struct stage *g, struct peer *p)
{
	struct span rest =
		span_of(p->outbox.data + p->outbox.head, p->outbox.ready - p->outbox.head);
	rest = span_head(rest, leg_out_room(&p->leg, &g->peer_pool));
	p->outbox.head += byteq_write(&p->leg.out, &g->peer_pool, rest);
	if (p->shut && p->outbox.head == p->outbox.end && !p->leg.shut && leg_is_open(&p->leg)) {
		p->leg.shut = true;
		p->shut = false;
	}
	leg_push(&p->leg, &g->peer_pool, g->now);
}

void peers_turn(struct stage *g)
{
	events_take(g, g->stacks[HOST_NEAR]);
	events_take(g, g->stacks[HOST_NEXT]);
	for (struct peer *p = g->peers; p < g->peers + TALK_PEERS_MAX; p++) {
		if (!p->live || !leg_is_open(&p->leg) || !p->opened)
			continue;
		if (!p->stalled && !p->leg.closed)
			leg_pull(&p->leg, &g->peer_pool, g->now);
		peer_push(g, p);
	}
}

/* ---- speaking and listening ---- */

void peer_gather(struct peer *p, struct span bytes)
{
	CHECK(p->outbox.end + bytes.bytes <= TALK_TEXT_BYTES);
	if (bytes.bytes > 0)
		memcpy(p->outbox.data + p->outbox.end, bytes.data, bytes.bytes);
	p->outbox.end += bytes.bytes;
}

void peer_speak(struct peer *p)
{
	p->outbox.ready = p->outbox.end;
}

bool peer_has_said(const struct peer *p)
{
	if (p->inbox.end > p->inbox.head)
		return true;
	struct leg leg = p->leg; /* looking changes nothing */
	return leg_is_open(&leg) && leg_peek(&leg).bytes > 0;
}

bool peer_ended(struct peer *p)
{
	return p->inbox.head == p->inbox.end && leg_ended(&p->leg);
}

bool peer_was_reset(const struct peer *p)
{
	return p->leg.closed && p->leg.why != TCP_CLOSE_DONE;
}

bool peer_is_over(struct peer *p)
{
	return !leg_is_open(&p->leg) || p->leg.eof || p->leg.closed;
}

bool peer_is_flushed(const struct peer *p)
{
	struct tcp_info info;
	if (!leg_is_open(&p->leg))
		return true;
	tcp_info(p->leg.tcp, p->leg.id, &info);
	return p->outbox.head == p->outbox.end && leg_flushed(&p->leg) && info.all_acked;
}

static void inbox_add(struct stage *g, struct peer *p, struct span bytes)
{
	if (p->inbox.head > 0 && p->inbox.head == p->inbox.end)
		p->inbox.head = p->inbox.end = 0;
	CHECK(p->inbox.end + bytes.bytes <= TALK_TEXT_BYTES);
	memcpy(p->inbox.data + p->inbox.end, bytes.data, bytes.bytes);
	p->inbox.end += bytes.bytes;
	leg_eat(&p->leg, &g->peer_pool, bytes.bytes, g->now);
}

bool peer_listen_line(struct stage *g, struct peer *p)
{
	size_t begin = p->inbox.head;
	for (;;) {
		struct span have = span_of(p->inbox.data + begin, p->inbox.end - begin);
		if (span_find(have, '\n') < have.bytes)
			return true;
		if (!leg_is_open(&p->leg))
			return false;
		leg_pull(&p->leg, &g->peer_pool, g->now);
		struct span bytes = leg_peek(&p->leg);
		if (bytes.bytes == 0)
			return false;
		size_t end = span_find(bytes, '\n');
		inbox_add(g, p, span_head(bytes, end < bytes.bytes ? end + 1 : bytes.bytes));
		begin = p->inbox.head;
	}
}

void peer_listen(struct stage *g, struct peer *p, size_t bytes_wanted)
{
	while (leg_is_open(&p->leg) && p->inbox.end - p->inbox.head < bytes_wanted) {
		leg_pull(&p->leg, &g->peer_pool, g->now);
		struct span bytes = leg_peek(&p->leg);
		if (bytes.bytes == 0)
			return;
		inbox_add(g, p, span_head(bytes, bytes_wanted - (p->inbox.end - p->inbox.head)));
	}
}

/* ---- TLS and the end ---- */

bool peer_tls_begin(struct stage *g, struct peer *p)
{
	struct tls_engine *tls = g->tls[p->near ? HOST_NEAR : HOST_NEXT];
	struct tls_next_want want = { .server_name = "weir.test", .minimum = TLS_VERSION_1_2 };
	enum tls_call_outcome outcome =
		p->near ? tls_ops_of(tls)->next_open(tls, &want, g->now, &p->leg.tls) :
			  tls_ops_of(tls)->near_open(tls, 0, g->now, &p->leg.tls);
	return outcome == TLS_CALL_OK;
}

void peer_drop(struct stage *g, struct peer *p)
{
	leg_drop(&p->leg, &g->peer_pool, g->now);
	p->live = false;
}

void peer_reset(struct stage *g, struct peer *p)
{
	leg_abort(&p->leg, &g->peer_pool, g->now);
	p->live = false;
}
