/*
 * numbers.c - series and Newton's method (numbers.h).
 */
#include "bench/gen/numbers.h"

#define LN2 0.69314718055994530942
#define RANDOM_STEPS 9007199254740992.0 /* 2^53 */
#define EXP_TERMS 12u                   /* of a series in x <= ln 2: the last is under 1e-11 */
#define ROOT_STEPS 60u                  /* halvings at worst, then doubling digits */
#define POLAR_TRIES 64u                 /* each succeeds with 79 % */

/* u = m / 2^k with m in [1, 2). */
double number_minus_ln(double u)
{
	double exponent = 0;
	while (u < 1.0) {
		u *= 2;
		exponent += 1;
	}
	double z = (u - 1.0) / (u + 1.0);
	double z2 = z * z;
	double ln_m =
		2 * z *
		(1 + z2 * (1.0 / 3 + z2 * (1.0 / 5 + z2 * (1.0 / 7 + z2 * (1.0 / 9 + z2 / 11)))));
	return exponent * LN2 - ln_m;
}

double number_exp(double x)
{
	double factor = 1, sum = 1, term = 1;
	for (; x > LN2; x -= LN2)
		factor *= 2;
	for (; x < 0; x += LN2)
		factor /= 2;
	for (unsigned i = 1; i <= EXP_TERMS; i++) {
		term *= x / i;
		sum += term;
	}
	return factor * sum;
}

double number_root(double x)
{
	double root = x > 1 ? x : 1;
	for (unsigned i = 0; i < ROOT_STEPS && x > 0; i++)
		root = (root + x / root) / 2;
	return x > 0 ? root : 0;
}

double number_uniform(struct prng *p)
{
	return ((double)(prng_u64(p) >> 11) + 1.0) / RANDOM_STEPS;
}

/* Marsaglia's polar method; the second value of the pair is not kept. */
double number_normal(struct prng *p)
{
	for (unsigned i = 0; i < POLAR_TRIES; i++) {
		double u = 2 * number_uniform(p) - 1, v = 2 * number_uniform(p) - 1;
		double s = u * u + v * v;
		if (s > 0 && s < 1)
			return u * number_root(2 * number_minus_ln(s) / s);
	}
	return 0;
}
