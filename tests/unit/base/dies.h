/*
 * dies.h - does a call stop the process through CHECK? Tried in a child, so that the test lives on.
 *
 * The child installs a hook that leaves with a status of its own: a segmentation fault, a sanitizer's report
 * or a plain return are told apart from a CHECK that did its work.
 */
#ifndef WEIR_TESTS_BASE_DIES_H
#define WEIR_TESTS_BASE_DIES_H

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#define DIES_STATUS 77

static inline void dies_hook(const char *file, int line, const char *fact)
{
	(void)file;
	(void)line;
	(void)fact;
	_exit(DIES_STATUS);
}

static inline bool dies_by_check(void (*act)(void))
{
	pid_t child = fork();
	if (child == 0) {
		check_hook_set(dies_hook);
		act();
		_exit(0);
	}
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == DIES_STATUS;
}

#endif
