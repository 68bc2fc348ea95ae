/*
 * option_values.c - texts of the command line as values (option_values.h). Pure, so that it can be tested.
 */
#include "bench/gen/option_values.h"

#include <string.h>

#define DECIMALS_MAX 9u /* digits behind the point */

static bool is_word(const char *text, struct span word)
{
	return span_equal(value_span(text), word);
}

struct span value_span(const char *text)
{
	size_t bytes = 0;
	while (text[bytes] != 0)
		bytes++;
	return span_of(text, bytes);
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

/* Digits, and where there is a point, digits behind it: no sign, no exponent, no locale. */
bool value_decimal(const char *text, double most, double *value)
{
	struct span all = value_span(text);
	size_t point = span_find(all, '.');
	struct span behind = span_after(all, point + 1);
	uint64_t whole, part = 0;
	double unit = 1;
	if (!span_to_u64(span_head(all, point), &whole) || behind.bytes > DECIMALS_MAX)
		return false;
	if (point < all.bytes && !span_to_u64(behind, &part))
		return false;
	for (size_t i = 0; i < behind.bytes; i++)
		unit *= 10;
	*value = (double)whole + (double)part / unit;
	return *value <= most;
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
	size_t length = value_span(text).bytes;
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
	size_t length = value_span(text).bytes;
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
	size_t bytes = value_span(text).bytes;
	size_t place = span_find_last(span_of(text, bytes), (uint8_t)at);
	if (place == bytes)
		return NULL;
	text[place] = 0;
	return text + place + 1;
}

bool value_stage(const char *text, unsigned *value)
{
	const struct span names[] = { SPAN("mail"), SPAN("rcpt"), SPAN("data"), SPAN("end") };
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		if (is_word(text, names[i])) {
			*value = GEN_STAGE_MAIL + i;
			return true;
		}
	}
	return false;
}

bool value_tls_word(const char *text, const char *off, const char *on, enum gen_tls *value)
{
	if (is_word(text, value_span(off)))
		*value = GEN_TLS_NONE;
	else if (is_word(text, value_span(on)))
		*value = GEN_TLS_STARTTLS;
	else if (is_word(text, SPAN("implicit")))
		*value = GEN_TLS_IMPLICIT;
	else
		return false;
	return true;
}
