/*
 * span.c - comparing and searching borrowed bytes; the checked reader and writer. See span.h.
 */
#include "base/span.h"

bool span_equal(struct span a, struct span b)
{
	return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

bool span_equal_nocase(struct span a, struct span b)
{
	if (a.bytes != b.bytes)
		return false;
	for (size_t i = 0; i < a.bytes; i++)
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	return true;
}

bool span_starts_nocase(struct span s, struct span prefix)
{
	return s.bytes >= prefix.bytes && span_equal_nocase(span_head(s, prefix.bytes), prefix);
}

bool span_ends_nocase(struct span s, struct span suffix)
{
	if (s.bytes < suffix.bytes)
		return false;
	if (suffix.bytes == 0)
		return true;
	return span_equal_nocase(span_after(s, s.bytes - suffix.bytes), suffix);
}

size_t span_find(struct span s, uint8_t byte)
{
	if (s.bytes == 0)
		return 0;
	const uint8_t *at = memchr(s.data, byte, s.bytes);
	return at == NULL ? s.bytes : (size_t)(at - s.data);
}

size_t span_find_last(struct span s, uint8_t byte)
{
	for (size_t i = s.bytes; i > 0; i--)
		if (s.data[i - 1] == byte)
			return i - 1;
	return s.bytes;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
	while (s.bytes > 0 && is_blank(s.data[0]))
		s = span_after(s, 1);
	while (s.bytes > 0 && is_blank(s.data[s.bytes - 1]))
		s.bytes--;
	return s;
}

bool span_to_u64(struct span s, uint64_t *value)
{
	uint64_t v = 0;
	if (s.bytes == 0 || s.bytes > 20)
		return false;
	for (size_t i = 0; i < s.bytes; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		uint64_t digit = s.data[i] - (uint8_t)'0';
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return true;
}

void reader_copy(struct reader *r, void *to, size_t bytes)
{
	struct span s = reader_take(r, bytes);
	if (s.bytes == bytes && bytes > 0)
		memcpy(to, s.data, bytes);
	else if (bytes > 0)
		memset(to, 0, bytes);
}

void writer_zeros(struct writer *w, size_t bytes)
{
	uint8_t *at = writer_claim(w, bytes);
	if (at != NULL)
		memset(at, 0, bytes);
}

void writer_patch_be16(struct writer *w, size_t offset, uint16_t v)
{
	if (!w->ok || w->used < 2 || offset > w->used - 2) {
		w->ok = false;
		return;
	}
	w->begin[offset] = (uint8_t)(v >> 8);
	w->begin[offset + 1] = (uint8_t)v;
}
