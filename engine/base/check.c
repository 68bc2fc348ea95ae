/*
 * check.c - what happens when one of our own facts turns out to be false.
 *
 * The hook (installed by run/) dumps the flight recorder to standard error; then the process traps, so that a
 * debugger or a core file shows the very instruction. Without a hook it traps at once.
 */
#include "base/check.h"

static check_hook *installed_hook;

void check_hook_set(check_hook *hook)
{
	installed_hook = hook;
}

void check_failed(const char *file, int line, const char *fact)
{
	check_hook *hook = installed_hook;
	installed_hook = 0; /* a fact that fails inside the dump must not dump again */
	if (hook != 0)
		hook(file, line, fact);
	__builtin_trap();
}
