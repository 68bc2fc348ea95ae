/*
 * settings_table.h - settings.def as data: what may be set, how it is written, and where it lies in
 * struct settings.
 *
 * The loader walks these rows; the checks, the manual and the suggestions for wrong spellings read
 * them too, so that none can know a setting that the others do not. Pure.
 */
#ifndef WEIR_POLICY_SETTINGS_TABLE_H
#define WEIR_POLICY_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"
#include "base/text.h"

#define SETTINGS_CONTENT_RULES_MAX         4096u /* rules */
#define SETTINGS_CONTENT_LITERALS_MAX      4096u /* byte strings of one rule */
#define SETTINGS_CONTENT_LITERAL_BYTES_MAX 1024u
#define SETTINGS_TLS_NAMES_MAX             4u     /* as many as struct policy_next has references */
#define SETTINGS_PATH_BYTES                128u   /* a row's path or a written one, with its NUL */
#define SETTINGS_MANUAL_BYTES              32768u /* all of settings_manual() */

enum settings_type {
	SETTINGS_TYPE_GROUP = 1,
	SETTINGS_TYPE_LIST,   /* of groups; bytes: of one element */
	SETTINGS_TYPE_CHOICE, /* an enum */
	SETTINGS_TYPE_NUMBER, /* uint16_t, uint32_t or uint64_t, by `bytes` */
	SETTINGS_TYPE_TEXT,   /* const char * from here ... */
	SETTINGS_TYPE_WORDS,
	SETTINGS_TYPE_NAME,
	SETTINGS_TYPE_PATH,
	SETTINGS_TYPE_HOST,
	SETTINGS_TYPE_LCORES,      /* ... to here */
	SETTINGS_TYPE_ADDRESS,     /* struct ip_addr */
	SETTINGS_TYPE_PREFIX,      /* struct ip_prefix */
	SETTINGS_TYPE_ENDPOINT,    /* struct endpoint */
	SETTINGS_TYPE_CERTIFICATE, /* uint32_t: index */
	SETTINGS_TYPE_INTERFACES,    /* arrays with a count beside them, from here ... */
	SETTINGS_TYPE_ADDRESSES,
	SETTINGS_TYPE_ENDPOINTS, /* ... to here */
	SETTINGS_TYPE_DOMAINS,   /* struct settings_strings, from here ... */
	SETTINGS_TYPE_HOSTS,
	SETTINGS_TYPE_BYTES, /* ... to here */
	SETTINGS_TYPE_COUNT
};

enum settings_unit {
	SETTINGS_UNIT_PLAIN = 1,
	SETTINGS_UNIT_BYTES,
	SETTINGS_UNIT_SECONDS,
	SETTINGS_UNIT_MILLISECONDS,
	SETTINGS_UNIT_SHARE, /* kept per mille, written in per cent */
};
enum settings_storage { SETTINGS_STORAGE_FIXED = 1, SETTINGS_STORAGE_GROWN };

struct settings_row {
	const char *path; /* "ports[].mtu" */
	enum settings_type type;
	enum settings_unit unit;
	enum settings_storage storage; /* of a list */
	const char *fallback; /* NULL: must be written; "": no value; else as an operator would
				 spell it */
	const char *choices;  /* "|adaptive|busy" */
	uint64_t min, max;    /* of a number; elements of a list or array; bytes of a text */
	const char *help;
	uint32_t offset, bytes; /* in the struct of the element, else in struct settings */
	uint32_t count_offset;
};

/* Any table of such rows: weir's own is settings.def, the generator's scenarios have another. */
struct settings_table {
	const struct settings_row *rows;
	uint32_t count;
};
const struct settings_table *settings_table(void); /* weir's own, as are the rows below */

uint32_t settings_row_count(void);
const struct settings_row *settings_row_at(uint32_t index);
/* By the table's path ("ports[].mtu"); NULL: there is none. */
const struct settings_row *settings_row_find(struct span path);
/* Is `row` a direct child of `parent` (NULL: of the top)? Then its own name, else an empty span. */
struct span settings_row_child(const struct settings_row *row, const struct settings_row *parent);
/* The row that an operator who wrote `name` below `parent` probably meant: a sibling spelt much
 * like it, else a setting of exactly that name elsewhere; NULL: nothing is near. */
const struct settings_row *settings_row_nearest(const struct settings_row *parent,
						struct span name);
const struct settings_row *settings_table_nearest(const struct settings_table *table,
						  const struct settings_row *parent,
						  struct span name);

/* "10M", "64K", "2G" for bytes (powers of 1024, also as "10MiB"); "5s", "2m", "1h", "1d" for
 * seconds; "250ms", "2s", "1m" for milliseconds; "0.5%", "85" (per cent) for shares, which are kept per
 * mille; plain digits for all units. False: not of that form, or too large for 64 bits. */
MUST_USE bool settings_quantity_parse(struct span text, enum settings_unit unit, uint64_t *value);
/* The number of the choice (from 1); 0: none of them. */
uint32_t settings_choice_find(const char *choices, struct span word);
/* The choice number `index` (from 1); empty when there are fewer. */
struct span settings_choice_at(const char *choices, uint32_t index);
/* The choice spelt much like `word`; empty when none is. */
struct span settings_choice_nearest(const char *choices, struct span word);

/* What may be written there, in a few words: for messages and for the manual. */
void settings_row_rule(struct text *t, const struct settings_row *row);
/* The default in words: "default 50M", "required", "optional"; nothing for groups and lists. */
void settings_row_fallback(struct text *t, const struct settings_row *row);
/* The whole manual as plain text, at most 80 columns. */
void settings_manual(struct text *t);
void settings_table_manual(struct text *t, const struct settings_table *table);

/* Insertions, deletions, replacements and swaps of neighbours between two words, case ignored;
 * words longer than 64 bytes are as far from each other as can be. */
uint32_t settings_spelling_distance(struct span a, struct span b);

#endif
