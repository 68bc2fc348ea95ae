/*
 * match_plain.c - the content rules, matched the obvious way: one Knuth-Morris-Pratt automaton a
 * literal.
 *
 * The oracle that match_hs is compared with, and the matcher of builds without Hyperscan. Every
 * byte is shown to every literal's automaton, so it costs O(bytes * literals) and is not for
 * production traffic. Pure: all memory is given by the caller; a stream holds one number a literal,
 * whatever the length of the message.
 */
#include "policy/content.h"

struct literal {
	struct span bytes;
	const uint32_t *failure; /* longest proper prefix that is a suffix, of each prefix */
	uint32_t rule;
};

struct content_stream {
	bool open;
	uint32_t matched;
	uint32_t *prefix; /* of each literal: how many of its bytes the last bytes seen are */
};

struct content {
	struct content_head head;
	uint32_t literal_count;
	struct literal *literals;
	struct content_stream *streams;
};

static struct span span_str(const char *s)
{
	size_t bytes = 0;
	while (s[bytes] != '\0')
		bytes++;
	return span_of(s, bytes);
}

/* Pieces of the caller's memory, each aligned for anything. With NULL only counted. */
struct carve {
	uint8_t *begin;
	size_t used;
};

static void *carve_take(struct carve *c, size_t bytes)
{
	void *piece = c->begin == NULL ? NULL : c->begin + c->used;
	c->used += (bytes + 15) / 16 * 16;
	return piece;
}

static void failure_fill(uint32_t *failure, struct span s)
{
	failure[0] = 0;
	uint32_t k = 0;
	for (uint32_t i = 1; i < s.bytes; i++) {
		while (k > 0 && s.data[i] != s.data[k])
			k = failure[k - 1];
		if (s.data[i] == s.data[k])
			k++;
		failure[i] = k;
	}
}

static void literals_make(struct content *c, struct carve *memory, const struct settings *settings)
{
	uint32_t n = 0;
	for (uint32_t rule = 0; rule < settings->content_count; rule++) {
		const struct settings_strings *texts = &settings->content[rule].literals;
		for (uint32_t i = 0; i < texts->count; i++) {
			struct span bytes = span_str(texts->items[i]);
			uint32_t *failure = carve_take(memory, bytes.bytes * sizeof(*failure));
			if (c == NULL || bytes.bytes == 0)
				continue; /* counting; and what is empty never occurs */
			failure_fill(failure, bytes);
			c->literals[n++] = (struct literal){ bytes, failure, rule };
		}
	}
	if (c != NULL)
		c->literal_count = n;
}

static uint32_t literals_count(const struct settings *settings)
{
	uint32_t count = 0;
	for (uint32_t rule = 0; rule < settings->content_count; rule++)
		count += settings->content[rule].literals.count;
	return count;
}

static void streams_make(struct content *c, struct carve *memory, uint32_t literals,
			 uint32_t streams_max)
{
	for (uint32_t i = 0; i < streams_max; i++) {
		uint32_t *prefix = carve_take(memory, literals * sizeof(*prefix));
		if (c != NULL)
			c->streams[i] = (struct content_stream){ .open = false, .prefix = prefix };
	}
}

static struct content_stream *plain_open(struct content *c)
{
	for (uint32_t i = 0; i < c->head.streams_max; i++) {
		struct content_stream *s = &c->streams[i];
		if (s->open)
			continue;
		s->open = true;
		s->matched = CONTENT_NO_RULE;
		for (uint32_t l = 0; l < c->literal_count; l++)
			s->prefix[l] = 0;
		c->head.streams++;
		return s;
	}
	return NULL;
}

/* One byte for one literal. True: the literal ends here. */
static bool literal_step(const struct literal *l, uint32_t *prefix, uint8_t byte)
{
	uint32_t k = *prefix;
	while (k > 0 && l->bytes.data[k] != byte)
		k = l->failure[k - 1];
	if (l->bytes.data[k] == byte)
		k++;
	bool found = k == l->bytes.bytes;
	*prefix = found ? l->failure[k - 1] : k;
	return found;
}

static bool plain_scan(struct content *c, struct content_stream *s, struct span bytes)
{
	CHECK(s->open);
	for (uint32_t i = 0; i < c->literal_count; i++) {
		const struct literal *l = &c->literals[i];
		for (size_t b = 0; b < bytes.bytes; b++)
			if (literal_step(l, &s->prefix[i], bytes.data[b]) && l->rule < s->matched)
				s->matched = l->rule;
	}
	c->head.bytes_scanned += bytes.bytes;
	return true;
}

static uint32_t plain_matched(const struct content_stream *s)
{
	CHECK(s->open);
	return s->matched;
}

static uint32_t plain_close(struct content *c, struct content_stream *s)
{
	CHECK(s->open);
	s->open = false;
	c->head.streams--;
	if (s->matched != CONTENT_NO_RULE)
		c->head.matches++;
	return s->matched;
}

static void plain_free(struct content *c)
{
	(void)c; /* the memory is the caller's */
}

static const struct content_ops plain_ops = {
	.name = "plain",
	.open = plain_open,
	.scan = plain_scan,
	.matched = plain_matched,
	.close = plain_close,
	.free = plain_free,
};

/* In both passes the same pieces in the same order. */
static struct content *plain_carve(struct carve *memory, const struct settings *settings,
				   uint32_t streams_max)
{
	uint32_t literals = literals_count(settings);
	struct content *c = carve_take(memory, sizeof(*c));
	struct literal *table = carve_take(memory, literals * sizeof(*table));
	struct content_stream *streams = carve_take(memory, streams_max * sizeof(*streams));
	if (c != NULL)
		*c = (struct content){
			.head = { .ops = &plain_ops, .streams_max = streams_max },
			.literals = table,
			.streams = streams,
		};
	literals_make(c, memory, settings);
	streams_make(c, memory, literals, streams_max);
	return c;
}

size_t content_plain_bytes(const struct settings *settings, uint32_t streams_max)
{
	struct carve counting = { .begin = NULL };
	(void)plain_carve(&counting, settings, streams_max);
	return counting.used;
}

struct content *content_plain_make(const struct settings *settings, uint32_t streams_max,
				   void *memory)
{
	CHECK(memory != NULL);
	struct carve carve = { .begin = memory };
	return plain_carve(&carve, settings, streams_max);
}
