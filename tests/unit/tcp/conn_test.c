#include "rig.h"
#include "tests/unit/unit.h"

static void secrets_differ_by_purpose_and_tuple(void)
{
	struct siphash_key key = { .k0 = 1, .k1 = 2 };
	struct tuple a = { .local = rig_addr("198.18.0.1"),
		           .remote = rig_addr("198.18.0.2"),
		           .local_port = 25,
		           .remote_port = 5000 };
	struct tuple b = a;
	b.remote_port = 5001;
	uint64_t flow = tuple_hash(key, TUPLE_FLOW, &a);
	CU_ASSERT_EQUAL(flow, tuple_hash(key, TUPLE_FLOW, &a));
	CU_ASSERT_NOT_EQUAL(flow, tuple_hash(key, TUPLE_FLOW, &b));
	CU_ASSERT_NOT_EQUAL(flow, tuple_hash(key, TUPLE_ISN, &a));
	CU_ASSERT_NOT_EQUAL(tuple_hash(key, TUPLE_ISN, &a), tuple_hash(key, TUPLE_STAMP, &a));
}

static void the_isn_grows_by_one_in_four_microseconds(void)
{
	struct siphash_key key = { .k0 = 1, .k1 = 2 };
	struct tuple t = { .local = rig_addr("2001:2::1"), .remote = rig_addr("2001:2::2") };
	struct seq a = tuple_isn(key, &t, (struct instant){ .us = 4000 });
	struct seq b = tuple_isn(key, &t, (struct instant){ .us = 8000 });
	CU_ASSERT_EQUAL(seq_span(a, b), 1000);
}

static void a_description_fits_one_line(void)
{
	struct rig rig;
	struct tcp_config config = rig_config(1);
	struct handle id;
	struct endpoint to = { .addr = rig_addr("2001:2::9"), .port = 25 };
	struct instant now = { .us = SECOND_US };
	char line[256];
	struct text t = text_of(line, sizeof(line));
	rig_make(&rig, &config, 4, now);
	CU_ASSERT_FATAL(tcp_connect(rig.stack, to, 1, now, &id) == TCP_CONNECT_STARTED);
	conn_describe(rig.stack, conn_of(rig.stack, id), &t);
	CU_ASSERT(!t.cut);
	CU_ASSERT_EQUAL(strncmp(line, "syn-sent [2001:2::1]:", 21), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "<- [2001:2::9]:25 una="));
	tcp_abort(rig.stack, id, now);
	CU_ASSERT(rig_is_empty(&rig));
	rig_free(&rig);
}

static void every_state_has_a_name(void)
{
	for (unsigned i = 0; i < CONN_STATE_COUNT; i++)
		CU_ASSERT_STRING_NOT_EQUAL(conn_state_name((enum conn_state)i), "?");
	CU_ASSERT_STRING_EQUAL(conn_state_name(CONN_FIN_WAIT_2), "fin-wait-2");
}

UNIT("tcp/conn", { "one secret serves many purposes without mixing them",
       secrets_differ_by_purpose_and_tuple },
     { "the ISN of a tuple grows by one every four microseconds",
       the_isn_grows_by_one_in_four_microseconds },
     { "a description is one line with state, addresses and numbers", a_description_fits_one_line },
     { "every state has a name", every_state_has_a_name })
