/*
 * json.c - see json.h. Texts are written as ASCII: other bytes are escaped one by one, so that what a
 * peer said cannot break the file.
 */
#include "bench/tool/json.h"

#include <string.h>

#include "base/check.h"

static void escaped(FILE *to, const char *text)
{
	fputc('"', to);
	for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(to, "\\%c", *c);
		else if (*c < 0x20 || *c > 0x7e)
			fprintf(to, "\\u%04x", *c);
		else
			fputc(*c, to);
	}
	fputc('"', to);
}

/* Objects have a line for each member; what stands in an array stands in one line. */
static void member(struct json *j, const char *key)
{
	bool line = j->depth > 0 && j->end[j->depth - 1] == '}';
	if (j->depth > 0 && j->some[j->depth - 1])
		fputc(',', j->to);
	if (line)
		fprintf(j->to, "\n%*s", (int)(2 * j->depth), "");
	else if (j->depth > 0 && j->some[j->depth - 1])
		fputc(' ', j->to);
	if (j->depth > 0)
		j->some[j->depth - 1] = true;
	if (key == NULL)
		return;
	escaped(j->to, key);
	fputs(": ", j->to);
}

static void begin(struct json *j, const char *key, char open, char end)
{
	CHECK(j->depth < JSON_DEPTH_MAX);
	member(j, key);
	fputc(open, j->to);
	j->some[j->depth] = false;
	j->end[j->depth++] = end;
}

void json_init(struct json *j, FILE *to)
{
	*j = (struct json){ .to = to };
}

void json_object(struct json *j, const char *key)
{
	begin(j, key, '{', '}');
}

void json_array(struct json *j, const char *key)
{
	begin(j, key, '[', ']');
}

void json_end(struct json *j)
{
	CHECK(j->depth > 0);
	char end = j->end[--j->depth];
	if (end == '}' && j->some[j->depth])
		fprintf(j->to, "\n%*s", (int)(2 * j->depth), "");
	fputc(end, j->to);
	if (j->depth == 0)
		fputc('\n', j->to);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	member(j, key);
	fprintf(j->to, "%llu", (unsigned long long)value);
}

void json_real(struct json *j, const char *key, double value, int decimals)
{
	member(j, key);
	fprintf(j->to, "%.*f", decimals, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	member(j, key);
	fputs(value ? "true" : "false", j->to);
}

void json_text(struct json *j, const char *key, const char *value)
{
	member(j, key);
	if (value == NULL)
		fputs("null", j->to);
	else
		escaped(j->to, value);
}
