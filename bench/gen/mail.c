/*
 * mail.c - making test messages (mail.h): the plan of a message, its header, its body segment by
 * segment.
 *
 * The body is made twice, once for the hash in the header and once to be sent, because nothing may
 * be held: that is cheaper than it sounds and keeps a 100 MiB message as small as an empty one.
 */
#include "bench/gen/mail.h"

#include <string.h>

#include "bench/gen/mail_int.h"
#include "bench/gen/numbers.h"

#define EIGHT_BIT_PER_MILLE 300u /* of messages: may hold 8-bit lines at all */
#define MIX_NUMBER 0x9e3779b97f4a7c15u
#define BODY_SALT 0x5bd1e995a37c44f1u
#define RUN_SALT 0x2545f4914f6cdd1du

static uint32_t pick_weighted(struct prng *prng, const uint32_t *weights, size_t stride,
                              uint32_t count);
static uint32_t pick_size(const struct mail_mix *mix, struct prng *prng);
static uint32_t spread_size(const struct mail_spread *spread, struct prng *prng);
static void pick_content(const struct mail_mix *mix, struct prng *prng, struct mail_plan *plan);
static void write_head(struct text *t, const struct mail_mix *mix, const struct mail_plan *plan);
static void write_top(struct mail_maker *m, struct span rest, uint64_t covered,
                      const struct sha256 *hash);
static void body_begin(struct mail_maker *m, const struct mail_mix *mix);
static void fill_piece(struct mail_maker *m);

void mail_plan(const struct mail_mix *mix, uint64_t number, struct mail_plan *plan)
{
	struct prng prng;
	prng_seed(&prng, mix->seed ^ (number + 1) * MIX_NUMBER);
	*plan = (struct mail_plan){ .number = number, .letter = UINT32_MAX };
	plan->body_bytes = pick_size(mix, &prng);
	plan->domain = pick_weighted(&prng, mix->domain_weights, 1, mix->domain_count);
	plan->eicar = prng_chance(&prng, mix->eicar_per_mille);
	plan->eight_bit = prng_chance(&prng, EIGHT_BIT_PER_MILLE) && !mix->seven_bit;
	if (plan->eicar && plan->body_bytes < MAIL_EICAR_BYTES_MIN)
		plan->body_bytes = MAIL_EICAR_BYTES_MIN;
	pick_content(mix, &prng, plan);
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
	struct sha256 hash;
	char head[MAIL_PIECE_BYTES];
	struct text rest = text_of(head, sizeof(head));
	mail_plan(mix, number, &m->plan);
	m->run = mail_run(mix);
	m->hostile_per_mille = mix->hostile_per_mille;
	if (m->plan.letter == UINT32_MAX)
		write_head(&rest, mix, &m->plan);
	uint64_t covered = rest.used + m->plan.body_bytes;
	mail_hash_init(&hash, mix->sha256, m->run, number, covered);
	sha256_add(&hash, text_as_span(&rest));
	body_begin(m, mix);
	for (struct span s = mail_maker_peek(m); s.bytes > 0; s = mail_maker_peek(m)) {
		sha256_add(&hash, s);
		mail_maker_take(m, s.bytes);
	}
	body_begin(m, mix);
	write_top(m, text_as_span(&rest), covered, &hash);
}

struct span mail_maker_peek(struct mail_maker *m)
{
	if (m->given < m->used)
		return span_of(m->piece + m->given, (size_t)(m->used - m->given));
	if (m->letter.bytes > 0)
		return m->letter;
	if (m->body_left > 0 || m->segment_next < m->segment_count)
		fill_piece(m);
	return span_of(m->piece + m->given, (size_t)(m->used - m->given));
}

void mail_maker_take(struct mail_maker *m, size_t bytes)
{
	if (m->given == m->used) {
		CHECK(bytes <= m->letter.bytes);
		m->letter = span_after(m->letter, bytes);
		return;
	}
	CHECK(bytes <= (size_t)(m->used - m->given));
	m->given = (uint16_t)(m->given + bytes);
}

/* ---- the plan ---- */

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

