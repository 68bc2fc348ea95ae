/*
 * results.c - names of what is counted, refusals told apart, merging of several workers' results
 * (gen.h).
 */
#include "bench/gen/gen_int.h"

#include <string.h>

static const char *const phase_names[GEN_PHASE_COUNT] = {
#define PHASE(name, key, text) [GEN_PHASE_##name] = key,
#include "bench/gen/phases.def"
#undef PHASE
};

static const char *const phase_texts[GEN_PHASE_COUNT] = {
#define PHASE(name, key, text) [GEN_PHASE_##name] = text,
#include "bench/gen/phases.def"
#undef PHASE
};

static const char *const end_names[GEN_END_COUNT] = {
#define END(name, text) [GEN_END_##name] = text,
#include "bench/gen/ends.def"
#undef END
};

static const char *const stage_names[GEN_STAGE_COUNT] = {
	[GEN_STAGE_CONNECT] = "CONNECT", [GEN_STAGE_HELLO] = "EHLO", [GEN_STAGE_MAIL] = "MAIL",
	[GEN_STAGE_RCPT] = "RCPT",       [GEN_STAGE_DATA] = "DATA",  [GEN_STAGE_END] = "END",
};

static struct gen_reason *reason_row(struct gen_results *r, enum gen_stage stage, uint16_t code,
                                     struct span text);
static void add_u64s(uint64_t *into, const uint64_t *from, size_t count);

const char *gen_phase_name(enum gen_phase phase)
{
	return phase_names[phase];
}

const char *gen_phase_text(enum gen_phase phase)
{
	return phase_texts[phase];
}

const char *gen_end_name(enum gen_end end)
{
	return end_names[end];
}

const char *gen_stage_name(enum gen_stage stage)
{
	return stage_names[stage];
}

void results_phase(struct gen_results *r, enum gen_phase phase, struct instant from,
                   struct instant to)
{
	histogram_add(&r->phases[phase], instant_since(from, to));
}

void results_refused(struct gen_results *r, enum gen_stage stage, uint16_t code, struct span text)
{
	reason_row(r, stage, code, text)->count++;
}

void gen_results_merge(struct gen_results *into, const struct gen_results *from)
{
	into->begun += from->begun;
	into->acknowledged += from->acknowledged;
	into->refused += from->refused;
	into->uncertain += from->uncertain;
	into->tried_again += from->tried_again;
	into->deliveries += from->deliveries;
	into->corrupted += from->corrupted;
	into->bytes_acknowledged += from->bytes_acknowledged;
	into->connections_opened += from->connections_opened;
	into->tls_established += from->tls_established;
	into->tls_resumed += from->tls_resumed;
	into->crowd_opened += from->crowd_opened;
	into->crowd_ready += from->crowd_ready;
	into->crowd_lost += from->crowd_lost;
	into->backlog_max += from->backlog_max;
	if (from->slip_us_max > into->slip_us_max)
		into->slip_us_max = from->slip_us_max;
	into->sink_refusals += from->sink_refusals;
	into->sink_aborts += from->sink_aborts;
	into->sink_failures += from->sink_failures;
	add_u64s(into->ends, from->ends, GEN_END_COUNT);
	for (uint32_t i = 0; i < from->reason_count; i++) {
		const struct gen_reason *f = &from->reasons[i];
		struct span text = span_head(span_of(f->text, GEN_REASON_BYTES),
		                             span_find(span_of(f->text, GEN_REASON_BYTES), 0));
		reason_row(into, (enum gen_stage)f->stage, f->code, text)->count += f->count;
	}
	if (from->listener_count > into->listener_count)
		into->listener_count = from->listener_count;
	_Static_assert(sizeof(struct gen_listener_counters) % sizeof(uint64_t) == 0,
	               "counters only");
	for (uint32_t i = 0; i < from->listener_count; i++)
		add_u64s((uint64_t *)(void *)&into->listeners[i],
		         (const uint64_t *)(const void *)&from->listeners[i],
		         sizeof(from->listeners[i]) / sizeof(uint64_t));
	for (unsigned i = 0; i < GEN_PHASE_COUNT; i++)
		histogram_merge(&into->phases[i], &from->phases[i]);
}

/* The row of this refusal; a new one while there is room, then the last one, for all the others. */
static struct gen_reason *reason_row(struct gen_results *r, enum gen_stage stage, uint16_t code,
                                     struct span text)
{
	char printable[GEN_REASON_BYTES];
	struct text t = text_of(printable, sizeof(printable));
	text = span_head(text, span_find(text, '\n'));
	for (size_t i = 0; i < text.bytes; i++)
		text_char(&t,
		          text.data[i] >= 0x20 && text.data[i] <= 0x7e ? (char)text.data[i] : '?');
	for (uint32_t i = 0; i < r->reason_count; i++) {
		struct gen_reason *row = &r->reasons[i];
		if (row->stage == stage && row->code == code &&
		    memcmp(row->text, printable, t.used + 1) == 0)
			return row;
	}
	if (r->reason_count == GEN_REASONS_MAX)
		return &r->reasons[GEN_REASONS_MAX - 1];
	struct gen_reason *row = &r->reasons[r->reason_count++];
	*row = (struct gen_reason){ .stage = (uint8_t)stage, .code = code };
	memcpy(row->text, printable, t.used + 1);
	if (r->reason_count == GEN_REASONS_MAX) {
		*row = (struct gen_reason){ .stage = (uint8_t)stage };
		memcpy(row->text, "all other reasons", sizeof("all other reasons"));
	}
	return row;
}

static void add_u64s(uint64_t *into, const uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		into[i] += from[i];
}
