/*
 * control.c - the main thread's loop. See control.h.
 *
 * Signals are unblocked only while it sleeps (ppoll), so that handlers set flags and nothing is missed. Workers and
 * EAL's threads have them blocked for good.
 *
 * Stopping: the first SIGTERM or SIGINT sets each worker's drain flag; sessions end; when no session, no next leg and no
 * live connection is left, or after CONTROL_DRAIN_MS, or at a second signal, the loop returns.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif
#include "run/control.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/clock.h"
#include "run/http.h"
#include "run/metrics.h"
#include "run/telemetry.h"
#include "run/telemetry_conn.h"

struct control {
	struct engine *e;
	struct http *http; /* NULL: no endpoint */
	struct http_pages pages;
	struct view *view;
	struct instant log_at, watch_at, drain_until;
};

static volatile sig_atomic_t stops_asked;
static volatile sig_atomic_t reopen_asked;

static bool control_open(struct control *c, struct engine *e);
static void control_sleep(struct control *c);
static void reports_take(struct control *c);
static void conn_reports_take(struct control *c);
static void workers_watch(struct control *c, struct instant now);
static bool control_stops(struct control *c, struct instant now);
static void control_close(struct control *c);

/* ---- signals ---- */

static void stop_handler(int number)
{
	(void)number;
	if (stops_asked < 2)
		stops_asked = stops_asked + 1;
}

static void reopen_handler(int number)
{
	(void)number;
	reopen_asked = 1;
}

