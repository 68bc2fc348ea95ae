/*
 * http.h - /metrics and /healthz over libmicrohttpd, turned by control's own loop: no thread of its own.
 */
#ifndef WEIR_RUN_HTTP_H
#define WEIR_RUN_HTTP_H

#include <stddef.h>

#include "base/addr.h"
#include "base/check.h"
#include "run/buffer.h"

struct http;

struct http_pages {
	void *context;
	void (*metrics)(void *context, struct buffer *out);
	/* 200 or 503, with one line of text. */
	unsigned (*health)(void *context, struct buffer *out);
};

/* NULL with the reason in `error`. `pages` outlives it. */
MUST_USE struct http *http_open(struct endpoint listen_at, const struct http_pages *pages, char *error,
                                size_t error_bytes);
int http_descriptor(const struct http *h); /* readable when http_turn() has something to do */
void http_turn(struct http *h);
void http_close(struct http *h);

#endif
