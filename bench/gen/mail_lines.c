/*
 * mail_lines.c - contents of bodies, line by line: text with awkward shapes, quoted-printable, HTML,
 * base64 (mail_int.h).
 *
 * A line costs one random number and one copy; only base64 lines cost more. All content is made of
 * CRLF lines no longer than 998 bytes and has exactly the length asked for.
 */
#include "bench/gen/mail_int.h"

#include <string.h>

#define BASE64_PER_MILLE 15u /* of plain lines: a block begins */
#define BASE64_LINES_MAX 24u
#define BASE64_LINE_BYTES 76u
#define PLAIN_LINE_BYTES_MIN 20u
#define PLAIN_LINE_BYTES_SPAN 57u /* up to 76 bytes */

enum shape {
	SHAPE_EMPTY,
	SHAPE_DOT,
	SHAPE_DOTS,
	SHAPE_DOT_TEXT,
	SHAPE_LONGEST,
	SHAPE_SPACES,
	SHAPE_EIGHT_BIT,
	SHAPE_FROM,
	SHAPE_COUNT,
	SHAPE_PLAIN,
};

static const char prose[] = "the carrier walked up the hill with a bag of letters and thought of "
                            "nothing but the weir below, where "
			    "the water waits until it may pass. some letters were long, others a "
                            "line; one held a pressed flower. she "
			    "counted them at every gate, for a letter lost on the way is not found "
                            "again, and a letter handed over "
			    "twice is worse than a letter late: who receives it twice trusts "
                            "neither. at the mill the keeper opened "
			    "the sluice a hand's breadth, looked at what floated by, took out a "
                            "branch, and let the rest go on as it "
			    "was. nothing was added, nothing was kept. when the river stood high "
                            "he closed the gate and the carrier "
			    "had to wait on the near bank, which she did, since the next bank "
                            "would not have been ready for her "
			    "either. in the evening both wrote their numbers into a book, she "
                            "hers, he his, and in the morning a boy "
			    "compared the two. 0123456789 = + - * / ( ) [ ] { } < > # $ % & ? ! \" "
                            "' ; : @ ^ _ ` ~ | \\ and tab:\t. the "
			    "books agreed on most days; on the others somebody went out with a "
                            "lantern until they agreed again, and "
			    "the page was marked so that the next reader would know how it had "
                            "been found, and by whom, and where. "
			    "that is all that can be said of the work, except that it was done "
                            "every day, in any weather, by people "
			    "who did not know each other's names, and that the letters arrived.";

static const char base64_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/* In two parts, so that no scanner takes this source file for the test file. */
static const char eicar[] = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAN"
			    "DARD-ANTIVIRUS-TEST-FILE!$H+H*";

struct tags { /* around a line of HTML, quoted-printable */
	const char *open, *close;
};
static const struct tags tags[] = {
	{ "<p>", "</p>" },
	{ "<td class=3D\"c\">", "</td>" },
	{ "<p style=3D\"margin:0\">", "</p>" },
	{ "<li>", "</li>" },
	{ "<a href=3D\"https://w.test/\">", "</a>" },
	{ "<tr><td>", "</td></tr>" },
	{ "<b>", "</b><br>" },
	{ "", "" },
};

static enum shape choose_shape(struct mail_maker *m, uint64_t random);
static uint32_t choose_length(enum shape shape, uint64_t random);
static void write_line(struct mail_maker *m, enum shape shape, uint32_t length, uint64_t random);
static void write_prose(uint8_t *to, uint32_t bytes, uint64_t random);
static void write_quoted(uint8_t *to, uint32_t bytes, uint64_t random);
static void write_html(uint8_t *to, uint32_t bytes, uint64_t random);
static void write_eight_bit(uint8_t *to, uint32_t bytes, uint64_t random);
static void write_base64(struct mail_maker *m, uint8_t *to, uint32_t bytes);
static void end_line(struct mail_maker *m, uint32_t length);

