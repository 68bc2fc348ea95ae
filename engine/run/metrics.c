/*
 * metrics.c - the exposition: one family after the other, each with HELP, TYPE and its samples. See metrics.h.
 *
 * Counters that are lists in a .def (relay, tcp drops, TLS failures) are walked, so that a new row appears here
 * without a change. Families that are members of a struct are rows of the tables below. Seconds and bytes are base
 * units; what is counted in cycles is divided by the TSC's rate.
 */
#include "run/metrics.h"

#include <inttypes.h>
#include <stddef.h>

#include "run/metrics_int.h"

/* ---- one family ---- */

void metrics_family(struct buffer *out, const char *name, const char *type, const char *help)
{
	buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct buffer *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
	metrics_family(out, name, type, help);
	buffer_printf(out, "%s %" PRIu64 "\n", name, value);
}

/* Microseconds as seconds, without rounding. */
static void sample_us(struct buffer *out, uint64_t us)
{
	buffer_printf(out, "%" PRIu64 ".%06" PRIu64 "\n", us / SECOND_US, us % SECOND_US);
}

static double seconds_of(const struct view *v, uint64_t cycles)
{
	return v->tsc_hz == 0 ? 0 : (double)cycles / (double)v->tsc_hz;
}

/* ---- the process ---- */

static void process_families(const struct view *v, struct buffer *out)
{
	metrics_family(out, "weir_build_info", "gauge", "The version that runs.");
	buffer_printf(out, "weir_build_info{version=\"%s\"} 1\n", v->version);
	metrics_family(out, "weir_start_time_seconds", "gauge", "When it was started, in seconds since 1970.");
	buffer_printf(out, "weir_start_time_seconds %" PRId64 "\n", v->started_us / (int64_t)SECOND_US);
	single(out, "weir_tsc_hz", "gauge", "Cycles of the time stamp counter in a second.", v->tsc_hz);
	single(out, "weir_draining", "gauge", "1 while sessions are brought to their end before a stop.",
	       v->draining);
	single(out, "weir_core_stalls_total", "counter", "Seconds in which a worker's loop did not turn.",
	       v->stalls);
	single(out, "weir_log_lines_total", "counter", "Lines written to the log.", v->log_lines);
	single(out, "weir_black_boxes_kept_total", "counter", "Ended connections kept in log.black_box.",
	       v->conn_files_written);
	single(out, "weir_black_boxes_failed_total", "counter", "Ended connections that could not be written there.",
	       v->conn_files_failed);
	single(out, "weir_log_lines_dropped_total", "counter", "Lines that could not be written.",
	       v->log_lines_dropped);
}

/* ---- the workers' loops ---- */

static void worker_number(const struct view *v, struct buffer *out, const char *name, const char *type,
                          const char *help, size_t offset)
{
	metrics_family(out, name, type, help);
	for (uint32_t i = 0; i < v->worker_count; i++) {
		const char *loop = (const char *)v->workers[i].loop;
		buffer_printf(out, "%s{core=\"%u\"} %" PRIu64 "\n", name, v->workers[i].lcore,
		              view_read((const uint64_t *)(const void *)(loop + offset)));
	}
}

static void worker_seconds(const struct view *v, struct buffer *out, const char *name,
                           const char *help, size_t offset)
{
	metrics_family(out, name, "counter", help);
	for (uint32_t i = 0; i < v->worker_count; i++) {
		const char *loop = (const char *)v->workers[i].loop;
		uint64_t cycles = view_read((const uint64_t *)(const void *)(loop + offset));
		buffer_printf(out, "%s{core=\"%u\"} %.9f\n", name, v->workers[i].lcore,
		              seconds_of(v, cycles));
	}
}

