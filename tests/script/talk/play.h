/*
 * play.h - one script on its stage: what talk.c, play.c and lines.c share.
 */
#ifndef WEIR_TESTS_TALK_PLAY_H
#define WEIR_TESTS_TALK_PLAY_H

#include <setjmp.h>

#include "stage.h"

#define PLAY_TRANSCRIPT_BYTES 65536u
#define PLAY_SAID_BYTES 400u /* of one line in transcript and complaints */

struct play {
	const char *file;
	unsigned line;
	struct talk_settings set;
	struct stage *stage; /* NULL: still in the head */
	struct instant last; /* when the line before was done: what `+` counts from */
	bool timed;          /* this line has a time of its own */
	struct instant at;
	uint64_t patience_us; /* of a line that listens without a time of its own */
	jmp_buf failed;
	size_t bytes_wanted; /* by the line that waits */
	char why[2 * PLAY_SAID_BYTES + 200];
	size_t transcript_bytes;
	char transcript[PLAY_TRANSCRIPT_BYTES];
};

/* Ends the script: fails it with this reason. */
__attribute__((noreturn, format(printf, 2, 3))) void play_fail(struct play *p, const char *format,
                                                               ...);
/* One line of the script, without its line end. */
void play_line(struct play *p, const char *line);
/* The end of the script: silence, emptiness. */
void play_end(struct play *p);
void play_note(struct play *p, const char *who, const char *mark, struct span said);

/* ---- play.c, for lines.c ---- */
/* Nobody has said anything that no line listened for. `but`: may have (NULL: no exception). */
void play_expect_silence(struct play *p, const struct peer *but);
/* Steps until `done` says so or the line's time is over; false in the latter case. */
typedef bool play_condition(struct play *p, struct peer *peer);
bool play_wait(struct play *p, struct peer *peer, play_condition *done);

/* ---- lines.c, deeds.c, weir.c: what the lines mean ---- */
void line_settings(struct play *p, const char *text); /* behind "set " */
void line_said(struct play *p, struct peer *peer, const char *mark, const char *text);
void line_says(struct play *p, struct peer *peer, const char *mark, const char *text);
bool line_hear_bytes(struct play *p, struct peer *peer,
                     size_t bytes); /* so many are in its inbox in time */
void line_deed(struct play *p, const char *name,
               const char *deed); /* "near opens 25" and the like */
bool line_of_weir(struct play *p,
                  const char *line); /* silence, drain, count, ...; false: no such line */

#endif
