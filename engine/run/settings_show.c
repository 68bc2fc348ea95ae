/*
 * settings_show.c - the settings in effect, read through settings.def's rows. See settings_show.h.
 *
 * `ports[0].mtu = 1500`: a path, an equals sign, the value as libconfig writes it. What is not set is left out.
 * Nothing here knows a single setting.
 */
#include "run/settings_show.h"

#include <inttypes.h>
#include <string.h>

#include "policy/settings_table.h"

struct place { /* where a row's struct lies, and how its path is written */
	const char *base;
	char prefix[SETTINGS_PATH_BYTES];
};

static const void *field(const struct place *p, size_t offset)
{
	return p->base + offset;
}

static void quote(struct buffer *out, const char *text)
{
	buffer_add(out, "\"", 1);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < ' ' || c > '~')
			buffer_printf(out, "\\x%02x", c);
		else
			buffer_printf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	buffer_add(out, "\"", 1);
}

static uint64_t number_read(const struct place *p, const struct settings_row *row)
{
	const void *at = field(p, row->offset);
	if (row->bytes == sizeof(uint16_t))
		return *(const uint16_t *)at;
	if (row->bytes == sizeof(uint32_t))
		return *(const uint32_t *)at;
	return *(const uint64_t *)at;
}

static void text_address(struct text *t, const struct settings_row *row, const void *at, uint32_t index)
{
	if (row->type == SETTINGS_TYPE_INTERFACES) {
		text_ip_interface(t, ((const struct ip_interface *)at)[index]);
	} else if (row->type == SETTINGS_TYPE_PREFIX) {
		text_ip_prefix(t, ((const struct ip_prefix *)at)[index]);
	} else if (row->type == SETTINGS_TYPE_ADDRESSES || row->type == SETTINGS_TYPE_ADDRESS) {
		text_ip_addr(t, ((const struct ip_addr *)at)[index]);
	} else {
		text_endpoint(t, ((const struct endpoint *)at)[index]);
	}
}

static void show_address(struct buffer *out, const struct settings_row *row, const void *at, uint32_t index)
{
	char buffer[ADDR_TEXT_BYTES];
	struct text t = text_of(buffer, sizeof(buffer));
	text_address(&t, row, at, index);
	quote(out, buffer);
}

static void show_addresses(struct buffer *out, const struct place *p, const struct settings_row *row)
{
	uint32_t count = *(const uint32_t *)field(p, row->count_offset);
	buffer_printf(out, "[ ");
	for (uint32_t i = 0; i < count; i++) {
		show_address(out, row, field(p, row->offset), i);
		buffer_printf(out, i + 1 < count ? ", " : " ");
	}
	buffer_printf(out, "]");
}

static void show_strings(struct buffer *out, const struct settings_strings *s)
{
	buffer_printf(out, "[ ");
	for (uint32_t i = 0; i < s->count; i++) {
		quote(out, s->items[i]);
		buffer_printf(out, i + 1 < s->count ? ", " : " ");
	}
	buffer_printf(out, "]");
}

static void show_choice(struct buffer *out, const struct place *p, const struct settings_row *row)
{
	struct span word = settings_choice_at(row->choices, (uint32_t)number_read(p, row));
	buffer_printf(out, "\"%.*s\"", (int)word.bytes, (const char *)word.data);
}

/* Has the row a value at all? */
static bool is_set(const struct place *p, const struct settings_row *row)
{
	switch (row->type) {
	case SETTINGS_TYPE_TEXT:
	case SETTINGS_TYPE_WORDS:
	case SETTINGS_TYPE_NAME:
	case SETTINGS_TYPE_PATH:
	case SETTINGS_TYPE_HOST:
	case SETTINGS_TYPE_LCORES:
		return *(const char *const *)field(p, row->offset) != NULL;
	case SETTINGS_TYPE_ENDPOINT:
		return ((const struct endpoint *)field(p, row->offset))->port != 0;
	case SETTINGS_TYPE_ADDRESS:
	case SETTINGS_TYPE_PREFIX: /* begins with its address */
		return ((const struct ip_addr *)field(p, row->offset))->family != IP_NONE;
	case SETTINGS_TYPE_CERTIFICATE:
		return number_read(p, row) != UINT32_MAX;
	case SETTINGS_TYPE_GROUP:
	case SETTINGS_TYPE_LIST:
	case SETTINGS_TYPE_COUNT:
		return false; /* their members are rows of their own */
	case SETTINGS_TYPE_CHOICE:
	case SETTINGS_TYPE_NUMBER:
	case SETTINGS_TYPE_INTERFACES:
	case SETTINGS_TYPE_ADDRESSES:
	case SETTINGS_TYPE_ENDPOINTS:
	case SETTINGS_TYPE_DOMAINS:
	case SETTINGS_TYPE_HOSTS:
	case SETTINGS_TYPE_BYTES:
		return true;
	}
	return false;
}

