/*
 * report.c - progress, table and JSON (report.h). One list of totals serves table and file.
 */
#include "bench/gen/report.h"

#include <string.h>
#include <sys/utsname.h>

#define BUSY_PERCENT_MAX 80.0 /* above, the generator itself may be what is measured */
#define SLIP_US_MAX 1000u
#define PERCENTILES 4u

static const uint32_t percentiles[PERCENTILES] = { 50000, 90000, 99000, 99900 };
static const char *const percentile_names[PERCENTILES] = { "p50", "p90", "p99", "p99.9" };
static const char *const percentile_keys[PERCENTILES] = { "p50_us", "p90_us", "p99_us", "p999_us" };

struct total {
	const char *key, *text;
	uint64_t value;
};
#define TOTALS 14u

static void totals_of(const struct gen_results *r, struct total totals[TOTALS]);
static void table_reasons(FILE *to, const struct gen_results *r);
static void table_ends(FILE *to, const struct gen_results *r);
static void table_phases(FILE *to, const struct gen_results *r);
static void table_doubts(FILE *to, const struct report *r);

static double ms(uint64_t us)
{
	return (double)us / 1000.0;
}

static double rate_of(const struct report *r)
{
	return r->seconds > 0 ? (double)r->results.acknowledged / r->seconds : 0;
}

void report_progress(FILE *to, const struct gen_options *o, const struct report *r, double rate)
{
	const struct gen_results *g = &r->results;
	const struct histogram *total = &g->phases[GEN_PHASE_TOTAL];
	uint64_t over = g->acknowledged + g->refused + g->uncertain;
	uint64_t errors = 0;
	for (unsigned i = 0; i < GEN_END_COUNT; i++)
		errors += g->ends[i];
	fprintf(to, "\r\033[K%6.1f s  ", r->seconds);
	if (o->duration_us > 0)
		fprintf(to, "%llu messages  ", (unsigned long long)over);
	else
		fprintf(to, "%llu of %llu messages  ", (unsigned long long)over,
		        (unsigned long long)o->config.sender.message_count);
	fprintf(to, "%.0f/s  %llu in flight  %llu refused  %llu errors  p50 %.1f  p99 %.1f ms",
	        rate, (unsigned long long)(g->begun - over), (unsigned long long)g->refused,
	        (unsigned long long)errors, ms(histogram_percentile(total, 50000)),
	        ms(histogram_percentile(total, 99000)));
	fflush(to);
}

void report_progress_end(FILE *to)
{
	fputs("\r\033[K", to);
	fflush(to);
}

static void totals_of(const struct gen_results *r, struct total totals[TOTALS])
{
	const struct ledger_totals *t = &r->totals;
	const struct total list[TOTALS] = {
		{ "begun", "begun", t->begun },
		{ "acknowledged", "acknowledged", t->acknowledged },
		{ "delivered", "delivered", t->delivered },
		{ "refused", "refused", t->refused },
		{ "lost", "lost: acknowledged, not delivered", t->lost },
		{ "duplicated", "duplicated", t->duplicated },
		{ "corrupted", "corrupted", t->corrupted },
		{ "contradicted", "contradicted: refused, and delivered", t->contradicted },
		{ "unknown", "delivered without an id of this run", t->unknown },
		{ "unanswered", "unanswered: outcome uncertain", t->unanswered },
		{ "unfinished", "unfinished", t->unfinished },
		{ "duplicated_explained", "duplicated, explained by an uncertain attempt",
		  t->duplicated_explained },
		{ "attempts", "attempts", t->attempts },
		{ "deliveries", "deliveries", t->deliveries },
	};
	memcpy(totals, list, sizeof(list));
}

/* ---- the table ---- */

void report_table(FILE *to, const struct gen_options *o, const struct report *r)
{
	struct total totals[TOTALS];
	bool sinks = o->config.sink.listener_count > 0;
	totals_of(&r->results, totals);
	fprintf(to, "messages\n");
	for (unsigned i = 0; i < TOTALS; i++)
		fprintf(to, "  %12llu  %s\n", (unsigned long long)totals[i].value, totals[i].text);
	if (!sinks)
		fprintf(to, "  there is no --sink: what was delivered is not known, nothing is "
		            "called lost\n");
	table_reasons(to, &r->results);
	table_ends(to, &r->results);
	table_phases(to, &r->results);
	fprintf(to, "rate\n  %12.1f  messages a second over %.2f s, %.2f MB/s of content, %s\n",
	        rate_of(r), r->seconds,
	        r->seconds > 0 ? (double)r->results.bytes_acknowledged / r->seconds / 1e6 : 0,
	        o->config.sender.arrivals == GEN_CLOSED_LOOP ? "closed loop" : "open loop");
	fprintf(to, "  %12.0f  per cent of a core, the generator itself (busiest of %u thread%s)\n",
	        r->busy_percent, r->threads, r->threads == 1 ? "" : "s");
	table_doubts(to, r);
}

