/*
 * numbers.h - the little mathematics that arrivals and sizes need, without libm: the generator is
 * pure, and the same on every machine.
 *
 * Good to about 1e-8, which is far more than a random number deserves.
 */
#ifndef WEIR_BENCH_GEN_NUMBERS_H
#define WEIR_BENCH_GEN_NUMBERS_H

#include "base/prng.h"

double number_minus_ln(double u);  /* of u in (0, 1] */
double number_exp(double x);       /* of x in -40 .. 40 */
double number_root(double x);      /* of x >= 0 */
double number_uniform(struct prng *p); /* in (0, 1] */
double number_normal(struct prng *p);  /* mean 0, deviation 1 */

#endif
