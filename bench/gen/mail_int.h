/*
 * mail_int.h - what mail.c, mail_mime.c and mail_lines.c share; never leaves this folder.
 */
#ifndef WEIR_BENCH_GEN_MAIL_INT_H
#define WEIR_BENCH_GEN_MAIL_INT_H

#include "bench/gen/mail.h"

#define MAIL_EICAR_BYTES_MIN 72u /* the test line with CRLF, and no single byte left over */

/* mail_lines.c: one line more into m->piece, out of m->body_left (at least 2 bytes). */
void mail_line_make(struct mail_maker *m, enum mail_content content);

/* mail_mime.c */
void mail_form_choose(struct mail_plan *plan, struct prng *prng);
/* Content-Type and Content-Transfer-Encoding of the message, and the empty line. */
void mail_form_head(struct text *t, uint64_t run, const struct mail_plan *plan);
/* Fills in the segments of the body. */
void mail_form_lay(struct mail_maker *m);
void mail_literal_make(struct mail_maker *m, const struct mail_segment *s);

#endif
