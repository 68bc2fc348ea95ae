/*
 * config_file.c - one libconfig file -> checked settings. See config_file.h.
 *
 * The walk follows a table (settings.def for weir's own kind), not the file: for each row the
 * written value is looked up, or the default taken; what was written but is in no row is reported as unknown. So this file knows the
 * shape of a configuration (groups, lists, values) and no single setting. config_values.c reads
 * values, config_check.c compares them with each other, config_mistakes.c keeps what is wrong.
 *
 * Unknown names are looked for first, since what such a name was meant to be is then doubtful: it
 * is neither said to be missing, nor is its default held against other settings.
 *
 * libconfig keeps the texts alive that the settings point to; what had to be changed (lower case,
 * joined paths) is kept in a list of our own. Both go with config_free().
 */
#include "pmd-config/config_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pmd-config/config_int.h"

static void group_read(struct loader *l, const struct settings_row *parent,
		       const config_setting_t *at, uint8_t *base);

/* ---- what the other files of the loader use ---- */

void *config_keep(struct loader *l, size_t bytes)
{
	struct config_kept *kept = calloc(1, sizeof(*kept) + bytes);
	if (kept == NULL) {
		mistake(l, NULL, NULL, "no memory for the configuration");
		return NULL;
	}
	kept->next = l->config->kept;
	l->config->kept = kept;
	return kept->aligned;
}

const char *config_keep_text(struct loader *l, struct span text, bool lower)
{
	char *copy = config_keep(l, text.bytes + 1);
	for (size_t i = 0; copy != NULL && i < text.bytes; i++)
		copy[i] = (char)(lower ? ascii_lower(text.data[i]) : text.data[i]);
	return copy;
}

size_t path_push(struct loader *l, const char *name)
{
	size_t before = l->path.used;
	if (before > 0)
		text_char(&l->path, '.');
	text_str(&l->path, name);
	return before;
}

size_t path_push_index(struct loader *l, uint32_t index)
{
	size_t before = l->path.used;
	text_char(&l->path, '[');
	text_u64(&l->path, index);
	text_char(&l->path, ']');
	return before;
}

void path_pop(struct loader *l, size_t before)
{
	l->path.used = before;
	l->path.begin[before] = '\0';
	l->path.cut = false;
}

/* ---- the walk ---- */

/* The name of a row below its parent, as a C string. */
static const char *child_name(const struct settings_row *row, const struct settings_row *parent)
{
	struct span name = settings_row_child(row, parent);
	return name.bytes == 0 ? NULL : (const char *)name.data; /* the tail of row->path */
}

static void elements_read(struct loader *l, const struct settings_row *row,
			  const config_setting_t *at, uint8_t *elements, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const config_setting_t *element = config_setting_get_elem(at, i);
		size_t before = path_push_index(l, i);
		if (config_setting_is_group(element))
			group_read(l, row, element, elements + (size_t)i * row->bytes);
		else
			mistake(l, element, NULL, "is not a group (written { ... })");
		path_pop(l, before);
	}
}

static void list_read(struct loader *l, const struct settings_row *row, const config_setting_t *at,
		      const config_setting_t *parent, uint8_t *base)
{
	if (at == NULL) {
		if (row->min > 0 && !doubted_itself(l->config, l->path.begin))
			mistake(l, parent, row, "is missing");
		return;
	}
	if (!config_setting_is_list(at)) {
		mistake(l, at, row, "is not a list");
		return;
	}
	uint32_t count = (uint32_t)config_setting_length(at);
	if (count < row->min || count > row->max) {
		mistake(l, at, row, "has %u elements", count);
		return;
	}
	uint8_t *elements = base + row->offset;
	if (row->storage == SETTINGS_STORAGE_GROWN) {
		elements = config_keep(l, (size_t)count * row->bytes);
		if (elements == NULL)
			return;
		memcpy(base + row->offset, &elements, sizeof(elements));
	}
	memcpy(base + row->count_offset, &count, sizeof(count));
	elements_read(l, row, at, elements, count);
}

