/*
 * table.c - the summary at the end of a run (report.h). One list of totals serves table and file.
 */
#include "bench/tool/totals.h"

#include <string.h>

static const uint32_t percentiles[] = { 50000, 90000, 99000, 99900 };

static double ms(uint64_t us)
{
	return (double)us / 1000.0;
}

void totals_of(const struct gen_results *r, struct total totals[TOTALS])
{
	const struct ledger_totals *t = &r->totals;
	const struct total list[TOTALS] = {
		{ "begun", "begun", t->begun },
		{ "acknowledged", "acknowledged", t->acknowledged },
		{ "delivered", "delivered", t->delivered },
		{ "refused", "refused", t->refused },
		{ "lost", "lost: acknowledged, not delivered", t->lost },
		{ "bounced", "bounced: refused by the sink behind the acknowledgement", t->bounced },
		{ "bounces", "bounces that the sinks took", t->bounces },
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

static void table_messages(FILE *to, const struct report *r)
{
	struct total totals[TOTALS];
	totals_of(&r->results, totals);
	fprintf(to, "messages\n");
	for (unsigned i = 0; i < TOTALS; i++)
		fprintf(to, "  %12llu  %s\n", (unsigned long long)totals[i].value, totals[i].text);
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

static void table_connections(FILE *to, const struct gen_results *r)
{
	fprintf(to, "connections\n  %12llu  opened, %llu with TLS, of them %llu resumed\n",
	        (unsigned long long)r->connections_opened, (unsigned long long)r->tls_established,
	        (unsigned long long)r->tls_resumed);
	if (r->crowd_opened > 0)
		fprintf(to, "  %12llu  opened without mail, %llu held, %llu ended by the target\n",
		        (unsigned long long)r->crowd_opened, (unsigned long long)r->crowd_ready,
		        (unsigned long long)r->crowd_lost);
	for (unsigned i = 0; i < GEN_END_COUNT; i++)
		if (r->ends[i] > 0)
			fprintf(to, "  %12llu  %s\n", (unsigned long long)r->ends[i],
			        gen_end_name((enum gen_end)i));
}

static void table_phases(FILE *to, const struct gen_results *r)
{
	fprintf(to, "milliseconds     count       p50       p90       p99     p99.9       max\n");
	for (unsigned i = 0; i < GEN_PHASE_COUNT; i++) {
		const struct histogram *h = &r->phases[i];
		if (h->count == 0)
			continue;
		fprintf(to, "  %-9s %10llu", gen_phase_name((enum gen_phase)i),
		        (unsigned long long)h->count);
		for (unsigned p = 0; p < COUNT_OF(percentiles); p++)
			fprintf(to, " %9.3f", ms(histogram_percentile(h, percentiles[p])));
		fprintf(to, " %9.3f\n", ms(h->max_us));
	}
}

static double per_message_us(const struct report *r, double seconds)
{
	return r->measured.acknowledged == 0 ? 0 : 1e6 * seconds / (double)r->measured.acknowledged;
}

static void table_rate(FILE *to, const struct gen_options *o, const struct report *r)
{
	double seconds = r->measured_seconds > 0 ? r->measured_seconds : 1;
	fprintf(to, "rate\n  %12.1f  messages a second over %.2f s, %.2f MB/s of content, %s\n",
	        (double)r->measured.acknowledged / seconds, r->measured_seconds,
	        (double)r->measured.bytes_acknowledged / seconds / 1e6,
	        o->config.sender.arrivals == GEN_CLOSED_LOOP ? "closed loop" : "open loop");
	fprintf(to, "  %12.0f  per cent of a core, the generator itself (busiest of %u thread%s)\n",
	        r->busy_percent, r->threads, r->threads == 1 ? "" : "s");
	fprintf(to, "  %12.1f  us of the generator's CPU for a message, senders and sinks together\n",
	        per_message_us(r, r->busy_seconds));
	if (r->process_seen)
		fprintf(to, "  %12.1f  us of the target's CPU for a message (%.1f of them kernel), %.1f MiB in "
		            "%u processes\n",
		        per_message_us(r, r->process.user_seconds + r->process.system_seconds),
		        per_message_us(r, r->process.system_seconds),
		        (double)r->process.resident_bytes / 1048576, r->process.processes);
	if (r->engine_seen)
		fprintf(to, "  %12.1f  us of weir's workers' busy time for a message\n",
		        per_message_us(r, r->engine_busy_seconds));
}

static void table_search(FILE *to, const struct gen_options *o, const struct report *r)
{
	if (r->trial_count == 0)
		return;
	fprintf(to, "search          rate   reached   in time       p50       p99     p99.9  generator\n");
	for (uint32_t i = 0; i < r->trial_count; i++) {
		const struct trial *t = &r->trials[i];
		fprintf(to, "  trial %2u %10.0f %9.0f %8.2f%% %9.2f %9.2f %9.2f %8.0f %%  %s\n", i + 1,
		        t->rate, t->reached, 100 * t->within_share, ms(t->p50_us), ms(t->p99_us),
		        ms(t->p999_us), t->busy_percent, t->held ? "holds" : t->why);
	}
	if (r->saturation > 0)
		fprintf(to, "  %12.0f  messages a second: the highest rate with %.1f %% within %.1f ms\n",
		        r->saturation, (double)o->within_per_mille / 10, ms(o->within_us));
	else
		fprintf(to, "  no rate was found with %.1f %% within %.1f ms\n",
		        (double)o->within_per_mille / 10, ms(o->within_us));
}

void report_table(FILE *to, const struct gen_options *o, const struct report *r)
{
	table_messages(to, r);
	table_reasons(to, &r->results);
	table_connections(to, &r->results);
	table_phases(to, &r->measured);
	table_search(to, o, r);
	table_rate(to, o, r);
	for (uint32_t i = 0; i < r->doubt_count; i++)
		fprintf(to, "  doubt: %s\n", r->doubts[i]);
	fprintf(to, "%s%s\n", r->accounted ? "every message is accounted for" : "NOT every message is accounted for",
	        r->valid ? "" : "; the timings are INVALID");
}