static void worker_stages(const struct view *v, struct buffer *out)
{
	static const char *const names[WORKER_STAGE_COUNT] = {
		[WORKER_STAGE_RECEIVE] = "receive",
		[WORKER_STAGE_MACHINES] = "machines",
		[WORKER_STAGE_TIMERS] = "timers",
		[WORKER_STAGE_SEND] = "send",
		[WORKER_STAGE_CHORE] = "handshakes",
	};
	metrics_family(out, "weir_worker_stage_seconds_total", "counter",
	               "Busy time by stage of a turn: receive (driver and TCP in), machines (TLS records, SMTP, "
	               "content, policy), timers, send (TCP out and driver), handshakes (steps of TLS).");
	for (uint32_t i = 0; i < v->worker_count; i++)
		for (unsigned s = 0; s < WORKER_STAGE_COUNT; s++)
			buffer_printf(out, "weir_worker_stage_seconds_total{core=\"%u\",stage=\"%s\"} %.9f\n",
			              v->workers[i].lcore, names[s],
			              seconds_of(v, view_read(&v->workers[i].loop->stage_cycles[s])));
}

static void worker_families(const struct view *v, struct buffer *out)
{
	worker_seconds(v, out, "weir_worker_busy_seconds_total",
	               "Time of turns that did any work; idle polls and sleeps are not in it.",
	               offsetof(struct worker_counters, busy_cycles));
	worker_seconds(v, out, "weir_worker_awake_seconds_total",
	               "Time of all turns; sleeps are not in it.",
	               offsetof(struct worker_counters, total_cycles));
	worker_stages(v, out);
	worker_number(v, out, "weir_worker_turns_total", "counter", "Turns of the loop.",
	              offsetof(struct worker_counters, turns));
	worker_number(v, out, "weir_worker_busy_turns_total", "counter", "Turns that did any work.",
	              offsetof(struct worker_counters, busy_turns));
	worker_number(v, out, "weir_worker_sleeps_total", "counter", "Short sleeps for lack of work.",
	              offsetof(struct worker_counters, sleeps));
	metrics_family(out, "weir_worker_longest_turn_seconds", "gauge", "The longest turn so far.");
	for (uint32_t i = 0; i < v->worker_count; i++) {
		buffer_printf(out, "weir_worker_longest_turn_seconds{core=\"%u\"} ", v->workers[i].lcore);
		sample_us(out, view_read(&v->workers[i].loop->longest_turn_us));
	}
	metrics_family(out, "weir_core_busy_ratio", "gauge", "Busy time as a share of the last second.");
	for (uint32_t i = 0; i < v->worker_count; i++)
		buffer_printf(out, "weir_core_busy_ratio{core=\"%u\"} %.4f\n", v->workers[i].lcore,
		              v->workers[i].busy_ratio);
	metrics_family(out, "weir_core_stalled", "gauge", "1 while a worker's loop does not turn.");
	for (uint32_t i = 0; i < v->worker_count; i++)
		buffer_printf(out, "weir_core_stalled{core=\"%u\"} %d\n", v->workers[i].lcore,
		              v->workers[i].stalled);
}

/* ---- relay, TLS, content, memory ---- */

static void relay_families(const struct view *v, struct buffer *out)
{
	char name[96];
	for (enum relay_counter c = 0; c < RELAY_COUNTER_COUNT; c++) {
		struct text t = text_of(name, sizeof(name));
		text_str(&t, "weir_relay_");
		text_str(&t, label_of(relay_counter_name(c)).text);
		text_str(&t, "_total");
		metrics_family(out, name, "counter", relay_counter_help(c));
		for (uint32_t w = 0; w < v->worker_count; w++)
			buffer_printf(out, "%s{worker=\"%u\"} %" PRIu64 "\n", name, w,
			              view_read(&v->workers[w].relay[c]));
	}
	metrics_family(out, "weir_smtp_sessions", "gauge", "Sessions open: near ones, and connections to next.");
	for (uint32_t w = 0; w < v->worker_count; w++) {
		buffer_printf(out, "weir_smtp_sessions{worker=\"%u\",side=\"near\"} %u\n", w,
		              v->workers[w].sessions);
		buffer_printf(out, "weir_smtp_sessions{worker=\"%u\",side=\"next\"} %u\n", w,
		              v->workers[w].nexts);
	}
	metrics_family(out, "weir_reports_lost_total", "counter", "Log lines lost because control was behind.");
	for (uint32_t w = 0; w < v->worker_count; w++)
		buffer_printf(out, "weir_reports_lost_total{worker=\"%u\"} %" PRIu64 "\n", w,
		              v->workers[w].reports_lost);
}