static void show_value(struct buffer *out, const struct settings *s, const struct place *p,
                       const struct settings_row *row)
{
	switch (row->type) {
	case SETTINGS_TYPE_CHOICE:
		show_choice(out, p, row);
		break;
	case SETTINGS_TYPE_NUMBER:
		buffer_printf(out, "%" PRIu64, number_read(p, row));
		break;
	case SETTINGS_TYPE_TEXT:
	case SETTINGS_TYPE_WORDS:
	case SETTINGS_TYPE_NAME:
	case SETTINGS_TYPE_PATH:
	case SETTINGS_TYPE_HOST:
	case SETTINGS_TYPE_LCORES:
		quote(out, *(const char *const *)field(p, row->offset));
		break;
	case SETTINGS_TYPE_ADDRESS:
	case SETTINGS_TYPE_PREFIX:
	case SETTINGS_TYPE_ENDPOINT:
		show_address(out, row, field(p, row->offset), 0);
		break;
	case SETTINGS_TYPE_CERTIFICATE:
		quote(out, s->certificates[number_read(p, row)].name);
		break;
	case SETTINGS_TYPE_INTERFACES:
	case SETTINGS_TYPE_ADDRESSES:
	case SETTINGS_TYPE_ENDPOINTS:
		show_addresses(out, p, row);
		break;
	case SETTINGS_TYPE_DOMAINS:
	case SETTINGS_TYPE_HOSTS:
	case SETTINGS_TYPE_BYTES:
		show_strings(out, field(p, row->offset));
		break;
	case SETTINGS_TYPE_GROUP:
	case SETTINGS_TYPE_LIST:
	case SETTINGS_TYPE_COUNT:
		break; /* never set: see is_set() */
	}
}

/* The row's path below `list` (NULL: the top); NULL: it does not belong there, or to a list in between. */
static const char *name_below(const struct settings_row *row, const struct settings_row *list)
{
	const char *name = row->path;
	if (list != NULL) {
		size_t bytes = strlen(list->path);
		if (strncmp(name, list->path, bytes) != 0 || strncmp(name + bytes, "[].", 3) != 0)
			return NULL;
		name += bytes + 3;
	}
	return strstr(name, "[].") == NULL ? name : NULL;
}

static void show_list(struct buffer *out, const struct settings *s, const struct place *p,
                      const struct settings_row *list, const char *name);

/* All rows of one element. Lists of lists end with the table. */
static void show_element(struct buffer *out, const struct settings *s, const struct place *p,
                         const struct settings_row *list)
{
	for (uint32_t i = 0; i < settings_row_count(); i++) {
		const struct settings_row *row = settings_row_at(i);
		const char *name = name_below(row, list);
		if (name != NULL && row->type == SETTINGS_TYPE_LIST) {
			show_list(out, s, p, row, name);
		} else if (name != NULL && is_set(p, row)) {
			buffer_printf(out, "%s%s = ", p->prefix, name);
			show_value(out, s, p, row);
			buffer_printf(out, "\n");
		}
	}
}

static void show_list(struct buffer *out, const struct settings *s, const struct place *p,
                      const struct settings_row *list, const char *name)
{
	uint32_t count = *(const uint32_t *)field(p, list->count_offset);
	const char *first = field(p, list->offset);
	if (list->storage == SETTINGS_STORAGE_GROWN)
		memcpy(&first, field(p, list->offset), sizeof(first));
	for (uint32_t i = 0; i < count; i++) {
		struct place element = { .base = first + (size_t)i * list->bytes };
		struct text t = text_of(element.prefix, sizeof(element.prefix));
		text_str(&t, p->prefix);
		text_str(&t, name);
		text_char(&t, '[');
		text_u64(&t, i);
		text_str(&t, "].");
		show_element(out, s, &element, list);
	}
}

void settings_show(const struct settings *settings, struct buffer *out)
{
	const struct place top = { .base = (const char *)settings };
	show_element(out, settings, &top, NULL);
}