static void table_reasons(FILE *to, const struct gen_results *r)
{
	if (r->reason_count == 0)
		return;
	fprintf(to, "refused or unanswered, by reason\n");
	for (uint32_t i = 0; i < r->reason_count; i++) {
		const struct gen_reason *reason = &r->reasons[i];
		fprintf(to, "  %12llu  %s: ", (unsigned long long)reason->count,
		        gen_stage_name((enum gen_stage)reason->stage));
		if (reason->code != 0)
			fprintf(to, "%u ", reason->code);
		fprintf(to, "%s\n", reason->text);
	}
}

static void table_ends(FILE *to, const struct gen_results *r)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < GEN_END_COUNT; i++)
		sum += r->ends[i];
	fprintf(to, "connections\n  %12llu  opened, %llu with TLS, of them %llu resumed\n",
	        (unsigned long long)r->connections_opened, (unsigned long long)r->tls_established,
	        (unsigned long long)r->tls_resumed);
	for (unsigned i = 0; sum > 0 && i < GEN_END_COUNT; i++)
		if (r->ends[i] > 0)
			fprintf(to, "  %12llu  %s\n", (unsigned long long)r->ends[i],
			        gen_end_name((enum gen_end)i));
}

static void table_phases(FILE *to, const struct gen_results *r)
{
	fprintf(to, "milliseconds     count");
	for (unsigned p = 0; p < PERCENTILES; p++)
		fprintf(to, " %9s", percentile_names[p]);
	fprintf(to, " %9s\n", "max");
	for (unsigned i = 0; i < GEN_PHASE_COUNT; i++) {
		const struct histogram *h = &r->phases[i];
		if (h->count == 0)
			continue;
		fprintf(to, "  %-9s %10llu", gen_phase_name((enum gen_phase)i),
		        (unsigned long long)h->count);
		for (unsigned p = 0; p < PERCENTILES; p++)
			fprintf(to, " %9.3f", ms(histogram_percentile(h, percentiles[p])));
		fprintf(to, " %9.3f\n", ms(h->max_us));
	}
}

/* Timings are worth what the instrument is worth. Counts are not touched by this. */
static void table_doubts(FILE *to, const struct report *r)
{
	if (r->busy_percent > BUSY_PERCENT_MAX)
		fprintf(to, "  timings: the generator was over %.0f %% busy and may be the limit\n",
		        BUSY_PERCENT_MAX);
	if (r->results.slip_us_max > SLIP_US_MAX)
		fprintf(to,
		        "  timings: messages waited up to %.1f ms for a connection slot, backlog "
		        "up to %llu\n",
		        ms(r->results.slip_us_max), (unsigned long long)r->results.backlog_max);
}

/* ---- JSON ---- */

static void json_text(FILE *to, const char *text)
{
	fputc('"', to);
	for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(to, "\\%c", *c);
		else if (*c < 0x20 || *c > 0x7e)
			fprintf(to, "\\u%04x", *c);
		else
			fputc(*c, to);
	}
	fputc('"', to);
}

static void json_phases(FILE *to, const struct gen_results *r)
{
	fprintf(to, "  \"phases\": {");
	for (unsigned i = 0; i < GEN_PHASE_COUNT; i++) {
		const struct histogram *h = &r->phases[i];
		fprintf(to, "%s\n    \"%s\": { \"count\": %llu", i > 0 ? "," : "",
		        gen_phase_name((enum gen_phase)i), (unsigned long long)h->count);
		for (unsigned p = 0; p < PERCENTILES; p++)
			fprintf(to, ", \"%s\": %llu", percentile_keys[p],
			        (unsigned long long)histogram_percentile(h, percentiles[p]));
		fprintf(to, ", \"max_us\": %llu, \"over_10ms\": %llu, \"over_15ms\": %llu }",
		        (unsigned long long)h->max_us, (unsigned long long)h->over_target,
		        (unsigned long long)h->over_limit);
	}
	fprintf(to, "\n  },\n");
}

