/*
 * ehlo.c - extension keywords, one table for both directions.
 *
 * Keywords compare without case; parameters behind a keyword are read for SIZE only. An unreadable
 * SIZE is no limit: the next hop will say so itself.
 *
 * RFC 5321 4.1.1.1; RFC 1870 4; RFC 2034; RFC 2920; RFC 3030; RFC 3207; RFC 3461; RFC 6152; RFC
 * 6531; RFC 8689.
 */
#include "smtp/ehlo.h"

#include "base/text.h"

static const struct {
	enum smtp_extension bit;
	struct span keyword;
} keywords[] = {
#define WORD(literal) { .data = (const uint8_t *)(literal), .bytes = sizeof(literal) - 1 }
	{ SMTP_EXT_PIPELINING, WORD("PIPELINING") },
	{ SMTP_EXT_SIZE, WORD("SIZE") },
	{ SMTP_EXT_STARTTLS, WORD("STARTTLS") },
	{ SMTP_EXT_ENHANCED, WORD("ENHANCEDSTATUSCODES") },
	{ SMTP_EXT_8BITMIME, WORD("8BITMIME") },
	{ SMTP_EXT_SMTPUTF8, WORD("SMTPUTF8") },
	{ SMTP_EXT_CHUNKING, WORD("CHUNKING") },
	{ SMTP_EXT_REQUIRETLS, WORD("REQUIRETLS") },
	{ SMTP_EXT_DSN, WORD("DSN") },
	{ SMTP_EXT_XCLIENT, WORD("XCLIENT") },
};

void smtp_ehlo_write(struct byteq *out, struct block_pool *pool, struct span hostname,
                     uint32_t extensions, uint64_t size_limit)
{
	char buffer[SMTP_EHLO_WIRE_MAX];
	struct text t = text_of(buffer, sizeof(buffer));
	uint32_t left = extensions;

	text_str(&t, left != 0 ? "250-" : "250 ");
	text_span(&t, span_head(hostname, 255));
	text_str(&t, "\r\n");
	for (size_t i = 0; i < COUNT_OF(keywords); i++) {
		if ((left & keywords[i].bit) == 0)
			continue;
		left &= ~(uint32_t)keywords[i].bit;
		text_str(&t, left != 0 ? "250-" : "250 ");
		text_span(&t, keywords[i].keyword);
		if (keywords[i].bit == SMTP_EXT_SIZE && size_limit != 0) {
			text_char(&t, ' ');
			text_u64(&t, size_limit);
		}
		text_str(&t, "\r\n");
	}
	CHECK(!t.cut);
	CHECK(byteq_write(out, pool, text_as_span(&t)) == t.used);
}

void smtp_ehlo_read(struct span line, uint32_t *extensions, uint64_t *size_limit)
{
	struct span text = span_trim(line);
	struct span word = span_head(text, span_find(text, ' '));

	for (size_t i = 0; i < COUNT_OF(keywords); i++) {
		if (!span_equal_nocase(word, keywords[i].keyword))
			continue;
		*extensions |= keywords[i].bit;
		if (keywords[i].bit == SMTP_EXT_SIZE)
			(void)span_to_u64(span_trim(span_after(text, word.bytes)), size_limit);
	}
}