static void tls_pair(const struct view *v, struct buffer *out, const char *name, const char *help,
                     size_t near, size_t next)
{
	metrics_family(out, name, "counter", help);
	for (uint32_t w = 0; w < v->worker_count; w++) {
		const struct tls_engine_head *tls = v->workers[w].tls;
		if (tls == NULL)
			continue;
		buffer_printf(out, "%s{worker=\"%u\",side=\"near\"} %" PRIu64 "\n", name, w,
		              member_read(tls, near));
		buffer_printf(out, "%s{worker=\"%u\",side=\"next\"} %" PRIu64 "\n", name, w,
		              member_read(tls, next));
	}
}

static void tls_families(const struct view *v, struct buffer *out)
{
	tls_pair(v, out, "weir_tls_handshakes_total", "TLS handshakes done.",
	         offsetof(struct tls_engine_head, handshakes_near),
	         offsetof(struct tls_engine_head, handshakes_next));
	tls_pair(v, out, "weir_tls_sessions_resumed_total", "Of those, resumed ones.",
	         offsetof(struct tls_engine_head, resumed_near),
	         offsetof(struct tls_engine_head, resumed_next));
	metrics_family(out, "weir_tls_chains_known_total", "counter",
	       "Full handshakes with next hops whose certificate chain had been found good before.");
	for (uint32_t w = 0; w < v->worker_count; w++)
		if (v->workers[w].tls != NULL)
			buffer_printf(out, "weir_tls_chains_known_total{worker=\"%u\"} %" PRIu64 "\n", w,
			              view_read(&v->workers[w].tls->chains_known));
	metrics_family(out, "weir_tls_errors_total", "counter", "TLS sessions failed, by reason.");
	for (uint32_t w = 0; w < v->worker_count; w++)
		for (enum tls_failure f = TLS_FAILURE_PROTOCOL; v->workers[w].tls != NULL && f < TLS_FAILURE_COUNT; f++)
			buffer_printf(out, "weir_tls_errors_total{worker=\"%u\",result=\"%s\"} %" PRIu64 "\n", w,
			              label_of(tls_failure_name(f)).text, view_read(&v->workers[w].tls->failures[f]));
	metrics_family(out, "weir_tls_sessions", "gauge", "TLS sessions open.");
	for (uint32_t w = 0; w < v->worker_count; w++)
		if (v->workers[w].tls != NULL)
			buffer_printf(out, "weir_tls_sessions{worker=\"%u\"} %u\n", w,
			              v->workers[w].tls->sessions);
}

static void content_families(const struct view *v, struct buffer *out)
{
	metrics_family(out, "weir_regex_scan_bytes_total", "counter", "Bytes matched against the content rules.");
	for (uint32_t w = 0; w < v->worker_count; w++)
		buffer_printf(out, "weir_regex_scan_bytes_total{worker=\"%u\"} %" PRIu64 "\n", w,
		              view_read(&v->workers[w].content->bytes_scanned));
	metrics_family(out, "weir_regex_matches_total", "counter", "Matches of content rules.");
	for (uint32_t w = 0; w < v->worker_count; w++)
		buffer_printf(out, "weir_regex_matches_total{worker=\"%u\"} %" PRIu64 "\n", w,
		              view_read(&v->workers[w].content->matches));
}

static void reserved_family(const struct view *v, struct buffer *out)
{
	metrics_family(out, "weir_memory_reserved_bytes", "gauge", "Memory reserved at the start, by what it is for.");
	for (uint32_t w = 0; w < v->worker_count; w++) {
		const struct arena *a = v->workers[w].memory;
		for (uint32_t i = 0; a != NULL && i < a->lines; i++)
			buffer_printf(out, "weir_memory_reserved_bytes{worker=\"%u\",part=\"%s\"} %zu\n", w,
			              label_of(a->ledger[i].name).text, a->ledger[i].bytes);
	}
	metrics_family(out, "weir_connections_limit", "gauge", "Connections that the memory of a worker is made for.");
	for (uint32_t w = 0; w < v->worker_count; w++)
		buffer_printf(out, "weir_connections_limit{worker=\"%u\"} %u\n", w,
		              v->workers[w].connections_max);
}

