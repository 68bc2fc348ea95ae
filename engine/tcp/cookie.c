/*
 * cookie.c - see cookie_int.h.
 */
#include "tcp/cookie_int.h"

#include "tcp/stack_int.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define COOKIE_PERIOD_US (32 * SECOND_US)
#define HASH_BITS 28u
#define HASH_MASK ((1u << HASH_BITS) - 1)
#define STAMP_BITS 6u
#define STAMP_SACK 0x20u
#define STAMP_SHIFT_POSITION 1u
#define STAMP_NO_SHIFT 15u

/* The largest class that is no larger than the peer's MSS; common paths lose nothing. */
static const uint16_t mss_classes[8] = { 216, 536, 1220, 1300, 1380, 1440, 1460, 8940 };

static uint32_t class_of(const struct tcp_options *o, uint8_t family)
{
	uint32_t standard = family == IP_V4 ? TCP_MSS_DEFAULT_V4 : TCP_MSS_DEFAULT_V6;
	uint32_t mss = o->mss_known ? o->mss : standard;
	uint32_t class = 0;
	while (class + 1 < COUNT_OF(mss_classes) && mss_classes[class + 1] <= mss)
		class++;
	return class;
}

static uint32_t period_of(struct instant now)
{
	return (uint32_t)(now.us / COOKIE_PERIOD_US);
}

static uint64_t derive(struct siphash_key secret, uint32_t period, uint8_t half)
{
	uint8_t bytes[6];
	struct writer w = writer_of((struct room){ .data = bytes, .bytes = sizeof(bytes) });
	writer_u8(&w, TUPLE_COOKIE);
	writer_be32(&w, period);
	writer_u8(&w, half);
	return siphash(secret, writer_span(&w));
}

static struct siphash_key key_of(struct tcp_stack *s, uint32_t period)
{
	struct cookies *c = &s->cookies;
	uint32_t at = period & 1;
	if (!c->keys_known[at] || c->periods[at] != period) {
		c->keys_known[at] = true;
		c->periods[at] = period;
		c->keys[at].k0 = derive(s->config.secret, period, 0);
		c->keys[at].k1 = derive(s->config.secret, period, 1);
	}
	return c->keys[at];
}

static uint32_t hash_of(struct tcp_stack *s, const struct tuple *t, struct seq peer_isn,
                        uint32_t class, uint32_t period)
{
	struct siphash_key key = key_of(s, period);
	key.k0 ^= (uint64_t)peer_isn.v << 32 | class;
	return (uint32_t)tuple_hash(key, TUPLE_COOKIE, t) & HASH_MASK;
}

static struct seq isn_of(struct tcp_stack *s, const struct tuple *t, struct seq peer_isn,
                         uint32_t class, uint32_t period)
{
	uint32_t hash = hash_of(s, t, peer_isn, class, period);
	return seq_of((period & 1) << 31 | class << HASH_BITS | hash);
}

/* A stamp no later than now whose low bits say what was offered. */
static uint32_t stamp_of(const struct tcp_options *o, uint32_t now_stamp)
{
	uint32_t shift = o->shift_known ? o->shift : STAMP_NO_SHIFT;
	uint32_t low = (o->sack_permitted ? STAMP_SACK : 0) | shift << STAMP_SHIFT_POSITION;
	uint32_t stamp = (now_stamp & ~((1u << STAMP_BITS) - 1)) | low;
	return (int32_t)(now_stamp - stamp) < 0 ? stamp - (1u << STAMP_BITS) : stamp;
}

static uint16_t own_mss(const struct tcp_stack *s, uint8_t family)
{
	uint32_t header_bytes = family == IP_V4 ? IP4_HEADER_BYTES : IP6_HEADER_BYTES;
	return (uint16_t)(s->config.mtu - header_bytes - TCP_HEADER_BYTES);
}

