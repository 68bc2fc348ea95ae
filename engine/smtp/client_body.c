/*
 * client_body.c - content on its way to the next hop: stuffed for DATA, framed in chunks for BDAT.
 *
 * DATA: content is copied into `out` with its dots stuffed, at most SMTP_CLIENT_BACKLOG_BYTES
 * ahead. BDAT: content is gathered and framed as `BDAT n` when SMTP_CLIENT_CHUNK_BYTES are together
 * (earlier when the pool runs low), with at most SMTP_CLIENT_CHUNKS_MAX chunks unanswered; the
 * queue passes whole blocks on when a chunk is framed. What is gathered when the end is ordered
 * goes as `BDAT n LAST`.
 *
 * Nothing that could be read as an end leaves before smtp_client_body_end(): in DATA no line is a
 * lone dot, in BDAT no chunk is LAST.
 *
 * RFC 5321 4.1.1.4, 4.5.2; RFC 3030 2, 4.2.
 */
#include "base/text.h"
#include "smtp/client_int.h"

#define CHUNK_HEAD_BYTES_MAX 32u /* "BDAT " + 20 digits + " LAST\r\n" */

static size_t _stuff(struct smtp_client *c, struct span content);
static size_t _gather(struct smtp_client *c, struct span content, struct instant now);
static size_t _chunk_goal(const struct smtp_client *c);
static bool _frame_chunk(struct smtp_client *c, bool last, struct instant now);
static void _frame_end(struct smtp_client *c, struct instant now);
static void _unspare(struct smtp_client *c);

bool smtp_client_uses_bdat(const struct smtp_client *c)
{
	return c->bdat;
}

size_t smtp_client_body(struct smtp_client *c, struct span content, struct instant now)
{
	if (c->phase != CLIENT_PHASE_BODY)
		return 0;
	if (c->chunk_failed)
		return content.bytes; /* refused: the relay has been told; the rest is of no use */
	if (byteq_bytes(&c->out) == 0 && c->count == 0)
		c->since = now; /* a long pause of the near side is not the next hop's */
	return c->bdat ? _gather(c, content, now) : _stuff(c, content);
}

void smtp_client_body_end(struct smtp_client *c, struct instant now)
{
	CHECK(c->phase == CLIENT_PHASE_BODY);
	if (c->chunk_failed)
		return; /* the refusal was the last word; only abandoning is left */
	c->end_wanted = true;
	if (c->count == 0)
		c->since = now;
	smtp_client_enter(c, CLIENT_PHASE_ENDING, now);
}

void smtp_client_body_begin(struct smtp_client *c)
{
	smtp_stuff_init(&c->stuff);
	c->chunk_failed = false;
	c->end_wanted = false;
	c->end_framed = false;
	c->committed = false;
}

void smtp_client_body_drop(struct smtp_client *c)
{
	byteq_clear(&c->chunk, c->pool);
	_unspare(c);
	c->end_wanted = false;
}

void smtp_client_body_frame(struct smtp_client *c, struct instant now)
{
	if (c->phase == CLIENT_PHASE_BODY && c->bdat && byteq_bytes(&c->chunk) >= _chunk_goal(c))
		(void)_frame_chunk(c, false, now);
	if (c->phase == CLIENT_PHASE_ENDING && c->end_wanted)
		_frame_end(c, now);
}

static size_t _stuff(struct smtp_client *c, struct span content)
{
	size_t backlog = byteq_bytes(&c->out);
	size_t written;

	if (backlog >= SMTP_CLIENT_BACKLOG_BYTES)
		return 0;
	content = span_head(content, SMTP_CLIENT_BACKLOG_BYTES - backlog);
	size_t taken = smtp_stuff_write(&c->stuff, &c->out, c->pool, content, &written);
	c->allowed += written;
	return taken;
}

static size_t _gather(struct smtp_client *c, struct span content, struct instant now)
{
	size_t taken = 0;

	while (taken < content.bytes) {
		size_t gathered = byteq_bytes(&c->chunk);
		if (gathered >= _chunk_goal(c) && _frame_chunk(c, false, now))
			continue;
		if (gathered >= SMTP_CLIENT_CHUNK_BYTES)
			break;
		if (c->spare == NULL && (c->spare = block_take(c->pool)) == NULL)
			break;
		struct span part =
			span_head(span_after(content, taken), SMTP_CLIENT_CHUNK_BYTES - gathered);
		size_t written = byteq_write(&c->chunk, c->pool, part);
		taken += written;
		if (written < part.bytes)
			break;
	}
	return taken;
}

/* Large chunks are cheap on the wire; but when the pool runs low, content must move to free its
 * blocks. */
static size_t _chunk_goal(const struct smtp_client *c)
{
	uint32_t free_blocks = c->pool->free_count;

	if (free_blocks < c->pool->total / 16 || free_blocks < 4)
		return 1;
	return free_blocks < c->pool->total / 4 ? SMTP_CLIENT_CHUNK_LOW_BYTES :
	                                          SMTP_CLIENT_CHUNK_BYTES;
}

/* False: too many are unanswered, or there is no room for the command. */
static bool _frame_chunk(struct smtp_client *c, bool last, struct instant now)
{
	char buffer[CHUNK_HEAD_BYTES_MAX];
	struct text t = text_of(buffer, sizeof(buffer));
	size_t bytes = byteq_bytes(&c->chunk);

	if (!last && (bytes == 0 || c->chunks >= SMTP_CLIENT_CHUNKS_MAX ||
		      c->count >= SMTP_CLIENT_PENDING_MAX - SMTP_CLIENT_PENDING_RESERVE))
		return false;
	if (!last && byteq_bytes(&c->out) >= SMTP_CLIENT_BACKLOG_BYTES)
		return false;
	_unspare(c);
	if (!byteq_fits(&c->out, c->pool, sizeof(buffer)))
		return false;
	text_str(&t, "BDAT ");
	text_u64(&t, bytes);
	text_str(&t, last ? " LAST\r\n" : "\r\n");
	CHECK(byteq_write(&c->out, c->pool, text_as_span(&t)) == t.used);
	CHECK(byteq_move(&c->out, &c->chunk, c->pool, bytes) == bytes);
	smtp_client_request_push(c, last ? SMTP_REQUEST_END : SMTP_REQUEST_CHUNK, t.used + bytes,
	                         now);
	c->chunks += !last;
	return true;
}

static void _frame_end(struct smtp_client *c, struct instant now)
{
	struct span end = smtp_stuff_end(&c->stuff);

	if (c->bdat) {
		if (!_frame_chunk(c, true, now))
			return;
	} else {
		if (!byteq_fits(&c->out, c->pool, end.bytes))
			return;
		CHECK(byteq_write(&c->out, c->pool, end) == end.bytes);
		smtp_client_request_push(c, SMTP_REQUEST_END, end.bytes, now);
	}
	c->end_wanted = false;
	c->end_framed = true;
}

static void _unspare(struct smtp_client *c)
{
	if (c->spare != NULL)
		block_give(c->pool, c->spare);
	c->spare = NULL;
}
