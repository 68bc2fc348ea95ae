/*
 * main.c - runs seeds of the simulated world.
 *
 *	weir-sim [--first SEED] [--seeds COUNT] [--seed SEED] [-v]
 *
 * The seeds are the first thing printed; each failing seed is named with the command that repeats it. Every
 * fiftieth seed is run twice and must leave the same trace.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seeds.h"
#include "world.h"

struct options {
	uint64_t first, count;
	bool verbose;
};

static uint64_t number_after(int argc, char **argv, int *i)
{
	if (*i + 1 >= argc) {
		fprintf(stderr, "%s needs a number\n", argv[*i]);
		exit(2);
	}
	return strtoull(argv[++*i], NULL, 0);
}

static struct options options_read(int argc, char **argv)
{
	struct options o = { .first = 1, .count = 1000 };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--first") == 0) {
			o.first = number_after(argc, argv, &i);
		} else if (strcmp(argv[i], "--seeds") == 0) {
			o.count = number_after(argc, argv, &i);
		} else if (strcmp(argv[i], "--seed") == 0) {
			o.first = number_after(argc, argv, &i);
			o.count = 1;
			o.verbose = true;
		} else if (strcmp(argv[i], "-v") == 0) {
			o.verbose = true;
		} else {
			fprintf(stderr, "usage: weir-sim [--first SEED] [--seeds COUNT] [--seed SEED] [-v]\n");
			exit(2);
		}
	}
	return o;
}

static bool seed_passes(uint64_t seed, bool verbose)
{
	static struct world_result result, again;
	seed_running = seed;
	world_run(seed, verbose, &result);
	if (result.ok && seed % REPEAT_EVERY == 0) {
		world_run(seed, false, &again);
		if (again.trace != result.trace || again.steps != result.steps) {
			result.ok = false;
			snprintf(result.why, sizeof(result.why), "a second run left another trace");
		}
	}
	if (!result.ok)
		printf("seed %llu FAILED: %s (repeat: weir-sim --seed %llu)\n", (unsigned long long)seed,
		       result.why, (unsigned long long)seed);
	return result.ok;
}

int main(int argc, char **argv)
{
	struct options o = options_read(argc, argv);
	seeds_watch();
	return seeds_end("sim", o.count, seeds_run("sim", o.first, o.count, o.verbose, seed_passes));
}
