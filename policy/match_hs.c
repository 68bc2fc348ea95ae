/*
 * match_hs.c - the content rules through Hyperscan in streaming mode. See match_hs.h.
 *
 * One database for all rules, every literal with its rule's number as id; HS_FLAG_SINGLEMATCH,
 * since the first occurrence of a rule says all. Streams are opened once, at launch, and only reset
 * between messages: no allocation while scanning. Scratch is per worker, as Hyperscan demands.
 *
 * Any error of Hyperscan makes the stream's scan false from then on, and so the message
 * uninspected.
 *
 * Not pure: heap at launch (Hyperscan's allocator), libhs.
 */
#include "policy/match_hs.h"

#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED_BYTES_MAX (1u << 30) /* hs_scan_stream() counts in 32 bits */

struct match_hs_database {
	hs_database_t *database; /* NULL: no rules */
};

struct content_stream {
	hs_stream_t *stream;
	struct content_stream *next_free;
	uint32_t matched;
	bool open, failed;
};

struct content {
	struct content_head head;
	hs_scratch_t *scratch;
	struct content_stream *free;
	struct content_stream streams[];
};

/* The arrays that hs_compile_lit_multi() wants, one element a literal. */
struct literals {
	uint32_t count;
	const char **texts;
	unsigned *flags, *ids;
	size_t *bytes;
};

static void literals_free(struct literals *l)
{
	free(l->texts);
	free(l->flags);
	free(l->ids);
	free(l->bytes);
}

static bool literals_make(struct literals *l, const struct settings *settings)
{
	size_t count = 0;
	for (uint32_t rule = 0; rule < settings->content_count; rule++)
		count += settings->content[rule].literals.count;
	*l = (struct literals){
		.texts = calloc(count + 1, sizeof(*l->texts)),
		.flags = calloc(count + 1, sizeof(*l->flags)),
		.ids = calloc(count + 1, sizeof(*l->ids)),
		.bytes = calloc(count + 1, sizeof(*l->bytes)),
	};
	if (l->texts == NULL || l->flags == NULL || l->ids == NULL || l->bytes == NULL)
		return false;
	for (uint32_t rule = 0; rule < settings->content_count; rule++) {
		const struct settings_strings *texts = &settings->content[rule].literals;
		for (uint32_t i = 0; i < texts->count; i++) {
			if (texts->items[i][0] == '\0')
				continue; /* what is empty never occurs */
			l->texts[l->count] = texts->items[i];
			l->bytes[l->count] = strlen(texts->items[i]);
			l->flags[l->count] = HS_FLAG_SINGLEMATCH;
			l->ids[l->count++] = rule;
		}
	}
	return true;
}

static bool database_compile(struct match_hs_database *db, const struct literals *l, char *error,
			     size_t error_bytes)
{
	hs_compile_error_t *fault = NULL;
	if (hs_compile_lit_multi(l->texts, l->flags, l->ids, l->bytes, l->count, HS_MODE_STREAM,
				 NULL, &db->database, &fault) == HS_SUCCESS)
		return true;
	bool known = fault != NULL && fault->expression >= 0 &&
		     (uint32_t)fault->expression < l->count;
	if (known)
		snprintf(error, error_bytes, "content rule %u, \"%.60s\": %s",
			 l->ids[fault->expression], l->texts[fault->expression], fault->message);
	else
		snprintf(error, error_bytes, "content rules: %s",
			 fault != NULL ? fault->message : "Hyperscan gave no reason");
	hs_free_compile_error(fault);
	return false;
}

struct match_hs_database *match_hs_compile(const struct settings *settings, char *error,
					   size_t error_bytes)
{
	struct literals l;
	struct match_hs_database *db = calloc(1, sizeof(*db));
	bool made = literals_make(&l, settings) && db != NULL;
	if (!made)
		snprintf(error, error_bytes, "content rules: no memory");
	if (made && hs_valid_platform() != HS_SUCCESS) {
		snprintf(error, error_bytes,
			 "content rules: this CPU lacks SSSE3, which Hyperscan needs");
		made = false;
	}
	if (made && l.count > 0)
		made = database_compile(db, &l, error, error_bytes);
	literals_free(&l);
	if (made)
		return db;
	free(db);
	return NULL;
}

