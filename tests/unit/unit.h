/*
 * unit.h - one CUnit suite per executable, test names are sentences.
 *
 *	static void arp_reply_for_us_updates_the_cache(void) { ... CU_ASSERT_EQUAL(...) ... }
 *	UNIT("tcp/neighbour", { "an ARP reply for us updates the cache", arp_reply_for_us_updates_the_cache })
 *
 * UNIT defines main(): it runs the tests in order and ends with `NAME: N passed, N failed`.
 */
#ifndef WEIR_TESTS_UNIT_H
#define WEIR_TESTS_UNIT_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>

struct unit_test {
	const char *name;
	void (*run)(void);
};

static inline int unit_main(const char *suite_name, const struct unit_test *tests, size_t count)
{
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
	for (size_t i = 0; suite != NULL && i < count; i++)
		if (CU_add_test(suite, tests[i].name, tests[i].run) == NULL)
			return 1;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_tests_failed();
	unsigned passed = CU_get_number_of_tests_run() - failed;
	if (CU_get_number_of_failures() > 0)
		CU_basic_show_failures(CU_get_failure_list());
	printf("\n%s: %u passed, %u failed\n", suite_name, passed, failed);
	CU_cleanup_registry();
	return failed != 0 || passed == 0;
}

#define UNIT(suite_name, ...)                                                                      \
	int main(void)                                                                             \
	{                                                                                          \
		static const struct unit_test tests[] = { __VA_ARGS__ };                           \
		return unit_main(suite_name, tests, sizeof(tests) / sizeof(tests[0]));             \
	}

#endif
