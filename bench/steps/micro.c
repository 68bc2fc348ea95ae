/*
 * micro.c - weir-bench micro: the harness of the steps (steps.h).
 *
 * Each step runs in rounds of some milliseconds; the least of them is what the step costs when nobody
 * disturbs it, the median what it costs here and now. Cycles and instructions are the processor's own
 * counters where the kernel gives them; else cycles are those of the time stamp counter (which runs at
 * one speed, whatever the core does), and instructions are counted by callgrind, in a run of its own.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench/steps/steps.h"
#include "bench/tool/json.h"
#include "bench/tool/self_signed.h"

#define ROUNDS 15u
#define ROUND_US 8000.0
#define BATCHES_MAX 100000u
#define COUNTED_BATCHES 20u /* under callgrind */
#define STEPS_MAX 32u

struct figures {
	const struct step *step;
	double least_ns, median_ns, cycles, instructions;
	const char *counted_by;
};

volatile uint64_t steps_sink;
static int counters[2] = { -1, -1 }; /* cycles, instructions */

void steps_need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "weir-bench micro: %s\n", what);
	exit(EXIT_FAILURE);
}

void *steps_memory(size_t bytes)
{
	void *memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
	steps_need(memory != NULL, "no memory");
	memset(memory, 0, bytes);
	return memory;
}

struct block_pool *steps_pool(uint32_t blocks)
{
	struct block_pool *pool = steps_memory(sizeof(*pool));
	block_pool_init(pool, steps_memory((size_t)blocks * BLOCK_BYTES), blocks);
	return pool;
}

void steps_nothing(void)
{
}

/* ---- counting ---- */

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void counters_open(void)
{
	static const uint64_t which[2] = { PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS };
	for (unsigned i = 0; i < 2; i++) {
		struct perf_event_attr a = { .type = PERF_TYPE_HARDWARE,
			                     .size = sizeof(a),
			                     .config = which[i],
			                     .exclude_kernel = 1 };
		counters[i] = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0UL);
	}
}

static uint64_t counter(unsigned which)
{
	uint64_t value = 0;
	if (counters[which] < 0 || read(counters[which], &value, sizeof(value)) != (ssize_t)sizeof(value))
		return 0;
	return value;
}

/* Not inlined: callgrind counts between its beginning and its end (--toggle-collect). */
__attribute__((noinline)) void steps_measured(const struct step *s);
void steps_measured(const struct step *s)
{
	s->batch();
}

static double batch_ns(const struct step *s)
{
	s->prepare();
	double before = seconds();
	steps_measured(s);
	return (seconds() - before) * 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* One round: as many batches as fit, their time by the time stamp counter, without what prepares them. */
static double round_ns(const struct step *s, uint32_t batches, double ns_per_cycle, struct figures *f)
{
	uint64_t tsc = 0, cycles = 0, instructions = 0;
	for (uint32_t i = 0; i < batches; i++) {
		s->prepare();
		uint64_t c = counter(0), n = counter(1), begin = __rdtsc();
		steps_measured(s);
		tsc += __rdtsc() - begin;
		cycles += counter(0) - c;
		instructions += counter(1) - n;
	}
	double operations = (double)batches * s->operations;
	double per = (double)tsc / operations;
	if (f->least_ns == 0 || per * ns_per_cycle < f->least_ns) {
		f->least_ns = per * ns_per_cycle;
		f->cycles = counters[0] >= 0 ? (double)cycles / operations : per;
		f->instructions = counters[1] >= 0 ? (double)instructions / operations : 0;
	}
	return per * ns_per_cycle;
}

static double tsc_ns(void)
{
	double begin = seconds();
	uint64_t tsc = __rdtsc();
	while (seconds() - begin < 0.02) {
		/* long enough to compare the two clocks */
	}
	return (seconds() - begin) * 1e9 / (double)(__rdtsc() - tsc);
}

static void measure(const struct step *s, struct figures *f)
{
	double rounds[ROUNDS], warm = 0;
	double ns_per_cycle = tsc_ns();
	*f = (struct figures){ .step = s };
	s->make();
	for (unsigned i = 0; i < 5; i++)
		warm = batch_ns(s);
	uint32_t batches = (uint32_t)(ROUND_US * 1e3 / (warm > 1 ? warm : 1));
	batches = batches == 0 ? 1 : batches > BATCHES_MAX ? BATCHES_MAX : batches;
	for (unsigned i = 0; i < ROUNDS; i++)
		rounds[i] = round_ns(s, batches, ns_per_cycle, f);
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	f->median_ns = rounds[ROUNDS / 2];
	f->counted_by = counters[1] >= 0 ? "counters" : NULL;
}

/* ---- instructions by callgrind ---- */

static void once(const struct step *s)
{
	s->make();
	for (unsigned i = 0; i < COUNTED_BATCHES; i++) {
		s->prepare();
		steps_measured(s);
	}
}

/* "==12== Collected : 4711" on standard error of a run of ourselves. */
static double collected(const char *name)
{
	char own[4096] = "", command[8192], line[512];
	double found = 0;
	if (readlink("/proc/self/exe", own, sizeof(own) - 1) <= 0)
		return 0;
	snprintf(command, sizeof(command),
	         "valgrind --tool=callgrind --collect-atstart=no --toggle-collect=steps_measured "
	         "--callgrind-out-file=/dev/null '%s' --once %s 2>&1",
	         own, name);
	FILE *f = popen(command, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		const char *at = strstr(line, "Collected : ");
		if (at != NULL)
			found = strtod(at + strlen("Collected : "), NULL);
	}
	return f != NULL && pclose(f) == 0 ? found : 0;
}

static void count_instructions(struct figures *f)
{
	if (f->counted_by != NULL)
		return;
	double all = collected(f->step->name);
	f->instructions = all / ((double)COUNTED_BATCHES * f->step->operations);
	f->counted_by = all > 0 ? "callgrind" : "nothing";
}

/* ---- the program ---- */

static uint32_t list(const struct step *all[STEPS_MAX])
{
	const struct {
		const struct step *steps;
		uint32_t count;
	} lists[] = { { steps_smtp, steps_smtp_count },
		      { steps_policy, steps_policy_count },
		      { steps_tcp, steps_tcp_count },
		      { steps_tls, steps_tls_count } };
	uint32_t count = 0;
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (uint32_t k = 0; k < lists[i].count; k++)
			all[count++] = &lists[i].steps[k];
	return count;
}

static bool wanted(const struct step *s, int argc, char **argv)
{
	bool any = false, named = false;
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) == 0)
			continue;
		any = true;
		named = named || strstr(s->name, argv[i]) != NULL;
	}
	return named || !any;
}

