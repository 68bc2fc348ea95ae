/*
 * span.h - borrowed bytes, and the only two ways to walk over them: a bounds-checked reader and a
 * bounds-checked writer.
 *
 * A span never owns: it dies when the call that handed it over returns. `struct room` is the same for
 * bytes that may be written. Reader and writer are sticky: after the first overrun every further
 * operation yields zero (or writes nothing) and `ok` stays false, so that a parser can be written
 * straight through and ask once at the end. Wire integers are big-endian.
 */
#ifndef WEIR_BASE_SPAN_H
#define WEIR_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *data;
	size_t bytes;
};

struct room {
	uint8_t *data;
	size_t bytes;
};

#define SPAN_NONE ((struct span){ .data = NULL, .bytes = 0 })
/* A span over a string literal, without its NUL. */
#define SPAN(literal)                                                                              \
	((struct span){ .data = (const uint8_t *)("" literal), .bytes = sizeof(literal) - 1 })

static inline struct span span_of(const void *data, size_t bytes)
{
	return (struct span){ .data = data, .bytes = bytes };
}

/* The first `bytes` bytes, or all when there are fewer. */
static inline struct span span_head(struct span s, size_t bytes)
{
	return (struct span){ .data = s.data, .bytes = bytes < s.bytes ? bytes : s.bytes };
}

/* What is left behind the first `bytes` bytes; empty when there are fewer. */
static inline struct span span_after(struct span s, size_t bytes)
{
	if (bytes >= s.bytes)
		return SPAN_NONE;
	return (struct span){ .data = s.data + bytes, .bytes = s.bytes - bytes };
}

bool span_equal(struct span a, struct span b);
/* ASCII letters compare without case; all other bytes exactly. */
bool span_equal_nocase(struct span a, struct span b);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends_nocase(struct span s, struct span suffix);
/* Index of the first `byte`, or s.bytes when there is none. */
size_t span_find(struct span s, uint8_t byte);
/* Index of the last `byte`, or s.bytes when there is none. */
size_t span_find_last(struct span s, uint8_t byte);
/* Without leading and trailing spaces and tabs. */
struct span span_trim(struct span s);
/* Decimal digits only, 1..20 of them, without overflow. False (and *value untouched) otherwise. */
bool span_to_u64(struct span s, uint64_t *value);

static inline uint8_t ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

struct reader {
	struct span left;
	bool ok;
};

static inline struct reader reader_of(struct span s)
{
	return (struct reader){ .left = s, .ok = true };
}

/* The next `bytes` bytes, borrowed; SPAN_NONE and !ok when there are fewer. */
static inline struct span reader_take(struct reader *r, size_t bytes)
{
	if (!r->ok || r->left.bytes < bytes) {
		r->ok = false;
		r->left = SPAN_NONE;
		return SPAN_NONE;
	}
	if (bytes == 0) /* perhaps of no memory at all, to which nothing may be added */
		return span_head(r->left, 0);
	struct span taken = span_head(r->left, bytes);
	r->left = span_of(r->left.data + bytes, r->left.bytes - bytes);
	return taken;
}

static inline uint8_t reader_u8(struct reader *r)
{
	struct span s = reader_take(r, 1);
	return s.bytes == 1 ? s.data[0] : 0;
}

static inline uint16_t reader_be16(struct reader *r)
{
	struct span s = reader_take(r, 2);
	return s.bytes == 2 ? (uint16_t)(s.data[0] << 8 | s.data[1]) : 0;
}

static inline uint32_t reader_be32(struct reader *r)
{
	struct span s = reader_take(r, 4);
	if (s.bytes != 4)
		return 0;
	return (uint32_t)s.data[0] << 24 | (uint32_t)s.data[1] << 16 | (uint32_t)s.data[2] << 8 |
	       s.data[3];
}

/* Copies the next `bytes` bytes to `to`; zeroes there and !ok when there are fewer. */
void reader_copy(struct reader *r, void *to, size_t bytes);

struct writer {
	uint8_t *begin;
	size_t used;
	size_t capacity;
	bool ok;
};

static inline struct writer writer_of(struct room room)
{
	return (struct writer){ .begin = room.data, .used = 0, .capacity = room.bytes, .ok = true };
}

/* Where the next `bytes` bytes go, or NULL when they do not fit (or there are none). */
static inline uint8_t *writer_claim(struct writer *w, size_t bytes)
{
	if (!w->ok || w->capacity - w->used < bytes) {
		w->ok = false;
		return NULL;
	}
	if (bytes == 0)
		return NULL;
	uint8_t *at = w->begin + w->used;
	w->used += bytes;
	return at;
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
	uint8_t *at = writer_claim(w, 1);
	if (at != NULL)
		at[0] = v;
}

static inline void writer_be16(struct writer *w, uint16_t v)
{
	uint8_t *at = writer_claim(w, 2);
	if (at == NULL)
		return;
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void writer_be32(struct writer *w, uint32_t v)
{
	uint8_t *at = writer_claim(w, 4);
	if (at == NULL)
		return;
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
}

static inline void writer_bytes(struct writer *w, struct span s)
{
	uint8_t *at = writer_claim(w, s.bytes);
	if (at != NULL)
		memcpy(at, s.data, s.bytes);
}

void writer_zeros(struct writer *w, size_t bytes);
/* Overwrites two bytes at an offset that was already written (checksums, lengths). */
void writer_patch_be16(struct writer *w, size_t offset, uint16_t v);

static inline struct span writer_span(const struct writer *w)
{
	return span_of(w->begin, w->used);
}

#endif
