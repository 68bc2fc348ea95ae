/*
 * numbers_test.c - our series against known values, and the normal distribution against its moments.
 */
#include "bench/gen/numbers.h"

#include "base/check.h"
#include "tests/unit/unit.h"

static bool near(double a, double b)
{
	double difference = a > b ? a - b : b - a;
	double size = b > 0 ? b : -b;
	return difference <= 1e-7 * (size > 1 ? size : 1);
}

static void known_values_come_out(void)
{
	CU_ASSERT_TRUE(near(number_minus_ln(1.0), 0));
	CU_ASSERT_TRUE(near(number_minus_ln(0.5), 0.6931471805599453));
	CU_ASSERT_TRUE(near(number_minus_ln(1e-9), 20.72326583694641));
	CU_ASSERT_TRUE(near(number_exp(0), 1));
	CU_ASSERT_TRUE(near(number_exp(1), 2.718281828459045));
	CU_ASSERT_TRUE(near(number_exp(-2.5), 0.0820849986238988));
	CU_ASSERT_TRUE(near(number_exp(10), 22026.465794806718));
	CU_ASSERT_TRUE(near(number_root(2), 1.4142135623730951));
	CU_ASSERT_TRUE(near(number_root(1e-12), 1e-6));
	CU_ASSERT_TRUE(near(number_root(1e10), 1e5));
	CU_ASSERT_TRUE(number_root(0) == 0);
}

static void the_normal_distribution_has_its_moments(void)
{
	struct prng p;
	double sum = 0, squares = 0;
	unsigned beyond_two = 0, count = 100000;
	prng_seed(&p, 11);
	for (unsigned i = 0; i < count; i++) {
		double z = number_normal(&p);
		sum += z;
		squares += z * z;
		beyond_two += z > 2 || z < -2;
	}
	CU_ASSERT_TRUE(sum / count > -0.01 && sum / count < 0.01);
	CU_ASSERT_TRUE(squares / count > 0.98 && squares / count < 1.02);
	CU_ASSERT_TRUE(beyond_two > 4200 && beyond_two < 4900); /* 4.55 % */
}

UNIT("bench/numbers", { "known values come out", known_values_come_out },
     { "the normal distribution has its moments", the_normal_distribution_has_its_moments })
