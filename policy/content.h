/*
 * content.h - the content rules, matched over the body as it streams by.
 *
 * One `struct content` per worker (scratch memory, pool of streams). Behind it is a matcher:
 * match_hs (Hyperscan in streaming mode, not pure) or match_plain (pure, the oracle: slow and
 * obviously right). Rules are bytes; a match may lie across any number of spans.
 */
#ifndef WEIR_POLICY_CONTENT_H
#define WEIR_POLICY_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"
#include "policy/settings.h"

#define CONTENT_NO_RULE UINT32_MAX

struct content;
struct content_stream;

struct content_ops {
	const char *name;
	/* A stream for one message; NULL: none free (defer, or wait). */
	struct content_stream *(*open)(struct content *c);
	/* More bytes. False: they could not be inspected (the verdict must then be DEFER). */
	bool (*scan)(struct content *c, struct content_stream *s, struct span bytes);
	/* The lowest rule index matched so far; CONTENT_NO_RULE: none. */
	uint32_t (*matched)(const struct content_stream *s);
	/* The end: matches that need it are made. Then the stream is given back. Returns as
	 * `matched`. */
	uint32_t (*close)(struct content *c, struct content_stream *s);
	void (*free)(struct content *c);
};

/* Every matcher's struct begins with this. */
struct content_head {
	const struct content_ops *ops;
	uint64_t bytes_scanned, matches;
	uint32_t streams, streams_max;
};

static inline struct content_head *content_head(struct content *c)
{
	return (struct content_head *)(void *)c;
}
static inline const struct content_ops *content_ops_of(struct content *c)
{
	return content_head(c)->ops;
}

/* The oracle. Pure: `memory` of content_plain_bytes() outlives it. */
size_t content_plain_bytes(const struct settings *settings, uint32_t streams_max);
struct content *content_plain_make(const struct settings *settings, uint32_t streams_max,
				   void *memory);

#endif
