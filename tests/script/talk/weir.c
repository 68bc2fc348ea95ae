/*
 * weir.c - lines that concern weir as a whole: silence, draining, what it counts, reports and holds.
 */
#include <stdio.h>
#include <string.h>

#include "play.h"

static void weir_count(struct play *p, const char *name, uint64_t wanted)
{
	for (unsigned i = 0; i < RELAY_COUNTER_COUNT; i++) {
		if (strcmp(relay_counter_name((enum relay_counter)i), name) != 0)
			continue;
		uint64_t is = relay_counters(p->stage->relay)[i];
		if (is != wanted)
			play_fail(p, "expected %s to be %llu, got %llu", name,
			          (unsigned long long)wanted, (unsigned long long)is);
		return;
	}
	play_fail(p, "no such counter: %s", name);
}

static void weir_outcome(struct play *p, const char *wanted, unsigned code)
{
	struct relay_report report;
	if (!relay_report_pop(p->stage->relay, &report))
		play_fail(p, "expected the outcome %s, got no report", wanted);
	p->stage->reports++;
	const char *is = relay_outcome_text(report.outcome);
	if (strcmp(is, wanted) != 0 || (code != 0 && report.reply_code != code))
		play_fail(p, "expected the outcome %s %u, got %s %u", wanted, code, is,
		          report.reply_code);
}

static void weir_hog(struct play *p, unsigned left)
{
	struct stage *g = p->stage;
	byteq_clear(&g->hog, &g->weir_pool);
	while (left > 0 && g->weir_pool.free_count >= left) {
		struct room room = byteq_reserve(&g->hog, &g->weir_pool);
		if (room.bytes == 0)
			break;
		memset(room.data, 0, room.bytes);
		byteq_commit(&g->hog, room.bytes);
	}
	if (left > 0 && g->weir_pool.free_count + 1 == left && g->hog.head != NULL)
		byteq_consume(&g->hog, &g->weir_pool, BLOCK_DATA_BYTES);
	stage_run_to(g, g->now);
}

static void weir_silence(struct play *p, double seconds)
{
	stage_run_to(p->stage, instant_add(p->stage->now, (uint64_t)(seconds * 1e6)));
	play_expect_silence(p, NULL);
}

bool line_of_weir(struct play *p, const char *line)
{
	struct stage *g = p->stage;
	char word[40];
	unsigned number = 0;
	double seconds;
	if (sscanf(line, "silence %lf", &seconds) == 1)
		weir_silence(p, seconds);
	else if (strcmp(line, "drain") == 0)
		relay_drain(g->relay, g->now), stage_run_to(g, g->now);
	else if (sscanf(line, "count %39s %u", word, &number) == 2)
		weir_count(p, word, number);
	else if (sscanf(line, "outcome %39s %u", word, &number) >= 1)
		weir_outcome(p, word, number);
	else if (sscanf(line, "blocks left %u", &number) == 1 ||
	         strcmp(line, "blocks left all") == 0)
		weir_hog(p, number);
	else if (sscanf(line, "sessions %u", &number) == 1 && number != relay_sessions(g->relay))
		play_fail(p, "expected %u near sessions, got %u", number, relay_sessions(g->relay));
	else if (sscanf(line, "legs %u", &number) == 1 && number != relay_nexts(g->relay))
		play_fail(p, "expected %u next legs, got %u", number, relay_nexts(g->relay));
	else
		return strncmp(line, "sessions ", 9) == 0 || strncmp(line, "legs ", 5) == 0;
	play_note(p, "", "", span_of(line, strlen(line)));
	return true;
}
