/*
 * config_mistakes.c - the mistakes of one configuration, and which settings they make doubtful.
 *
 * Mistakes are collected while the file is read and checked, by the loader and by whoever checks
 * more (config_mistake()), and written at the end in the order of lines. A value that is wrong by
 * itself makes its path doubtful. A check that needs several settings asks first whether they are
 * sound: so one mistake is one line, and no mistake keeps an unrelated one from being found.
 *
 * Doubts are a set of paths. A path is doubted when it was named itself, when something that it
 * stands in was ("ports" for "ports[0].mtu"), or something below it. For the last, every doubt also
 * enters what it stands in, as not exact. The set keeps 64-bit hashes (FNV-1a), no texts: should
 * two of the operator's own paths ever collide, a check is left out of a run that fails anyway.
 *
 * Bounds: CONFIG_MISTAKES_MAX are named, the rest counted. Without memory everything is doubted.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "pmd-config/config_file.h"
#include "pmd-config/config_int.h"

#define DOUBTS_FIRST 64u /* places; doubled when half of them are taken */
#define FNV_START    14695981039346656037u
#define FNV_PRIME    1099511628211u

static bool place_add(struct config_doubts *d, uint64_t hash, bool exact);

/* ---- doubts ---- */

/* Where a path may end: at its own end, or before a part of it. */
static bool part_ends(const char *path, size_t i)
{
	return path[i] == '\0' || (i > 0 && (path[i] == '.' || path[i] == '['));
}

static uint64_t hash_step(uint64_t hash, char c)
{
	return (hash ^ (uint8_t)c) * FNV_PRIME;
}

/* Never 0, which is a free place. */
static uint64_t hash_end(uint64_t hash)
{
	return hash == 0 ? 1 : hash;
}

/* The place of a hash, or the free one where it would stand; NULL: there are no places. */
static struct config_doubt *place_find(const struct config_doubts *d, uint64_t hash)
{
	if (d->capacity == 0)
		return NULL;
	uint32_t i = (uint32_t)hash & (d->capacity - 1);
	while (d->places[i].hash != 0 && d->places[i].hash != hash)
		i = (i + 1) & (d->capacity - 1);
	return &d->places[i];
}

static bool places_grow(struct config_doubts *d)
{
	struct config_doubts larger = { .capacity = d->capacity == 0 ? DOUBTS_FIRST
								     : d->capacity * 2 };
	larger.places = calloc(larger.capacity, sizeof(*larger.places));
	if (larger.places == NULL)
		return false;
	for (uint32_t i = 0; i < d->capacity; i++)
		if (d->places[i].hash != 0)
			(void)place_add(&larger, d->places[i].hash, d->places[i].exact);
	free(d->places);
	*d = larger;
	return true;
}

static bool place_add(struct config_doubts *d, uint64_t hash, bool exact)
{
	if (d->count * 2 >= d->capacity && !places_grow(d))
		return false;
	struct config_doubt *place = place_find(d, hash);
	if (place->hash == 0)
		d->count++;
	place->hash = hash;
	place->exact = place->exact || exact;
	return true;
}

void doubt(struct config *c, const char *path)
{
	struct config_doubts *d = &c->doubts;
	uint64_t hash = FNV_START;
	bool kept = path[0] != '\0'; /* of no setting: of all */
	for (size_t i = 0; kept; i++) {
		if (part_ends(path, i))
			kept = place_add(d, hash_end(hash), path[i] == '\0');
		if (path[i] == '\0')
			break;
		hash = hash_step(hash, path[i]);
	}
	d->all = d->all || !kept;
}

static bool path_doubted(const struct config_doubts *d, const char *path, bool below)
{
	uint64_t hash = FNV_START;
	if (d->all || d->count == 0)
		return d->all;
	for (size_t i = 0;; i++) {
		if (part_ends(path, i)) {
			const struct config_doubt *place = place_find(d, hash_end(hash));
			if (place->hash != 0 && (place->exact || (below && path[i] == '\0')))
				return true;
		}
		if (path[i] == '\0')
			return false;
		hash = hash_step(hash, path[i]);
	}
}

bool config_doubted(const struct config *c, const char *setting_path)
{
	return path_doubted(&c->doubts, setting_path, true);
}

bool doubted_itself(const struct config *c, const char *path)
{
	return path_doubted(&c->doubts, path, false);
}

bool doubted(const struct config *c, const char *format, ...)
{
	char path[CONFIG_PATH_BYTES];
	va_list arguments;
	if (c->doubts.count == 0 && !c->doubts.all)
		return false; /* as nearly always: spares the text */
	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	return config_doubted(c, path);
}

/* ---- mistakes ---- */

/* The next one to be filled in; NULL: there is no room, and it was counted. */
static struct config_mistake *mistake_place(struct config *c)
{
	if (c->mistakes == NULL)
		c->mistakes = calloc(CONFIG_MISTAKES_MAX, sizeof(*c->mistakes));
	if (c->mistakes != NULL && c->mistake_count < CONFIG_MISTAKES_MAX)
		return &c->mistakes[c->mistake_count];
	c->mistakes_unnamed++;
	return NULL;
}

