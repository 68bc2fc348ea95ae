/*
 * config_values.c - one written value -> one field of the settings, or a mistake that says what was
 * expected.
 *
 * Defaults go the same way as written values: settings.def spells them as an operator would. A
 * value that is not accepted leaves its field zero and its path doubted: checks that need it are
 * left out, and the configuration is refused anyway.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "pmd-config/config_int.h"
#include "pmd-config/plan.h"
#include "policy/domain.h"

#define SHOWN_BYTES 80 /* of a wrong value in a message */

/* A scalar as written, or its default. */
struct written {
	const struct settings_row *row;
	const config_setting_t *at; /* NULL: the default */
	const char *text;
	struct span span;
	uint8_t *field;
};

static struct span span_str(const char *s)
{
	return span_of(s, strlen(s));
}

static void wrong(struct loader *l, const struct written *w)
{
	mistake(l, w->at, w->row, "\"%.*s\" is not right", SHOWN_BYTES, w->text);
}

static void pointer_store(const struct written *w, const char *text)
{
	memcpy(w->field, &text, sizeof(text));
}

/* ---- scalars ---- */

static void number_store(struct loader *l, const struct settings_row *row,
			 const config_setting_t *at, uint64_t value, uint8_t *field)
{
	if (value < row->min || value > row->max) {
		mistake(l, at, row, "%llu is out of range", (unsigned long long)value);
		return;
	}
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;
	if (row->bytes == sizeof(u16))
		memcpy(field, &u16, sizeof(u16));
	else if (row->bytes == sizeof(u32))
		memcpy(field, &u32, sizeof(u32));
	else
		memcpy(field, &value, sizeof(value));
}

static void number_read(struct loader *l, const struct written *w)
{
	uint64_t value;
	if (settings_quantity_parse(w->span, w->row->unit, &value))
		number_store(l, w->row, w->at, value, w->field);
	else
		wrong(l, w);
}

static void choice_read(struct loader *l, const struct written *w)
{
	unsigned number = settings_choice_find(w->row->choices, w->span);
	struct span near = settings_choice_nearest(w->row->choices, w->span);
	if (number != 0)
		memcpy(w->field, &number, sizeof(number));
	else if (near.bytes == 0)
		mistake(l, w->at, w->row, "\"%.*s\" is not known", SHOWN_BYTES, w->text);
	else
		mistake(l, w->at, w->row, "\"%.*s\" is not known, did you mean \"%.*s\"?",
			SHOWN_BYTES, w->text, (int)near.bytes, (const char *)near.data);
}

/* Lengths in bytes of texts; what else they must be is the caller's business. */
static bool text_fits(struct loader *l, const struct written *w)
{
	if (w->span.bytes >= w->row->min && w->span.bytes <= w->row->max)
		return true;
	mistake(l, w->at, w->row, "has %zu bytes, %llu to %llu are allowed", w->span.bytes,
		(unsigned long long)w->row->min, (unsigned long long)w->row->max);
	return false;
}

static void text_read(struct loader *l, const struct written *w)
{
	for (size_t i = 0; i < w->span.bytes; i++) {
		if (w->span.data[i] < 0x20 || w->span.data[i] == 0x7f) {
			mistake(l, w->at, w->row, "has a control character");
			return;
		}
	}
	if (text_fits(l, w))
		pointer_store(w, w->text);
}

static void name_read(struct loader *l, const struct written *w)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	if (w->span.bytes < w->row->min || w->span.bytes > w->row->max ||
	    strspn(w->text, allowed) != w->span.bytes)
		wrong(l, w);
	else
		pointer_store(w, w->text);
}

static void path_read(struct loader *l, const struct written *w)
{
	const char *folder = l->config->folder;
	if (!text_fits(l, w))
		return;
	if (w->text[0] == '/' || folder[0] == '\0') {
		pointer_store(w, w->text);
		return;
	}
	size_t folder_bytes = strlen(folder);
	bool slash = folder[folder_bytes - 1] != '/';
	char *joined = config_keep(l, folder_bytes + slash + w->span.bytes + 1);
	if (joined == NULL)
		return;
	memcpy(joined, folder, folder_bytes);
	if (slash)
		joined[folder_bytes] = '/';
	memcpy(joined + folder_bytes + slash, w->text, w->span.bytes);
	pointer_store(w, joined);
}

static bool has_u_label(struct span name)
{
	for (size_t i = 0; i < name.bytes; i++)
		if (name.data[i] >= 0x80)
			return true;
	return false;
}

/* One message for both kinds of names: what is wrong with a U-label is not its syntax. */
static void name_is_wrong(struct loader *l, const struct written *w)
{
	if (has_u_label(w->span))
		mistake(l, w->at, NULL,
			"\"%.*s\" is an internationalised name in Unicode (write it as A-labels: "
			"\"xn--...\")",
			SHOWN_BYTES, w->text);
	else
		wrong(l, w);
}

static void host_read(struct loader *l, const struct written *w)
{
	if (domain_is_valid(w->span))
		pointer_store(w, config_keep_text(l, w->span, true));
	else
		name_is_wrong(l, w);
}