/* The length is cut to what is left, and changed by one where a single byte would be left: no
 * line fits that. */
static void plain_line(struct mail_maker *m)
{
	uint64_t random = prng_u64(&m->prng);
	enum shape shape = choose_shape(m, random);
	uint32_t length = choose_length(shape, random >> 20);
	if (m->eicar_due)
		length = sizeof(eicar) - 1;
	else if (m->base64_left > 0)
		length = BASE64_LINE_BYTES;
	if (length + 2 > m->body_left)
		length = m->body_left - 2;
	else if (m->body_left - (length + 2) == 1)
		length += length < MAIL_LINE_BYTES_MAX ? 1 : UINT32_MAX;
	write_line(m, shape, length, random);
}

static uint32_t fitting(const struct mail_maker *m, uint32_t length)
{
	if (length + 2 > m->body_left)
		return m->body_left - 2;
	return m->body_left - (length + 2) == 1 ? length - 1 : length;
}

/* Of quoted-printable and HTML: 76 bytes at most (RFC 2045 6.7), so that a length may shrink by one but
 * not grow. */
static void encoded_line(struct mail_maker *m, bool html)
{
	uint64_t random = prng_u64(&m->prng);
	bool test_string = m->eicar_due && !html;
	uint32_t length = test_string ? (uint32_t)sizeof(eicar) - 1
	                              : fitting(m, choose_length(SHAPE_PLAIN, random >> 20));
	uint8_t *to = m->piece + m->used;
	if (test_string)
		memcpy(to, eicar, length);
	else if (html)
		write_html(to, length, random >> 24);
	else
		write_quoted(to, length, random >> 24);
	m->eicar_due = m->eicar_due && !test_string;
	end_line(m, length);
}

static void base64_line(struct mail_maker *m)
{
	uint32_t length = fitting(m, BASE64_LINE_BYTES);
	write_base64(m, m->piece + m->used, length);
	end_line(m, length);
}

void mail_line_make(struct mail_maker *m, enum mail_content content)
{
	switch (content) {
	case MAIL_LINES:
		plain_line(m);
		break;
	case MAIL_QUOTED_TEXT:
	case MAIL_HTML:
		encoded_line(m, content == MAIL_HTML);
		break;
	case MAIL_BASE64:
		base64_line(m);
		break;
	case MAIL_LITERAL: /* written whole by mail_mime.c */
		break;
	}
}

static void end_line(struct mail_maker *m, uint32_t length)
{
	uint8_t *to = m->piece + m->used + length;
	to[0] = '\r';
	to[1] = '\n';
	m->used = (uint16_t)(m->used + length + 2);
	m->body_left -= length + 2;
}

static enum shape choose_shape(struct mail_maker *m, uint64_t random)
{
	if (m->eicar_due || m->base64_left > 0)
		return SHAPE_PLAIN;
	if (random % 1024 * 1000 / 1024 < m->hostile_per_mille) {
		enum shape shape = (enum shape)(random / 1024 % SHAPE_COUNT);
		return shape == SHAPE_EIGHT_BIT && !m->plan.eight_bit ? SHAPE_PLAIN : shape;
	}
	if (m->hostile_per_mille > 0 && random / 1024 % 1024 < BASE64_PER_MILLE)
		m->base64_left = 1 + (uint32_t)(random >> 40) % BASE64_LINES_MAX;
	return SHAPE_PLAIN;
}

static uint32_t choose_length(enum shape shape, uint64_t random)
{
	switch (shape) {
	case SHAPE_EMPTY:
		return 0;
	case SHAPE_DOT:
		return 1;
	case SHAPE_DOTS:
		return 2 + (uint32_t)random % 3;
	case SHAPE_LONGEST:
		return MAIL_LINE_BYTES_MAX;
	case SHAPE_SPACES:
		return 1 + (uint32_t)random % 8;
	case SHAPE_DOT_TEXT:
	case SHAPE_EIGHT_BIT:
	case SHAPE_FROM:
	case SHAPE_PLAIN:
	case SHAPE_COUNT: /* a count, no shape */
		break;
	}
	return PLAIN_LINE_BYTES_MIN + (uint32_t)random % PLAIN_LINE_BYTES_SPAN;
}

