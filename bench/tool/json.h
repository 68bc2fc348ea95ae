/*
 * json.h - writing JSON to a stream: keys, values, and commas in the right places.
 */
#ifndef WEIR_BENCH_TOOL_JSON_H
#define WEIR_BENCH_TOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 8u

struct json {
	FILE *to;
	uint32_t depth;
	bool some[JSON_DEPTH_MAX]; /* something stands in this object or array already */
	char end[JSON_DEPTH_MAX];
};

/* `key` is NULL within arrays and for the outermost value. */
void json_init(struct json *j, FILE *to);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_real(struct json *j, const char *key, double value, int decimals);
void json_bool(struct json *j, const char *key, bool value);
void json_text(struct json *j, const char *key, const char *value); /* NULL becomes null */

#endif
