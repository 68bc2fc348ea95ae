/*
 * check.h - three strengths of assertion.
 *
 * CHECK(x)       our own bug if false: always on, O(1), stops the process after a dump.
 * CHECK_SLOW(x)  whole-structure self-tests, on when WEIR_CHECK_SLOW is defined (unit, simulator, fuzzers).
 * SOMETIMES(x)   a coverage mark: a rare branch that some test must reach; counted when
 *                WEIR_SOMETIMES is defined, nothing otherwise.
 *
 * A peer must not be able to reach a CHECK. What a peer can cause is an outcome, never an assertion.
 */
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

#define MUST_USE __attribute__((warn_unused_result))

/* Called with the failed fact before the process stops. The impure part installs one that dumps the
 * flight recorder; without one the process traps at once. */
typedef void check_hook(const char *file, int line, const char *fact);

void check_hook_set(check_hook *hook);
__attribute__((noreturn, cold)) void check_failed(const char *file, int line, const char *fact);

#define CHECK(fact)                                                                                \
	do {                                                                                       \
		if (__builtin_expect(!(fact), 0))                                                  \
			check_failed(__FILE__, __LINE__, #fact);                                   \
	} while (0)

#ifdef WEIR_CHECK_SLOW
#define CHECK_SLOW(fact) CHECK(fact)
#else
#define CHECK_SLOW(fact) ((void)sizeof(fact))
#endif

#ifdef WEIR_SOMETIMES
void sometimes_reached(const char *file, int line, const char *name);
#define SOMETIMES(fact)                                                                            \
	do {                                                                                       \
		if (fact)                                                                          \
			sometimes_reached(__FILE__, __LINE__, #fact);                              \
	} while (0)
#else
#define SOMETIMES(fact) ((void)sizeof(fact))
#endif

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
