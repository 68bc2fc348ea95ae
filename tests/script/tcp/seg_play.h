/*
 * seg_play.h - the three halves of the runner: seg_wire.c (segments and time), seg_app.c (what the
 * application does and what is asked of the stack), seg_run.c (the stage and the lines).
 */
#ifndef WEIR_TESTS_SEG_PLAY_H
#define WEIR_TESTS_SEG_PLAY_H

#include "seg_line.h"

/* ---- seg_wire.c ---- */
/* What the stack has sent since it was last asked. */
void seg_collect(struct play *p);
/* Fails the case with the first segment that no line expected. */
void seg_fail_sent(struct play *p, const char *what);
void seg_advance(struct play *p, struct instant to);
/* Prints what was sent as lines of a script, and forgets it. */
void seg_show_sent(struct play *p);
/* The rest of a `<` line, and of a `>` line. */
void seg_peer_sends(struct play *p);
void seg_stack_sends(struct play *p);

/* ---- seg_app.c ---- */
/* A line that is not about segments; false when its first word is unknown. */
bool seg_app_act(struct play *p);

#endif
