/*
 * deeds.c - what peers do beside speaking: open, accept, close, reset, stall, shake hands; and the manners that
 * every dialogue begins with. The list is in talk.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

#define FILL_LINE 64u
#define EXTENSIONS_BYTES 200u

/* Content that needs no dot-stuffing: lines of FILL_LINE bytes, counted. */
static uint8_t fill_byte(size_t at)
{
	size_t column = at % FILL_LINE;
	if (column >= FILL_LINE - 2)
		return column == FILL_LINE - 2 ? '\r' : '\n';
	return (uint8_t)('a' + (at / FILL_LINE + column) % 26);
}

/* ---- deeds ---- */

static void deed_opens(struct play *p, const char *name, const char *rest)
{
	struct peer *before = peer_named(p->stage, name);
	if (before != NULL && !peer_is_over(before))
		play_fail(p, "%s is open already", name);
	if (before != NULL)
		peer_drop(p->stage, before);
	(void)peer_open(p->stage, name, (uint16_t)(*rest != '\0' ? atoi(rest) : 25));
}

static bool somebody_is_there(struct play *p, struct peer *peer)
{
	(void)peer;
	return peer_unnamed(p->stage) != NULL;
}

static void deed_accepts(struct play *p, const char *name, const char *rest)
{
	struct peer *before = peer_named(p->stage, name);
	if (!play_wait(p, NULL, somebody_is_there))
		play_fail(p, "expected a connection for %s, got silence", name);
	struct peer *peer = peer_unnamed(p->stage);
	if (before != NULL && !peer_is_over(before))
		play_fail(p, "%s is open already, and weir opens another connection", name);
	if (before != NULL)
		peer_drop(p->stage, before);
	if (*rest != '\0' && peer->port != atoi(rest))
		play_fail(p, "expected a connection to port %s, got one to %u", rest, peer->port);
	snprintf(peer->name, sizeof(peer->name), "%s", name);
}

static bool is_reset(struct play *p, struct peer *peer)
{
	(void)p;
	return peer_was_reset(peer);
}

static bool is_ended_well(struct play *p, struct peer *peer)
{
	return !peer_has_said(peer) && !peer_was_reset(peer) &&
	       (leg_pull(&peer->leg, &p->stage->peer_pool, p->stage->now), peer_ended(peer));
}

static void deed_sees(struct play *p, struct peer *peer, const char *what)
{
	bool reset = strcmp(what, "reset") == 0;
	if (!reset && strcmp(what, "end") != 0)
		play_fail(p, "what does %s see?", peer->name);
	if (!play_wait(p, peer, reset ? is_reset : is_ended_well))
		play_fail(p, "expected the %s of %s's connection, got %s", what, peer->name,
		          peer_has_said(peer)  ? "words" :
		          peer_was_reset(peer) ? "a reset" :
		          peer_is_over(peer)   ? "an orderly end" :
		                                 "silence");
	peer->end_heard = true;
}

static bool handshake_is_over(struct play *p, struct peer *peer)
{
	(void)p;
	return !leg_handshaking(&peer->leg) || peer->leg.closed;
}

static void deed_tls(struct play *p, struct peer *peer, bool may_fail)
{
	if (!peer_tls_begin(p->stage, peer))
		play_fail(p, "no room for a TLS session");
	p->timed = false;
	bool over = play_wait(p, peer, handshake_is_over);
	bool failed = !over || leg_tls_failed(&peer->leg) || leg_handshaking(&peer->leg);
	if (failed != may_fail)
		play_fail(p,
		          failed ? "the handshake of %s failed" :
		                   "the handshake of %s did not fail",
		          peer->name);
}

static void deed_fills(struct play *p, struct peer *peer, size_t bytes)
{
	for (size_t at = 0; at < bytes; at++) {
		uint8_t c = fill_byte(at);
		peer_gather(peer, span_of(&c, 1));
	}
	peer_speak(peer);
	stage_run_to(p->stage, p->stage->now);
}

static void deed_hears_fill(struct play *p, struct peer *peer, size_t bytes)
{
	if (!line_hear_bytes(p, peer, bytes))
		play_fail(p, "expected %zu bytes of content on %s, got %zu", bytes, peer->name,
		          peer->inbox.end - peer->inbox.head);
	for (size_t at = 0; at < bytes; at++)
		if (peer->inbox.data[peer->inbox.head + at] != fill_byte(at))
			play_fail(p, "byte %zu of the content on %s is another", at, peer->name);
	peer->inbox.head += bytes;
}

