/*
 * stuff.c - one dot more in front of each line that begins with one.
 *
 * Runs between stuffed lines are copied whole; the scan only looks for LF. A line is taken to begin
 * behind any LF, also a bare one (which the judge never lets through): the error would be a dot too
 * many, never an end of data too early.
 *
 * RFC 5321 4.5.2, 4.1.1.4.
 */
#include "smtp/stuff.h"

#include "smtp/line.h"

static size_t _run_bytes(struct span content);

void smtp_stuff_init(struct smtp_stuff *s)
{
	s->line_start = true;
}

size_t smtp_stuff_write(struct smtp_stuff *s, struct byteq *out, struct block_pool *pool,
                        struct span content, size_t *written)
{
	size_t taken = 0;

	*written = 0;
	while (taken < content.bytes) {
		struct span left = span_after(content, taken);
		if (s->line_start && left.data[0] == '.') {
			if (byteq_write(out, pool, SPAN(".")) == 0)
				break;
			*written += 1;
			s->line_start = false; /* the dot in front stands, even if its line must wait */
		}
		struct span run = span_head(left, _run_bytes(left));
		size_t copied = byteq_write(out, pool, run);
		*written += copied;
		taken += copied;
		if (copied > 0)
			s->line_start = run.data[copied - 1] == '\n';
		if (copied < run.bytes)
			break;
	}
	return taken;
}

struct span smtp_stuff_end(const struct smtp_stuff *s)
{
	return s->line_start ? SPAN(".\r\n") : SPAN("\r\n.\r\n");
}

/* Up to and with the first LF that a dot follows, or everything. */
static size_t _run_bytes(struct span content)
{
	size_t at = 0;

	while (at < content.bytes) {
		at += smtp_line_scan_lf(span_after(content, at));
		if (at + 1 < content.bytes && content.data[at + 1] == '.')
			return at + 1;
		if (at < content.bytes)
			at++;
	}
	return content.bytes;
}
