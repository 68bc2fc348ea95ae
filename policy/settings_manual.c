/*
 * settings_manual.c - settings.def as words: how a value is written, what it is when it is not, and
 * the manual.
 *
 * Quantities are read and shown here with the same units, so that what the manual says can be
 * written.
 */
#include "policy/settings_table.h"

#include <stddef.h>

#define MANUAL_COLUMNS 80u

struct unit_suffix {
	const char *suffix; /* lower case */
	uint64_t factor;
};

/* Largest first: the manual shows a value with the largest suffix that divides it. */
static const struct unit_suffix byte_suffixes[] = {
	{ "g", (uint64_t)1 << 30 },
	{ "m", (uint64_t)1 << 20 },
	{ "k", (uint64_t)1 << 10 },
	{ "gib", (uint64_t)1 << 30 },
	{ "mib", (uint64_t)1 << 20 },
	{ "kib", (uint64_t)1 << 10 },
	{ "b", 1 },
	{ "", 1 },
};
static const struct unit_suffix second_suffixes[] = {
	{ "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { "", 1 },
};
static const struct unit_suffix millisecond_suffixes[] = {
	{ "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { "", 1 },
};
static const struct unit_suffix share_suffixes[] = { { "%", 10 }, { "", 10 } };
static const struct unit_suffix plain_suffixes[] = { { "", 1 } };

static struct span word_of(const char *s)
{
	size_t bytes = 0;
	while (s[bytes] != '\0')
		bytes++;
	return span_of(s, bytes);
}

static const struct unit_suffix *unit_suffixes(enum settings_unit unit, size_t *count)
{
	switch (unit) {
	case SETTINGS_UNIT_BYTES:
		*count = COUNT_OF(byte_suffixes);
		return byte_suffixes;
	case SETTINGS_UNIT_SECONDS:
		*count = COUNT_OF(second_suffixes);
		return second_suffixes;
	case SETTINGS_UNIT_MILLISECONDS:
		*count = COUNT_OF(millisecond_suffixes);
		return millisecond_suffixes;
	case SETTINGS_UNIT_SHARE:
		*count = COUNT_OF(share_suffixes);
		return share_suffixes;
	case SETTINGS_UNIT_PLAIN:
		break;
	}
	*count = COUNT_OF(plain_suffixes);
	return plain_suffixes;
}

static size_t digits_of(struct span text)
{
	size_t digits = 0;
	while (digits < text.bytes && text.data[digits] >= '0' && text.data[digits] <= '9')
		digits++;
	return digits;
}

/* ".5": the one decimal that a share may have. */
static bool tenth_of(struct span text, uint64_t *tenths)
{
	struct span decimal = span_after(text, 1);
	return text.bytes >= 2 && text.data[0] == '.' && digits_of(decimal) == 1 &&
	       span_to_u64(span_head(decimal, 1), tenths);
}

bool settings_quantity_parse(struct span text, enum settings_unit unit, uint64_t *value)
{
	size_t digits = digits_of(text), count;
	uint64_t number, tenths = 0;
	if (!span_to_u64(span_head(text, digits), &number))
		return false;
	text = span_after(text, digits);
	if (unit == SETTINGS_UNIT_SHARE && tenth_of(text, &tenths))
		text = span_after(text, 2);
	struct span suffix = span_trim(text);
	const struct unit_suffix *known = unit_suffixes(unit, &count);
	for (size_t i = 0; i < count; i++) {
		if (!span_equal_nocase(word_of(known[i].suffix), suffix))
			continue;
		if (number > (UINT64_MAX - tenths) / known[i].factor)
			return false;
		*value = number * known[i].factor + tenths;
		return true;
	}
	return false;
}

static void text_share(struct text *t, uint64_t per_mille)
{
	text_u64(t, per_mille / 10);
	if (per_mille % 10 != 0) {
		text_char(t, '.');
		text_u64(t, per_mille % 10);
	}
	text_char(t, '%');
}

static void text_quantity(struct text *t, enum settings_unit unit, uint64_t value)
{
	size_t count;
	if (unit == SETTINGS_UNIT_SHARE) {
		text_share(t, value);
		return;
	}
	const struct unit_suffix *known = unit_suffixes(unit, &count);
	for (size_t i = 0; i < count; i++) {
		if (known[i].factor > 1 && (value == 0 || value % known[i].factor != 0))
			continue;
		text_u64(t, value / known[i].factor);
		for (const char *s = known[i].suffix; *s != '\0' && *s != 'b'; s++)
			text_char(t, unit == SETTINGS_UNIT_BYTES ? (char)(*s - 32) : *s);
		return;
	}
}

static void text_choices(struct text *t, const char *choices)
{
	text_str(t, "one of ");
	for (uint32_t i = 1;; i++) {
		struct span choice = settings_choice_at(choices, i);
		if (choice.bytes == 0)
			return;
		text_str(t, i == 1 ? "\"" : ", \"");
		text_span(t, choice);
		text_char(t, '"');
	}
}

static void text_count_of(struct text *t, const struct settings_row *row, const char *what)
{
	text_str(t, "a list of ");
	text_u64(t, row->min);
	text_str(t, " to ");
	text_u64(t, row->max);
	text_char(t, ' ');
	text_str(t, what);
}

static void text_number(struct text *t, const struct settings_row *row)
{
	text_quantity(t, row->unit, row->min);
	text_str(t, " to ");
	text_quantity(t, row->unit, row->max);
	if (row->unit == SETTINGS_UNIT_BYTES)
		text_str(t, " bytes");
}

/* The fixed part of the rule of each type; NULL: it is made up from the row. */
static const char *const type_rules[SETTINGS_TYPE_COUNT] = {
	[SETTINGS_TYPE_GROUP] = "a group { ... }",
	[SETTINGS_TYPE_TEXT] = "a text",
	[SETTINGS_TYPE_WORDS] = "words separated by blanks",
	[SETTINGS_TYPE_NAME] = " letters, digits, '-', '_' or '.'",
	[SETTINGS_TYPE_PATH] =
		"a file; a relative one is relative to the configuration file's folder",
	[SETTINGS_TYPE_HOST] = "a host name such as \"mx.example.org\"",
	[SETTINGS_TYPE_LCORES] = "a list of cores such as \"1-3,5\"",
	[SETTINGS_TYPE_ADDRESS] = "an IPv4 or IPv6 address",
	[SETTINGS_TYPE_PREFIX] = "a network such as \"192.0.2.0/24\"",
	[SETTINGS_TYPE_ENDPOINT] = "\"ADDRESS:PORT\" or \"[IPV6]:PORT\"",
	[SETTINGS_TYPE_CERTIFICATE] = "the name of one of the certificates",
	[SETTINGS_TYPE_INTERFACES] = "addresses with prefix lengths, \"192.0.2.1/24\" or \"192.0.2.1/24 vlan 100\"",
	[SETTINGS_TYPE_ADDRESSES] = "IPv4 or IPv6 addresses",
	[SETTINGS_TYPE_ENDPOINTS] = "\"ADDRESS:PORT\" or \"[IPV6]:PORT\"",
	[SETTINGS_TYPE_DOMAINS] = "domains: \"example.org\", \".example.org\" or \"*\"",
	[SETTINGS_TYPE_HOSTS] = "host names",
	[SETTINGS_TYPE_BYTES] = "texts of 1 to 1024 bytes",
	[SETTINGS_TYPE_LIST] = "groups ( { ... }, { ... } )",
};

void settings_row_rule(struct text *t, const struct settings_row *row)
{
	switch (row->type) {
	case SETTINGS_TYPE_CHOICE:
		text_choices(t, row->choices);
		return;
	case SETTINGS_TYPE_NUMBER:
		text_number(t, row);
		return;
	case SETTINGS_TYPE_NAME:
		text_str(t, "a name of 1 to ");
		text_u64(t, row->max);
		text_str(t, type_rules[row->type]);
		return;
	case SETTINGS_TYPE_LIST:
	case SETTINGS_TYPE_INTERFACES:
	case SETTINGS_TYPE_ADDRESSES:
	case SETTINGS_TYPE_ENDPOINTS:
	case SETTINGS_TYPE_DOMAINS:
	case SETTINGS_TYPE_HOSTS:
	case SETTINGS_TYPE_BYTES:
		text_count_of(t, row, type_rules[row->type]);
		return;
	case SETTINGS_TYPE_GROUP:
	case SETTINGS_TYPE_TEXT:
	case SETTINGS_TYPE_WORDS:
	case SETTINGS_TYPE_PATH:
	case SETTINGS_TYPE_HOST:
	case SETTINGS_TYPE_LCORES:
	case SETTINGS_TYPE_ADDRESS:
	case SETTINGS_TYPE_PREFIX:
	case SETTINGS_TYPE_ENDPOINT:
	case SETTINGS_TYPE_CERTIFICATE:
	case SETTINGS_TYPE_COUNT:
		text_str(t, type_rules[row->type]);
		return;
	}
}

void settings_row_fallback(struct text *t, const struct settings_row *row)
{
	if (row->fallback == NULL) {
		text_str(t, "required");
	} else if (row->fallback[0] == '\0') {
		text_str(t, "optional");
	} else {
		text_str(t, "default ");
		text_str(t, row->fallback);
	}
}

/* One paragraph, broken between words, each line indented by four. */
static void text_paragraph(struct text *t, struct span words)
{
	uint32_t column = 0;
	while (words.bytes > 0) {
		struct span word = span_head(words, span_find(words, ' '));
		words = span_after(words, word.bytes + 1);
		if (column != 0 && column + 1 + word.bytes > MANUAL_COLUMNS) {
			text_char(t, '\n');
			column = 0;
		}
		text_str(t, column == 0 ? "    " : " ");
		column += (column == 0 ? 4 : 1) + (uint32_t)word.bytes;
		text_span(t, word);
	}
	text_char(t, '\n');
}

static void manual_row(struct text *t, const struct settings_row *row)
{
	char buffer[256];
	struct text rule = text_of(buffer, sizeof(buffer));
	settings_row_rule(&rule, row);
	text_str(&rule, "; ");
	settings_row_fallback(&rule, row);
	text_str(t, row->path);
	text_char(t, '\n');
	text_paragraph(t, text_as_span(&rule));
	text_paragraph(t, word_of(row->help));
	text_char(t, '\n');
}

void settings_manual(struct text *t)
{
	settings_table_manual(t, settings_table());
}

void settings_table_manual(struct text *t, const struct settings_table *table)
{
	for (uint32_t i = 0; i < table->count; i++)
		manual_row(t, &table->rows[i]);
}
