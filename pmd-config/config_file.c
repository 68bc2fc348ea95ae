/*
 * config_file.c - one libconfig file -> checked settings. See config_file.h.
 *
 * The walk follows a table (settings.def for weir's own kind), not the file: for each row the written value is looked up, or the
 * default taken; then what was written but is in no row is reported as unknown. So this file knows
 * the shape of a configuration (groups, lists, values) and no single setting. config_values.c reads
 * values, config_check.c compares them with each other.
 *
 * libconfig keeps the texts alive that the settings point to; what had to be changed (lower case,
 * joined paths) is kept in a list of our own. Both go with config_free().
 */
#include "pmd-config/config_file.h"

#include <errno.h>
#include <stdarg.h>
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

static void where_print(const struct config *c, const config_setting_t *at, char *text,
			size_t bytes)
{
	const char *file = at != NULL ? config_setting_source_file(at) : NULL;
	unsigned line = at != NULL ? config_setting_source_line(at) : 0;
	if (line != 0)
		snprintf(text, bytes, "%s:%u", file != NULL ? file : c->name, line);
	else
		snprintf(text, bytes, "%s", c->name);
}

void mistake(struct loader *l, const config_setting_t *at, const struct settings_row *row,
	     const char *format, ...)
{
	char where[1024], rule_buffer[512];
	where_print(l->config, at, where, sizeof(where));
	fprintf(l->errors, "%s: ", where);
	if (l->path.used > 0)
		fprintf(l->errors, "%s: ", l->path.begin);
	va_list arguments;
	va_start(arguments, format);
	vfprintf(l->errors, format, arguments);
	va_end(arguments);
	if (row != NULL) {
		struct text rule = text_of(rule_buffer, sizeof(rule_buffer));
		settings_row_rule(&rule, row);
		fprintf(l->errors, " (%s)", rule_buffer);
	}
	fputc('\n', l->errors);
	l->mistakes++;
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
		if (row->min > 0)
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

static void unknown_report(struct loader *l, const struct settings_row *parent,
			   const config_setting_t *at)
{
	const char *name = config_setting_name(at);
	const struct config_kind *kind = l->config->kind;
	const struct settings_row *near =
		settings_table_nearest(kind->table, parent, span_of(name, strlen(name)));
	if (near == NULL) {
		mistake(l, at, NULL, "unknown setting (`%s` lists all)", kind->manual);
		return;
	}
	const char *sibling = child_name(near, parent);
	mistake(l, at, NULL, "unknown setting (did you mean \"%s\"?)",
		sibling != NULL ? sibling : near->path);
}

static void unknown_find(struct loader *l, const struct settings_row *parent,
			 const config_setting_t *at)
{
	int count = config_setting_length(at);
	for (int i = 0; i < count; i++) {
		const config_setting_t *child = config_setting_get_elem(at, (unsigned)i);
		if (child_is_known(l->config->kind->table, parent, config_setting_name(child)))
			continue;
		size_t before = path_push(l, config_setting_name(child));
		unknown_report(l, parent, child);
		path_pop(l, before);
	}
}

/* The group `at` (NULL: not written, all defaults) of the row `parent` (NULL: the top). */
static void group_read(struct loader *l, const struct settings_row *parent,
		       const config_setting_t *at, uint8_t *base)
{
	const struct settings_table *table = l->config->kind->table;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct settings_row *row = &table->rows[i];
		const char *name = child_name(row, parent);
		if (name == NULL)
			continue;
		size_t before = path_push(l, name);
		row_read(l, row, at == NULL ? NULL : config_setting_get_member(at, name), at, base);
		path_pop(l, before);
	}
	if (at != NULL)
		unknown_find(l, parent, at);
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
	*l = (struct loader){ .config = c, .errors = errors };
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
		config_free(c);
		return NULL;
	}
	config_set_include_dir(&c->file, c->folder[0] == '\0' ? "." : c->folder);
	return c;
}

static void syntax_report(struct loader *l)
{
	const struct config *c = l->config;
	const char *file = config_error_file(&c->file);
	const char *text = config_error_text(&c->file);
	fprintf(l->errors, "%s:%d: %s (libconfig syntax)\n", file != NULL ? file : c->name,
		config_error_line(&c->file), text != NULL ? text : "cannot be read");
	l->mistakes++;
}

static struct config *config_finish(struct loader *l, bool parsed)
{
	struct config *c = l->config;
	if (!parsed) {
		syntax_report(l);
	} else {
		group_read(l, NULL, config_root_setting(&c->file), c->values);
		if (l->mistakes == 0 && c->kind == own_kind())
			config_check(l);
	}
	if (l->mistakes == 0)
		return c;
	config_free(c);
	return NULL;
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

struct config *config_load(const char *path, FILE *errors)
{
	return config_load_kind(own_kind(), path, errors);
}

struct config *config_load_kind(const struct config_kind *kind, const char *path, FILE *errors)
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
	return config_finish(&l, config_read_file(&c->file, path) == CONFIG_TRUE);
}

struct config *config_load_text(const char *text, const char *name, const char *folder,
				FILE *errors)
{
	return config_load_kind_text(own_kind(), text, name, folder, errors);
}

struct config *config_load_kind_text(const struct config_kind *kind, const char *text,
				     const char *name, const char *folder, FILE *errors)
{
	struct loader l;
	struct config *c = config_open(&l, kind, name, span_of(folder, strlen(folder)), errors);
	if (c == NULL)
		return NULL;
	return config_finish(&l, config_read_string(&c->file, text) == CONFIG_TRUE);
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
	config_destroy(&c->file);
	while (c->kept != NULL) {
		struct config_kept *kept = c->kept;
		c->kept = kept->next;
		free(kept);
	}
	free(c);
}

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
	where_print(c, config_find(c, setting_path), text, bytes);
}
