/*
 * buffer.h - a text that grows, for control only (it uses the heap): metrics, telemetry, log lines to be written.
 *
 * When memory runs out the text is cut and `failed` stays set; nothing else happens.
 */
#ifndef WEIR_RUN_BUFFER_H
#define WEIR_RUN_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* NUL-terminated once anything was added */
	size_t used;
	size_t capacity;
	bool failed;
};

void buffer_add(struct buffer *b, const char *bytes, size_t count);
__attribute__((format(printf, 2, 3))) void buffer_printf(struct buffer *b, const char *format, ...);
void buffer_free(struct buffer *b);

#endif