static void row_read(struct loader *l, const struct settings_row *row, const config_setting_t *at,
		     const config_setting_t *parent, uint8_t *base)
{
	if (row->type == SETTINGS_TYPE_LIST) {
		list_read(l, row, at, parent, base);
	} else if (row->type != SETTINGS_TYPE_GROUP) {
		value_read(l, row, at, parent, base);
	} else if (at != NULL && !config_setting_is_group(at)) {
		mistake(l, at, row, "is not a group");
	} else {
		group_read(l, row, at, base);
	}
}

static bool child_is_known(const struct settings_table *table, const struct settings_row *parent,
			   const char *name)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const char *child = child_name(&table->rows[i], parent);
		if (child != NULL && strcmp(child, name) == 0)
			return true;
	}
	return false;
}

/* The setting that the operator seems to have meant is not known to be what it looks like. */
static void meant_doubt(struct loader *l, const struct settings_row *near, const char *sibling,
			const config_setting_t *group)
{
	if (sibling == NULL) {
		if (strchr(near->path, '[') == NULL)
			doubt(l->config, near->path);
		return;
	}
	if (config_setting_get_member(group, sibling) != NULL)
		return; /* written as well, and so sound or not by itself */
	size_t before = path_push(l, sibling);
	doubt(l->config, l->path.begin);
	path_pop(l, before);
}

static void unknown_report(struct loader *l, const struct settings_row *parent,
			   const config_setting_t *group, const config_setting_t *at)
{
	const char *name = config_setting_name(at);
	const struct config_kind *kind = l->config->kind;
	const struct settings_row *near =
		settings_table_nearest(kind->table, parent, span_of(name, strlen(name)));
	size_t before = path_push(l, name);
	const char *sibling = near == NULL ? NULL : child_name(near, parent);
	if (near == NULL)
		mistake(l, at, NULL, "unknown setting (`%s` lists all)", kind->manual);
	else
		mistake(l, at, NULL, "unknown setting (did you mean \"%s\"?)",
			sibling != NULL ? sibling : near->path);
	path_pop(l, before);
	if (near != NULL)
		meant_doubt(l, near, sibling, group);
}

static void unknown_find(struct loader *l, const struct settings_row *parent,
			 const config_setting_t *at)
{
	int count = config_setting_length(at);
	for (int i = 0; i < count; i++) {
		const config_setting_t *child = config_setting_get_elem(at, (unsigned)i);
		if (!child_is_known(l->config->kind->table, parent, config_setting_name(child)))
			unknown_report(l, parent, at, child);
	}
}

/* The group `at` (NULL: not written, all defaults) of the row `parent` (NULL: the top). */
static void group_read(struct loader *l, const struct settings_row *parent,
		       const config_setting_t *at, uint8_t *base)
{
	const struct settings_table *table = l->config->kind->table;
	if (at != NULL)
		unknown_find(l, parent, at);
	for (uint32_t i = 0; i < table->count; i++) {
		const struct settings_row *row = &table->rows[i];
		const char *name = child_name(row, parent);
		if (name == NULL)
			continue;
		size_t before = path_push(l, name);
		row_read(l, row, at == NULL ? NULL : config_setting_get_member(at, name), at, base);
		path_pop(l, before);
	}
}

/* ---- from outside ---- */

/* weir's own kind: its values stand in struct config, where its checks find them. */
static const struct config_kind *own_kind(void)
{
	static struct config_kind kind = { .bytes = sizeof(struct settings),
					   .manual = "weir --settings" };
	kind.table = settings_table();
	return &kind;
}

static struct config *config_open(struct loader *l, const struct config_kind *kind,
				  const char *name, struct span folder, FILE *errors)
{
	struct config *c = calloc(1, sizeof(*c));
	*l = (struct loader){ .config = c };
	l->path = text_of(l->path_buffer, sizeof(l->path_buffer));
	if (c == NULL) {
		fprintf(errors, "%s: no memory for the configuration\n", name);
		return NULL;
	}
	config_init(&c->file);
	c->name = name;
	c->kind = kind;
	c->values = kind == own_kind() ? &c->settings : config_keep(l, kind->bytes);
	c->folder = config_keep_text(l, folder, false);
	c->name = config_keep_text(l, span_of(name, strlen(name)), false);
	if (c->folder == NULL || c->name == NULL || c->values == NULL) {
		fprintf(errors, "%s: no memory for the configuration\n", name);
		config_free(c);
		return NULL;
	}
	config_set_include_dir(&c->file, c->folder[0] == '\0' ? "." : c->folder);
	return c;
}

