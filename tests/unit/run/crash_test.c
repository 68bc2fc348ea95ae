/*
 * crash_test.c - the last words of a process: a child dies, its standard error is read.
 */
#include "run/crash.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"
#include "base/check.h"

static struct recorder recorder;

static void fails_a_check(void)
{
	volatile int two = 2;
	CHECK(two == 3);
}

static void touches_nothing(void)
{
	raise(SIGSEGV);
}

/* Runs `die` in a child with the hooks on; returns its wait status, and what it wrote in `page`. */
static int child_run(void (*die)(void), const struct recorder *r, char *page, size_t bytes)
{
	int ends[2], status = 0;
	size_t used = 0;
	ssize_t got;
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	fflush(NULL);
	pid_t child = fork();
	CU_ASSERT_TRUE_FATAL(child >= 0);
	if (child == 0) {
		const struct rlimit none = { 0, 0 };
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)dup2(ends[1], STDERR_FILENO);
		crash_install();
		crash_recorder_set(r, 7);
		die();
		_exit(0);
	}
	close(ends[1]);
	while (used + 1 < bytes && (got = read(ends[0], page + used, bytes - used - 1)) > 0)
		used += (size_t)got;
	page[used] = '\0';
	close(ends[0]);
	(void)waitpid(child, &status, 0);
	return status;
}

static unsigned count_of(const char *page, const char *text)
{
	unsigned count = 0;
	for (const char *at = strstr(page, text); at != NULL; at = strstr(at + 1, text))
		count++;
	return count;
}

static void a_failed_check_names_itself_and_dumps_the_recorder(void)
{
	static char page[32768];
	memset(&recorder, 0, sizeof(recorder));
	recorder_note(&recorder, (struct instant){ .us = 1234 }, "opened", 0xabcd, 1, 2);
	int status = child_run(fails_a_check, &recorder, page, sizeof(page));
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_PTR_NOT_NULL(strstr(page, "weir: CHECK failed: two == 3 at "));
	CU_ASSERT_PTR_NOT_NULL(strstr(page, "weir: worker 7, last events, newest last:\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(page, "  1234 us opened object=000000000000abcd from=1 to=2\n"));
	CU_ASSERT_EQUAL(count_of(page, "last events"), 1);
}

static void a_fatal_signal_dumps_and_then_has_its_effect(void)
{
	static char page[32768];
	memset(&recorder, 0, sizeof(recorder));
	recorder_note(&recorder, (struct instant){ .us = 5 }, "closed", 1, 2, 3);
	int status = child_run(touches_nothing, &recorder, page, sizeof(page));
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(WTERMSIG(status), SIGSEGV);
	CU_ASSERT_PTR_NOT_NULL(strstr(page, "weir: fatal signal 11\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(page, "  5 us closed "));
}

static void a_full_recorder_shows_the_newest_events_only(void)
{
	static char page[32768];
	memset(&recorder, 0, sizeof(recorder));
	for (uint64_t i = 0; i < 3 * RECORDER_EVENTS; i++)
		recorder_note(&recorder, (struct instant){ .us = i }, "turn", i, 0, 0);
	(void)child_run(fails_a_check, &recorder, page, sizeof(page));
	CU_ASSERT_EQUAL(count_of(page, " us turn "), CRASH_EVENTS_SHOWN);
	CU_ASSERT_PTR_NOT_NULL(strstr(page, "  3071 us turn "));
	CU_ASSERT_PTR_NULL(strstr(page, "  3007 us turn "));
}

static void a_thread_without_recorder_says_so(void)
{
	static char page[4096];
	(void)child_run(fails_a_check, NULL, page, sizeof(page));
	CU_ASSERT_PTR_NOT_NULL(strstr(page, "no flight recorder"));
}

UNIT("run/crash",
     { "a failed CHECK names itself and dumps the recorder",
       a_failed_check_names_itself_and_dumps_the_recorder },
     { "a fatal signal dumps and then has its effect", a_fatal_signal_dumps_and_then_has_its_effect },
     { "a full recorder shows the newest events only", a_full_recorder_shows_the_newest_events_only },
     { "a thread without recorder says so", a_thread_without_recorder_says_so })