static void show(const struct figures *f)
{
	printf("%-16s %10.1f %10.1f %11.0f ", f->step->name, f->least_ns, f->median_ns, f->cycles);
	if (f->instructions > 0)
		printf("%13.0f", f->instructions);
	else
		printf("%13s", "-");
	printf("  a %-10s %s\n", f->step->unit, f->step->what);
	fflush(stdout);
}

static bool write_json(const char *path, const struct figures *f, uint32_t count)
{
	struct json j;
	FILE *to = fopen(path, "w");
	if (to == NULL)
		return false;
	json_init(&j, to);
	json_object(&j, NULL);
	json_text(&j, "cycles_are", counters[0] >= 0 ? "core cycles" : "time stamp counter cycles");
	json_text(&j, "commit", getenv("WEIR_COMMIT"));
	json_u64(&j, "rounds", ROUNDS);
	json_array(&j, "steps");
	for (uint32_t i = 0; i < count; i++) {
		json_object(&j, NULL);
		json_text(&j, "name", f[i].step->name);
		json_text(&j, "unit", f[i].step->unit);
		json_text(&j, "what", f[i].step->what);
		json_real(&j, "least_ns", f[i].least_ns, 2);
		json_real(&j, "median_ns", f[i].median_ns, 2);
		json_real(&j, "cycles", f[i].cycles, 1);
		json_real(&j, "instructions", f[i].instructions, 1);
		json_text(&j, "instructions_by", f[i].counted_by);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	return fclose(to) == 0;
}

static const char *json_of(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--json=", 7) == 0)
			return argv[i] + 7;
	return NULL;
}

/* The acceptance of handshakes is a program of its own, where it was built. */
static void handshakes(void)
{
	char path[4200], own[4096] = "", command[8600];
	const char *chain, *key;
	ssize_t bytes = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash = bytes > 0 ? strrchr(own, '/') : NULL;
	if (slash == NULL)
		return;
	*slash = 0;
	snprintf(path, sizeof(path), "%s/../micro/handshake", own); /* as the build lays them out */
	if (access(path, X_OK) != 0)
		return;
	steps_certificate(&chain, &key);
	snprintf(command, sizeof(command), "'%s' '%s' '%s' '%s' sink.gen.test", path, chain, key, chain);
	printf("\nboth sides of a handshake in stock OpenSSL alone:\n");
	fflush(stdout);
	if (system(command) != 0)
		printf("it failed\n");
}

int main(int argc, char **argv)
{
	static struct figures figures[STEPS_MAX];
	const struct step *all[STEPS_MAX];
	uint32_t count = list(all), measured = 0;
	if (argc == 3 && strcmp(argv[1], "--once") == 0) {
		for (uint32_t i = 0; i < count; i++)
			if (strcmp(all[i]->name, argv[2]) == 0)
				once(all[i]);
		self_signed_remove();
		return EXIT_SUCCESS;
	}
	counters_open();
	printf("%-16s %10s %10s %11s %13s\n", "step", "least ns", "median ns",
	       counters[0] >= 0 ? "cycles" : "TSC cycles", "instructions");
	for (uint32_t i = 0; i < count; i++) {
		if (!wanted(all[i], argc, argv))
			continue;
		measure(all[i], &figures[measured]);
		count_instructions(&figures[measured]);
		show(&figures[measured++]);
	}
	if (counters[1] < 0)
		printf("no counters in this machine: cycles of the time stamp counter, instructions by callgrind\n");
	if (measured == count)
		handshakes();
	self_signed_remove();
	const char *json = json_of(argc, argv);
	bool written = json == NULL || write_json(json, figures, measured);
	if (!written)
		fprintf(stderr, "weir-bench micro: %s cannot be written\n", json);
	return written && measured > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