/* A body is empty or ends in CRLF: one byte becomes two. */
static uint32_t pick_size(const struct mail_mix *mix, struct prng *prng)
{
	uint32_t bytes = 0;
	if (mix->spread.median_bytes > 0) {
		bytes = spread_size(&mix->spread, prng);
	} else if (mix->size_count > 0) {
		uint32_t size =
			pick_weighted(prng, &mix->sizes[0].weight,
		                      sizeof(mix->sizes[0]) / sizeof(uint32_t), mix->size_count);
		bytes = mix->sizes[size].body_bytes;
	}
	return bytes == 1 ? 2 : bytes;
}

static uint32_t spread_size(const struct mail_spread *spread, struct prng *prng)
{
	double deviation = (double)spread->deviation_per_mille / 1000;
	double bytes = spread->median_bytes;
	if (deviation > 0)
		bytes *= number_exp(deviation * number_normal(prng));
	if (bytes < spread->bytes_min)
		return spread->bytes_min;
	return bytes > spread->bytes_max ? spread->bytes_max : (uint32_t)bytes;
}

static void pick_content(const struct mail_mix *mix, struct prng *prng, struct mail_plan *plan)
{
	if (mix->letter_count > 0) {
		plan->letter = (uint32_t)(plan->number % mix->letter_count);
		plan->body_bytes = (uint32_t)mix->letters[plan->letter].bytes.bytes;
		plan->eight_bit = mix->letters[plan->letter].eight_bit;
		plan->eicar = false;
	} else if (mix->mime) {
		mail_form_choose(plan, prng);
	} else {
		plan->encoding = plan->eight_bit ? MAIL_8BIT : MAIL_7BIT;
	}
}

/* ---- the header ---- */

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
	text_str(t, ">\r\nMIME-Version: 1.0\r\n");
	mail_form_head(t, mail_run(mix), plan);
	CHECK(!t->cut);
}

static void write_top(struct mail_maker *m, struct span rest, uint64_t covered,
                      const struct sha256 *hash)
{
	uint8_t value[SHA256_BYTES];
	struct text top = text_of((char *)m->piece, sizeof(m->piece));
	sha256_value(hash, value);
	text_str(&top, "X-Weir-Id: ");
	text_hex(&top, m->run, 16);
	text_char(&top, '.');
	text_u64(&top, m->plan.number);
	text_str(&top, "\r\nX-Weir-Length: ");
	text_u64(&top, covered);
	text_str(&top, "\r\nX-Weir-Hash: ");
	for (unsigned i = 0; i < SHA256_BYTES; i++)
		text_hex(&top, value[i], 2);
	text_str(&top, "\r\n");
	m->bytes = top.used + covered;
	text_span(&top, rest);
	CHECK(!top.cut);
	m->used = (uint16_t)top.used;
}

/* ---- the body ---- */

static void body_begin(struct mail_maker *m, const struct mail_mix *mix)
{
	prng_seed(&m->prng, (mix->seed ^ BODY_SALT) + m->plan.number * MIX_NUMBER);
	m->body_left = 0;
	m->base64_left = 0;
	m->eicar_due = m->plan.eicar;
	m->used = 0;
	m->given = 0;
	m->segment_count = 0;
	m->segment_next = 0;
	m->letter = SPAN_NONE;
	if (m->plan.letter != UINT32_MAX)
		m->letter = mix->letters[m->plan.letter].bytes;
	else if (m->plan.body_bytes > 0)
		mail_form_lay(m);
}

static void fill_piece(struct mail_maker *m)
{
	m->used = 0;
	m->given = 0;
	while (m->used + MAIL_LINE_BYTES_MAX + 2 <= sizeof(m->piece)) {
		if (m->body_left > 0) {
			mail_line_make(m, (enum mail_content)m->segments[m->segment_next - 1].content);
			continue;
		}
		if (m->segment_next == m->segment_count)
			return;
		const struct mail_segment *s = &m->segments[m->segment_next++];
		if (s->content == MAIL_LITERAL)
			mail_literal_make(m, s);
		else
			m->body_left = s->bytes;
	}
}
