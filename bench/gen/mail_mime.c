/*
 * mail_mime.c - the MIME tree of a message: which parts it has, how they are encoded, how many bytes
 * each takes (RFC 2045, 2046; mail_int.h).
 *
 * A body is a row of segments: literals (boundaries and headers of parts) and contents in turn. The
 * literals' lengths are known, so that the contents get what is left, and the body has exactly the
 * size that was planned. A base64 content must have a length that whole groups of four letters can
 * have; what that leaves over goes to the text.
 */
#include "bench/gen/mail_int.h"

#define ALTERNATIVE_BYTES_MIN 2500u /* smaller ones are plain text */
#define MIXED_BYTES_MIN 12000u      /* smaller ones have no attachment */
#define TEXT_BYTES_SPAN 16384u      /* of text and HTML beside attachments */
#define TEXT_BYTES_MIN 1024u
#define ATTACHMENTS_MAX 3u
#define BASE64_LINE 78u             /* with CRLF */
#define LITERAL_BYTES 1024u

enum literal {
	LITERAL_MIXED_OPEN = 1, /* to the alternative within it */
	LITERAL_TEXT,
	LITERAL_HTML,
	LITERAL_ALTERNATIVE_CLOSE,
	LITERAL_ATTACHMENT, /* + its number */
	LITERAL_MIXED_CLOSE = LITERAL_ATTACHMENT + ATTACHMENTS_MAX,
};

static const char *const attachment_types[] = {
	"application/pdf; name=\"report.pdf\"",
	"image/jpeg; name=\"photo.jpg\"",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document; name=\"plan.docx\"",
	"application/zip; name=\"data.zip\"",
	"image/png; name=\"logo.png\"",
	"application/octet-stream; name=\"file.bin\"",
};
static const char *const encodings[] = { "7bit", "8bit", "quoted-printable" };

static void write_literal(struct text *t, uint64_t run, const struct mail_plan *plan,
                          enum literal which);
static void lay_parts(struct mail_maker *m);

/* Most mail has an HTML part; the large one has attachments. */
void mail_form_choose(struct mail_plan *plan, struct prng *prng)
{
	uint64_t roll = prng_below(prng, 100);
	plan->encoding = plan->eight_bit ? MAIL_8BIT : roll % 2 == 0 ? MAIL_QUOTED : MAIL_7BIT;
	if (plan->body_bytes >= ALTERNATIVE_BYTES_MIN && roll < 80)
		plan->form = MAIL_ALTERNATIVE;
	if (plan->body_bytes >= MIXED_BYTES_MIN && (roll < 50 || plan->body_bytes > 4 * TEXT_BYTES_SPAN)) {
		plan->form = MAIL_MIXED;
		plan->attachments = 1 + (uint32_t)prng_below(prng, ATTACHMENTS_MAX);
	}
}

static void write_boundary(struct text *t, char of, uint64_t run, const struct mail_plan *plan)
{
	text_str(t, "=_");
	text_char(t, of);
	text_u64(t, plan->number);
	text_char(t, '.');
	text_hex(t, run, 16);
}

static void write_delimiter(struct text *t, char of, uint64_t run, const struct mail_plan *plan,
                            const char *after)
{
	text_str(t, "--");
	write_boundary(t, of, run, plan);
	text_str(t, after);
}

static void write_multipart(struct text *t, const char *kind, char of, uint64_t run,
                            const struct mail_plan *plan)
{
	text_str(t, "Content-Type: multipart/");
	text_str(t, kind);
	text_str(t, "; boundary=\"");
	write_boundary(t, of, run, plan);
	text_str(t, "\"\r\n");
}

static void write_encoding(struct text *t, const char *encoding)
{
	text_str(t, "Content-Transfer-Encoding: ");
	text_str(t, encoding);
	text_str(t, "\r\n\r\n");
}

static void write_text_head(struct text *t, const struct mail_plan *plan)
{
	text_str(t, "Content-Type: text/plain; charset=utf-8\r\n");
	write_encoding(t, encodings[plan->encoding]);
}

void mail_form_head(struct text *t, uint64_t run, const struct mail_plan *plan)
{
	if (plan->form == MAIL_PLAIN) {
		write_text_head(t, plan);
		return;
	}
	write_multipart(t, plan->form == MAIL_MIXED ? "mixed" : "alternative",
	                plan->form == MAIL_MIXED ? 'm' : 'a', run, plan);
	if (plan->encoding == MAIL_8BIT)
		text_str(t, "Content-Transfer-Encoding: 8bit\r\n");
	text_str(t, "\r\n");
}

static void write_attachment_head(struct text *t, uint64_t run, const struct mail_plan *plan,
                                  uint32_t index)
{
	write_delimiter(t, 'm', run, plan, "\r\nContent-Type: ");
	text_str(t, attachment_types[(plan->number + index) % COUNT_OF(attachment_types)]);
	text_str(t, "\r\nContent-Disposition: attachment\r\n");
	write_encoding(t, "base64");
}

