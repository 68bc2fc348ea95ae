/*
 * phases_test.c - the edges of phases.def: what may never happen has no edge, and what has none stops the worker.
 */
#include "tests/unit/relay/rig.h"

static const struct {
	enum phase from, to;
} edges[] = {
#define EDGE(a, b) { PHASE_##a, PHASE_##b },
#include "relay/phases.def"
#undef EDGE
};

static bool is_edge(unsigned from, unsigned to)
{
	for (size_t i = 0; i < COUNT_OF(edges); i++)
		if (edges[i].from == from && edges[i].to == to)
			return true;
	return false;
}

static void every_phase_begins_and_ends_in_idle(void)
{
	bool reached[PHASE_COUNT] = { [PHASE_IDLE] = true };
	for (unsigned round = 0; round < PHASE_COUNT; round++)
		for (size_t i = 0; i < COUNT_OF(edges); i++)
			reached[edges[i].to] = reached[edges[i].to] || reached[edges[i].from];
	for (unsigned phase = 0; phase < PHASE_COUNT; phase++) {
		CU_ASSERT_TRUE(reached[phase]);
		CU_ASSERT_TRUE(phase == PHASE_IDLE ||
		               is_edge(phase, PHASE_IDLE)); /* the sender may leave */
	}
}

static void a_commit_comes_behind_complete_content_only(void)
{
	for (unsigned from = 0; from < PHASE_COUNT; from++)
		CU_ASSERT_EQUAL(is_edge(from, PHASE_COMMITTED), from == PHASE_ENDING);
	for (unsigned from = 0; from < PHASE_COUNT; from++)
		CU_ASSERT_EQUAL(is_edge(from, PHASE_ENDING), from == PHASE_BODY);
}

static void behind_a_commit_or_a_refusal_there_is_only_the_end(void)
{
	for (unsigned to = 0; to < PHASE_COUNT; to++) {
		CU_ASSERT_EQUAL(is_edge(PHASE_COMMITTED, to), to == PHASE_IDLE);
		CU_ASSERT_EQUAL(is_edge(PHASE_SWALLOW, to), to == PHASE_IDLE);
	}
}

static void no_edge_stands_twice(void)
{
	for (size_t i = 0; i < COUNT_OF(edges); i++)
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_FALSE(edges[i].from == edges[k].from &&
			                edges[i].to == edges[k].to);
}

static jmp_buf stopped;

static void come_back(const char *file, int line, const char *fact)
{
	(void)file, (void)line, (void)fact;
	longjmp(stopped, 1);
}

static bool step_is_allowed(struct rig *rig, struct near *n, enum phase from, enum phase to)
{
	n->t->phase = from;
	check_hook_set(come_back); /* a hook is called once */
	if (setjmp(stopped) != 0)
		return false;
	transaction_enter(rig->relay, n, to);
	return true;
}

static void exactly_the_edges_can_be_taken(void)
{
	struct rig rig;
	rig_make(&rig);
	struct near *n = rig_near(&rig);
	for (unsigned from = 0; from < PHASE_COUNT; from++)
		for (unsigned to = 0; to < PHASE_COUNT; to++)
			CU_ASSERT_EQUAL(step_is_allowed(&rig, n, (enum phase)from, (enum phase)to),
			                is_edge(from, to));
	check_hook_set(NULL);
	n->t->phase = PHASE_MAIL;
	rig_abandon(&rig, n);
	rig_end(&rig);
}

UNIT("relay/phases", { "every phase begins and ends in IDLE", every_phase_begins_and_ends_in_idle },
     { "a commit comes behind complete content only", a_commit_comes_behind_complete_content_only },
     { "behind a commit or a refusal there is only the end",
       behind_a_commit_or_a_refusal_there_is_only_the_end },
     { "no edge stands twice", no_edge_stands_twice },
     { "exactly the edges can be taken", exactly_the_edges_can_be_taken })
