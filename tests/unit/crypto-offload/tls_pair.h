/*
 * tls_pair.h - a near and a next TLS session back to back, with the bytes between them in a test's
 * hands.
 *
 * Two engines over one block pool; what one side writes into cipher_out is carried into the other's
 * cipher_in, `chunk` bytes at a time, under the rooms the test sets. The file that includes this
 * defines kit_make() first, and with it chooses which engine is tried. pair_end() proves that
 * nothing is left behind.
 */
#ifndef WEIR_TESTS_TLS_PAIR_H
#define WEIR_TESTS_TLS_PAIR_H

#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "base/blocks.h"
#include "base/prng.h"
#include "crypto-offload/tls.h"

#define PAIR_BLOCKS 256u
#define PAIR_ROUNDS_MAX 400000u

enum kit_certificate { KIT_TRUSTED = 1, KIT_UNTRUSTED };

struct kit_options {
	enum kit_certificate certificate; /* of the near engine; for "mx.example.test" */
	enum tls_version version_max;     /* what the near engine speaks at most */
	uint32_t sessions_max;
	uint32_t park_per_mille;
};

static struct tls_engine *kit_make(const struct kit_options *options, struct block_pool *pool);

struct side {
	struct tls_engine *engine;
	struct tls_session *session;
	struct byteq cipher_in, cipher_out, plain_in, plain_out;
	bool parked;
};

struct pair {
	struct block_pool pool;
	void *memory;
	struct side near, next;
	struct instant now;
	size_t chunk;      /* bytes carried per round and direction */
	size_t room;       /* cipher_out_room: what may lie in cipher_out */
	size_t plain_room; /* plain_in_room: what may lie in plain_in */
	size_t carried;    /* bytes carried in all */
	struct span forbidden; /* must never be seen on the wire */
	bool seen;
};

static const struct kit_options kit_plain = { .certificate = KIT_TRUSTED,
	                                      .version_max = TLS_VERSION_1_3,
	                                      .sessions_max = 8 };

static const struct tls_next_want want_encrypt = { .server_name = "mx.example.test",
	                                           .minimum = TLS_VERSION_1_2,
	                                           .resumption_key = 7 };

static const struct tls_next_want want_verify = { .server_name = "mx.example.test",
	                                          .verify = true,
	                                          .reference_count = 2,
	                                          .references = { "other.test", "mx.example.test" },
	                                          .minimum = TLS_VERSION_1_2,
	                                          .resumption_key = 7 };

static inline void pair_begin_with(struct pair *p, const struct kit_options *near,
                                   const struct kit_options *next)
{
	memset(p, 0, sizeof(*p));
	p->memory = aligned_alloc(64, (size_t)PAIR_BLOCKS * BLOCK_BYTES);
	block_pool_init(&p->pool, p->memory, PAIR_BLOCKS);
	p->near.engine = kit_make(near, &p->pool);
	p->next.engine = kit_make(next, &p->pool);
	p->now.us = 1000000;
	p->chunk = 65536;
	p->room = 65536;
	p->plain_room = 65536;
}

static inline void pair_begin(struct pair *p, const struct kit_options *near)
{
	pair_begin_with(p, near, &kit_plain);
}

static inline void side_clear(struct pair *p, struct side *s)
{
	byteq_clear(&s->cipher_in, &p->pool);
	byteq_clear(&s->cipher_out, &p->pool);
	byteq_clear(&s->plain_in, &p->pool);
	byteq_clear(&s->plain_out, &p->pool);
}

static inline void pair_open(struct pair *p, const struct tls_next_want *want)
{
	CU_ASSERT_EQUAL_FATAL(
		tls_ops_of(p->near.engine)->near_open(p->near.engine, 0, p->now, &p->near.session),
		TLS_CALL_OK);
	CU_ASSERT_EQUAL_FATAL(tls_ops_of(p->next.engine)
				      ->next_open(p->next.engine, want, p->now, &p->next.session),
			      TLS_CALL_OK);
	tls_ops_of(p->near.engine)->user_set(p->near.session, 1);
	tls_ops_of(p->next.engine)->user_set(p->next.session, 2);
}

static inline void pair_shut(struct pair *p, bool orderly)
{
	if (p->near.session != NULL)
		tls_free(p->near.session, orderly);
	if (p->next.session != NULL)
		tls_free(p->next.session, orderly);
	p->near.session = p->next.session = NULL;
	side_clear(p, &p->near);
	side_clear(p, &p->next);
}

static inline void pair_end(struct pair *p)
{
	pair_shut(p, false);
	CU_ASSERT_EQUAL(tls_engine_head(p->near.engine)->sessions, 0);
	CU_ASSERT_EQUAL(tls_engine_head(p->next.engine)->sessions, 0);
	CU_ASSERT_EQUAL(p->pool.free_count, p->pool.total);
	CU_ASSERT_FALSE(p->seen);
	tls_ops_of(p->near.engine)->engine_free(p->near.engine);
	tls_ops_of(p->next.engine)->engine_free(p->next.engine);
	free(p->memory);
}

static inline size_t room_left(size_t limit, size_t used)
{
	return limit > used ? limit - used : 0;
}

static inline struct tls_queues side_queues(const struct pair *p, struct side *s)
{
	return (struct tls_queues){
		.cipher_in = &s->cipher_in,
		.cipher_out = &s->cipher_out,
		.cipher_out_room = room_left(p->room, byteq_bytes(&s->cipher_out)),
		.plain_in = &s->plain_in,
		.plain_in_room = room_left(p->plain_room, byteq_bytes(&s->plain_in)),
		.plain_out = &s->plain_out};
}

