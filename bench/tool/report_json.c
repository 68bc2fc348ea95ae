/*
 * report_json.c - a run as a JSON file: what weir-bench report and compare read, and anybody else
 * (report.h). Times are microseconds where the key says _us, else seconds.
 *
 * Keys at the top that an earlier generator wrote stay what they were: scripts read them.
 */
#include "bench/tool/totals.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench/tool/json.h"

#define SCENARIO_BYTES_MAX 65536u

static const struct {
	const char *key;
	uint32_t per_100k;
} percentiles[] = {
	{ "p50_us", 50000 }, { "p90_us", 90000 }, { "p99_us", 99000 }, { "p999_us", 99900 },
};

/* Of the curve over a logarithmic axis: one more nine, four points more. */
static const uint32_t curve[] = { 0,     10000, 20000, 30000, 40000, 50000, 60000, 70000,
	                          75000, 80000, 85000, 90000, 92500, 95000, 97500, 98000,
	                          99000, 99250, 99500, 99750, 99900, 99925, 99950, 99975,
	                          99990, 99995, 99998, 99999, 100000 };

static void json_phases(struct json *j, const struct gen_results *r)
{
	json_object(j, "phases");
	for (unsigned i = 0; i < GEN_PHASE_COUNT; i++) {
		const struct histogram *h = &r->phases[i];
		json_object(j, gen_phase_name((enum gen_phase)i));
		json_text(j, "what", gen_phase_text((enum gen_phase)i));
		json_u64(j, "count", h->count);
		json_real(j, "mean_us", h->count > 0 ? (double)h->sum_us / (double)h->count : 0, 1);
		for (unsigned p = 0; p < COUNT_OF(percentiles); p++)
			json_u64(j, percentiles[p].key, histogram_percentile(h, percentiles[p].per_100k));
		json_u64(j, "max_us", h->max_us);
		json_u64(j, "over_10ms", h->over_target);
		json_u64(j, "over_15ms", h->over_limit);
		json_array(j, "curve");
		for (unsigned p = 0; p < COUNT_OF(curve); p++) {
			json_array(j, NULL);
			json_real(j, NULL, (double)curve[p] / 1e3, 3);
			json_u64(j, NULL, histogram_percentile(h, curve[p]));
			json_end(j);
		}
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

static void json_reasons(struct json *j, const struct gen_results *r)
{
	json_array(j, "reasons");
	for (uint32_t i = 0; i < r->reason_count; i++) {
		json_object(j, NULL);
		json_u64(j, "count", r->reasons[i].count);
		json_text(j, "stage", gen_stage_name((enum gen_stage)r->reasons[i].stage));
		json_u64(j, "code", r->reasons[i].code);
		json_text(j, "text", r->reasons[i].text);
		json_end(j);
	}
	json_end(j);
	json_object(j, "ends");
	for (unsigned i = 0; i < GEN_END_COUNT; i++)
		json_u64(j, gen_end_name((enum gen_end)i), r->ends[i]);
	json_end(j);
}

static void json_listeners(struct json *j, const struct gen_options *o, const struct gen_results *r)
{
	json_array(j, "listeners");
	for (uint32_t i = 0; i < r->listener_count; i++) {
		const struct gen_listener_counters *n = &r->listeners[i];
		char where[ADDR_TEXT_BYTES];
		struct text t = text_of(where, sizeof(where));
		text_endpoint(&t, o->config.sink.listeners[i].local);
		json_object(j, NULL);
		json_text(j, "address", where);
		json_u64(j, "accepted", n->accepted);
		json_u64(j, "tls_established", n->tls_established);
		json_u64(j, "tls_resumed", n->tls_resumed);
		json_u64(j, "tls_failed", n->tls_failed);
		json_u64(j, "plain_mail", n->plain_mail);
		json_u64(j, "tls_mail", n->tls_mail);
		json_u64(j, "plain_body_bytes", n->plain_body_bytes);
		json_u64(j, "tls_body_bytes", n->tls_body_bytes);
		json_end(j);
	}
	json_end(j);
}

/* One array a moment: 600 objects would be mostly keys. */
static void json_series(struct json *j, const struct report *r)
{
	static const char *const columns[] = { "at",        "seconds",  "messages", "bytes",
		                               "handshakes", "connections", "refused", "failed",
		                               "in_flight", "crowd",    "p50_us",   "p99_us",
		                               "max_us",    "busy_percent" };
	json_object(j, "series");
	json_array(j, "columns");
	for (unsigned i = 0; i < COUNT_OF(columns); i++)
		json_text(j, NULL, columns[i]);
	json_end(j);
	json_array(j, "rows");
	for (uint32_t i = 0; i < r->moment_count; i++) {
		const struct moment *m = &r->moments[i];
		const uint64_t numbers[] = { m->messages, m->bytes,     m->handshakes, m->connections,
			                     m->refused,  m->failed,    m->in_flight,  m->crowd,
			                     m->p50_us,   m->p99_us,    m->max_us };
		json_array(j, NULL);
		json_real(j, NULL, m->at, 2);
		json_real(j, NULL, m->seconds, 3);
		for (unsigned n = 0; n < COUNT_OF(numbers); n++)
			json_u64(j, NULL, numbers[n]);
		json_real(j, NULL, m->busy_percent, 1);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void json_search(struct json *j, const struct gen_options *o, const struct report *r)
{
	if (!o->find_saturation)
		return;
	json_object(j, "saturation");
	json_real(j, "messages_per_second", r->saturation, 1);
	json_u64(j, "within_us", o->within_us);
	json_real(j, "share", (double)o->within_per_mille / 1000, 3);
	json_array(j, "trials");
	for (uint32_t i = 0; i < r->trial_count; i++) {
		const struct trial *t = &r->trials[i];
		json_object(j, NULL);
		json_real(j, "rate", t->rate, 1);
		json_real(j, "reached", t->reached, 1);
		json_real(j, "within_share", t->within_share, 5);
		json_u64(j, "p50_us", t->p50_us);
		json_u64(j, "p99_us", t->p99_us);
		json_u64(j, "p999_us", t->p999_us);
		json_u64(j, "max_us", t->max_us);
		json_real(j, "generator_busy_percent", t->busy_percent, 1);
		json_bool(j, "held", t->held);
		json_text(j, "why", t->why);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

/* Of weir's metrics only what reports show, as rows [name, before, after]. */
static void json_engine_rows(struct json *j, const struct report *r)
{
	char line[512];
	for (const char *at = r->engine_after; at != NULL && *at != 0;) {
		const char *end = strchr(at, '\n');
		size_t bytes = end != NULL ? (size_t)(end - at) : strlen(at);
		bool wanted = strncmp(at, ENGINE_DELAYS, strlen(ENGINE_DELAYS)) == 0 ||
		              strncmp(at, "weir_worker_", 12) == 0;
		if (wanted && bytes < sizeof(line)) {
			memcpy(line, at, bytes);
			line[bytes] = 0;
			char *value = strrchr(line, ' ');
			char *before = value != NULL ? (*value = 0, strstr(r->engine_before, line)) : NULL;
			json_array(j, NULL);
			json_text(j, NULL, line);
			json_real(j, NULL, before != NULL ? strtod(before + strlen(line), NULL) : 0, 6);
			json_real(j, NULL, value != NULL ? strtod(value + 1, NULL) : 0, 6);
			json_end(j);
		}
		at = end != NULL ? end + 1 : NULL;
	}
}

static void json_under_test(struct json *j, const struct gen_options *o, const struct report *r)
{
	json_text(j, "label", o->label);
	if (r->process_seen) {
		json_object(j, "process");
		json_real(j, "user_seconds", r->process.user_seconds, 3);
		json_real(j, "system_seconds", r->process.system_seconds, 3);
		json_u64(j, "resident_bytes", r->process.resident_bytes);
		json_u64(j, "processes", r->process.processes);
		json_end(j);
	}
	if (!r->engine_seen)
		return;
	json_object(j, "engine");
	json_real(j, "busy_seconds", r->engine_busy_seconds, 6);
	json_array(j, "rows");
	json_engine_rows(j, r);
	json_end(j);
	json_end(j);
}

static void cpu_name(char *name, size_t bytes)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "r");
	snprintf(name, bytes, "unknown");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *value = strstr(line, ": ");
		if (strncmp(line, "model name", 10) != 0 || value == NULL)
			continue;
		value[strcspn(value, "\n")] = 0;
		snprintf(name, bytes, "%s", value + 2);
		break;
	}
	if (f != NULL)
		fclose(f);
}

static void json_setting(struct json *j, const struct gen_options *o)
{
	struct utsname host;
	char cpu[200], when[64] = "";
	time_t now = time(NULL);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	cpu_name(cpu, sizeof(cpu));
	json_text(j, "when", when);
	json_array(j, "command");
	for (int i = 0; i < o->argc; i++)
		json_text(j, NULL, o->argv[i]);
	json_end(j);
	json_text(j, "version", WEIR_VERSION);
	json_text(j, "commit", getenv("WEIR_COMMIT"));
	json_text(j, "cpu", cpu);
	json_u64(j, "cores", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	if (uname(&host) == 0) {
		json_text(j, "system", host.release);
		json_text(j, "machine", host.machine);
	}
	json_text(j, "net", o->kernel ? "kernel sockets" : o->device);
}

static void json_scenario(struct json *j, const struct gen_options *o)
{
	static char text[SCENARIO_BYTES_MAX];
	json_text(j, "scenario", o->scenario);
	json_text(j, "about", o->about);
	FILE *f = o->scenario_path != NULL ? fopen(o->scenario_path, "r") : NULL;
	if (f == NULL)
		return;
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	json_text(j, "scenario_text", text);
}

static void json_figures(struct json *j, const struct gen_options *o, const struct report *r)
{
	double seconds = r->measured_seconds > 0 ? r->measured_seconds : 1;
	json_text(j, "loop", o->config.sender.arrivals == GEN_CLOSED_LOOP ? "closed" : "open");
	json_real(j, "rate", (double)o->config.sender.rate_per_1000s / 1e3, 3);
	json_real(j, "seconds", r->seconds, 3);
	json_real(j, "measured_seconds", r->measured_seconds, 3);
	json_u64(j, "measured_messages", r->measured.acknowledged);
	json_u64(j, "measured_deliveries", r->measured.deliveries);
	json_real(j, "messages_per_second", (double)r->measured.acknowledged / seconds, 1);
	json_real(j, "bits_per_second", (double)r->measured.bytes_acknowledged * 8 / seconds, 0);
	json_real(j, "handshakes_per_second", (double)r->measured.tls_established / seconds, 1);
	json_real(j, "generator_busy_percent", r->busy_percent, 1);
	json_real(j, "generator_busy_seconds", r->busy_seconds, 6);
	json_real(j, "generator_used_seconds", r->used_seconds, 6);
	json_real(j, "generator_total_busy_seconds", r->total_busy_seconds, 6);
	json_real(j, "drained_seconds", r->drained_seconds, 3);
	json_u64(j, "slip_us_max", r->results.slip_us_max);
	json_u64(j, "backlog_max", r->results.backlog_max);
	json_u64(j, "connections_opened", r->results.connections_opened);
	json_u64(j, "tls_established", r->results.tls_established);
	json_u64(j, "tls_resumed", r->results.tls_resumed);
	json_u64(j, "crowd_opened", r->results.crowd_opened);
	json_u64(j, "crowd_held", r->results.crowd_ready);
	json_u64(j, "crowd_lost", r->results.crowd_lost);
}

bool report_json(const char *path, const struct gen_options *o, const struct report *r)
{
	struct total totals[TOTALS];
	struct json j;
	FILE *to = fopen(path, "w");
	if (to == NULL)
		return false;
	json_init(&j, to);
	json_object(&j, NULL);
	json_scenario(&j, o);
	totals_of(&r->results, totals);
	for (unsigned i = 0; i < TOTALS; i++)
		json_u64(&j, totals[i].key, totals[i].value);
	json_bool(&j, "accounted", r->accounted);
	json_bool(&j, "valid", r->valid);
	json_array(&j, "doubts");
	for (uint32_t i = 0; i < r->doubt_count; i++)
		json_text(&j, NULL, r->doubts[i]);
	json_end(&j);
	json_figures(&j, o, r);
	json_search(&j, o, r);
	json_under_test(&j, o, r);
	json_reasons(&j, &r->results);
	json_phases(&j, &r->measured);
	json_listeners(&j, o, &r->results);
	json_series(&j, r);
	json_setting(&j, o);
	json_u64(&j, "seed", o->config.mix.seed);
	json_end(&j);
	bool good = ferror(to) == 0;
	return fclose(to) == 0 && good;
}
