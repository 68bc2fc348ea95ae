/*
 * settings_table.c - the rows of settings.def, found by path and by what an operator probably
 * meant.
 *
 * The table has some fifty rows and is read at launch and on reload only, so that walking it is
 * good enough. Nothing here knows a single setting.
 */
#include "policy/settings_table.h"

#include <stddef.h>

#include "policy/settings.h"
#include "policy/settings_rows.h"

#define SPELLING_BYTES_MAX 64u /* longer words are not compared */

/* "|none|opportunistic|..." in the order of enum tls_level. */
#define LEVEL(name, text, encrypts, verifies) "|" text
static const char tls_level_choices[] =
#include "policy/tls_levels.def"
	;
#undef LEVEL
#define SETTINGS_TLS_LEVELS tls_level_choices

static const struct settings_row rows[] = {
#include "policy/settings.def"
};
static const struct settings_table table = { rows, COUNT_OF(rows) };

static struct span span_str(const char *s)
{
	size_t bytes = 0;
	while (s[bytes] != '\0')
		bytes++;
	return span_of(s, bytes);
}

const struct settings_table *settings_table(void)
{
	return &table;
}

uint32_t settings_row_count(void)
{
	return (uint32_t)COUNT_OF(rows);
}

const struct settings_row *settings_row_at(uint32_t index)
{
	CHECK(index < COUNT_OF(rows));
	return &rows[index];
}

const struct settings_row *settings_row_find(struct span path)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (span_equal(span_str(rows[i].path), path))
			return &rows[i];
	return NULL;
}

struct span settings_row_child(const struct settings_row *row, const struct settings_row *parent)
{
	struct span path = span_str(row->path);
	if (parent != NULL) {
		struct span above = span_str(parent->path);
		if (!span_equal(span_head(path, above.bytes), above))
			return SPAN_NONE;
		path = span_after(path, above.bytes);
		struct span joint = parent->type == SETTINGS_TYPE_LIST ? SPAN("[].") : SPAN(".");
		if (!span_equal(span_head(path, joint.bytes), joint))
			return SPAN_NONE;
		path = span_after(path, joint.bytes);
	}
	return span_find(path, '.') == path.bytes ? path : SPAN_NONE;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment, three rows of the matrix at a time. */
uint32_t settings_spelling_distance(struct span a, struct span b)
{
	uint32_t cost[3][SPELLING_BYTES_MAX + 1];
	if (a.bytes > SPELLING_BYTES_MAX || b.bytes > SPELLING_BYTES_MAX)
		return UINT32_MAX;
	for (uint32_t j = 0; j <= b.bytes; j++)
		cost[0][j] = j;
	for (uint32_t i = 1; i <= a.bytes; i++) {
		uint32_t *now = cost[i % 3], *before = cost[(i + 2) % 3],
			 *earlier = cost[(i + 1) % 3];
		uint8_t x = ascii_lower(a.data[i - 1]);
		now[0] = i;
		for (uint32_t j = 1; j <= b.bytes; j++) {
			uint8_t y = ascii_lower(b.data[j - 1]);
			now[j] = least(before[j - 1] + (x != y), least(before[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && x == ascii_lower(b.data[j - 2]) &&
			    y == ascii_lower(a.data[i - 2]))
				now[j] = least(now[j], earlier[j - 2] + 1);
		}
	}
	return cost[a.bytes % 3][b.bytes];
}

/* How many slips of the pen still mean the same word: one in three letters, but at least one. */
static uint32_t slips_allowed(struct span word)
{
	return word.bytes < 6 ? 1 : (uint32_t)least((uint32_t)word.bytes / 3, 4);
}

static struct span last_name(const struct settings_row *row)
{
	struct span path = span_str(row->path);
	size_t dot = span_find_last(path, '.');
	return dot == path.bytes ? path : span_after(path, dot + 1);
}

const struct settings_row *settings_row_nearest(const struct settings_row *parent, struct span name)
{
	return settings_table_nearest(&table, parent, name);
}

const struct settings_row *settings_table_nearest(const struct settings_table *t,
						  const struct settings_row *parent,
						  struct span name)
{
	const struct settings_row *best = NULL;
	uint32_t best_distance = slips_allowed(name) + 1;
	for (size_t i = 0; i < t->count; i++) {
		struct span child = settings_row_child(&t->rows[i], parent);
		uint32_t distance = child.bytes == 0 ? UINT32_MAX
						     : settings_spelling_distance(child, name);
		if (distance < best_distance) {
			best_distance = distance;
			best = &t->rows[i];
		}
	}
	for (size_t i = 0; best == NULL && i < t->count; i++)
		if (span_equal_nocase(last_name(&t->rows[i]), name))
			best = &t->rows[i];
	return best;
}

struct span settings_choice_at(const char *choices, uint32_t index)
{
	struct span left = span_str(choices);
	for (uint32_t i = 0; i < index; i++) {
		if (left.bytes == 0)
			return SPAN_NONE;
		left = span_after(left, span_find(left, '|'));
		left = span_after(left, 1);
	}
	return span_head(left, span_find(left, '|'));
}

uint32_t settings_choice_find(const char *choices, struct span word)
{
	for (uint32_t i = 1;; i++) {
		struct span choice = settings_choice_at(choices, i);
		if (choice.bytes == 0)
			return 0;
		if (span_equal(choice, word))
			return i;
	}
}

struct span settings_choice_nearest(const char *choices, struct span word)
{
	struct span best = SPAN_NONE;
	uint32_t best_distance = slips_allowed(word) + 1;
	for (uint32_t i = 1;; i++) {
		struct span choice = settings_choice_at(choices, i);
		if (choice.bytes == 0)
			return best;
		uint32_t distance = settings_spelling_distance(choice, word);
		if (distance < best_distance) {
			best_distance = distance;
			best = choice;
		}
	}
}