static void mistake_add(struct config *c, const config_setting_t *at, const char *path,
			const struct settings_row *row, const char *format, va_list arguments)
{
	const char *file = at != NULL ? config_setting_source_file(at) : NULL;
	char rule_buffer[512];
	size_t bytes;
	struct config_mistake *m = mistake_place(c);
	FILE *out = m == NULL ? NULL : open_memstream(&m->text, &bytes);
	if (out == NULL) {
		c->mistakes_unnamed += m != NULL;
		return;
	}
	m->file = file != NULL ? file : c->name;
	m->line = at != NULL ? config_setting_source_line(at) : 0;
	if (path[0] != '\0')
		fprintf(out, "%s: ", path);
	vfprintf(out, format, arguments);
	if (row != NULL) {
		struct text rule = text_of(rule_buffer, sizeof(rule_buffer));
		settings_row_rule(&rule, row);
		fprintf(out, " (%s)", rule_buffer);
	}
	if (fclose(out) == 0)
		c->mistake_count++;
	else
		c->mistakes_unnamed++;
}

void mistake(struct loader *l, const config_setting_t *at, const struct settings_row *row,
	     const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	mistake_add(l->config, at, l->path.begin, row, format, arguments);
	va_end(arguments);
	doubt(l->config, l->path.begin);
}

void mistake_between(struct loader *l, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	mistake_add(l->config, config_find(l->config, l->path.begin), l->path.begin, NULL, format,
		    arguments);
	va_end(arguments);
}

void config_mistake(struct config *c, const char *setting_path, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	mistake_add(c, config_find(c, setting_path), setting_path, NULL, format, arguments);
	va_end(arguments);
	doubt(c, setting_path);
}

/* Does `a` stand behind `b`? Lines of the file itself come before those of included ones. */
static bool mistake_after(const struct config *c, const struct config_mistake *a,
			  const struct config_mistake *b)
{
	bool a_own = strcmp(a->file, c->name) == 0, b_own = strcmp(b->file, c->name) == 0;
	int order = strcmp(a->file, b->file);
	if (a_own != b_own)
		return b_own;
	return order != 0 ? order > 0 : a->line > b->line;
}

/* By insertion: it leaves those of one line in the order in which they were found, and they come
 * nearly sorted. */
static void mistakes_sort(struct config *c)
{
	for (uint32_t i = 1; i < c->mistake_count; i++) {
		struct config_mistake moving = c->mistakes[i];
		uint32_t j = i;
		for (; j > 0 && mistake_after(c, &c->mistakes[j - 1], &moving); j--)
			c->mistakes[j] = c->mistakes[j - 1];
		c->mistakes[j] = moving;
	}
}

bool config_report(struct config *c, FILE *errors)
{
	mistakes_sort(c);
	for (uint32_t i = 0; i < c->mistake_count; i++) {
		const struct config_mistake *m = &c->mistakes[i];
		if (m->line != 0)
			fprintf(errors, "%s:%u: %s\n", m->file, m->line, m->text);
		else
			fprintf(errors, "%s: %s\n", m->file, m->text);
	}
	if (c->mistakes_unnamed > 0)
		fprintf(errors, "%s: and %u more mistakes\n", c->name, c->mistakes_unnamed);
	return c->mistake_count == 0 && c->mistakes_unnamed == 0;
}

void mistakes_free(struct config *c)
{
	for (uint32_t i = 0; i < c->mistake_count; i++)
		free(c->mistakes[i].text);
	free(c->mistakes);
	free(c->doubts.places);
}

/* ---- places ---- */

/* One step of a path: "name" or "[index]"; NULL where nothing is written. Moves *path behind it. */
static const config_setting_t *step(const config_setting_t *from, const char **path)
{
	const char *p = *path;
	if (*p == '[') {
		char *end;
		unsigned long index = strtoul(p + 1, &end, 10);
		*path = *end == ']' ? end + 1 : end + strlen(end);
		return config_setting_is_aggregate(from)
			       ? config_setting_get_elem(from, (unsigned)index)
			       : NULL;
	}
	char name[CONFIG_PATH_BYTES];
	size_t bytes = strcspn(p, ".[");
	*path = p + bytes;
	if (bytes >= sizeof(name) || !config_setting_is_group(from))
		return NULL;
	memcpy(name, p, bytes);
	name[bytes] = '\0';
	return config_setting_get_member(from, name);
}

const config_setting_t *config_find(const struct config *c, const char *path)
{
	const config_setting_t *found = config_root_setting(&c->file);
	while (*path != '\0') {
		if (*path == '.')
			path++;
		const config_setting_t *below = step(found, &path);
		if (below == NULL)
			break;
		found = below;
	}
	return found;
}

void config_where(const struct config *c, const char *setting_path, char *text, size_t bytes)
{
	const config_setting_t *at = config_find(c, setting_path);
	const char *file = at != NULL ? config_setting_source_file(at) : NULL;
	unsigned line = at != NULL ? config_setting_source_line(at) : 0;
	if (line != 0)
		snprintf(text, bytes, "%s:%u", file != NULL ? file : c->name, line);
	else
		snprintf(text, bytes, "%s", c->name);
}
