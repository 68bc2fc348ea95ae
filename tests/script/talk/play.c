/*
 * play.c - plays one script: time in the margin, silence between the lines.
 *
 * Before a line acts, PLAY_SETTLE_US pass and nobody may have said anything that was not listened for; so silence is
 * asserted between any two lines. A line that listens waits PLAY_NOW_US at most, or, with a time of its own, must hear
 * its words within PLAY_SLACK_US of it and nothing before.
 */
#include "play.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAY_SETTLE_US (15 * MS_US)
#define PLAY_NOW_US (250 * MS_US)
#define PLAY_SLACK_US (100 * MS_US)

void play_fail(struct play *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(p->why, sizeof(p->why), format, args);
	va_end(args);
	longjmp(p->failed, 1);
}

/* Bytes as a script would write them. */
static size_t escaped(char *to, size_t capacity, struct span said)
{
	size_t used = 0;
	for (size_t i = 0; i < said.bytes && used + 5 < capacity; i++) {
		uint8_t c = said.data[i];
		if (c == '\r' || c == '\n')
			used += (size_t)snprintf(to + used, capacity - used,
			                         c == '\r' ? "\\r" : "\\n");
		else if (c < 0x20 || c >= 0x7f)
			used += (size_t)snprintf(to + used, capacity - used, "\\x%02x", c);
		else
			to[used++] = (char)c;
	}
	to[used] = '\0';
	return used;
}

static double seconds_of(const struct play *p, struct instant at)
{
	return (double)instant_since(p->stage->begin, at) / 1e6;
}

void play_note(struct play *p, const char *who, const char *mark, struct span said)
{
	char text[PLAY_SAID_BYTES];
	size_t room = sizeof(p->transcript) - p->transcript_bytes;
	(void)escaped(text, sizeof(text), said);
	int wrote =
		snprintf(p->transcript + p->transcript_bytes, room, "  %9.3f %s%s %s\n",
	                 p->stage == NULL ? 0.0 : seconds_of(p, p->stage->now), who, mark, text);
	if (wrote > 0 && (size_t)wrote < room)
		p->transcript_bytes += (size_t)wrote;
	p->transcript[p->transcript_bytes] = '\0';
}

/* ---- silence ---- */

static void complain_of_speech(struct play *p, struct peer *peer)
{
	char text[PLAY_SAID_BYTES];
	peer_listen(p->stage, peer, PLAY_SAID_BYTES);
	(void)escaped(
		text, sizeof(text),
		span_of(peer->inbox.data + peer->inbox.head, peer->inbox.end - peer->inbox.head));
	play_fail(p, "expected silence, but %s hears: %s", peer->name, text);
}

void play_expect_silence(struct play *p, const struct peer *but)
{
	for (struct peer *peer = p->stage->peers; peer < p->stage->peers + TALK_PEERS_MAX; peer++) {
		if (!peer->live || peer == but)
			continue;
		if (peer->name[0] == '\0')
			play_fail(p,
			          "expected silence, but weir has opened a connection to port %u",
			          peer->port);
		if (!peer->stalled && peer_has_said(peer))
			complain_of_speech(p, peer);
		if (!peer->end_heard && peer_was_reset(peer))
			play_fail(p, "expected silence, but %s sees a reset", peer->name);
		if (!peer->end_heard && !peer->stalled && peer_is_over(peer))
			play_fail(p, "expected silence, but %s sees the end", peer->name);
	}
}

bool play_wait(struct play *p, struct peer *peer, play_condition *done)
{
	struct stage *g = p->stage;
	struct instant limit =
		instant_add(p->timed ? p->at : g->now, p->timed ? PLAY_SLACK_US : p->patience_us);
	stage_run_to(g, g->now);
	do {
		if (done(p, peer))
			return true;
		stage_run_to(g, g->now); /* listening has opened windows: that is told at once */
	} while (stage_step(g, limit));
	return done(p, peer);
}

/* ---- one line ---- */

/* "0.000 ", "+1.5 ", "~10 " or "... "; returns what follows. */
static const char *time_read(struct play *p, const char *line)
{
	bool relative = line[0] == '+', patient = line[0] == '~';
	char *end;
	p->timed = false;
	p->patience_us = PLAY_NOW_US;
	if (strncmp(line, "...", 3) == 0)
		return line + 3 + strspn(line + 3, " \t");
	if (!isdigit((unsigned char)line[relative || patient]))
		return line;
	double seconds = strtod(line + (relative || patient), &end);
	p->timed = !patient;
	if (patient)
		p->patience_us = (uint64_t)(seconds * 1e6);
	p->at = instant_add(relative ? p->last : p->stage->begin, (uint64_t)(seconds * 1e6 + 0.5));
	return end + strspn(end, " \t");
}

