/*
 * run.c - see run.h.
 *
 * The main thread only watches: it looks at the jobs twice a second, begins the measuring when the
 * warm-up is over, orders the stop (duration over, all done, trouble, or a signal), waits a little
 * for late deliveries, and reconciles when all threads have ended. A second signal ends the program
 * at once.
 */
#include "bench/tool/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/gen/job.h"
#include "bench/tool/syn.h"

#define WATCH_STEP_NS 2000000
#define MOMENT_SECONDS 0.5 /* at least; longer where a run has more than REPORT_MOMENTS_MAX of them */
#define SHUT_SECONDS 5.0
#define LINGER_SECONDS_MIN 0.2
#define DRAINED_SHARE 0.98 /* of a queue: the last ones may wait for a second try */
#define STOP_SECONDS 60.0 /* messages under way at the stop have so long to find their outcome */
#define ERROR_BYTES 512u

static volatile sig_atomic_t interrupted;

static void watch(struct run *run);
static void wind_up(struct run *run);
static void reconcile(struct run *run);

static void on_signal(int number)
{
	(void)number;
	if (interrupted++ > 0)
		_exit(EXIT_FAILURE);
}

double run_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void run_step(void)
{
	const struct timespec wait = { .tv_nsec = WATCH_STEP_NS };
	nanosleep(&wait, NULL);
}

bool run_interrupted(void)
{
	return interrupted > 0;
}

static double used_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static bool all(const struct run *run, bool (*question)(const struct job *))
{
	bool yes = true;
	for (uint32_t i = 0; i < run->crew.count; i++)
		yes = yes && question(run->crew.jobs[i]);
	return yes;
}

static void order(const struct run *run, enum job_order what)
{
	for (uint32_t i = 0; i < run->crew.count; i++)
		job_order(run->crew.jobs[i], what);
}

void run_rate(struct run *run, double rate)
{
	for (uint32_t i = 0; i < run->crew.count; i++)
		job_rate(run->crew.jobs[i], (uint64_t)(rate * 1000) / run->crew.count);
}

/* ---- looking ---- */

void run_look(struct run *run)
{
	struct report *r = run->report;
	memset(&r->results, 0, sizeof(r->results));
	r->seconds = run_seconds() - run->begun;
	r->threads = run->crew.count;
	r->senders = r->sinks = r->crowd = 0;
	for (uint32_t i = 0; i < run->crew.count; i++) {
		struct job *j = run->crew.jobs[i];
		job_look(j);
		gen_results_merge(&r->results, &j->shot);
		r->senders += j->shot_senders;
		r->sinks += j->shot_sinks;
		r->crowd += j->shot_crowd;
	}
	r->results.crowd_opened += syn_sent();
}

static double busy_of(const struct job *j)
{
	return (double)j->shot_busy_us / 1e6;
}

double run_busiest(const struct run *run)
{
	double most = 0;
	for (uint32_t i = 0; i < run->crew.count; i++) {
		double busy = busy_of(run->crew.jobs[i]) - run->first_busy[i];
		most = busy > most ? busy : most;
	}
	return most;
}

static double busy_of_all(const struct run *run)
{
	double sum = 0;
	for (uint32_t i = 0; i < run->crew.count; i++)
		sum += busy_of(run->crew.jobs[i]);
	return sum;
}

void run_measure(struct run *run)
{
	struct report *r = run->report;
	run_look(run);
	run->first = r->results;
	run->measured_from = run_seconds();
	for (uint32_t i = 0; i < run->crew.count; i++)
		run->first_busy[i] = busy_of(run->crew.jobs[i]);
	run->first_used = used_seconds();
	if (run->o->process > 0)
		r->process_seen = process_look(run->o->process, &run->process);
	if (run->o->engine != NULL &&
	    engine_read(run->o->engine, r->engine_before, sizeof(r->engine_before)))
		run->engine_busy = engine_sum(r->engine_before, ENGINE_WORKER_BUSY);
}