static void signals_fill(sigset_t *set)
{
	static const int answered[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	sigemptyset(set);
	for (size_t i = 0; i < COUNT_OF(answered); i++)
		sigaddset(set, answered[i]);
}

void control_signals_block(void)
{
	struct sigaction stop, reopen, ignore;
	sigset_t set;
	memset(&stop, 0, sizeof(stop));
	memset(&reopen, 0, sizeof(reopen));
	memset(&ignore, 0, sizeof(ignore));
	stop.sa_handler = stop_handler;
	reopen.sa_handler = reopen_handler;
	ignore.sa_handler = SIG_IGN;
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGHUP, &reopen, NULL);
	sigaction(SIGUSR1, &reopen, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* a scraper that hangs up is no reason to die */
	signals_fill(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* ---- the loop ---- */

int control_run(struct engine *e)
{
	struct control c;
	if (!control_open(&c, e))
		return EXIT_FAILURE;
	for (;;) {
		control_sleep(&c);
		struct instant now = clock_now();
		reports_take(&c);
		conn_reports_take(&c);
		if (c.http != NULL)
			http_turn(c.http);
		if (instant_reached(c.log_at, now)) {
			log_flush(e->log);
			c.log_at = instant_add(now, CONTROL_LOG_MS * MS_US);
		}
		if (instant_reached(c.watch_at, now))
			workers_watch(&c, now);
		if (reopen_asked != 0) {
			reopen_asked = 0;
			if (!log_reopen(e->log))
				fprintf(stderr, "weir: the log could not be reopened; the old file is kept\n");
		}
		if (control_stops(&c, now))
			break;
	}
	control_close(&c);
	return EXIT_SUCCESS;
}

static void metrics_page(void *context, struct buffer *out)
{
	struct control *c = context;
	engine_view(c->e, c->view);
	metrics_write(c->view, out);
}

static unsigned health_page(void *context, struct buffer *out)
{
	const struct control *c = context;
	for (uint32_t i = 0; i < c->e->worker_count; i++) {
		if (!c->e->workers[i].stalled)
			continue;
		buffer_printf(out, "worker %u does not turn\n", i);
		return 503;
	}
	buffer_printf(out, "%s\n", c->e->draining ? "draining" : "ok");
	return c->e->draining ? 503 : 200;
}

static void view_for_telemetry(void *context, struct view *view)
{
	engine_view(context, view);
}

static bool control_open(struct control *c, struct engine *e)
{
	char error[256];
	struct instant now = clock_now();
	*c = (struct control){ .e = e, .log_at = now, .watch_at = now, .drain_until = INSTANT_NEVER };
	c->view = calloc(1, sizeof(*c->view));
	if (c->view == NULL)
		return false;
	c->pages = (struct http_pages){ .context = c, .metrics = metrics_page, .health = health_page };
	if (e->settings->metrics.listen.port != 0) {
		c->http = http_open(e->settings->metrics.listen, &c->pages, error, sizeof(error));
		if (c->http == NULL) {
			fprintf(stderr, "weir: %s\n", error);
			free(c->view);
			return false;
		}
	}
	conn_files_open(&e->conn_files, e->settings->log.black_box);
	if (!telemetry_start(view_for_telemetry, e) || !telemetry_conn_start(e))
		fprintf(stderr, "weir: DPDK telemetry does not take our commands\n");
	fprintf(stderr, "weir: %s is running, workers: %u\n", e->version, e->worker_count);
	return true;
}

static void control_sleep(struct control *c)
{
	struct timespec most = { .tv_sec = 0, .tv_nsec = (long)(CONTROL_TURN_MS * 1000 * 1000) };
	struct pollfd http = { .fd = c->http == NULL ? -1 : http_descriptor(c->http), .events = POLLIN };
	sigset_t open, answered;
	pthread_sigmask(SIG_SETMASK, NULL, &open);
	signals_fill(&answered);
	for (int number = 1; number < NSIG; number++)
		if (sigismember(&answered, number) == 1)
			sigdelset(&open, number);
	(void)ppoll(&http, 1, &most, &open);
}

static void reports_take(struct control *c)
{
	struct relay_report report;
	for (uint32_t i = 0; i < c->e->worker_count; i++)
		for (uint32_t taken = 0; taken < CONTROL_REPORTS_MAX; taken++) {
			if (!report_ring_pop(&c->e->workers[i].reports, &report))
				break;
			log_report(c->e->log, &report);
		}
}

static void conn_reports_take(struct control *c)
{
	static struct conn_report report;
	for (uint32_t i = 0; i < c->e->worker_count; i++)
		while (report_ring_pop(&c->e->workers[i].conn_reports, &report))
			conn_files_write(&c->e->conn_files, &report);
}

/* ---- the watch ---- */

static void worker_watch(struct engine *e, struct engine_worker *w, uint64_t cycles, int64_t wall_offset_us)
{
	uint64_t turns = view_read(&w->worker.counters.turns);
	uint64_t busy = view_read(&w->worker.counters.busy_cycles);
	uint64_t past = cycles - w->watched_cycles;
	bool stalled = w->watched_cycles != 0 && turns == w->watched_turns;
	if (w->watched_cycles != 0 && past != 0)
		__atomic_store_n(&w->busy_ppm, (uint32_t)((busy - w->watched_busy_cycles) * 1e6 / (double)past),
		                 __ATOMIC_RELAXED);
	__atomic_store_n(&w->stalled, stalled, __ATOMIC_RELAXED);
	e->stalls += stalled;
	w->watched_turns = turns;
	w->watched_busy_cycles = busy;
	w->watched_cycles = cycles;
	__atomic_store_n(&w->worker.wall_offset_us, wall_offset_us, __ATOMIC_RELAXED);
}

static void workers_watch(struct control *c, struct instant now)
{
	int64_t wall_offset_us = clock_wall_offset_us();
	uint64_t cycles = clock_cycles();
	for (uint32_t i = 0; i < c->e->worker_count; i++)
		worker_watch(c->e, &c->e->workers[i], cycles, wall_offset_us);
	c->watch_at = instant_add(now, CONTROL_WATCH_MS * MS_US);
}

/* ---- stopping ---- */

static bool worker_is_empty(const struct engine_worker *w)
{
	if (relay_sessions(w->relay) != 0 || relay_nexts(w->relay) != 0)
		return false;
	for (uint32_t p = 0; p < w->worker.port_count; p++)
		if (tcp_connections(w->worker.stacks[p]) != tcp_time_waits(w->worker.stacks[p]))
			return false;
	return true;
}

static bool engine_is_empty(const struct engine *e)
{
	for (uint32_t i = 0; i < e->worker_count; i++)
		if (!worker_is_empty(&e->workers[i]))
			return false;
	return true;
}

static bool control_stops(struct control *c, struct instant now)
{
	if (stops_asked == 0)
		return false;
	if (!c->e->draining) {
		c->e->draining = true;
		c->drain_until = instant_add(now, CONTROL_DRAIN_MS * MS_US);
		for (uint32_t i = 0; i < c->e->worker_count; i++)
			__atomic_store_n(&c->e->workers[i].drain, true, __ATOMIC_RELEASE);
		fprintf(stderr, "weir: stopping: waiting for transactions to end\n");
		return false; /* the workers see it at their next turn */
	}
	return stops_asked > 1 || instant_reached(c->drain_until, now) || engine_is_empty(c->e);
}

/* The workers still run, so that nothing they tell is lost: they are stopped here, then their rings are emptied. */
static void control_close(struct control *c)
{
	telemetry_stop();
	telemetry_conn_stop();
	for (uint32_t i = 0; i < c->e->worker_count; i++)
		dpdk_join(&c->e->workers[i].worker);
	reports_take(c);
	conn_reports_take(c);
	conn_files_close(&c->e->conn_files);
	log_flush(c->e->log);
	if (c->http != NULL)
		http_close(c->http);
	free(c->view);
}
