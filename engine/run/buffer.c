/*
 * buffer.c - a text that grows. See buffer.h.
 */
#include "run/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST_BYTES 4096u

static bool buffer_fit(struct buffer *b, size_t more)
{
	size_t needed = b->used + more + 1;
	size_t capacity = b->capacity == 0 ? BUFFER_FIRST_BYTES : b->capacity;
	if (needed <= b->capacity)
		return true;
	while (capacity < needed)
		capacity *= 2;
	char *data = b->failed ? NULL : realloc(b->data, capacity);
	if (data == NULL) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->capacity = capacity;
	return true;
}

void buffer_add(struct buffer *b, const char *bytes, size_t count)
{
	if (!buffer_fit(b, count))
		return;
	memcpy(b->data + b->used, bytes, count);
	b->used += count;
	b->data[b->used] = '\0';
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
	char line[512];
	va_list arguments;
	va_start(arguments, format);
	int bytes = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (bytes < 0 || (size_t)bytes >= sizeof(line)) {
		b->failed = true; /* no line of ours is that long */
		return;
	}
	buffer_add(b, line, (size_t)bytes);
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ .data = NULL };
}
