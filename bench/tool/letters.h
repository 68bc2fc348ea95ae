/*
 * letters.h - real messages for the generator to send: an mbox file, or a Maildir.
 *
 * They are read whole, at the start, and put into the form that may travel: CRLF lines of 998 bytes at
 * most, no NUL, a line end at the end; what is not so is made so, because the generator is to measure,
 * not to be refused. The mbox's "From " lines are taken off, and ">From " is put back (RFC 4155).
 */
#ifndef WEIR_BENCH_TOOL_LETTERS_H
#define WEIR_BENCH_TOOL_LETTERS_H

#include <stddef.h>

#include "base/check.h"
#include "bench/gen/mail.h"

#define LETTERS_MAX 100000u
#define LETTERS_BYTES_MAX ((size_t)2 << 30) /* together */

/* False with the reason in `error`. The memory lives as long as the program. */
MUST_USE bool letters_load(const char *path, struct mail_mix *mix, char *error, size_t error_bytes);

#endif