/* ---- manners ---- */

static void say(struct play *p, struct peer *peer, const char *format, const char *word)
{
	char line[EXTENSIONS_BYTES];
	snprintf(line, sizeof(line), format, word);
	line_says(p, peer, ">", line);
}

/* EHLO is heard and answered with these extensions, separated by blanks. */
static void deed_ehlo(struct play *p, struct peer *peer, const char *extensions)
{
	char line[EXTENSIONS_BYTES];
	line_said(p, peer, "<", "EHLO weir.test");
	line_says(p, peer, ">>", *extensions == '\0' ? "250 next.test" : "250-next.test");
	if (*extensions == '\0')
		peer_speak(peer);
	while (*extensions != '\0') {
		size_t bytes = strcspn(extensions, " ");
		const char *rest = extensions + bytes + strspn(extensions + bytes, " ");
		bool last = *rest == '\0';
		char *equals;
		snprintf(line, sizeof(line), "250%c%.*s", last ? ' ' : '-', (int)bytes, extensions);
		if ((equals = strchr(line, '=')) != NULL)
			*equals = ' '; /* SIZE=1000 */
		line_says(p, peer, last ? ">" : ">>", line);
		extensions = rest;
	}
	stage_run_to(p->stage, p->stage->now);
}

static void deed_hello(struct play *p, struct peer *peer, const char *words)
{
	if (!peer->near) {
		say(p, peer, "%s", "220 next.test ESMTP");
		deed_ehlo(p, peer, words);
		return;
	}
	line_said(p, peer, "<", "220 weir.test ESMTP");
	say(p, peer, "EHLO %s", words);
	line_said(p, peer, "<<", "250 *");
}

/* Deeds that take no more than the peer; false: not one of these. */
static bool deed_plain(struct play *p, struct peer *peer, const char *deed)
{
	struct stage *g = p->stage;
	if (strcmp(deed, "closes") == 0) {
		peer_speak(peer);
		peer->shut = true;
		peer->end_heard = peer_is_over(peer);
	} else if (strcmp(deed, "resets") == 0) {
		peer_reset(g, peer);
	} else if (strcmp(deed, "stalls") == 0) {
		peer->stalled = true;
	} else if (strcmp(deed, "goes on") == 0) {
		peer->stalled = false;
	} else if (strcmp(deed, "hears anything") == 0) {
		stage_run_to(g, instant_add(g->now, 15 * MS_US));
		peer_listen(g, peer, TALK_TEXT_BYTES / 2);
		peer->inbox.head = peer->inbox.end;
	} else if (strcmp(deed, "is stuck") == 0) {
		if (peer_is_flushed(peer))
			play_fail(p, "weir took all that %s said", peer->name);
	} else if (strcmp(deed, "is flushed") == 0) {
		if (!peer_is_flushed(peer))
			play_fail(p, "weir did not take all that %s said", peer->name);
	} else {
		return false;
	}
	stage_run_to(g, g->now);
	return true;
}

void line_deed(struct play *p, const char *name, const char *deed)
{
	struct peer *peer = peer_named(p->stage, name);
	play_note(p, name, "", span_of(deed, strlen(deed)));
	if (strncmp(deed, "opens", 5) == 0) {
		deed_opens(p, name, deed + 5 + strspn(deed + 5, " "));
		return;
	}
	if (strncmp(deed, "accepts", 7) == 0) {
		deed_accepts(p, name, deed + 7 + strspn(deed + 7, " "));
		return;
	}
	if (peer == NULL)
		play_fail(p, "%s has no connection", name);
	if (deed_plain(p, peer, deed))
		return;
	if (strncmp(deed, "sees ", 5) == 0)
		deed_sees(p, peer, deed + 5);
	else if (strcmp(deed, "tls") == 0 || strcmp(deed, "tls fails") == 0)
		deed_tls(p, peer, deed[3] != '\0');
	else if (strncmp(deed, "hello", 5) == 0)
		deed_hello(p, peer, deed + 5 + strspn(deed + 5, " "));
	else if (strncmp(deed, "ehlo", 4) == 0)
		deed_ehlo(p, peer, deed + 4 + strspn(deed + 4, " "));
	else if (strncmp(deed, "fills ", 6) == 0)
		deed_fills(p, peer, strtoul(deed + 6, NULL, 10));
	else if (strncmp(deed, "hears fill ", 11) == 0)
		deed_hears_fill(p, peer, strtoul(deed + 11, NULL, 10));
	else
		play_fail(p, "%s cannot do that: %s", name, deed);
}
