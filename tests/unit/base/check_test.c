/*
 * check_test.c - a fact that is true costs nothing and says nothing; one that is false tells the hook where
 * and what, and stops the process even when the hook comes back.
 */
#include "base/check.h"

#include <signal.h>
#include <string.h>

#include "tests/unit/base/dies.h"
#include "tests/unit/unit.h"

static void fail_a_check(void)
{
	CHECK(1 + 1 == 3);
}

static void fail_a_slow_check(void)
{
	CHECK_SLOW(1 + 1 == 3);
}

static void pass_a_check(void)
{
	CHECK(1 + 1 == 2);
	CHECK_SLOW(1 + 1 == 2);
}

static void a_false_fact_reaches_the_hook(void)
{
	CU_ASSERT_TRUE(dies_by_check(fail_a_check));
}

static void a_true_fact_changes_nothing(void)
{
	CU_ASSERT_FALSE(dies_by_check(pass_a_check));
}

static void slow_checks_bite_only_when_built_in(void)
{
#ifdef WEIR_CHECK_SLOW
	CU_ASSERT_TRUE(dies_by_check(fail_a_slow_check));
#else
	CU_ASSERT_FALSE(dies_by_check(fail_a_slow_check));
#endif
}

static int reports[2];
static volatile int evaluations;

/* Writes down that it was called with what it should say, and comes back. */
static void report_hook(const char *file, int line, const char *fact)
{
	bool right = strstr(file, "check_test.c") != NULL && line > 0 && strcmp(fact, "0 == evaluations++") == 0;
	char verdict = right ? 'y' : 'n';
	if (write(reports[1], &verdict, 1) != 1)
		_exit(1);
	CHECK(0 == 1); /* a fact that fails inside the dump must not dump again */
}

static void a_hook_that_comes_back_does_not_save_the_process(void)
{
	char said[8];
	CU_ASSERT_EQUAL_FATAL(pipe(reports), 0);
	pid_t child = fork();
	CU_ASSERT_TRUE_FATAL(child >= 0);
	if (child == 0) {
		signal(SIGILL, SIG_DFL);
		signal(SIGTRAP, SIG_DFL);
		check_hook_set(report_hook);
		evaluations = 1;
		CHECK(0 == evaluations++);
		_exit(0);
	}
	close(reports[1]);
	int status = 0;
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(read(reports[0], said, sizeof(said)), 1); /* once, not again from inside */
	CU_ASSERT_EQUAL(said[0], 'y');
	close(reports[0]);
}

static void a_fact_is_evaluated_exactly_once(void)
{
	evaluations = 0;
	CHECK(evaluations++ == 0);
	CU_ASSERT_EQUAL(evaluations, 1);
}

UNIT("base/check",
     { "a false fact reaches the hook and stops the process", a_false_fact_reaches_the_hook },
     { "a true fact changes nothing", a_true_fact_changes_nothing },
     { "slow checks bite exactly when they are built in", slow_checks_bite_only_when_built_in },
     { "a hook that comes back does not save the process and is called once",
       a_hook_that_comes_back_does_not_save_the_process },
     { "a fact is evaluated exactly once", a_fact_is_evaluated_exactly_once })