static void write_literal(struct text *t, uint64_t run, const struct mail_plan *plan,
                          enum literal which)
{
	switch ((int)which) {
	case LITERAL_MIXED_OPEN:
		write_delimiter(t, 'm', run, plan, "\r\n");
		write_multipart(t, "alternative", 'a', run, plan);
		text_str(t, "\r\n");
		break;
	case LITERAL_TEXT:
		write_delimiter(t, 'a', run, plan, "\r\n");
		write_text_head(t, plan);
		break;
	case LITERAL_HTML:
		write_delimiter(t, 'a', run, plan, "\r\nContent-Type: text/html; charset=utf-8\r\n");
		write_encoding(t, "quoted-printable");
		text_str(t, "<!DOCTYPE html>\r\n<html><head><title>a letter</title></head><body>\r\n");
		break;
	case LITERAL_ALTERNATIVE_CLOSE:
		text_str(t, "</body></html>\r\n");
		write_delimiter(t, 'a', run, plan, "--\r\n");
		break;
	case LITERAL_MIXED_CLOSE:
		write_delimiter(t, 'm', run, plan, "--\r\n");
		break;
	default:
		write_attachment_head(t, run, plan, (uint32_t)which - LITERAL_ATTACHMENT);
	}
}

void mail_literal_make(struct mail_maker *m, const struct mail_segment *s)
{
	struct text t = text_of((char *)m->piece + m->used, sizeof(m->piece) - m->used);
	write_literal(&t, m->run, &m->plan, (enum literal)s->which);
	CHECK(!t.cut);
	m->used = (uint16_t)(m->used + t.used);
}

static void lay(struct mail_maker *m, enum mail_content content, uint32_t bytes)
{
	CHECK(m->segment_count < MAIL_SEGMENTS_MAX);
	m->segments[m->segment_count++] =
		(struct mail_segment){ .content = (uint8_t)content, .bytes = bytes };
}

static void lay_literal(struct mail_maker *m, uint32_t which)
{
	char scratch[LITERAL_BYTES];
	struct text t = text_of(scratch, sizeof(scratch));
	write_literal(&t, m->run, &m->plan, (enum literal)which);
	lay(m, MAIL_LITERAL, (uint32_t)t.used);
	m->segments[m->segment_count - 1].which = (uint8_t)which;
}

void mail_form_lay(struct mail_maker *m)
{
	enum mail_content text = m->plan.encoding == MAIL_QUOTED ? MAIL_QUOTED_TEXT : MAIL_LINES;
	if (m->plan.form == MAIL_PLAIN) {
		lay(m, text, m->plan.body_bytes);
		return;
	}
	if (m->plan.form == MAIL_MIXED)
		lay_literal(m, LITERAL_MIXED_OPEN);
	lay_literal(m, LITERAL_TEXT);
	lay(m, text, 0);
	lay_literal(m, LITERAL_HTML);
	lay(m, MAIL_HTML, 0);
	lay_literal(m, LITERAL_ALTERNATIVE_CLOSE);
	for (uint32_t i = 0; i < m->plan.attachments; i++) {
		lay_literal(m, LITERAL_ATTACHMENT + i);
		lay(m, MAIL_BASE64, 0);
	}
	if (m->plan.form == MAIL_MIXED)
		lay_literal(m, LITERAL_MIXED_CLOSE);
	lay_parts(m);
}

/* The largest length that whole lines, and a last one of whole groups, can have. */
static uint32_t base64_bytes(uint32_t bytes)
{
	uint32_t rest = bytes % BASE64_LINE;
	return bytes - rest + (rest < 6 ? 0 : 2 + (rest - 2) / 4 * 4);
}

/* What the literals leave: first the attachments, then HTML, the rest is text. */
static void lay_parts(struct mail_maker *m)
{
	uint32_t left = m->plan.body_bytes, attached = 0;
	for (uint32_t i = 0; i < m->segment_count; i++)
		left -= m->segments[i].bytes;
	if (m->plan.attachments > 0) {
		uint32_t text = TEXT_BYTES_MIN + (uint32_t)prng_below(&m->prng, TEXT_BYTES_SPAN);
		text = text < left / 3 ? text : left / 3;
		attached = base64_bytes((left - text) / m->plan.attachments);
	}
	left -= attached * m->plan.attachments;
	uint32_t html = left / 5 * 3;
	for (uint32_t i = 0; i < m->segment_count; i++) {
		struct mail_segment *s = &m->segments[i];
		if (s->content == MAIL_BASE64)
			s->bytes = attached;
		else if (s->content == MAIL_HTML)
			s->bytes = html;
		else if (s->content != MAIL_LITERAL)
			s->bytes = left - html;
	}
}