static void write_line(struct mail_maker *m, enum shape shape, uint32_t length, uint64_t random)
{
	uint8_t *to = m->piece + m->used;
	if (m->eicar_due) {
		memcpy(to, eicar, length);
		m->eicar_due = false;
	} else if (m->base64_left > 0) {
		write_base64(m, to, length);
		m->base64_left--;
	} else if (shape == SHAPE_EIGHT_BIT) {
		write_eight_bit(to, length, random >> 24);
	} else {
		write_prose(to, length, random >> 24);
	}
	if (shape == SHAPE_DOT || shape == SHAPE_DOTS)
		memset(to, '.', length);
	else if (shape == SHAPE_SPACES)
		memset(to, ' ', length);
	else if (shape == SHAPE_DOT_TEXT && length > 0)
		to[0] = '.';
	else if (shape == SHAPE_FROM && length >= 5)
		memcpy(to, "From ", 5);
	end_line(m, length);
}

static void write_prose(uint8_t *to, uint32_t bytes, uint64_t random)
{
	uint32_t from = (uint32_t)random % (uint32_t)(sizeof(prose) - 1);
	while (bytes > 0) {
		uint32_t part = (uint32_t)(sizeof(prose) - 1) - from;
		part = part < bytes ? part : bytes;
		memcpy(to, prose + from, part);
		to += part;
		bytes -= part;
		from = 0;
	}
}

/* Bytes that quoted-printable may not show as they are become others; sometimes one is encoded. */
static void write_quoted(uint8_t *to, uint32_t bytes, uint64_t random)
{
	write_prose(to, bytes, random);
	for (uint32_t i = 0; i < bytes; i++)
		if (to[i] == '=' || to[i] == '\t')
			to[i] = '-';
	if (bytes >= 24 && random % 4 == 0)
		memcpy(to + 12, "=C3=BC", 6);
	if (bytes > 0 && to[bytes - 1] == ' ')
		to[bytes - 1] = '='; /* a soft line break: no blank may end a line */
}

static void write_html(uint8_t *to, uint32_t bytes, uint64_t random)
{
	const struct tags *around = &tags[random % COUNT_OF(tags)];
	struct span open = span_of(around->open, strlen(around->open));
	struct span close = span_of(around->close, strlen(around->close));
	write_quoted(to, bytes, random >> 3);
	for (uint32_t i = 0; i < bytes; i++)
		if (to[i] == '<' || to[i] == '>' || to[i] == '&')
			to[i] = ' ';
	if (open.bytes + close.bytes + 12 > bytes)
		return;
	write_quoted(to + open.bytes, (uint32_t)(bytes - open.bytes - close.bytes), random | 1);
	memcpy(to, open.data, open.bytes);
	memcpy(to + bytes - close.bytes, close.data, close.bytes);
}

/* Not only well-formed UTF-8: all values above 0x7f come to pass through 8BITMIME unharmed. */
static void write_eight_bit(uint8_t *to, uint32_t bytes, uint64_t random)
{
	for (uint32_t i = 0; i < bytes; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		to[i] = (uint8_t)(0x80u | (uint8_t)(random >> 56));
	}
}

static void write_base64(struct mail_maker *m, uint8_t *to, uint32_t bytes)
{
	uint64_t random = 0;
	for (uint32_t i = 0; i < bytes; i++) {
		if (i % 10 == 0)
			random = prng_u64(&m->prng);
		to[i] = (uint8_t)base64_letters[random & 63];
		random >>= 6;
	}
}
