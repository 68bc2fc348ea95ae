/*
 * tcp_main.c - runs seeds of the TCP world, or one long transfer.
 *
 *	tcp-sim [--first SEED] [--seeds COUNT] [--seed SEED]
 *	tcp-sim --bulk MIB [--lost PER_MILLE] [--corrupted PER_MILLE] [--delay US] [--jitter US]
 *	        [--rate BYTES_PER_SECOND] [--queue BYTES] [--newreno 1] [--narrow MTU --narrow-from SECONDS
 *	        --narrow-to SECONDS] [--at-least BYTES_PER_SECOND] [--mss-at-least BYTES] [--watch MS] [--seed SEED]
 *
 * The seeds are the first thing printed; each failing seed is named with the command that repeats it. Every
 * fiftieth seed is run twice and must leave the same trace. A narrow path swallows what is larger without a word.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seeds.h"
#include "tcp_world.h"

#define RUNS_WANTED_SEEDS 100u /* of so many worlds or more, every second has a run */

struct options {
	uint64_t first, count, bulk_mib, lost, corrupted, delay_us, rate, queue, newreno, at_least, jitter_us, watch_ms;
	uint64_t narrow, narrow_from, narrow_to, mss_at_least;
	bool verbose;
};

static struct options options_read(int argc, char **argv)
{
	struct options o = { .first = 1, .count = 300, .lost = 150, .corrupted = 150, .delay_us = 5000, .jitter_us = 500 };
	const struct {
		const char *name;
		uint64_t *value;
	} known[] = { { "--first", &o.first },     { "--seeds", &o.count },   { "--bulk", &o.bulk_mib },
		          { "--lost", &o.lost },       { "--corrupted", &o.corrupted }, { "--delay", &o.delay_us },
		          { "--rate", &o.rate },       { "--queue", &o.queue },   { "--at-least", &o.at_least },
		          { "--newreno", &o.newreno }, { "--jitter", &o.jitter_us }, { "--watch", &o.watch_ms },
		          { "--narrow", &o.narrow },   { "--narrow-from", &o.narrow_from }, { "--narrow-to", &o.narrow_to },
		          { "--mss-at-least", &o.mss_at_least }, { "--seed", &o.first } };
	for (int i = 1; i < argc; i += 2) {
		unsigned k = 0;
		while (k < sizeof(known) / sizeof(known[0]) && strcmp(argv[i], known[k].name) != 0)
			k++;
		if (k == sizeof(known) / sizeof(known[0]) || i + 1 == argc) {
			fprintf(stderr, "tcp-sim: what is %s? See the top of tests/sim/tcp_main.c\n", argv[i]);
			exit(2);
		}
		*known[k].value = strtoull(argv[i + 1], NULL, 0);
		if (strcmp(argv[i], "--seed") == 0) {
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
	plan.watch_us = o->watch_ms * MS_US;
	for (unsigned i = 0; i < 2; i++) {
		plan.path[i].delay_us = o->delay_us;
		plan.path[i].jitter_us = o->jitter_us;
		plan.path[i].bytes_per_second = o->rate;
		plan.path[i].queue_bytes = (uint32_t)o->queue;
	}
	plan.path[0].mtu = (uint32_t)o->narrow;
	plan.path[0].mtu_silent = true;
	plan.path[0].mtu_since = (struct instant){ .us = (1000 + o->narrow_from) * SECOND_US };
	plan.path[0].mtu_until = (struct instant){ .us = (1000 + o->narrow_to) * SECOND_US };
	tcp_world_run(o->first, &plan, false, &result);
	print_result("bulk", &result);
	double rate = (double)result.bytes * 1e6 / (double)result.last_byte_us;
	printf("  %.0f bytes per second, in the end segments of %u\n", rate, result.mss);
	if (result.ok && (rate < (double)o->at_least || result.mss < o->mss_at_least)) {
		printf("  that is too slow, or they are too small\n");
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
