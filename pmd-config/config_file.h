/*
 * config_file.h - one libconfig file -> checked settings.
 *
 * Every mistake is reported, not only the first, and each once, in the order of lines:
 * `FILE:LINE: SETTING: what is wrong (the rule; nearest right spelling)`. Unknown settings are
 * mistakes. Relative paths are relative to the file's folder.
 *
 * In one call: config_load(). Who has checks of its own to add (files, devices) calls
 * config_examine(), then config_mistake() for what it finds, then config_report(). Until that has
 * said that there is no mistake, a setting may be looked at only if it is not config_doubted():
 * what was not read soundly is zero, a default, or NULL, and to complain of that would be noise.
 */
#ifndef WEIR_PMD_CONFIG_CONFIG_FILE_H
#define WEIR_PMD_CONFIG_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/check.h"
#include "policy/settings.h"
#include "policy/settings_table.h"

struct config; /* owns what its settings point to */

/* NULL when there was any mistake; all of them were written to `errors`. */
MUST_USE struct config *config_load(const char *path, FILE *errors);
/* The same from a text in memory (tests, fuzzing): `name` stands for the file in messages, `folder`
 * is what relative paths are relative to ("": the working directory). */
MUST_USE struct config *config_load_text(const char *text, const char *name, const char *folder,
					 FILE *errors);

/* As far as it can be read; mistakes are kept for config_report(). NULL: it is not there, or not of
 * libconfig's syntax; that was written to `errors`. */
MUST_USE struct config *config_examine(const char *path, FILE *errors);
MUST_USE struct config *config_examine_text(const char *text, const char *name, const char *folder,
					    FILE *errors);
/* One mistake more, of the setting at a path such as "certificates[0].chain", which is doubted from
 * then on. */
void config_mistake(struct config *c, const char *setting_path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Is there a mistake in the setting at that path, in what it stands in, or in anything below it? */
bool config_doubted(const struct config *c, const char *setting_path);
/* Writes all mistakes in the order of lines. True: there is none. */
MUST_USE bool config_report(struct config *c, FILE *errors);

const struct settings *config_settings(const struct config *c);

/* Another table than weir's own, read by the same rules: `bytes` of values, laid out as its rows
 * say. Types that refer to other settings (CERTIFICATE) are weir's own only. What must fit together
 * is the caller's to check, and config_where() says where it stands. */
struct config_kind {
	const struct settings_table *table;
	size_t bytes;
	const char *manual; /* the command that lists all settings, for messages */
};
MUST_USE struct config *config_load_kind(const struct config_kind *kind, const char *path,
					 FILE *errors);
MUST_USE struct config *config_load_kind_text(const struct config_kind *kind, const char *text,
					      const char *name, const char *folder, FILE *errors);
const void *config_values(const struct config *c);
void config_free(struct config *c);
/* Where a setting was written, for refusals at launch ("certificates[0].chain"): FILE:LINE, or FILE
 * alone. */
void config_where(const struct config *c, const char *setting_path, char *text, size_t bytes);

#endif
