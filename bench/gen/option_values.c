/*
 * option_values.c - texts of the command line as values (option_values.h).
 */
#include "bench/gen/option_values.h"

#include <stdlib.h>
#include <string.h>

struct span value_span(const char *text)
{
	return span_of(text, strlen(text));
}

bool value_number(const char *text, uint64_t most, uint64_t *value)
{
	return span_to_u64(value_span(text), value) && *value <= most;
}

bool value_number32(const char *text, uint32_t most, uint32_t *value)
{
	uint64_t wide;
	if (!value_number(text, most, &wide))
		return false;
	*value = (uint32_t)wide;
	return true;
}

bool value_decimal(const char *text, double most, double *value)
{
	char *end;
	*value = strtod(text, &end);
	return end != text && *end == 0 && *value >= 0 && *value <= most;
}

bool value_seconds(const char *text, uint64_t *us)
{
	double value;
	if (!value_decimal(text, 1e6, &value))
		return false;
	*us = (uint64_t)(value * 1e6);
	return true;
}

bool value_percent(const char *text, uint32_t *per_mille)
{
	double value;
	if (!value_decimal(text, 100, &value))
		return false;
	*per_mille = (uint32_t)(value * 10 + 0.5);
	return true;
}

bool value_bytes(char *text, uint32_t *value)
{
	size_t length = strlen(text);
	uint32_t unit = 1;
	if (length > 0 && (text[length - 1] == 'K' || text[length - 1] == 'k'))
		unit = 1024;
	else if (length > 0 && text[length - 1] == 'M')
		unit = 1024 * 1024;
	if (unit > 1)
		text[length - 1] = 0;
	if (!value_number32(text, UINT32_MAX / 2 / unit, value))
		return false;
	*value *= unit;
	return true;
}

/* No longer than a name may be, and nothing in it that does not belong into a command line of
 * SMTP. */
bool value_name(const char *text, char *to, size_t room)
{
	size_t length = strlen(text);
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '<' || text[i] == '>' ||
		    text[i] == '@')
			return false;
	if (length == 0 || length >= room)
		return false;
	memcpy(to, text, length + 1);
	return true;
}

/* Cuts "a:b" at the last colon; NULL when there is none. */
char *value_cut(char *text, char at)
{
	char *colon = strrchr(text, at);
	if (colon == NULL)
		return NULL;
	*colon = 0;
	return colon + 1;
}

bool value_stage(const char *text, unsigned *value)
{
	static const char *const names[] = { "mail", "rcpt", "data", "end" };
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*value = GEN_STAGE_MAIL + i;
			return true;
		}
	}
	return false;
}

bool value_tls_word(const char *text, const char *off, const char *on, enum gen_tls *value)
{
	if (strcmp(text, off) == 0)
		*value = GEN_TLS_NONE;
	else if (strcmp(text, on) == 0)
		*value = GEN_TLS_STARTTLS;
	else if (strcmp(text, "implicit") == 0)
		*value = GEN_TLS_IMPLICIT;
	else
		return false;
	return true;
}
