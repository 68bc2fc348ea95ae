/*
 * main.c - weir-gen: options, the crew, watching it, the report, the exit status.
 *
 * The main thread only watches: it looks at the jobs twice a second, orders the stop (duration
 * over, all done, or a signal), waits a little for late deliveries, and reconciles when all threads
 * have ended. A second signal ends the program at once.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/gen/crew.h"
#include "bench/gen/report.h"

#define WATCH_STEP_NS 2000000
#define PROGRESS_SECONDS 0.5
#define SHUT_SECONDS 5.0
#define STATUS_USAGE 2
#define ERROR_BYTES 512u

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	if (interrupted++ > 0)
		_exit(EXIT_FAILURE);
}

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void step(void)
{
	const struct timespec wait = { .tv_nsec = WATCH_STEP_NS };
	nanosleep(&wait, NULL);
}

static bool all(const struct crew *crew, bool (*question)(const struct job *))
{
	bool yes = true;
	for (uint32_t i = 0; i < crew->count; i++)
		yes = yes && question(crew->jobs[i]);
	return yes;
}

static void order(const struct crew *crew, enum job_order what)
{
	for (uint32_t i = 0; i < crew->count; i++)
		job_order(crew->jobs[i], what);
}

/* All jobs' snapshots as one. */
static void look(const struct crew *crew, struct report *r, double begun)
{
	memset(r, 0, sizeof(*r));
	r->seconds = seconds_now() - begun;
	r->threads = crew->count;
	for (uint32_t i = 0; i < crew->count; i++) {
		struct job *j = crew->jobs[i];
		job_look(j);
		gen_results_merge(&r->results, &j->shot);
		r->senders += j->shot_senders;
		r->sinks += j->shot_sinks;
		double busy = (double)j->shot_busy_us / 1e4 / r->seconds;
		r->busy_percent = busy > r->busy_percent ? busy : r->busy_percent;
	}
}

/* Until every sender is done; the report then holds what was seen at that moment. */
static void watch(const struct crew *crew, const struct gen_options *o, struct report *r)
{
	bool lively = !o->quiet && isatty(STDERR_FILENO) == 1;
	bool sinks_only = o->config.sender.target_count == 0;
	bool stopped = false;
	double begun = seconds_now();
	double last = begun, limit = (double)o->duration_us / 1e6;
	uint64_t last_count = 0;
	for (;;) {
		double now = seconds_now();
		bool over = interrupted > 0 || (limit > 0 && now - begun >= limit);
		if (over && !stopped)
			order(crew, JOB_STOP);
		stopped = stopped || over;
		if (all(crew, job_is_done) && (stopped || !sinks_only))
			break;
		if (lively && now - last >= PROGRESS_SECONDS) {
			look(crew, r, begun);
			report_progress(stderr, o, r,
			                (double)(r->results.acknowledged - last_count) /
			                        (now - last));
			last = now;
			last_count = r->results.acknowledged;
		}
		step();
	}
	look(crew, r, begun);
	if (lively)
		report_progress_end(stderr);
}

/* Late deliveries are waited for, then the sinks close. What is counted meanwhile counts; the
 * time does not. */
static void wind_up(const struct crew *crew, const struct gen_options *o, struct report *r)
{
	double took = r->seconds, busy = r->busy_percent;
	double until = seconds_now() + (double)o->linger_us / 1e6;
	while (seconds_now() < until && interrupted < 2)
		step();
	order(crew, JOB_SHUT);
	until = seconds_now() + SHUT_SECONDS;
	while (seconds_now() < until && !all(crew, job_is_idle))
		step();
	look(crew, r, seconds_now() - took);
	r->seconds = took;
	r->busy_percent = busy;
}

/* Without sinks of ours nobody knows what was delivered, and nothing can be called lost; without
 * senders nobody knows what was to be delivered, and only the content can be judged. */
static void reconcile(const struct crew *crew, const struct gen_options *o, struct report *r)
{
	struct ledger_totals *t = &r->results.totals;
	ledger_count(crew->ledger, t);
	if (o->config.sink.listener_count == 0)
		t->lost = 0;
	if (o->config.sender.target_count > 0)
		return;
	t->unknown = 0;
	t->deliveries = t->delivered = r->results.deliveries;
	t->corrupted = r->results.corrupted;
}

static bool run(struct crew *crew, const struct gen_options *o, struct report *r)
{
	char error[ERROR_BYTES] = "";
	bool started = o->kernel ? crew_kernel_start(crew, o, error, sizeof(error))
	                         : crew_dpdk_start(crew, o, error, sizeof(error));
	if (!started) {
		fprintf(stderr, "weir-gen: %s\n", error);
		return false;
	}
	watch(crew, o, r);
	wind_up(crew, o, r);
	if (o->kernel)
		crew_kernel_stop(crew);
	else
		crew_dpdk_stop(crew);
	reconcile(crew, o, r);
	return true;
}

int main(int argc, char **argv)
{
	static struct gen_options o;
	static struct report report;
	struct crew crew = { 0 };
	char error[GEN_OPTIONS_ERROR_BYTES];
	if (!gen_options_parse(argc, argv, &o, error, sizeof(error))) {
		fprintf(stderr, "weir-gen: %s\n", error);
		return STATUS_USAGE;
	}
	if (o.help) {
		gen_options_manual();
		return EXIT_SUCCESS;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	crew.ledger = job_ledger(o.config.sender.message_count);
	if (crew.ledger == NULL) {
		fprintf(stderr, "weir-gen: no memory for %llu messages\n",
		        (unsigned long long)o.config.sender.message_count);
		return EXIT_FAILURE;
	}
	if (!run(&crew, &o, &report))
		return EXIT_FAILURE;
	report_table(stdout, &o, &report);
	bool good = ledger_balanced(&report.results.totals, o.faults);
	if (o.json != NULL && !report_json(o.json, &o, &report)) {
		fprintf(stderr, "weir-gen: %s cannot be written\n", o.json);
		good = false;
	}
	if (o.kernel)
		crew_kernel_free(&crew);
	else
		crew_dpdk_free(&crew);
	free(crew.ledger);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