void run_measured(struct run *run)
{
	struct report *r = run->report;
	struct process_use now = { 0 };
	run_look(run);
	r->measured_seconds = run_seconds() - run->measured_from;
	r->measured = r->results;
	results_since(&r->measured, &run->first);
	r->busy_percent = 100 * run_busiest(run) / r->measured_seconds;
	r->busy_seconds = 0;
	for (uint32_t i = 0; i < run->crew.count; i++)
		r->busy_seconds += busy_of(run->crew.jobs[i]) - run->first_busy[i];
	r->used_seconds = used_seconds() - run->first_used;
	if (r->process_seen)
		r->process_seen = process_look(run->o->process, &now);
	now.user_seconds -= run->process.user_seconds;
	now.system_seconds -= run->process.system_seconds;
	r->process = now;
	r->engine_seen = run->o->engine != NULL &&
	                 engine_read(run->o->engine, r->engine_after, sizeof(r->engine_after));
	if (r->engine_seen)
		r->engine_busy_seconds =
			engine_sum(r->engine_after, ENGINE_WORKER_BUSY) - run->engine_busy;
}

static void moment_fill(struct run *run, double now, struct moment *m)
{
	const struct report *r = run->report;
	static struct gen_results between;
	between = r->results;
	results_since(&between, &run->last);
	const struct histogram *total = &between.phases[GEN_PHASE_TOTAL];
	double busy = busy_of_all(run);
	*m = (struct moment){
		.at = now - run->begun,
		.seconds = now - run->last_at,
		.messages = between.acknowledged,
		.bytes = between.bytes_acknowledged,
		.handshakes = between.tls_established,
		.connections = between.connections_opened,
		.refused = between.refused,
		.failed = report_failed(&between),
		.in_flight = r->results.begun - report_over(&r->results),
		.crowd = r->crowd,
		.p50_us = histogram_percentile(total, 50000),
		.p99_us = histogram_percentile(total, 99000),
		.max_us = total->max_us,
		.busy_percent =
			100 * (busy - run->last_busy) / (now - run->last_at) / run->crew.count,
	};
	run->last = r->results;
	run->last_at = now;
	run->last_busy = busy;
}

void run_moment(struct run *run, const char *phase)
{
	struct report *r = run->report;
	double now = run_seconds();
	if (now - run->last_at < run->step)
		return;
	run_look(run);
	if (r->moment_count == REPORT_MOMENTS_MAX) { /* longer than was foreseen: forget the first half */
		r->moment_count /= 2;
		memmove(r->moments, r->moments + r->moment_count,
		        r->moment_count * sizeof(r->moments[0]));
	}
	moment_fill(run, now, &r->moments[r->moment_count]);
	r->moment_count++;
	live_show(run->live, run->o, r, phase);
}

/* ---- a run ---- */

static enum live_kind live_kind_of(const struct gen_options *o)
{
	if (o->quiet)
		return LIVE_NONE;
	if (isatty(STDERR_FILENO) == 1 && !o->plain)
		return LIVE_SCREEN;
	return o->scenario != NULL || o->find_saturation || o->plain ? LIVE_LINES : LIVE_NONE;
}

bool run_start(struct run *run, const struct gen_options *o, struct report *report)
{
	char error[ERROR_BYTES] = "";
	memset(run, 0, sizeof(*run));
	run->o = o;
	run->report = report;
	run->live = live_kind_of(o);
	run->step = (double)o->duration_us / 1e6 / (REPORT_MOMENTS_MAX - 10);
	run->step = run->step > MOMENT_SECONDS ? run->step : MOMENT_SECONDS;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	run->crew.ledger = job_ledger(o->config.sender.message_count);
	if (run->crew.ledger == NULL) {
		fprintf(stderr, "weir-bench: no memory for %llu messages\n",
		        (unsigned long long)o->config.sender.message_count);
		return false;
	}
	bool started = o->kernel ? crew_kernel_start(&run->crew, o, error, sizeof(error))
	                         : crew_dpdk_start(&run->crew, o, error, sizeof(error));
	if (started && o->config.crowd.kind == GEN_CROWD_SYN && o->config.crowd.connections > 0)
		started = syn_begin(o->config.sender.targets[0], o->config.crowd.connections, error,
		                    sizeof(error));
	if (!started)
		fprintf(stderr, "weir-bench: %s\n", error);
	run->begun = run->last_at = run_seconds();
	return started;
}

void run_finish(struct run *run)
{
	live_begin(run->live, run->o);
	if (run->o->find_saturation)
		saturation_search(run);
	else
		watch(run);
	wind_up(run);
	live_end(run->live);
	if (run->o->kernel)
		crew_kernel_stop(&run->crew);
	else
		crew_dpdk_stop(&run->crew);
	reconcile(run);
}

