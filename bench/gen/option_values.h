/*
 * option_values.h - texts of the command line as values: each function says whether the text is one
 * of its kind.
 */
#ifndef WEIR_BENCH_GEN_OPTION_VALUES_H
#define WEIR_BENCH_GEN_OPTION_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"
#include "bench/gen/gen.h"

struct span value_span(const char *text);
MUST_USE bool value_number(const char *text, uint64_t most, uint64_t *value);
MUST_USE bool value_number32(const char *text, uint32_t most, uint32_t *value);
MUST_USE bool value_decimal(const char *text, double most, double *value);
MUST_USE bool value_seconds(const char *text, uint64_t *us);
MUST_USE bool value_percent(const char *text, uint32_t *per_mille);
/* "4096", "4K", "5M"; the suffix is cut off. */
MUST_USE bool value_bytes(char *text, uint32_t *value);
/* No longer than there is room for, and nothing in it that does not belong into a command of
 * SMTP. */
MUST_USE bool value_name(const char *text, char *to, size_t room);
/* Cuts "a:b" at the last colon and returns "b"; NULL when there is none. */
char *value_cut(char *text, char at);
/* mail, rcpt, data or end, as enum gen_stage */
MUST_USE bool value_stage(const char *text, unsigned *value);
MUST_USE bool value_tls_word(const char *text, const char *off, const char *on,
                             enum gen_tls *value);

#endif
