/*
 * engine.c - the relay as a worker's application, and the view that control has of it. See engine.h.
 */
#include "run/engine.h"

#include "run/clock.h"

/* A lost one is counted by its ring. */
static void conn_reports_push(struct engine_worker *w, struct instant now, int64_t wall_us)
{
	struct conn_report report;
	for (uint32_t p = 0; p < w->worker.port_count; p++)
		while (tcp_black_box_next(w->worker.stacks[p], &report.record)) {
			report.id = (struct conn_id){ w->worker.index, p, report.record.id };
			report.wall_us = wall_us - (int64_t)instant_since(report.record.last, now);
			(void)report_ring_push(&w->conn_reports, &report);
		}
}

static bool app_turn(void *app, struct instant now, int64_t wall_us)
{
	struct engine_worker *w = app;
	struct relay_report report;
	bool busy = false;
	if (!w->drained && __atomic_load_n(&w->drain, __ATOMIC_ACQUIRE)) {
		relay_drain(w->relay, now);
		w->drained = true;
		busy = true;
	}
	busy |= relay_turn(w->relay, now, wall_us);
	while (relay_report_pop(w->relay, &report))
		(void)report_ring_push(&w->reports, &report); /* a lost one is counted there */
	conn_reports_push(w, now, wall_us);
	busy |= conn_desk_turn(&w->desk, w->worker.stacks, w->worker.port_count, now, wall_us);
	return busy;
}

static bool app_chore(void *app, struct instant now)
{
	struct engine_worker *w = app;
	return relay_chore(w->relay, now);
}

static struct instant app_deadline(void *app)
{
	const struct engine_worker *w = app;
	return relay_deadline(w->relay);
}

struct worker_app engine_app(struct engine_worker *w)
{
	return (struct worker_app){ .app = w, .turn = app_turn, .chore = app_chore, .deadline = app_deadline };
}

static void stack_view(struct engine *e, struct engine_worker *w, uint32_t port, struct view_stack *v)
{
	const struct tcp_stack *s = w->worker.stacks[port];
	const struct exception *x = &w->worker.exceptions[port];
	*v = (struct view_stack){ .port = e->settings->ports[port].name,
		                  .io = port_queue_counters(w->worker.queues[port]),
		                  .tcp = tcp_counters(s),
		                  .exception = exception_is_on(x) ? &x->counters : NULL,
		                  .connections = tcp_connections(s),
		                  .time_waits = tcp_time_waits(s) };
}

static void worker_view(struct engine *e, struct engine_worker *w, struct view_worker *v)
{
	*v = (struct view_worker){
		.index = w->worker.index,
		.lcore = w->worker.lcore,
		.stalled = __atomic_load_n(&w->stalled, __ATOMIC_RELAXED),
		.busy_ratio = (double)__atomic_load_n(&w->busy_ppm, __ATOMIC_RELAXED) / 1e6,
		.loop = &w->worker.counters,
		.stack_count = w->worker.port_count,
		.relay = relay_counters(w->relay),
		.sessions = relay_sessions(w->relay),
		.nexts = relay_nexts(w->relay),
		.pool = w->worker.pool,
		.memory = &w->arena,
		.connections_max = e->dpdk.plan.connections_per_worker,
		.tls = w->tls == NULL ? NULL : tls_engine_head(w->tls),
		.content = content_head(w->content),
		.reports_lost = report_ring_lost(&w->reports),
		.conn_reports_lost = report_ring_lost(&w->conn_reports),
	};
	for (uint32_t p = 0; p < v->stack_count; p++)
		stack_view(e, w, p, &v->stacks[p]);
	for (enum relay_stage s = 0; s <= RELAY_STAGE_COUNT; s++)
		v->budget[s] = relay_budget(w->relay, s);
}

void engine_view(struct engine *e, struct view *view)
{
	view->version = e->version;
	view->tsc_hz = clock_hz();
	view->started_us = e->started_us;
	view->draining = e->draining;
	view->stalls = e->stalls;
	view->log_lines = log_lines(e->log);
	view->log_lines_dropped = log_lines_dropped(e->log);
	view->conn_files_written = view_read(&e->conn_files.written);
	view->conn_files_failed = view_read(&e->conn_files.failed);
	view->worker_count = e->worker_count;
	for (uint32_t i = 0; i < e->worker_count; i++)
		worker_view(e, &e->workers[i], &view->workers[i]);
}
