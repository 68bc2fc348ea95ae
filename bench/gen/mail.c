/*
 * mail.c - making test messages (mail.h): the plan of a message, its header, its body line by line.
 *
 * A line costs one random number and one copy; only base64 lines cost more. The body is made twice,
 * once for the hash in the header and once to be sent, because nothing may be held: that is cheaper
 * than it sounds (about 1 ns a byte together) and keeps a 100 MiB message as small as an empty one.
 */
#include "bench/gen/mail.h"

#include <string.h>

#define EIGHT_BIT_PER_MILLE 300u /* of messages: may hold 8-bit lines at all */
#define BASE64_PER_MILLE 15u     /* of plain lines: a block begins */
#define BASE64_LINES_MAX 24u
#define BASE64_LINE_BYTES 76u
#define PLAIN_LINE_BYTES_MIN 20u
#define PLAIN_LINE_BYTES_SPAN 57u /* up to 76 bytes */
#define EICAR_BODY_BYTES_MIN 72u  /* the test line with CRLF, and no single byte left over */
#define MIX_NUMBER 0x9e3779b97f4a7c15u
#define BODY_SALT 0x5bd1e995a37c44f1u
#define RUN_SALT 0x2545f4914f6cdd1du

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

static uint32_t pick_weighted(struct prng *prng, const uint32_t *weights, size_t stride,
                              uint32_t count);
static void write_head(struct text *t, const struct mail_mix *mix, const struct mail_plan *plan);
static void body_begin(struct mail_maker *m, const struct mail_mix *mix);
static void fill_piece(struct mail_maker *m);
static void make_line(struct mail_maker *m);
static enum shape choose_shape(struct mail_maker *m, uint64_t random);
static uint32_t choose_length(enum shape shape, uint64_t random);
static void write_line(struct mail_maker *m, enum shape shape, uint32_t length, uint64_t random);
static void write_prose(uint8_t *to, uint32_t bytes, uint64_t random);
static void write_eight_bit(uint8_t *to, uint32_t bytes, uint64_t random);
static void write_base64(struct mail_maker *m, uint8_t *to, uint32_t bytes);

void mail_plan(const struct mail_mix *mix, uint64_t number, struct mail_plan *plan)
{
	struct prng prng;
	prng_seed(&prng, mix->seed ^ (number + 1) * MIX_NUMBER);
	*plan = (struct mail_plan){ .number = number };
	if (mix->size_count > 0) {
		uint32_t size =
			pick_weighted(&prng, &mix->sizes[0].weight,
		                      sizeof(mix->sizes[0]) / sizeof(uint32_t), mix->size_count);
		plan->body_bytes = mix->sizes[size].body_bytes;
	}
	if (plan->body_bytes == 1)
		plan->body_bytes = 2;
	plan->domain = pick_weighted(&prng, mix->domain_weights, 1, mix->domain_count);
	plan->eicar = prng_chance(&prng, mix->eicar_per_mille);
	plan->eight_bit = prng_chance(&prng, EIGHT_BIT_PER_MILLE) && !mix->seven_bit;
	if (plan->eicar && plan->body_bytes < EICAR_BODY_BYTES_MIN)
		plan->body_bytes = EICAR_BODY_BYTES_MIN;
}

uint64_t mail_run(const struct mail_mix *mix)
{
	struct prng prng;
	prng_seed(&prng, mix->seed ^ RUN_SALT);
	return prng_u64(&prng);
}

void mail_sender(struct text *t, const struct mail_mix *mix, uint64_t number)
{
	text_str(t, "gen.");
	text_u64(t, number);
	text_char(t, '@');
	text_str(t, mix->sender_domain);
}

void mail_recipient(struct text *t, const struct mail_mix *mix, const struct mail_plan *plan,
                    uint32_t index)
{
	text_str(t, "user.");
	text_u64(t, plan->number);
	text_char(t, '.');
	text_u64(t, index);
	text_char(t, '@');
	text_str(t, mix->domains[plan->domain]);
}

