/*
 * lines.c - the head of a script, and words said and heard. The list of lines is in talk.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

#define WORDS_BYTES 70000u

/* ---- set NAME = VALUE ---- */

void line_settings(struct play *p, const char *text)
{
	char name[40], value[60];
	if (sscanf(text, "%39[a-z._] = %59s", name, value) != 2)
		play_fail(p, "not of the form: set NAME = VALUE");
	const char *why = talk_settings_set(&p->set, name, value);
	if (why != NULL)
		play_fail(p, "%s: %s", name, why);
}

/* ---- words ---- */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);
	return at == NULL ? -1 : (int)(at - digits);
}

/* "text\r\n\x00": bytes in double quotes. */
static struct span unquote(struct play *p, const char *text)
{
	static uint8_t bytes[WORDS_BYTES];
	static const char from[] = "rnt0\\\"", to[] = "\r\n\t\0\\\"";
	size_t used = 0;
	if (*text++ != '"')
		play_fail(p, "the words need quotes");
	for (; *text != '"' && *text != '\0' && used < sizeof(bytes); text++) {
		if (*text != '\\') {
			bytes[used++] = (uint8_t)*text;
			continue;
		}
		text++;
		const char *at = *text == '\0' ? NULL : strchr(from, *text);
		if (at != NULL) {
			bytes[used++] = (uint8_t)to[at - from];
		} else if (*text == 'x' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
			bytes[used++] = (uint8_t)(hex_digit(text[1]) * 16 + hex_digit(text[2]));
			text += 2;
		} else {
			play_fail(p, "unknown escape \\%c", *text);
		}
	}
	if (*text != '"')
		play_fail(p, "the words do not end");
	return span_of(bytes, used);
}

/* `*` stands for any bytes; everything else for itself. */
static bool matches(const char *pattern, struct span s)
{
	const char *star = NULL;
	size_t at = 0, star_at = 0;
	while (at < s.bytes) {
		if (*pattern == '*') {
			star = pattern++;
			star_at = at;
		} else if (*pattern != '\0' && (uint8_t)*pattern == s.data[at]) {
			pattern++;
			at++;
		} else if (star != NULL) {
			pattern = star + 1;
			at = ++star_at;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

/* ---- near> near>> near>= near>. ---- */

static void say_slowly(struct play *p, struct peer *peer, struct span words)
{
	for (size_t i = 0; i < words.bytes; i++) {
		peer_gather(peer, span_head(span_after(words, i), 1));
		peer_speak(peer);
		stage_run_to(p->stage, instant_add(p->stage->now, MS_US));
	}
}

void line_says(struct play *p, struct peer *peer, const char *mark, const char *text)
{
	struct span words = span_of(text, strlen(text));
	struct stage *g = p->stage;
	bool raw = mark[strlen(mark) - 1] == '=';
	if (raw)
		words = unquote(p, text);
	play_note(p, peer->name, mark, words);
	if (strcmp(mark, ">.") == 0) {
		say_slowly(p, peer, words);
		say_slowly(p, peer, SPAN("\r\n"));
		return;
	}
	peer_gather(peer, words);
	if (!raw)
		peer_gather(peer, SPAN("\r\n"));
	if (strncmp(mark, ">>", 2) == 0)
		return;
	peer_speak(peer);
	stage_run_to(g, g->now);
}

/* ---- near< near<< near<= ---- */

static struct span line_heard(const struct peer *peer)
{
	struct span have =
		span_of(peer->inbox.data + peer->inbox.head, peer->inbox.end - peer->inbox.head);
	return span_head(have, span_find(have, '\n') + 1);
}

static bool has_line_or_end(struct play *p, struct peer *peer)
{
	return peer_listen_line(p->stage, peer) || peer_was_reset(peer) || peer_ended(peer);
}

/* The next line, without CRLF, which weir must never leave out. */
static struct span line_take(struct play *p, struct peer *peer, const char *wanted)
{
	if (!play_wait(p, peer, has_line_or_end) || !peer_listen_line(p->stage, peer)) {
		struct span part = line_heard(peer);
		play_fail(p, "expected on %s: %s\n    got: %s%.*s", peer->name, wanted,
		          peer_was_reset(peer)  ? "a reset" :
		          leg_ended(&peer->leg) ? "the end, behind " :
		                                  "silence, behind ",
		          (int)part.bytes, (const char *)part.data);
	}
	struct span line = line_heard(peer);
	peer->inbox.head += line.bytes;
	if (line.bytes < 2 || line.data[line.bytes - 2] != '\r')
		play_fail(p, "%s hears a line without CR", peer->name);
	line.bytes -= 2;
	play_note(p, peer->name, "<", line);
	return line;
}

static bool has_bytes_wanted(struct play *p, struct peer *peer)
{
	peer_listen(p->stage, peer, p->bytes_wanted);
	return peer->inbox.end - peer->inbox.head >= p->bytes_wanted;
}

bool line_hear_bytes(struct play *p, struct peer *peer, size_t bytes)
{
	p->bytes_wanted = bytes;
	return play_wait(p, peer, has_bytes_wanted);
}

static void raw_take(struct play *p, struct peer *peer, struct span wanted)
{
	bool whole = line_hear_bytes(p, peer, wanted.bytes);
	struct span have =
		span_of(peer->inbox.data + peer->inbox.head, peer->inbox.end - peer->inbox.head);
	have = span_head(have, wanted.bytes);
	play_note(p, peer->name, "<=", have);
	if (!whole || !span_equal(have, wanted))
		play_fail(p, "expected %zu other bytes on %s than these %zu", wanted.bytes,
		          peer->name, have.bytes);
	peer->inbox.head += wanted.bytes;
}

void line_said(struct play *p, struct peer *peer, const char *mark, const char *text)
{
	if (strcmp(mark, "<=") == 0) {
		raw_take(p, peer, unquote(p, text));
		return;
	}
	for (;;) {
		struct span line = line_take(p, peer, text);
		if (matches(text, line))
			return;
		if (strcmp(mark, "<<") != 0)
			play_fail(p, "expected on %s: %s\n    got: %.*s", peer->name, text,
			          (int)line.bytes, (const char *)line.data);
	}
}