static void json_reasons(FILE *to, const struct gen_results *r)
{
	fprintf(to, "  \"reasons\": [");
	for (uint32_t i = 0; i < r->reason_count; i++) {
		const struct gen_reason *reason = &r->reasons[i];
		fprintf(to,
		        "%s\n    { \"count\": %llu, \"stage\": \"%s\", \"code\": %u, \"text\": ",
		        i > 0 ? "," : "", (unsigned long long)reason->count,
		        gen_stage_name((enum gen_stage)reason->stage), reason->code);
		json_text(to, reason->text);
		fprintf(to, " }");
	}
	fprintf(to, "%s],\n  \"ends\": {", r->reason_count > 0 ? "\n  " : "");
	for (unsigned i = 0; i < GEN_END_COUNT; i++)
		fprintf(to, "%s\n    \"%s\": %llu", i > 0 ? "," : "", gen_end_name((enum gen_end)i),
		        (unsigned long long)r->ends[i]);
	fprintf(to, "\n  },\n");
}

static void json_listeners(FILE *to, const struct gen_options *o, const struct gen_results *r)
{
	fprintf(to, "  \"listeners\": [");
	for (uint32_t i = 0; i < r->listener_count; i++) {
		const struct gen_listener_counters *n = &r->listeners[i];
		char where[ADDR_TEXT_BYTES];
		struct text t = text_of(where, sizeof(where));
		text_endpoint(&t, o->config.sink.listeners[i].local);
		fprintf(to,
		        "%s\n    { \"address\": \"%s\", \"accepted\": %llu, \"tls_established\": "
		        "%llu, "
		        "\"tls_resumed\": %llu, \"plain_mail\": %llu, \"tls_mail\": %llu, "
		        "\"plain_body_bytes\": %llu, \"tls_body_bytes\": %llu }",
		        i > 0 ? "," : "", where, (unsigned long long)n->accepted,
		        (unsigned long long)n->tls_established, (unsigned long long)n->tls_resumed,
		        (unsigned long long)n->plain_mail, (unsigned long long)n->tls_mail,
		        (unsigned long long)n->plain_body_bytes,
		        (unsigned long long)n->tls_body_bytes);
	}
	fprintf(to, "%s],\n", r->listener_count > 0 ? "\n  " : "");
}

static void json_setting(FILE *to, const struct gen_options *o)
{
	struct utsname host;
	fprintf(to, "  \"command\": [");
	for (int i = 0; i < o->argc; i++) {
		fputs(i > 0 ? ", " : "", to);
		json_text(to, o->argv[i]);
	}
	fprintf(to, "],\n");
	if (uname(&host) != 0)
		return;
	fprintf(to, "  \"system\": ");
	json_text(to, host.release);
	fprintf(to, ",\n  \"machine\": ");
	json_text(to, host.machine);
	fprintf(to, ",\n");
}

bool report_json(const char *path, const struct gen_options *o, const struct report *r)
{
	struct total totals[TOTALS];
	FILE *to = fopen(path, "w");
	if (to == NULL)
		return false;
	totals_of(&r->results, totals);
	fprintf(to, "{\n");
	for (unsigned i = 0; i < TOTALS; i++)
		fprintf(to, "  \"%s\": %llu,\n", totals[i].key,
		        (unsigned long long)totals[i].value);
	fprintf(to, "  \"accounted\": %s,\n",
	        ledger_balanced(&r->results.totals, o->faults) ? "true" : "false");
	fprintf(to, "  \"loop\": \"%s\",\n",
	        o->config.sender.arrivals == GEN_CLOSED_LOOP ? "closed" : "open");
	fprintf(to, "  \"seconds\": %.3f,\n  \"messages_per_second\": %.1f,\n", r->seconds,
	        rate_of(r));
	fprintf(to,
	        "  \"generator_busy_percent\": %.1f,\n  \"slip_us_max\": %llu,\n  \"backlog_max\": "
	        "%llu,\n",
	        r->busy_percent, (unsigned long long)r->results.slip_us_max,
	        (unsigned long long)r->results.backlog_max);
	fprintf(to,
	        "  \"connections_opened\": %llu,\n  \"tls_established\": %llu,\n  \"tls_resumed\": "
	        "%llu,\n",
	        (unsigned long long)r->results.connections_opened,
	        (unsigned long long)r->results.tls_established,
	        (unsigned long long)r->results.tls_resumed);
	json_reasons(to, &r->results);
	json_phases(to, &r->results);
	json_listeners(to, o, &r->results);
	json_setting(to, o);
	fprintf(to, "  \"seed\": %llu\n}\n", (unsigned long long)o->config.mix.seed);
	bool good = ferror(to) == 0;
	return fclose(to) == 0 && good;
}
