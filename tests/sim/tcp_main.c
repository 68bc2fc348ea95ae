/*
 * tcp_main.c - runs seeds of the TCP world, or one long transfer.
 *
 *	tcp-sim [--first SEED] [--seeds COUNT] [--seed SEED]
 *	tcp-sim --bulk MIB [--lost PER_MILLE] [--corrupted PER_MILLE] [--delay US] [--rate BYTES_PER_SECOND]
 *	        [--queue BYTES] [--newreno 1] [--at-least BYTES_PER_SECOND] [--seed SEED]
 *
 * The seeds are the first thing printed; each failing seed is named with the command that repeats it. Every
 * fiftieth seed is run twice and must leave the same trace.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seeds.h"
#include "tcp_world.h"

#define RUNS_WANTED_SEEDS 100u /* of so many worlds or more, every second has a run */

struct options {
	uint64_t first, count, bulk_mib, lost, corrupted, delay_us, rate, queue, newreno, at_least;
	bool verbose;
};

static struct options options_read(int argc, char **argv)
{
	struct options o = { .first = 1, .count = 300, .lost = 150, .corrupted = 150, .delay_us = 5000 };
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t v = strtoull(argv[i + 1], NULL, 0);
		if (strcmp(argv[i], "--first") == 0)
			o.first = v;
		else if (strcmp(argv[i], "--seeds") == 0)
			o.count = v;
		else if (strcmp(argv[i], "--bulk") == 0)
			o.bulk_mib = v;
		else if (strcmp(argv[i], "--lost") == 0)
			o.lost = v;
		else if (strcmp(argv[i], "--corrupted") == 0)
			o.corrupted = v;
		else if (strcmp(argv[i], "--delay") == 0)
			o.delay_us = v;
		else if (strcmp(argv[i], "--rate") == 0)
			o.rate = v;
		else if (strcmp(argv[i], "--queue") == 0)
			o.queue = v;
		else if (strcmp(argv[i], "--at-least") == 0)
			o.at_least = v;
		else if (strcmp(argv[i], "--newreno") == 0)
			o.newreno = v;
		else if (strcmp(argv[i], "--seed") == 0) {
			o.first = v;
			o.count = 1;
			o.verbose = true;
		}
	}
	return o;
}

static void print_result(const char *what, const struct tcp_world_result *r)
{
	printf("%s: %llu bytes in %.1f virtual s, %llu frames, %llu runs, %llu repeated, %llu timeouts, trace %016llx\n", what,
	       (unsigned long long)r->bytes, (double)r->virtual_us / 1e6, (unsigned long long)r->frames,
	       (unsigned long long)r->runs, (unsigned long long)r->retransmits, (unsigned long long)r->timeouts,
	       (unsigned long long)r->trace);
}

static uint64_t runs_seen; /* bursts that were taken as one, in all worlds */

static bool seed_passes(uint64_t seed, bool verbose)
{
	struct tcp_world_plan plan;
	struct tcp_world_result result, again;
	seed_running = seed;
	tcp_world_plan_make(seed, &plan);
	tcp_world_run(seed, &plan, verbose, &result);
	if (result.ok && seed % REPEAT_EVERY == 0) {
		tcp_world_run(seed, &plan, false, &again);
		if (again.trace != result.trace || again.steps != result.steps) {
			result.ok = false;
			snprintf(result.why, sizeof(result.why), "a second run left another trace");
		}
	}
	runs_seen += result.runs;
	if (verbose)
		print_result("seed", &result);
	if (!result.ok)
		printf("seed %llu FAILED: %s (repeat: tcp-sim --seed %llu)\n", (unsigned long long)seed,
		       result.why, (unsigned long long)seed);
	return result.ok;
}

static bool bulk_passes(const struct options *o)
{
	struct tcp_world_plan plan;
	struct tcp_world_result result;
	seed_running = o->first;
	tcp_world_plan_bulk(o->bulk_mib << 20, (uint32_t)o->lost, (uint32_t)o->corrupted, &plan);
	plan.newreno = o->newreno != 0;
	for (unsigned i = 0; i < 2; i++) {
		plan.path[i].delay_us = o->delay_us;
		plan.path[i].bytes_per_second = o->rate;
		plan.path[i].queue_bytes = (uint32_t)o->queue;
	}
	tcp_world_run(o->first, &plan, false, &result);
	print_result("bulk", &result);
	double rate = (double)result.bytes * 1e6 / (double)result.last_byte_us;
	printf("  %.0f bytes per second\n", rate);
	if (result.ok && rate < (double)o->at_least) {
		printf("  that is too slow\n");
		return false;
	}
	if (!result.ok)
		printf("bulk FAILED: %s\n", result.why);
	return result.ok;
}

int main(int argc, char **argv)
{
	struct options o = options_read(argc, argv);
	seeds_watch();
	if (o.bulk_mib > 0)
		return seeds_end("tcp-sim", 1, !bulk_passes(&o));
	uint64_t failed = seeds_run("tcp-sim", o.first, o.count, o.verbose, seed_passes);
	printf("tcp-sim: %llu runs of segments\n", (unsigned long long)runs_seen);
	if (o.count >= RUNS_WANTED_SEEDS && runs_seen < o.count / 2) {
		printf("tcp-sim: so many worlds have more of them\n");
		failed++;
	}
	return seeds_end("tcp-sim", o.count, failed);
}