static void memory_families(const struct view *v, struct buffer *out)
{
	reserved_family(v, out);
	metrics_family(out, "weir_blocks", "gauge", "Buffer blocks of 4 KiB: in all, free, and fewest ever free.");
	for (uint32_t w = 0; w < v->worker_count; w++) {
		const struct block_pool *p = v->workers[w].pool;
		buffer_printf(out, "weir_blocks{worker=\"%u\",state=\"total\"} %u\n", w, p->total);
		buffer_printf(out, "weir_blocks{worker=\"%u\",state=\"free\"} %u\n", w, p->free_count);
		buffer_printf(out, "weir_blocks{worker=\"%u\",state=\"free_least\"} %u\n", w, p->low_mark);
	}
}

/* ---- the budget ---- */

static void budget_stage(const struct histogram *h, const char *stage, struct buffer *out)
{
	static const uint64_t bounds_us[] = { 50,   100,  250,   500,   1000,  2500,   5000,
		                              7500, 10000, 15000, 25000, 50000, 100000, 1000000 };
	for (size_t i = 0; i < COUNT_OF(bounds_us); i++)
		buffer_printf(out, "weir_message_engine_seconds_bucket{stage=\"%s\",le=\"%g\"} %" PRIu64 "\n",
		              stage, (double)bounds_us[i] / 1e6, histogram_at_most(h, bounds_us[i]));
	buffer_printf(out, "weir_message_engine_seconds_bucket{stage=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", stage,
	              h->count);
	buffer_printf(out, "weir_message_engine_seconds_sum{stage=\"%s\"} ", stage);
	sample_us(out, h->sum_us);
	buffer_printf(out, "weir_message_engine_seconds_count{stage=\"%s\"} %" PRIu64 "\n", stage, h->count);
}

static void budget_quantiles(const struct histogram *h, const char *stage, struct buffer *out)
{
	static const struct {
		const char *text;
		uint32_t per_100k;
	} quantiles[] = { { "0.5", 50000 }, { "0.99", 99000 }, { "0.999", 99900 } };
	for (size_t i = 0; i < COUNT_OF(quantiles); i++) {
		buffer_printf(out, "weir_message_engine_quantile_seconds{stage=\"%s\",quantile=\"%s\"} ", stage,
		              quantiles[i].text);
		sample_us(out, histogram_percentile(h, quantiles[i].per_100k));
	}
}

/* Quantiles from our own finer histogram, since 0.8 % steps say more than the buckets can. */
static void budget_families(const struct view *v, struct buffer *out)
{
	static struct histogram sum[RELAY_STAGE_COUNT + 1]; /* too large for the stack; one caller */
	for (enum relay_stage s = 0; s <= RELAY_STAGE_COUNT; s++)
		view_budget(v, s, &sum[s]);
	metrics_family(out, "weir_message_engine_seconds", "histogram",
	       "Delay of a message that the engine caused: what it waited for us, not for a peer.");
	for (enum relay_stage s = 0; s <= RELAY_STAGE_COUNT; s++)
		budget_stage(&sum[s], view_stage_name(s).text, out);
	metrics_family(out, "weir_message_engine_quantile_seconds", "gauge",
	       "Quantiles of the same, over all messages since the start, in steps of 0.8 %.");
	for (enum relay_stage s = 0; s <= RELAY_STAGE_COUNT; s++)
		budget_quantiles(&sum[s], view_stage_name(s).text, out);
	metrics_family(out, "weir_message_engine_seconds_max", "gauge", "The longest of those delays.");
	for (enum relay_stage s = 0; s <= RELAY_STAGE_COUNT; s++) {
		buffer_printf(out, "weir_message_engine_seconds_max{stage=\"%s\"} ", view_stage_name(s).text);
		sample_us(out, sum[s].max_us);
	}
}

void metrics_write(const struct view *view, struct buffer *out)
{
	process_families(view, out);
	worker_families(view, out);
	metrics_nic(view, out);
	metrics_exception(view, out);
	metrics_tcp(view, out);
	relay_families(view, out);
	tls_families(view, out);
	content_families(view, out);
	memory_families(view, out);
	budget_families(view, out);
}