/* Trouble that was not asked for: connections that fail, or replies that refuse although no sink was
 * told to. */
static bool in_trouble(const struct run *run)
{
	const struct gen_options *o = run->o;
	const struct gen_results *r = &run->report->results;
	bool refusals_asked = o->config.mix.eicar_per_mille > 0;
	for (unsigned i = 0; i < GEN_STAGE_COUNT; i++)
		refusals_asked = refusals_asked || o->config.sink.refuse[i].transient_per_mille > 0 ||
		                 o->config.sink.refuse[i].permanent_per_mille > 0;
	return (!o->faults && report_failed(r) > 0) || (!refusals_asked && r->refused > 0);
}

/* Until every sender is done. Without senders, or with a crowd to be held, until the duration is
 * over. */
static void watch(struct run *run)
{
	const struct gen_options *o = run->o;
	bool lasts = o->config.sender.target_count == 0 || o->config.crowd.connections > 0;
	bool stopped = false;
	double limit = (double)o->duration_us / 1e6, warmup = (double)o->warmup_us / 1e6;
	double patience = 0;
	if (warmup == 0)
		run_measure(run);
	for (;;) {
		double now = run_seconds();
		bool over = interrupted > 0 || (limit > 0 && now - run->begun >= limit);
		run_moment(run, run->measured_from == 0 ? "warming up" : stopped ? "ending" : "");
		if (run->measured_from == 0 && now - run->begun >= warmup)
			run_measure(run);
		if (o->stop_on_trouble && !over && in_trouble(run))
			run->report->stopped_by_trouble = over = true;
		if (over && !stopped) {
			order(run, JOB_STOP);
			patience = now + STOP_SECONDS;
		}
		stopped = stopped || over;
		if (all(run, job_is_done) && (stopped || !lasts))
			break;
		if (stopped && now > patience)
			break;
		run_step();
	}
	if (run->measured_from == 0)
		run_measure(run);
	run_measured(run);
	run->report->interrupted = interrupted > 0;
}

/* Has everything arrived that was acknowledged? A target with a queue delivers later. */
static bool arrived(struct run *run)
{
	run_look(run);
	return run->o->config.sink.listener_count == 0 ||
	       run->report->results.deliveries >= run->report->results.acknowledged;
}

/* Late deliveries are waited for, then the sinks close. What is counted meanwhile counts; the
 * time does not. Some time is always left for what should not come: doubles. */
static void wind_up(struct run *run)
{
	double took = run->report->seconds, now = run_seconds();
	double least = now + LINGER_SECONDS_MIN, until = now + (double)run->o->linger_us / 1e6;
	uint64_t deliveries = run->report->results.deliveries;
	run->report->drained_seconds = took;
	while (run_seconds() < until && interrupted < 2 && (run_seconds() < least || !arrived(run))) {
		run_moment(run, "waiting for late deliveries");
		run_step();
		if ((double)deliveries >= DRAINED_SHARE * (double)run->report->results.acknowledged)
			continue;
		deliveries = run->report->results.deliveries;
		run->report->drained_seconds = run_seconds() - run->begun;
	}
	for (uint32_t i = 0; i < run->crew.count; i++)
		run->report->total_busy_seconds += busy_of(run->crew.jobs[i]);
	syn_end();
	order(run, JOB_SHUT);
	until = run_seconds() + SHUT_SECONDS;
	while (run_seconds() < until && !all(run, job_is_idle))
		run_step();
	run_look(run);
	run->report->seconds = took;
}

/* Without sinks of ours nobody knows what was delivered, and nothing can be called lost; without
 * senders nobody knows what was to be delivered, and only the content can be judged. */
static void reconcile(struct run *run)
{
	const struct gen_options *o = run->o;
	struct report *r = run->report;
	struct ledger_totals *t = &r->results.totals;
	ledger_count(run->crew.ledger, t);
	if (o->config.sink.listener_count == 0)
		t->lost = 0;
	if (o->config.sender.target_count > 0)
		return;
	t->unknown = 0;
	t->deliveries = t->delivered = r->results.deliveries;
	t->corrupted = r->results.corrupted;
}

void run_free(struct run *run)
{
	if (run->o->kernel)
		crew_kernel_free(&run->crew);
	else
		crew_dpdk_free(&run->crew);
	free(run->crew.ledger);
}