/* "near> EHLO a.test": who, the mark, the words. False: not of this form. */
static bool speech_split(const char *text, char name[8], char mark[4], const char **words)
{
	size_t letters = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
	size_t marks = strspn(text + letters, "<>=.");
	if (letters == 0 || letters > 7 || marks == 0 || marks > 3)
		return false;
	memcpy(name, text, letters);
	name[letters] = '\0';
	memcpy(mark, text + letters, marks);
	mark[marks] = '\0';
	*words = text + letters + marks;
	*words += **words == ' ';
	return true;
}

static bool line_listens(const char *text)
{
	static const char *const deeds[] = { " sees ", " accepts", " hello", " ehlo", " hears " };
	char name[8], mark[4];
	const char *words;
	if (speech_split(text, name, mark, &words))
		return mark[0] == '<';
	for (size_t i = 0; i < COUNT_OF(deeds); i++)
		if (strstr(text, deeds[i]) != NULL)
			return true;
	return false;
}

/* The peer that is about to start TLS: the other side's first flight may be there already. */
static struct peer *peer_before_tls(struct play *p, const char *text)
{
	char name[8] = "", deed[4] = "";
	if (sscanf(text, "%7[a-z0-9] %3[tls]", name, deed) != 2 || strcmp(deed, "tls") != 0)
		return NULL;
	return peer_named(p->stage, name);
}

/* Brings the clock to where the line begins, in silence. */
static void time_pass(struct play *p, const char *text)
{
	struct stage *g = p->stage;
	bool listens = line_listens(text);
	if (!p->timed && listens)
		return;
	struct peer *but = peer_before_tls(p, text);
	struct instant from = instant_add(g->now, PLAY_SETTLE_US);
	if (p->timed) {
		from = p->at;
		from.us -= listens ? PLAY_SLACK_US : 0;
		if (instant_before(p->at, g->now))
			play_fail(p, "it is %.3f already", seconds_of(p, g->now));
	}
	stage_run_to(g, from);
	play_expect_silence(p, but);
}

static void speech_play(struct play *p, const char *name, const char *mark, const char *words)
{
	struct peer *peer = peer_named(p->stage, name);
	if (peer == NULL)
		play_fail(p, "%s has no connection", name);
	if (mark[0] == '<')
		line_said(p, peer, mark, words);
	else
		line_says(p, peer, mark, words);
}

static void text_play(struct play *p, const char *text)
{
	char name[8], mark[4];
	const char *words;
	unsigned times = 1;
	int used = 0;
	if (sscanf(text, "repeat %u %n", &times, &used) == 1 && used > 0)
		text += used;
	for (unsigned i = 0; i < times; i++) {
		if (speech_split(text, name, mark, &words)) {
			speech_play(p, name, mark, words);
		} else if (!line_of_weir(p, text)) {
			char deed[64];
			if (sscanf(text, "%7s %63[^\n]", name, deed) != 2)
				play_fail(p, "no such line: %s", text);
			line_deed(p, name, deed);
		}
	}
}

void play_line(struct play *p, const char *line)
{
	line += strspn(line, " \t");
	if (*line == '#' || *line == '\0')
		return;
	if (p->stage == NULL && strncmp(line, "set ", 4) == 0) {
		line_settings(p, line + 4);
		return;
	}
	if (p->stage == NULL) {
		p->stage = stage_make(&p->set);
		p->last = p->stage->now;
	}
	const char *text = time_read(p, line);
	char name[8], mark[4] = "";
	const char *words;
	bool part = speech_split(text, name, mark, &words) &&
	            strncmp(mark, ">>", 2) == 0; /* only gathers */
	if (!part)
		time_pass(p, text);
	text_play(p, text);
	p->last = p->timed ? p->at : p->stage->now;
}

void play_end(struct play *p)
{
	if (p->stage == NULL)
		play_fail(p, "nothing is said in this script");
	p->timed = false;
	p->patience_us = PLAY_NOW_US;
	time_pass(p, "");
	for (struct peer *peer = p->stage->peers; peer < p->stage->peers + TALK_PEERS_MAX; peer++)
		if (peer->live && peer->near && !peer_is_over(peer) && !peer->shut &&
		    !peer->leg.shut)
			play_fail(p, "at the end %s is still open", peer->name);
	const char *why = stage_end(p->stage);
	if (why != NULL)
		play_fail(p, "%s", why);
}
