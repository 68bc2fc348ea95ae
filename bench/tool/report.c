/*
 * report.c - sums and judgements over what a run has found (report.h).
 */
#include "bench/tool/report.h"

#include <stdarg.h>

uint64_t report_failed(const struct gen_results *r)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < GEN_END_COUNT; i++)
		sum += i == GEN_END_ABORTED || i == GEN_END_NO_PORT ? 0 : r->ends[i];
	return sum;
}

uint64_t report_over(const struct gen_results *r)
{
	return r->acknowledged + r->refused + r->uncertain;
}

/* Reasons and listeners are tables of their own and stay those of the whole run. */
void results_since(struct gen_results *now, const struct gen_results *before)
{
	now->begun -= before->begun;
	now->acknowledged -= before->acknowledged;
	now->refused -= before->refused;
	now->uncertain -= before->uncertain;
	now->tried_again -= before->tried_again;
	now->deliveries -= before->deliveries;
	now->corrupted -= before->corrupted;
	now->bytes_acknowledged -= before->bytes_acknowledged;
	now->connections_opened -= before->connections_opened;
	now->tls_established -= before->tls_established;
	now->tls_resumed -= before->tls_resumed;
	now->crowd_opened -= before->crowd_opened;
	now->crowd_ready -= before->crowd_ready;
	now->crowd_lost -= before->crowd_lost;
	for (unsigned i = 0; i < GEN_END_COUNT; i++)
		now->ends[i] -= before->ends[i];
	for (unsigned i = 0; i < GEN_PHASE_COUNT; i++)
		histogram_since(&now->phases[i], &before->phases[i]);
}

__attribute__((format(printf, 2, 3))) static void doubt(struct report *r, const char *format, ...)
{
	va_list arguments;
	if (r->doubt_count == REPORT_DOUBTS_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(r->doubts[r->doubt_count++], REPORT_DOUBT_BYTES, format, arguments);
	va_end(arguments);
}

void report_judge(const struct gen_options *o, struct report *r)
{
	r->accounted = ledger_balanced(&r->results.totals, o->faults);
	r->valid = true;
	if (r->busy_percent > REPORT_BUSY_PERCENT_MAX) {
		doubt(r, "the generator was %.0f %% busy, over %.0f %%: it may be what was measured",
		      r->busy_percent, REPORT_BUSY_PERCENT_MAX);
		r->valid = false;
	}
	if (r->results.slip_us_max > REPORT_SLIP_US_MAX && r->trial_count == 0)
		doubt(r, "messages waited up to %.1f ms for a free connection, %llu at once",
		      (double)r->results.slip_us_max / 1e3,
		      (unsigned long long)r->results.backlog_max);
	if (r->results.listener_count == 0)
		doubt(r, "there is no sink: what was delivered is not known, nothing is called lost");
	if (r->stopped_by_trouble)
		doubt(r, "stopped at the first trouble, as the scenario says");
	if (r->interrupted)
		doubt(r, "interrupted before its end");
	if (o->process > 0 && !r->process_seen)
		doubt(r, "process %u was not there at the end", o->process);
	if (o->engine != NULL && !r->engine_seen)
		doubt(r, "no metrics from %s", o->engine);
}
