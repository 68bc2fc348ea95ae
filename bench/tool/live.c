/*
 * live.c - what is seen while a run lasts: one screen on a terminal, a line every few seconds where
 * there is none (report.h).
 *
 * The screen is drawn over itself, line by line, and takes what is there away at its end: the table
 * that follows says all of it. Bars and curves are block letters, so that nothing depends on colour.
 */
#include <string.h>

#include "bench/tool/report.h"

#define BAR_CELLS 40u
#define CURVE_CELLS 40u
#define LINE_SECONDS 2.0

static const char *const eighths[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

static double last_line_at;
static unsigned drawn;

static double rate_of(const struct moment *m, uint64_t count)
{
	return m->seconds > 0 ? (double)count / m->seconds : 0;
}

/* The share of the run that is over; below 0: not known. */
static double progress_of(const struct gen_options *o, const struct report *r)
{
	if (o->duration_us > 0)
		return r->seconds / ((double)o->duration_us / 1e6);
	if (o->find_saturation || o->config.sender.message_count == 0)
		return -1;
	return (double)report_over(&r->results) / (double)o->config.sender.message_count;
}

static void bar(FILE *to, double share)
{
	share = share > 1 ? 1 : share;
	for (unsigned i = 0; i < BAR_CELLS; i++)
		fputs(i < (unsigned)(share * BAR_CELLS) ? "█" : "░", to);
}

static double largest_of(const struct report *r, uint32_t from)
{
	double most = 1;
	for (uint32_t i = from; i < r->moment_count; i++) {
		double rate = rate_of(&r->moments[i], r->moments[i].messages);
		most = rate > most ? rate : most;
	}
	return most;
}

/* Messages a second over the last moments, the highest of them at full height. */
static void curve(FILE *to, const struct report *r)
{
	uint32_t from = r->moment_count > CURVE_CELLS ? r->moment_count - CURVE_CELLS : 0;
	double most = largest_of(r, from);
	for (uint32_t i = from; i < r->moment_count; i++) {
		double rate = rate_of(&r->moments[i], r->moments[i].messages);
		fputs(eighths[(unsigned)(rate / most * 8)], to);
	}
}

static void latency_row(FILE *to, const struct histogram *h, const char *name)
{
	static const uint32_t at[] = { 50000, 90000, 99000, 99900 };
	fprintf(to, "  %-10s", name);
	for (unsigned i = 0; i < COUNT_OF(at); i++)
		fprintf(to, " %9.2f", (double)histogram_percentile(h, at[i]) / 1e3);
	fprintf(to, " %9.2f\033[K\n", (double)h->max_us / 1e3);
}

static void head(FILE *to, const struct gen_options *o, const struct report *r, const char *phase)
{
	double share = progress_of(o, r);
	fprintf(to, "\033[1m%s\033[0m%s%s   %.1f s   %s\033[K\n",
	        o->scenario != NULL ? o->scenario : "weir-bench", o->label != NULL ? " through " : "",
	        o->label != NULL ? o->label : "", r->seconds, phase);
	fputs("  ", to);
	if (share >= 0) {
		bar(to, share);
		double left = share > 0.01 ? r->seconds / share - r->seconds : 0;
		fprintf(to, " %3.0f %%   %.0f s left", 100 * (share > 1 ? 1 : share), left > 0 ? left : 0);
	} else {
		fprintf(to, "trial %u", r->trial_count);
	}
	fputs("\033[K\n\033[K\n", to);
}

static void figures(FILE *to, const struct gen_options *o, const struct report *r,
                    const struct moment *m)
{
	const struct gen_results *g = &r->results;
	fprintf(to, "  messages/s   %10.0f   ", rate_of(m, m->messages));
	curve(to, r);
	fprintf(to, "\033[K\n  Gbit/s       %10.3f   of content\033[K\n",
	        rate_of(m, m->bytes) * 8 / 1e9);
	fprintf(to, "  handshakes/s %10.0f   connections/s %.0f\033[K\n", rate_of(m, m->handshakes),
	        rate_of(m, m->connections));
	fprintf(to, "  in flight    %10llu   connections %u, next hops %u%s",
	        (unsigned long long)m->in_flight, r->senders, r->sinks,
	        o->config.crowd.connections > 0 ? ", held beside " : "");
	if (o->config.crowd.connections > 0)
		fprintf(to, "%u", r->crowd);
	fprintf(to, "\033[K\n  generator    %10.0f %% of a core busy%s\033[K\n", m->busy_percent,
	        m->busy_percent > REPORT_BUSY_PERCENT_MAX ? " - too busy to be trusted" : "");
	fprintf(to,
	        "  acknowledged %10llu   refused %llu   uncertain %llu   failed %llu   corrupted "
	        "%llu\033[K\n\033[K\n",
	        (unsigned long long)g->acknowledged, (unsigned long long)g->refused,
	        (unsigned long long)g->uncertain, (unsigned long long)report_failed(g),
	        (unsigned long long)g->corrupted);
}

static void screen(FILE *to, const struct gen_options *o, const struct report *r, const char *phase)
{
	static const char *const phases[] = { "connect", "TLS", "MAIL, RCPT", "the end", "in all" };
	static const enum gen_phase which[] = { GEN_PHASE_CONNECT, GEN_PHASE_TLS, GEN_PHASE_ENVELOPE,
		                                GEN_PHASE_FINAL, GEN_PHASE_TOTAL };
	if (drawn > 0)
		fprintf(to, "\033[%uA\r", drawn);
	head(to, o, r, phase);
	figures(to, o, r, &r->moments[r->moment_count - 1]);
	fputs("  ms              p50       p90       p99     p99.9       max\033[K\n", to);
	for (unsigned i = 0; i < COUNT_OF(which); i++)
		latency_row(to, &r->results.phases[which[i]], phases[i]);
	drawn = 3 + 8 + 1 + COUNT_OF(which) - 1;
	fflush(to);
}

static void line(FILE *to, const struct gen_options *o, const struct report *r, const char *phase)
{
	const struct moment *m = &r->moments[r->moment_count - 1];
	if (r->seconds - last_line_at < LINE_SECONDS)
		return;
	last_line_at = r->seconds;
	fprintf(to,
	        "%6.1f s  %7.0f messages/s  %6.3f Gbit/s  %6.0f handshakes/s  %5llu in flight  p50 %.1f  "
	        "p99 %.1f ms  refused %llu  failed %llu  generator %.0f %%",
	        r->seconds, rate_of(m, m->messages), rate_of(m, m->bytes) * 8 / 1e9,
	        rate_of(m, m->handshakes), (unsigned long long)m->in_flight, (double)m->p50_us / 1e3,
	        (double)m->p99_us / 1e3, (unsigned long long)r->results.refused,
	        (unsigned long long)report_failed(&r->results), m->busy_percent);
	if (o->config.crowd.connections > 0)
		fprintf(to, "  held %u", r->crowd);
	fprintf(to, "%s%s\n", phase[0] != 0 ? "  " : "", phase);
	fflush(to);
}

void live_begin(enum live_kind kind, const struct gen_options *o)
{
	last_line_at = 0;
	drawn = 0;
	if (kind == LIVE_SCREEN)
		fputs("\033[?25l", stderr); /* no cursor dancing about */
	else if (kind == LIVE_LINES && o->scenario != NULL)
		fprintf(stderr, "%s%s%s\n", o->scenario, o->about != NULL ? ": " : "",
		        o->about != NULL ? o->about : "");
}

void live_show(enum live_kind kind, const struct gen_options *o, const struct report *r,
               const char *phase)
{
	if (kind == LIVE_SCREEN)
		screen(stderr, o, r, phase);
	else if (kind == LIVE_LINES)
		line(stderr, o, r, phase);
}

void live_end(enum live_kind kind)
{
	if (kind != LIVE_SCREEN)
		return;
	if (drawn > 0)
		fprintf(stderr, "\033[%uA\r\033[J", drawn);
	fputs("\033[?25h", stderr);
	fflush(stderr);
}