void mail_maker_init(struct mail_maker *m, const struct mail_mix *mix, uint64_t number)
{
	struct mail_hash hash;
	struct mail_plan plan;
	mail_plan(mix, number, &plan);
	m->plan = plan;
	m->hostile_per_mille = mix->hostile_per_mille;

	char head[MAIL_PIECE_BYTES];
	struct text rest = text_of(head, sizeof(head));
	write_head(&rest, mix, &plan);
	uint64_t covered = rest.used + plan.body_bytes;
	mail_hash_init(&hash, mail_run(mix), number, covered);
	mail_hash_add(&hash, text_as_span(&rest));
	body_begin(m, mix);
	for (struct span s = mail_maker_peek(m); s.bytes > 0; s = mail_maker_peek(m)) {
		mail_hash_add(&hash, s);
		mail_maker_take(m, s.bytes);
	}

	body_begin(m, mix);
	struct text top = text_of((char *)m->piece, sizeof(m->piece));
	text_str(&top, "X-Weir-Id: ");
	text_hex(&top, mail_run(mix), 16);
	text_char(&top, '.');
	text_u64(&top, number);
	text_str(&top, "\r\nX-Weir-Length: ");
	text_u64(&top, covered);
	text_str(&top, "\r\nX-Weir-Hash: ");
	text_hex(&top, mail_hash_value(&hash), 16);
	text_str(&top, "\r\n");
	m->bytes = top.used + covered;
	text_span(&top, text_as_span(&rest));
	CHECK(!top.cut);
	m->used = (uint16_t)top.used;
}

struct span mail_maker_peek(struct mail_maker *m)
{
	if (m->given == m->used && m->body_left > 0)
		fill_piece(m);
	return span_of(m->piece + m->given, (size_t)(m->used - m->given));
}

void mail_maker_take(struct mail_maker *m, size_t bytes)
{
	CHECK(bytes <= (size_t)(m->used - m->given));
	m->given = (uint16_t)(m->given + bytes);
}

static uint32_t pick_weighted(struct prng *prng, const uint32_t *weights, size_t stride,
                              uint32_t count)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += weights[i * stride];
	uint64_t at = prng_below(prng, sum > 0 ? sum : 1);
	for (uint32_t i = 0; i < count; i++) {
		if (at < weights[i * stride])
			return i;
		at -= weights[i * stride];
	}
	return 0;
}

/* The header below the hash line, with the empty line that ends it. The date is fixed: same
 * seed, same bytes. */
static void write_head(struct text *t, const struct mail_mix *mix, const struct mail_plan *plan)
{
	text_str(t, "From: <");
	mail_sender(t, mix, plan->number);
	text_str(t, ">\r\nTo: <");
	mail_recipient(t, mix, plan, 0);
	text_str(t, ">\r\nSubject: test message ");
	text_u64(t, plan->number);
	text_str(t, "\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <");
	text_u64(t, plan->number);
	text_char(t, '.');
	text_hex(t, mail_run(mix), 16);
	text_char(t, '@');
	text_str(t, mix->sender_domain);
	text_str(t, ">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
	text_str(t, plan->eight_bit ? "Content-Transfer-Encoding: 8bit\r\n\r\n"
	                            : "Content-Transfer-Encoding: 7bit\r\n\r\n");
	CHECK(!t->cut);
}

static void body_begin(struct mail_maker *m, const struct mail_mix *mix)
{
	prng_seed(&m->prng, (mix->seed ^ BODY_SALT) + m->plan.number * MIX_NUMBER);
	m->body_left = m->plan.body_bytes;
	m->base64_left = 0;
	m->eicar_due = m->plan.eicar;
	m->used = 0;
	m->given = 0;
}

static void fill_piece(struct mail_maker *m)
{
	m->used = 0;
	m->given = 0;
	while (m->body_left > 0 && m->used + MAIL_LINE_BYTES_MAX + 2 <= sizeof(m->piece))
		make_line(m);
}

/* The length is cut to what is left, and changed by one where a single byte would be left: no
 * line fits that. */
static void make_line(struct mail_maker *m)
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
	to[length] = '\r';
	to[length + 1] = '\n';
	m->used = (uint16_t)(m->used + length + 2);
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