static void lcores_read(struct loader *l, const struct written *w)
{
	uint16_t lcores[PLAN_LCORES_MAX];
	uint32_t count;
	if (!plan_lcores_parse(w->span, lcores, &count)) {
		wrong(l, w);
		return;
	}
	pointer_store(w, w->text);
	l->config->settings.workers.count = count; /* nobody reads it in other kinds than weir's */
}

static void address_read(struct loader *l, const struct written *w)
{
	struct ip_addr a;
	if (ip_addr_parse(w->span, &a))
		memcpy(w->field, &a, sizeof(a));
	else
		wrong(l, w);
}

/* What lies behind the length would never be looked at: most likely an address was meant. */
static bool prefix_is_network(struct ip_prefix p)
{
	for (uint32_t i = p.bits; i < 8u * sizeof(p.addr.bytes); i++)
		if ((p.addr.bytes[i / 8] >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static void prefix_read(struct loader *l, const struct written *w)
{
	struct ip_prefix p;
	if (!ip_prefix_parse(w->span, &p))
		wrong(l, w);
	else if (!prefix_is_network(p))
		mistake(l, w->at, NULL, "\"%.*s\" has bits set behind its length (a network has none)",
			SHOWN_BYTES, w->text);
	else
		memcpy(w->field, &p, sizeof(p));
}

static void endpoint_read(struct loader *l, const struct written *w)
{
	struct endpoint e;
	if (endpoint_parse(w->span, &e))
		memcpy(w->field, &e, sizeof(e));
	else
		wrong(l, w);
}

/* Is every certificate's name known? If not, one that is not found may be theirs. */
static bool certificates_known(const struct config *c)
{
	bool known = !doubted_itself(c, "certificates");
	for (uint32_t i = 0; i < c->settings.certificate_count; i++)
		known = known && !doubted(c, "certificates[%u].name", i);
	return known;
}

static void certificate_missing(struct loader *l, const struct written *w, const char *near)
{
	uint32_t none = UINT32_MAX;
	memcpy(w->field, &none, sizeof(none));
	if (!certificates_known(l->config))
		doubt(l->config, l->path.begin);
	else if (near == NULL)
		mistake(l, w->at, w->row, "there is no certificate \"%.*s\"", SHOWN_BYTES, w->text);
	else
		mistake(l, w->at, w->row, "there is no certificate \"%.*s\", did you mean \"%s\"?",
			SHOWN_BYTES, w->text, near);
}

/* The row of certificates stands before that of listeners, so that they are read by now. */
static void certificate_read(struct loader *l, const struct written *w)
{
	const struct settings *s = &l->config->settings;
	const char *near = NULL;
	for (uint32_t i = 0; i < s->certificate_count; i++) {
		const char *name = s->certificates[i].name;
		if (name == NULL)
			continue; /* a mistake, found already */
		if (strcmp(name, w->text) == 0) {
			memcpy(w->field, &i, sizeof(i));
			return;
		}
		if (settings_spelling_distance(span_str(name), w->span) <= 2)
			near = name;
	}
	certificate_missing(l, w, near);
}

typedef void scalar_read(struct loader *l, const struct written *w);

static scalar_read *const scalar_reads[SETTINGS_TYPE_COUNT] = {
	[SETTINGS_TYPE_CHOICE] = choice_read,
	[SETTINGS_TYPE_NUMBER] = number_read,
	[SETTINGS_TYPE_TEXT] = text_read,
	[SETTINGS_TYPE_WORDS] = text_read,
	[SETTINGS_TYPE_NAME] = name_read,
	[SETTINGS_TYPE_PATH] = path_read,
	[SETTINGS_TYPE_HOST] = host_read,
	[SETTINGS_TYPE_LCORES] = lcores_read,
	[SETTINGS_TYPE_ADDRESS] = address_read,
	[SETTINGS_TYPE_PREFIX] = prefix_read,
	[SETTINGS_TYPE_ENDPOINT] = endpoint_read,
	[SETTINGS_TYPE_CERTIFICATE] = certificate_read,
};

/* What an optional value is when it is not written and "nothing" is not all zeros. */
static void absent_store(const struct settings_row *row, uint8_t *field)
{
	const char *empty = "";
	uint32_t none = UINT32_MAX;
	if (row->type == SETTINGS_TYPE_WORDS)
		memcpy(field, &empty, sizeof(empty));
	else if (row->type == SETTINGS_TYPE_CERTIFICATE)
		memcpy(field, &none, sizeof(none));
}

/* libconfig's two integer types; false: it is not an integer. */
static bool integer_of(const config_setting_t *at, long long *value)
{
	if (config_setting_type(at) == CONFIG_TYPE_INT)
		*value = config_setting_get_int(at);
	else if (config_setting_type(at) == CONFIG_TYPE_INT64)
		*value = config_setting_get_int64(at);
	else
		return false;
	return true;
}

static void scalar_value(struct loader *l, const struct settings_row *row,
			 const config_setting_t *at, uint8_t *field)
{
	struct written w = { .row = row, .at = at, .field = field, .text = row->fallback };
	long long integer;
	if (at != NULL && row->type == SETTINGS_TYPE_NUMBER && integer_of(at, &integer)) {
		if (row->unit == SETTINGS_UNIT_SHARE && integer <= LLONG_MAX / 10)
			integer *= 10; /* written in per cent, kept per mille */
		if (integer < 0)
			mistake(l, at, row, "%lld is out of range", integer);
		else
			number_store(l, row, at, (uint64_t)integer, field);
		return;
	}
	if (at != NULL)
		w.text = config_setting_get_string(at);
	if (w.text == NULL) {
		mistake(l, at, row,
			row->type == SETTINGS_TYPE_NUMBER ? "is not a whole number"
							  : "is not a text in quotes");
		return;
	}
	w.span = span_str(w.text);
	scalar_reads[row->type](l, &w);
}

/* ---- arrays ---- */

static const char *element_text(struct loader *l, const struct settings_row *row,
				const config_setting_t *at)
{
	const char *text = config_setting_get_string(at);
	if (text == NULL)
		mistake(l, at, row, "is not a text in quotes");
	return text;
}

static size_t address_bytes(enum settings_type type)
{
	if (type == SETTINGS_TYPE_INTERFACES)
		return sizeof(struct ip_interface);
	return type == SETTINGS_TYPE_ADDRESSES ? sizeof(struct ip_addr) : sizeof(struct endpoint);
}

static void address_element(struct loader *l, const struct written *w)
{
	struct ip_interface own;
	if (w->row->type == SETTINGS_TYPE_ADDRESSES) {
		address_read(l, w);
	} else if (w->row->type == SETTINGS_TYPE_ENDPOINTS) {
		endpoint_read(l, w);
	} else if (ip_interface_parse(w->span, &own)) {
		memcpy(w->field, &own, sizeof(own));
	} else {
		wrong(l, w);
	}
}

static const char *string_element(struct loader *l, const struct written *w)
{
	switch ((int)w->row->type) {
	case SETTINGS_TYPE_BYTES:
		if (w->span.bytes > 0 && w->span.bytes <= SETTINGS_CONTENT_LITERAL_BYTES_MAX)
			return w->text;
		mistake(l, w->at, w->row, "has %zu bytes", w->span.bytes);
		return w->text;
	case SETTINGS_TYPE_DOMAINS:
		if (!domain_pattern_is_valid(w->span))
			name_is_wrong(l, w);
		break;
	case SETTINGS_TYPE_HOSTS:
		if (!domain_is_valid(w->span))
			name_is_wrong(l, w);
		break;
	}
	return config_keep_text(l, w->span, true);
}

static bool type_is_strings(enum settings_type type)
{
	return type == SETTINGS_TYPE_DOMAINS || type == SETTINGS_TYPE_HOSTS ||
	       type == SETTINGS_TYPE_BYTES;
}

static void array_elements(struct loader *l, const struct settings_row *row,
			   const config_setting_t *at, uint8_t *elements, uint32_t count)
{
	bool strings = type_is_strings(row->type);
	size_t step = strings ? sizeof(const char *) : address_bytes(row->type);
	for (uint32_t i = 0; i < count; i++) {
		size_t before = path_push_index(l, i);
		const config_setting_t *element = config_setting_get_elem(at, i);
		struct written w = { .row = row, .at = element, .field = elements + i * step };
		w.text = element_text(l, row, element);
		if (w.text != NULL) {
			w.span = span_str(w.text);
			if (strings)
				pointer_store(&w, string_element(l, &w));
			else
				address_element(l, &w);
		}
		path_pop(l, before);
	}
}

static void array_value(struct loader *l, const struct settings_row *row,
			const config_setting_t *at, uint8_t *base)
{
	if (!config_setting_is_array(at) && !config_setting_is_list(at)) {
		mistake(l, at, row, "is not a list in brackets [ ... ]");
		return;
	}
	uint32_t count = (uint32_t)config_setting_length(at);
	if (count < row->min || count > row->max) {
		mistake(l, at, row, "has %u elements", count);
		return;
	}
	if (!type_is_strings(row->type)) {
		memcpy(base + row->count_offset, &count, sizeof(count));
		array_elements(l, row, at, base + row->offset, count);
		return;
	}
	struct settings_strings strings = { .count = count };
	const char **items = config_keep(l, count * sizeof(*items));
	if (items == NULL)
		return;
	strings.items = items;
	memcpy(base + row->offset, &strings, sizeof(strings));
	array_elements(l, row, at, (uint8_t *)items, count);
}

void value_read(struct loader *l, const struct settings_row *row, const config_setting_t *at,
		const config_setting_t *parent, uint8_t *base)
{
	bool array = row->type >= SETTINGS_TYPE_INTERFACES;
	if (at != NULL && array)
		array_value(l, row, at, base);
	else if (at != NULL || (row->fallback != NULL && row->fallback[0] != '\0'))
		scalar_value(l, row, at, base + row->offset);
	else if (row->fallback == NULL && doubted_itself(l->config, l->path.begin))
		return; /* written under a name that we do not know */
	else if (row->fallback == NULL)
		mistake(l, parent, row, "is missing");
	else
		absent_store(row, base + row->offset);
}
