/*
 * config_file.h - one libconfig file -> checked settings.
 *
 * Every mistake is reported, not only the first: `FILE:LINE: SETTING: what is wrong (the rule;
 * nearest right spelling)`. Unknown settings are mistakes. Relative paths are relative to the
 * file's folder.
 */
#ifndef WEIR_PMD_CONFIG_CONFIG_FILE_H
#define WEIR_PMD_CONFIG_CONFIG_FILE_H

#include <stdio.h>

#include "base/check.h"
#include "policy/settings.h"

struct config; /* owns what its settings point to */

/* NULL when there was any mistake; all of them were written to `errors`. */
MUST_USE struct config *config_load(const char *path, FILE *errors);
/* The same from a text in memory (tests, fuzzing): `name` stands for the file in messages, `folder`
 * is what relative paths are relative to ("": the working directory). */
MUST_USE struct config *config_load_text(const char *text, const char *name, const char *folder,
					 FILE *errors);
const struct settings *config_settings(const struct config *c);
void config_free(struct config *c);
/* Where a setting was written, for checks made elsewhere ("certificates[0].chain"): FILE:LINE, or
 * FILE alone. */
void config_where(const struct config *c, const char *setting_path, char *text, size_t bytes);

#endif
