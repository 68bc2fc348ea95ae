/*
 * rig.h - a relay without a network, for tests of its parts: near sessions are taken from its slab by hand.
 */
#ifndef WEIR_TESTS_UNIT_RELAY_RIG_H
#define WEIR_TESTS_UNIT_RELAY_RIG_H

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "relay/relay_int.h"
#include "tests/unit/unit.h"

#define RIG_BLOCKS 64u
#define RIG_SESSIONS 8u
#define RIG_ARENA_BYTES ((size_t)16 << 20)

struct rig {
	struct settings settings;
	struct block_pool pool;
	struct arena arena;
	struct relay *relay;
	struct instant now;
	int64_t wall_us;
	void *memory;
};

static inline void *rig_must(void *pointer)
{
	if (pointer == NULL)
		abort();
	return pointer;
}

static inline void rig_make(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->now = (struct instant){ .us = SECOND_US };
	rig->wall_us = 1795000000000000; /* Wed, 18 Nov 2026 11:06:40 +0000 */
	rig->settings.hostname = "weir.test";
	rig->memory = rig_must(aligned_alloc(64, RIG_ARENA_BYTES));
	arena_init(&rig->arena, rig->memory, RIG_ARENA_BYTES);
	void *blocks = rig_must(arena_take(&rig->arena, "rig", (size_t)RIG_BLOCKS * BLOCK_BYTES));
	block_pool_init(&rig->pool, blocks, RIG_BLOCKS);
	size_t content_bytes = content_plain_bytes(&rig->settings, 8);
	void *content = rig_must(arena_take(&rig->arena, "rig", content_bytes));
	struct relay_config config = {
		.settings = &rig->settings,
		.policy = rig_must(policy_make(&rig->arena, &rig->settings)),
		.content = rig_must(content_plain_make(&rig->settings, 8, content)),
		.pool = &rig->pool,
		.sessions_max = RIG_SESSIONS,
		.nexts_max = 8,
		.worker = 7,
		.seed = 42,
	};
	rig->relay = rig_must(relay_make(&rig->arena, &config, rig->now));
	rig->relay->wall_us = rig->wall_us;
}

/* Also proves that everything was given back. */
static inline void rig_end(struct rig *rig)
{
	CU_ASSERT_EQUAL(relay_sessions(rig->relay), 0);
	CU_ASSERT_EQUAL(rig->pool.free_count, rig->pool.total);
	free(rig->memory);
}

static inline void rig_turn(struct rig *rig, uint64_t us)
{
	rig->now = instant_add(rig->now, us);
	rig->wall_us += (int64_t)us;
	(void)relay_turn(rig->relay, rig->now, rig->wall_us);
}

static inline struct smtp_mailbox rig_mailbox(const char *path)
{
	struct smtp_mailbox box = { .path = span_of(path, strlen(path)) };
	size_t at = span_find(box.path, '@');
	box.local = span_head(box.path, at);
	box.domain = span_after(box.path, at + 1);
	return box;
}

/* A session that has said MAIL FROM:<sender@a.test>; its leg is closed, so nobody is answered. */
static inline struct near *rig_near(struct rig *rig)
{
	struct near *n = rig_must(slab_take(&rig->relay->nears));
	struct smtp_mail mail = { .sender = rig_mailbox("sender@a.test"), .body = SMTP_BODY_7BIT };
	n->timer.kind = VISIT_NEAR;
	n->linger = INSTANT_NEVER;
	n->remote = (struct endpoint){ .addr = { .family = IP_V4, .bytes = { 198, 18, 0, 10 } },
		                       .port = 5000 };
	session_mail(rig->relay, n, &mail);
	if (n->t == NULL)
		abort();
	return n;
}

/* The transaction ends; the next turn frees the session. */
static inline void rig_abandon(struct rig *rig, struct near *n)
{
	session_abandon(rig->relay, n);
	rig_turn(rig, 1000);
}

#endif
