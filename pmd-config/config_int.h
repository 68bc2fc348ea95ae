/*
 * config_int.h - shared by the loader's three files: config_file.c walks, config_values.c reads one
 * value, config_check.c looks at what single values cannot show. Never included from outside this
 * folder.
 */
#ifndef WEIR_PMD_CONFIG_CONFIG_INT_H
#define WEIR_PMD_CONFIG_CONFIG_INT_H

#include <libconfig.h>
#include <stdint.h>
#include <stdio.h>

#include "base/check.h"
#include "base/text.h"
#include "pmd-config/config_file.h"
#include "policy/settings.h"
#include "policy/settings_table.h"

#define CONFIG_PATH_BYTES 256u /* a written setting's path; longer ones are cut in messages */

struct config_kept { /* memory that lives as long as the configuration */
	struct config_kept *next;
	uint64_t aligned[];
};

struct config {
	config_t file;
	bool parsed;
	const char *name;   /* of the file, as given */
	const char *folder; /* what relative paths are relative to; "": the working directory */
	const struct config_kind *kind;
	void *values;             /* what the kind's rows lie in */
	struct settings settings; /* the values of weir's own kind */
	struct config_kept *kept;
};

struct loader {
	struct config *config;
	FILE *errors;
	uint32_t mistakes;
	struct text path; /* of the setting under the finger */
	char path_buffer[CONFIG_PATH_BYTES];
};

/* Zeroed memory; NULL (and a mistake reported) when there is none. */
MUST_USE void *config_keep(struct loader *l, size_t bytes);
/* A copy in lower case (domains, host names) or as it is; NULL as above. */
MUST_USE const char *config_keep_text(struct loader *l, struct span text, bool lower);

/* Appends ".name" or "[index]" to the path; returns what path_pop() needs to take it off again. */
size_t path_push(struct loader *l, const char *name);
size_t path_push_index(struct loader *l, uint32_t index);
void path_pop(struct loader *l, size_t before);

/* One mistake, at the line of `at` (NULL: the file) and the path under the finger. The rule of
 * `row` is appended, unless it is NULL. */
void mistake(struct loader *l, const config_setting_t *at, const struct settings_row *row,
	     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Reads the value of a row that is neither group nor list; `at` is NULL when it is not written,
 * `parent` is the group that it would stand in. The value goes to base + row->offset. */
void value_read(struct loader *l, const struct settings_row *row, const config_setting_t *at,
		const config_setting_t *parent, uint8_t *base);

/* Everything that needs more than one value. */
void config_check(struct loader *l);
/* The setting written at a path such as "ports[0].mtu", or the nearest above it; NULL: nothing of
 * it. */
const config_setting_t *config_find(const struct config *c, const char *path);

#endif
