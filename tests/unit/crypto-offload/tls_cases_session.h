/*
 * tls_cases_session.h - the cases of tls_cases.h that are about the life of sessions: resumption,
 * freeing, deadlines, bounds.
 */
#ifndef WEIR_TESTS_TLS_CASES_SESSION_H
#define WEIR_TESTS_TLS_CASES_SESSION_H

#include "tls_pair.h"

static void resumption_at(enum tls_version version, const struct tls_next_want *want)
{
	struct pair p;
	struct kit_options near = kit_plain;
	near.version_max = version;
	pair_begin(&p, &near);
	for (int i = 0; i < 3; i++) {
		pair_connect(&p, want);
		pair_assert_established(&p);
		CU_ASSERT_EQUAL(facts_of(&p.near).version, version);
		CU_ASSERT_EQUAL(facts_of(&p.near).resumed, i > 0);
		CU_ASSERT_EQUAL(facts_of(&p.next).resumed, i > 0);
		CU_ASSERT_EQUAL(facts_of(&p.next).verified, want->verify);
		queue_put(&p, &p.next.plain_out, SPAN("NOOP\r\n"));
		pair_run(&p);
		CU_ASSERT_TRUE(queue_is(&p.near.plain_in, SPAN("NOOP\r\n")));
		pair_shut(&p, true); /* no close_notify was sent */
	}
	CU_ASSERT_EQUAL(tls_engine_head(p.near.engine)->resumed_near, 2);
	CU_ASSERT_EQUAL(tls_engine_head(p.next.engine)->resumed_next, 2);
	pair_end(&p);
}

static void case_resumption(void)
{
	resumption_at(TLS_VERSION_1_3, &want_encrypt);
	resumption_at(TLS_VERSION_1_2, &want_encrypt);
	resumption_at(TLS_VERSION_1_3, &want_verify);
	resumption_at(TLS_VERSION_1_2, &want_verify);
}

/* Connects once with `first`, then with `second`; was the second one resumed? */
static bool second_resumes(const struct tls_next_want *first, const struct tls_next_want *second,
                           bool orderly)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, first);
	pair_assert_established(&p);
	pair_shut(&p, orderly);
	pair_connect(&p, second);
	pair_assert_established(&p);
	bool resumed = facts_of(&p.next).resumed;
	CU_ASSERT_EQUAL(facts_of(&p.next).verified, second->verify);
	CU_ASSERT_EQUAL(facts_of(&p.near).resumed, resumed);
	pair_end(&p);
	return resumed;
}

static void case_resumption_is_exact(void)
{
	struct tls_next_want other = want_verify;
	CU_ASSERT_TRUE(second_resumes(&want_verify, &want_verify, true));
	CU_ASSERT_FALSE(second_resumes(&want_encrypt, &want_verify, true));
	CU_ASSERT_FALSE(second_resumes(&want_verify, &want_encrypt, true));
	other.references[0] = "another.test";
	CU_ASSERT_FALSE(second_resumes(&want_verify, &other, true));
	other = want_verify;
	other.resumption_key++;
	CU_ASSERT_FALSE(second_resumes(&want_verify, &other, true));
	other = want_verify;
	other.minimum = TLS_VERSION_1_3;
	CU_ASSERT_FALSE(second_resumes(&want_verify, &other, true));
	CU_ASSERT_FALSE(second_resumes(&want_verify, &want_verify, false));
}

/* A peer whose certificate is bad today is not let in for having been good under another want. */
static void case_unverified_never_becomes_verified(void)
{
	struct pair p;
	struct kit_options stranger = kit_plain;
	stranger.certificate = KIT_UNTRUSTED;
	pair_begin(&p, &stranger);
	pair_connect(&p, &want_encrypt);
	pair_assert_established(&p);
	pair_shut(&p, true);
	pair_connect(&p, &want_verify);
	pair_assert_next_failed(&p, TLS_FAILURE_UNTRUSTED);
	pair_end(&p);
}

/* After any number of exchanges the sessions can go, and leave nothing. */
static void case_free_in_every_phase(void)
{
	for (unsigned steps = 0; steps < 12; steps++) {
		struct pair p;
		pair_begin(&p, &kit_plain);
		p.chunk = 700;
		pair_open(&p, &want_verify);
		queue_put(&p, &p.next.plain_out, SPAN("DATA\r\n"));
		for (unsigned i = 0; i < steps; i++)
			(void)pair_step(&p);
		pair_shut(&p, steps % 2 == 0);
		pair_end(&p);
	}
}

static void case_timeout(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_open(&p, &want_encrypt);
	side_output(&p, &p.next);
	struct instant deadline = tls_deadline(p.near.session);
	CU_ASSERT_EQUAL(deadline.us, p.now.us + 30 * SECOND_US);
	tls_expire(p.near.session, (struct instant){ deadline.us - 1 });
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_HANDSHAKE);
	tls_expire(p.near.session, deadline);
	tls_expire(p.next.session, deadline);
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_FAILED);
	CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_TIMEOUT);
	CU_ASSERT_EQUAL(tls_deadline(p.near.session).us, INSTANT_NEVER.us);
	carry(&p, &p.next, &p.near);
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.cipher_out), 0);
	pair_end(&p);
}

static void case_sessions_max(void)
{
	struct pair p;
	struct kit_options two = kit_plain;
	struct tls_session *sessions[3];
	two.sessions_max = 2;
	pair_begin(&p, &two);
	const struct tls_ops *ops = tls_ops_of(p.near.engine);
	CU_ASSERT_EQUAL(ops->near_open(p.near.engine, 0, p.now, &sessions[0]), TLS_CALL_OK);
	CU_ASSERT_EQUAL(ops->next_open(p.near.engine, &want_encrypt, p.now, &sessions[1]),
	                TLS_CALL_OK);
	CU_ASSERT_EQUAL(ops->near_open(p.near.engine, 0, p.now, &sessions[2]), TLS_CALL_NO_ROOM);
	CU_ASSERT_EQUAL(ops->next_open(p.near.engine, &want_encrypt, p.now, &sessions[2]),
	                TLS_CALL_NO_ROOM);
	CU_ASSERT_EQUAL(tls_engine_head(p.near.engine)->sessions, 2);
	tls_free(sessions[0], false);
	CU_ASSERT_EQUAL(ops->near_open(p.near.engine, 0, p.now, &sessions[0]), TLS_CALL_OK);
	tls_free(sessions[0], false);
	tls_free(sessions[1], false);
	pair_end(&p);
}

/* Not a byte of buffer is held between calls when nothing is under way. */
static void case_idle_holds_no_block(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	CU_ASSERT_EQUAL(p.pool.free_count, p.pool.total);
	side_input(&p, &p.near);
	side_output(&p, &p.next);
	CU_ASSERT_EQUAL(p.pool.free_count, p.pool.total);
	pair_end(&p);
}

static void case_no_server_name(void)
{
	struct pair p;
	struct tls_next_want want = want_verify;
	want.server_name = NULL;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want);
	pair_assert_established(&p);
	CU_ASSERT_STRING_EQUAL(facts_of(&p.near).server_name, "");
	CU_ASSERT_STRING_EQUAL(facts_of(&p.next).server_name, "");
	CU_ASSERT_TRUE(facts_of(&p.next).verified);
	pair_end(&p);
}

#endif
