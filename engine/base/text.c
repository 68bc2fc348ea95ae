/*
 * text.c - building short texts without stdio. See text.h.
 */
#include "base/text.h"

#include "base/check.h"

struct text text_of(char *buffer, size_t capacity)
{
	CHECK(capacity >= 1);
	buffer[0] = '\0';
	return (struct text){ .begin = buffer, .used = 0, .capacity = capacity, .cut = false };
}

void text_char(struct text *t, char c)
{
	if (t->capacity - t->used < 2) {
		t->cut = true;
		return;
	}
	t->begin[t->used++] = c;
	t->begin[t->used] = '\0';
}

void text_str(struct text *t, const char *s)
{
	for (; *s != '\0'; s++)
		text_char(t, *s);
}

void text_span(struct text *t, struct span s)
{
	size_t room = t->capacity - 1 - t->used;
	size_t bytes = s.bytes < room ? s.bytes : room;
	if (bytes > 0)
		memcpy(t->begin + t->used, s.data, bytes);
	t->used += bytes;
	t->begin[t->used] = '\0';
	t->cut = t->cut || bytes < s.bytes;
}

void text_printable(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.bytes; i++)
		text_char(t, s.data[i] > 0x20 && s.data[i] < 0x7f ? (char)s.data[i] : '?');
}

void text_u64_padded(struct text *t, uint64_t v, unsigned digits)
{
	char reversed[20];
	unsigned count = 0;
	do {
		reversed[count++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	for (unsigned i = count; i < digits; i++)
		text_char(t, '0');
	while (count > 0)
		text_char(t, reversed[--count]);
}

void text_u64(struct text *t, uint64_t v)
{
	text_u64_padded(t, v, 1);
}

void text_hex(struct text *t, uint64_t v, unsigned digits)
{
	bool begun = false;
	for (unsigned place = 16; place > 0; place--) {
		unsigned nibble = (unsigned)(v >> (4 * (place - 1))) & 15u;
		begun = begun || nibble != 0 || place <= digits || place == 1;
		if (begun)
			text_char(t, "0123456789abcdef"[nibble]);
	}
}