void match_hs_database_free(struct match_hs_database *db)
{
	if (db == NULL)
		return;
	hs_free_database(db->database);
	free(db);
}

static struct content_stream *stream_open(struct content *c)
{
	struct content_stream *s = c->free;
	if (s == NULL)
		return NULL;
	c->free = s->next_free;
	c->head.streams++;
	s->next_free = NULL;
	s->open = true;
	s->failed = false;
	s->matched = CONTENT_NO_RULE;
	return s;
}

/* Hyperscan's match: the rule's number. Zero: go on, a rule of a lower number may follow. */
static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		    void *context)
{
	struct content_stream *s = context;
	(void)from;
	(void)to;
	(void)flags;
	if (id < s->matched)
		s->matched = id;
	return 0;
}

static bool stream_scan(struct content *c, struct content_stream *s, struct span bytes)
{
	CHECK(s->open);
	if (s->failed)
		return false;
	c->head.bytes_scanned += bytes.bytes;
	while (s->stream != NULL && bytes.bytes > 0) {
		struct span feed = span_head(bytes, FEED_BYTES_MAX);
		bytes = span_after(bytes, feed.bytes);
		if (hs_scan_stream(s->stream, (const char *)feed.data, (unsigned)feed.bytes, 0,
				   c->scratch, on_match, s) != HS_SUCCESS) {
			s->failed = true;
			return false;
		}
	}
	return true;
}

static uint32_t stream_matched(const struct content_stream *s)
{
	CHECK(s->open);
	return s->matched;
}

/* The reset makes the matches that need the end, and readies the stream for the next message. Of
 * fresh state Hyperscan refuses nothing, so that a failure here is our bug. */
static uint32_t stream_close(struct content *c, struct content_stream *s)
{
	CHECK(s->open);
	if (s->stream != NULL)
		CHECK(hs_reset_stream(s->stream, 0, c->scratch, on_match, s) == HS_SUCCESS);
	if (s->matched != CONTENT_NO_RULE)
		c->head.matches++;
	c->head.streams--;
	s->open = false;
	s->next_free = c->free;
	c->free = s;
	return s->matched;
}

static void content_free(struct content *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->head.streams_max; i++)
		if (c->streams[i].stream != NULL)
			hs_close_stream(c->streams[i].stream, NULL, NULL, NULL);
	hs_free_scratch(c->scratch);
	free(c);
}

static const struct content_ops hs_ops = {
	.name = "hyperscan",
	.open = stream_open,
	.scan = stream_scan,
	.matched = stream_matched,
	.close = stream_close,
	.free = content_free,
};

static bool streams_make(struct content *c, const hs_database_t *database)
{
	for (uint32_t i = c->head.streams_max; i > 0; i--) {
		struct content_stream *s = &c->streams[i - 1];
		if (database != NULL && hs_open_stream(database, 0, &s->stream) != HS_SUCCESS)
			return false;
		s->next_free = c->free;
		c->free = s;
	}
	return true;
}

struct content *match_hs_make(const struct match_hs_database *db, uint32_t streams_max)
{
	struct content *c = calloc(1, sizeof(*c) + (size_t)streams_max * sizeof(c->streams[0]));
	if (c == NULL)
		return NULL;
	c->head = (struct content_head){ .ops = &hs_ops, .streams_max = streams_max };
	bool made = db->database == NULL ||
		    hs_alloc_scratch(db->database, &c->scratch) == HS_SUCCESS;
	if (made && streams_make(c, db->database))
		return c;
	content_free(c);
	return NULL;
}