static inline bool side_is_parked(const struct side *s)
{
	return tls_phase(s->session) == TLS_PHASE_PARKED;
}

static inline void side_input(struct pair *p, struct side *s)
{
	if (s->session == NULL || side_is_parked(s))
		return;
	struct tls_queues q = side_queues(p, s);
	tls_input(s->session, &q, p->now);
	CU_ASSERT_TRUE(byteq_bytes(&s->cipher_out) <= p->room);
	CU_ASSERT_TRUE(byteq_bytes(&s->plain_in) <= p->plain_room);
}

static inline void side_output(struct pair *p, struct side *s)
{
	if (s->session == NULL || side_is_parked(s))
		return;
	struct tls_queues q = side_queues(p, s);
	tls_output(s->session, &q, p->now);
	CU_ASSERT_TRUE(byteq_bytes(&s->cipher_out) <= p->room);
}

static inline bool span_holds(struct span s, struct span what)
{
	for (size_t at = 0; at + what.bytes <= s.bytes; at++)
		if (memcmp(s.data + at, what.data, what.bytes) == 0)
			return true;
	return false;
}

/* Does a piece of wire hold the bytes nobody may see? Looks inside single blocks only, which is
 * enough to catch plaintext that was passed through. */
static inline bool wire_shows(const struct byteq *q, struct span what)
{
	struct span piece;
	for (size_t at = 0; what.bytes > 0 && (piece = byteq_peek_at(q, at)).bytes > 0;
	     at += piece.bytes)
		if (span_holds(piece, what))
			return true;
	return false;
}

static inline bool carry(struct pair *p, struct side *from, struct side *to)
{
	p->seen |= wire_shows(&from->cipher_out, p->forbidden);
	size_t moved = byteq_move(&to->cipher_in, &from->cipher_out, &p->pool, p->chunk);
	p->carried += moved;
	return moved > 0;
}

static inline bool engine_completions(struct pair *p, struct tls_engine *e)
{
	uint64_t user;
	bool any = tls_ops_of(e)->poll(e, p->now) > 0;
	while (tls_ops_of(e)->next_ready(e, &user))
		CU_ASSERT_TRUE(user == 1 || user == 2);
	return any;
}

/* One exchange; true when anything moved. */
static inline bool pair_step(struct pair *p)
{
	size_t plain = byteq_bytes(&p->near.plain_in) + byteq_bytes(&p->next.plain_in);
	side_output(p, &p->next);
	side_output(p, &p->near);
	bool moved = carry(p, &p->next, &p->near);
	moved |= carry(p, &p->near, &p->next);
	side_input(p, &p->near);
	side_input(p, &p->next);
	moved |= engine_completions(p, p->near.engine);
	moved |= engine_completions(p, p->next.engine);
	p->now = instant_add(p->now, 10);
	return moved || plain != byteq_bytes(&p->near.plain_in) + byteq_bytes(&p->next.plain_in);
}

/* Until nothing moves any more (20 rounds of silence: parked operations take their time). */
static inline void pair_run(struct pair *p)
{
	unsigned silent = 0;
	for (unsigned round = 0; silent < 20; round++) {
		CU_ASSERT_FATAL(round < PAIR_ROUNDS_MAX);
		silent = pair_step(p) ? 0 : silent + 1;
	}
}

static inline struct tls_facts facts_of(const struct side *s)
{
	struct tls_facts facts;
	tls_facts(s->session, &facts);
	return facts;
}

static inline void pair_assert_established(struct pair *p)
{
	CU_ASSERT_EQUAL(tls_phase(p->near.session), TLS_PHASE_ESTABLISHED);
	CU_ASSERT_EQUAL(tls_phase(p->next.session), TLS_PHASE_ESTABLISHED);
	CU_ASSERT_STRING_EQUAL(tls_failure_name(facts_of(&p->near).failure), "none");
	CU_ASSERT_STRING_EQUAL(tls_failure_name(facts_of(&p->next).failure), "none");
}

static inline void pair_assert_next_failed(struct pair *p, enum tls_failure failure)
{
	CU_ASSERT_EQUAL(tls_phase(p->next.session), TLS_PHASE_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_failure_name(facts_of(&p->next).failure),
	                       tls_failure_name(failure));
	CU_ASSERT_EQUAL(tls_phase(p->near.session), TLS_PHASE_FAILED);
	CU_ASSERT_FALSE(facts_of(&p->next).verified);
}

/* Opens, shakes hands, leaves the result for the test to look at. */
static inline void pair_connect(struct pair *p, const struct tls_next_want *want)
{
	pair_open(p, want);
	pair_run(p);
}

static inline void queue_put(struct pair *p, struct byteq *q, struct span s)
{
	CU_ASSERT_EQUAL_FATAL(byteq_write(q, &p->pool, s), s.bytes);
}

static inline bool queue_is(const struct byteq *q, struct span s)
{
	uint8_t bytes[4096];
	struct room to = { .data = bytes, .bytes = sizeof(bytes) };
	size_t got = byteq_copy_out(q, 0, to);
	return byteq_bytes(q) == s.bytes && got == s.bytes && memcmp(bytes, s.data, got) == 0;
}

#endif
