/*
 * config_int.h - shared by the loader's files: config_file.c walks, config_values.c reads one
 * value, config_check.c looks at what single values cannot show, config_mistakes.c keeps mistakes
 * and doubts. Never included from outside this folder.
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

#define CONFIG_PATH_BYTES   256u  /* a written setting's path; longer ones are cut in messages */
#define CONFIG_MISTAKES_MAX 4096u /* named; more than that nobody reads, they are counted */

struct config_kept { /* memory that lives as long as the configuration */
	struct config_kept *next;
	uint64_t aligned[];
};

struct config_mistake {
	const char *file;
	unsigned line; /* 0: of the file as a whole */
	char *text;    /* "SETTING: what is wrong (the rule)" */
};

struct config_doubt {
	uint64_t hash; /* of a path; 0: a free place */
	bool exact;    /* that path itself is doubted, not only something below it */
};

struct config_doubts {       /* a set of paths, by hash */
	uint32_t count, capacity; /* capacity: a power of two, or 0 */
	struct config_doubt *places;
	bool all; /* no memory to keep them apart */
};

struct config {
	config_t file;
	const char *name;   /* of the file, as given */
	const char *folder; /* what relative paths are relative to; "": the working directory */
	const struct config_kind *kind;
	void *values;             /* what the kind's rows lie in */
	struct settings settings; /* the values of weir's own kind */
	struct config_kept *kept;
	struct config_mistake *mistakes; /* room for CONFIG_MISTAKES_MAX once there is one */
	uint32_t mistake_count;
	uint32_t mistakes_unnamed;
	struct config_doubts doubts;
};

struct loader {
	struct config *config;
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

/* Reads the value of a row that is neither group nor list; `at` is NULL when it is not written,
 * `parent` is the group that it would stand in. The value goes to base + row->offset. */
void value_read(struct loader *l, const struct settings_row *row, const config_setting_t *at,
		const config_setting_t *parent, uint8_t *base);

/* Everything that needs more than one value, as far as those are sound. */
void config_check(struct loader *l);
/* The part of it that is about ports alone. */
void config_check_ports(struct loader *l);
bool address_is_host(struct ip_addr a);
bool port_has(const struct settings_port *p, struct ip_addr a);
/* Is it in a network of the port, or behind one of its routers? */
bool port_reaches(const struct settings_port *p, struct ip_addr a);
/* Is all known that "no port has such an address" (or gateway, or route: `what`) is said of? */
bool ports_known(const struct loader *l, const char *what);

/* ---- mistakes ---- */

/* One mistake, at the line of `at` (NULL: the file) and the path under the finger, which is doubted
 * from then on. The rule of `row` is appended, unless it is NULL. */
void mistake(struct loader *l, const config_setting_t *at, const struct settings_row *row,
	     const char *format, ...) __attribute__((format(printf, 4, 5)));
/* One mistake in how settings fit together, at the path under the finger. It is not doubted: by
 * itself the value is sound, and others may be held against it. */
void mistake_between(struct loader *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same under a path such as "listeners[3].address". */
void mistake_at(struct loader *l, const char *list, uint32_t index, const char *name,
		const char *message);
/* Nothing is said, but what stands at the path will not be judged. */
void doubt(struct config *c, const char *path);
/* config_doubted() for a path made of parts. */
bool doubted(const struct config *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, but for what is below: was the list read, whatever its elements are like? */
bool doubted_itself(const struct config *c, const char *path);
void mistakes_free(struct config *c);

/* The setting written at a path such as "ports[0].mtu", or the nearest above it; NULL: nothing of
 * it. */
const config_setting_t *config_find(const struct config *c, const char *path);

#endif