static void syntax_report(const struct config *c, FILE *errors)
{
	const char *file = config_error_file(&c->file);
	const char *text = config_error_text(&c->file);
	fprintf(errors, "%s:%d: %s (libconfig syntax)\n", file != NULL ? file : c->name,
		config_error_line(&c->file), text != NULL ? text : "cannot be read");
}

/* What libconfig could not read has no settings to look at. */
static struct config *config_finish(struct loader *l, bool parsed, FILE *errors)
{
	struct config *c = l->config;
	if (!parsed) {
		syntax_report(c, errors);
		config_free(c);
		return NULL;
	}
	group_read(l, NULL, config_root_setting(&c->file), c->values);
	if (c->kind == own_kind())
		config_check(l);
	return c;
}

/* libconfig ends the process when it reads a directory, and says little of a file that is not
 * there. */
static bool file_is_readable(const char *path, FILE *errors)
{
	struct stat about;
	FILE *f = fopen(path, "r");
	bool readable = f != NULL && fstat(fileno(f), &about) == 0;
	if (!readable)
		fprintf(errors, "%s: cannot be read: %s\n", path, strerror(errno));
	else if (S_ISDIR(about.st_mode))
		fprintf(errors, "%s: is a folder, not a file\n", path);
	if (f != NULL)
		fclose(f);
	return readable && !S_ISDIR(about.st_mode);
}

static struct config *examine(const struct config_kind *kind, const char *path, FILE *errors)
{
	if (!file_is_readable(path, errors))
		return NULL;
	struct loader l;
	struct span folder = span_of(path, strlen(path));
	size_t slash = span_find_last(folder, '/');
	folder = slash == folder.bytes ? SPAN_NONE : span_head(folder, slash == 0 ? 1 : slash);
	struct config *c = config_open(&l, kind, path, folder, errors);
	if (c == NULL)
		return NULL;
	return config_finish(&l, config_read_file(&c->file, path) == CONFIG_TRUE, errors);
}

static struct config *examine_text(const struct config_kind *kind, const char *text,
				   const char *name, const char *folder, FILE *errors)
{
	struct loader l;
	struct config *c = config_open(&l, kind, name, span_of(folder, strlen(folder)), errors);
	if (c == NULL)
		return NULL;
	return config_finish(&l, config_read_string(&c->file, text) == CONFIG_TRUE, errors);
}

struct config *config_examine(const char *path, FILE *errors)
{
	return examine(own_kind(), path, errors);
}

struct config *config_examine_text(const char *text, const char *name, const char *folder,
				   FILE *errors)
{
	return examine_text(own_kind(), text, name, folder, errors);
}

static struct config *good_only(struct config *c, FILE *errors)
{
	if (c == NULL || config_report(c, errors))
		return c;
	config_free(c);
	return NULL;
}

struct config *config_load(const char *path, FILE *errors)
{
	return good_only(config_examine(path, errors), errors);
}

struct config *config_load_text(const char *text, const char *name, const char *folder,
				FILE *errors)
{
	return good_only(config_examine_text(text, name, folder, errors), errors);
}

struct config *config_load_kind(const struct config_kind *kind, const char *path, FILE *errors)
{
	return good_only(examine(kind, path, errors), errors);
}

struct config *config_load_kind_text(const struct config_kind *kind, const char *text,
				     const char *name, const char *folder, FILE *errors)
{
	return good_only(examine_text(kind, text, name, folder, errors), errors);
}

const struct settings *config_settings(const struct config *c)
{
	return &c->settings;
}

const void *config_values(const struct config *c)
{
	return c->values;
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	mistakes_free(c); /* first: they name files that libconfig owns */
	config_destroy(&c->file);
	while (c->kept != NULL) {
		struct config_kept *kept = c->kept;
		c->kept = kept->next;
		free(kept);
	}
	free(c);
}