/* What the SYN-ACK advertises: never scaled. */
static uint16_t first_window(const struct tcp_stack *s)
{
	uint32_t bytes = s->config.rx_bytes_max;
	if (s->config.rx_bytes_initial > 0 && s->config.rx_bytes_initial < bytes)
		bytes = s->config.rx_bytes_initial;
	if (bytes > stack_window_share(s))
		bytes = stack_window_share(s);
	return (uint16_t)(bytes < UINT16_MAX ? bytes : UINT16_MAX);
}

void cookie_answer(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *syn,
                   const struct tuple *t, struct instant now)
{
	const struct tcp_options *offered = &syn->options;
	uint8_t family = t->remote.family;
	struct tcp_seg answer = { .src_port = t->local_port,
		                  .dst_port = t->remote_port,
		                  .ack = seq_add(syn->seq, 1),
		                  .flags = TCP_SYN | TCP_ACK,
		                  .window = first_window(s) };
	answer.seq = isn_of(s, t, syn->seq, class_of(offered, family), period_of(now));
	answer.options.mss_known = true;
	answer.options.mss = own_mss(s, family);
	if (offered->stamps_known) {
		uint32_t stamp = (uint32_t)(now.us / MS_US) + tuple_stamp_offset(s->config.secret, t);
		answer.options.stamps_known = true;
		answer.options.stamp = stamp_of(offered, stamp);
		answer.options.stamp_echo = offered->stamp;
		answer.options.sack_permitted = offered->sack_permitted;
		answer.options.shift_known = offered->shift_known;
		answer.options.shift = s->rcv_shift;
	}
	s->cookies.given = now;
	s->cookies.any = true;
	s->counters.cookies_given++;
	control_answer_syn(s, p->mac, p->local, t->remote, &answer, now);
}

/* The MSS class of a genuine cookie, or 8. */
static uint32_t check(struct tcp_stack *s, const struct tcp_seg *ack, const struct tuple *t,
                      struct instant now)
{
	uint32_t none = COUNT_OF(mss_classes);
	struct cookies *c = &s->cookies;
	if (!c->any || instant_since(c->given, now) > 2 * COOKIE_PERIOD_US)
		return none;
	struct seq isn = seq_add(ack->ack, (uint32_t)-1);
	uint32_t class = isn.v >> HASH_BITS & 7;
	uint32_t period = period_of(now);
	if ((period & 1) != isn.v >> 31)
		period--;
	struct seq own = isn_of(s, t, seq_add(ack->seq, (uint32_t)-1), class, period);
	return seq_eq(own, isn) ? class : none;
}

/* The SYN as it must have been. */
static struct tcp_seg syn_of(const struct tcp_seg *ack, uint32_t class)
{
	struct tcp_seg syn = *ack;
	uint32_t echo = ack->options.stamp_echo;
	uint32_t shift = echo >> STAMP_SHIFT_POSITION & 15;
	bool stamps = ack->options.stamps_known;
	syn.seq = seq_add(ack->seq, (uint32_t)-1);
	syn.options.mss_known = true;
	syn.options.mss = mss_classes[class];
	syn.options.shift_known = stamps && shift != STAMP_NO_SHIFT;
	syn.options.shift = (uint8_t)(shift < TCP_SHIFT_MAX ? shift : TCP_SHIFT_MAX);
	syn.options.sack_permitted = stamps && (echo & STAMP_SACK) != 0;
	return syn;
}

struct conn *cookie_accept(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *ack,
                           const struct tuple *t, struct instant now)
{
	uint32_t class = check(s, ack, t, now);
	if (class == COUNT_OF(mss_classes))
		return NULL;
	struct conn *c = listen_take(s, p, t, now);
	if (c == NULL)
		return NULL;
	struct tcp_seg syn = syn_of(ack, class);
	handshake_begin(s, c, t, NULL, now);
	handshake_number(c, seq_add(ack->ack, (uint32_t)-1));
	handshake_learn(s, c, &syn, now);
	c->snd_nxt = c->snd_max = ack->ack;
	c->rcv_adv = seq_add(c->rcv_nxt, first_window(s));
	conn_enter(s, c, CONN_SYN_RECEIVED, now);
	s->counters.cookies_taken++;
	return c;
}
