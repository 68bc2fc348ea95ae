/*
 * sent_test.c - the record of the sent against a slow and obvious one that keeps every byte apart.
 */
#include "tcp/sent_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

#define BYTES_MAX 60000u

struct byte { /* of the model */
	uint32_t at_us;
	uint8_t flags;
};

struct game {
	struct sent sent;
	struct block_pool pool;
	void *memory;
	struct prng prng;
	struct instant now;
	struct seq una, nxt;
	struct byte model[BYTES_MAX]; /* of the bytes from una on */
};

static void game_begin(struct game *g, uint64_t seed, uint32_t blocks, uint32_t isn)
{
	memset(g, 0, sizeof(*g));
	g->memory = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
	block_pool_init(&g->pool, g->memory, blocks);
	prng_seed(&g->prng, seed);
	g->now.us = 4294967295u - 3000; /* the low bits wrap on the way */
	g->una = g->nxt = seq_of(isn);
}

static void game_end(struct game *g)
{
	sent_clear(&g->sent, &g->pool);
	CU_ASSERT_EQUAL(g->pool.free_count, g->pool.total);
	free(g->memory);
}

static uint32_t flight(const struct game *g)
{
	return seq_span(g->una, g->nxt);
}

static void play_new(struct game *g)
{
	uint32_t bytes = 1 + (uint32_t)prng_below(&g->prng, 1500);
	if (flight(g) + bytes > BYTES_MAX)
		return;
	for (uint32_t i = flight(g); i < flight(g) + bytes; i++)
		g->model[i] = (struct byte){ .at_us = (uint32_t)g->now.us };
	struct seq end = seq_add(g->nxt, bytes);
	sent_new(&g->sent, &g->pool, g->nxt, end, g->now);
	g->nxt = end;
}

/* Begins anywhere, or where a range does, as what peers report mostly does. */
static void some_part(struct game *g, uint32_t *from, uint32_t *bytes)
{
	*from = (uint32_t)prng_below(&g->prng, flight(g));
	if (prng_below(&g->prng, 2) == 0)
		*from = seq_span(g->una, sent_ranges(&g->sent)[prng_below(&g->prng, g->sent.count)].begin);
	uint32_t most = flight(g) - *from < 3000 ? flight(g) - *from : 3000;
	*bytes = 1 + (uint32_t)prng_below(&g->prng, most);
}

static void play_again(struct game *g)
{
	uint32_t from, bytes;
	some_part(g, &from, &bytes);
	for (uint32_t i = from; i < from + bytes; i++)
		g->model[i] = (struct byte){ .at_us = (uint32_t)g->now.us, .flags = SENT_AGAIN };
	sent_again(&g->sent, &g->pool, seq_add(g->una, from), seq_add(g->una, from + bytes), g->now);
}

static uint32_t play_sacked(struct game *g, struct sent_news *news)
{
	uint32_t from, bytes, fresh = 0;
	some_part(g, &from, &bytes);
	for (uint32_t i = from; i < from + bytes; i++) {
		fresh += (g->model[i].flags & SENT_SACKED) == 0;
		g->model[i] = (struct byte){ .flags = SENT_SACKED };
	}
	sent_sacked(&g->sent, &g->pool, seq_add(g->una, from), seq_add(g->una, from + bytes), news);
	return fresh;
}

static void play_lost(struct game *g)
{
	uint32_t from, bytes;
	some_part(g, &from, &bytes);
	for (uint32_t i = from; i < from + bytes; i++)
		if ((g->model[i].flags & (SENT_SACKED | SENT_LOST)) == 0)
			g->model[i] = (struct byte){ .flags = SENT_LOST | g->model[i].flags };
	(void)sent_lose(&g->sent, &g->pool, seq_add(g->una, from), seq_add(g->una, from + bytes));
}

static uint32_t play_acked(struct game *g, struct sent_news *news)
{
	uint32_t bytes = 1 + (uint32_t)prng_below(&g->prng, flight(g) < 4000 ? flight(g) : 4000);
	uint32_t fresh = 0;
	for (uint32_t i = 0; i < bytes; i++)
		fresh += (g->model[i].flags & SENT_SACKED) == 0;
	memmove(g->model, g->model + bytes, (flight(g) - bytes) * sizeof(g->model[0]));
	g->una = seq_add(g->una, bytes);
	sent_acked(&g->sent, &g->pool, g->una, news);
	CU_ASSERT_EQUAL(news->acked_bytes, bytes);
	return fresh;
}

/* The record says exactly what the model says. */
static bool agrees(const struct game *g)
{
	const struct sent_range *r = sent_ranges(&g->sent);
	uint32_t at = 0;
	for (unsigned i = 0; i < g->sent.count; i++)
		for (struct seq q = r[i].begin; seq_lt(q, r[i].end); q = seq_add(q, 1), at++)
			if (g->model[at].flags != r[i].flags || g->model[at].at_us != r[i].at_us)
				return false;
	return at == flight(g);
}

/* It may say less: nothing reported that is not (lost or under way, it goes again), no time too early. */
static bool says_no_more(const struct game *g)
{
	const struct sent_range *r = sent_ranges(&g->sent);
	uint32_t at = 0;
	for (unsigned i = 0; i < g->sent.count; i++) {
		for (struct seq q = r[i].begin; seq_lt(q, r[i].end); q = seq_add(q, 1), at++) {
			const struct byte *b = &g->model[at];
			bool timed = (b->flags & (SENT_SACKED | SENT_LOST)) == 0;
			if ((r[i].flags & SENT_SACKED) != 0 && (b->flags & SENT_SACKED) == 0)
				return false;
			if (timed && (r[i].flags & (SENT_SACKED | SENT_LOST)) == 0 &&
			    (int32_t)(r[i].at_us - b->at_us) < 0)
				return false;
		}
	}
	return at == flight(g);
}

static void model_becomes_record(struct game *g)
{
	const struct sent_range *r = sent_ranges(&g->sent);
	uint32_t at = 0;
	for (unsigned i = 0; i < g->sent.count; i++)
		for (struct seq q = r[i].begin; seq_lt(q, r[i].end); q = seq_add(q, 1), at++)
			g->model[at] = (struct byte){ .at_us = r[i].at_us, .flags = (uint8_t)r[i].flags };
}

static void turn(struct game *g, bool exact)
{
	struct sent_news news = { .now = g->now };
	uint64_t what = prng_below(&g->prng, 10);
	uint32_t fresh = 0;
	g->now.us += prng_below(&g->prng, 3) == 0 ? prng_below(&g->prng, 5000) : 0;
	if (what < 4 || flight(g) == 0)
		play_new(g);
	else if (what < 6)
		fresh = play_sacked(g, &news);
	else if (what < 7)
		play_again(g);
	else if (what < 8)
		play_lost(g);
	else
		fresh = play_acked(g, &news);
	CU_ASSERT(!exact || news.delivered_bytes == fresh);
	CU_ASSERT(exact ? agrees(g) : says_no_more(g));
	if (!exact)
		model_becomes_record(g);
}

static struct game game;

static void the_record_is_exact_while_there_is_room(void)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		game_begin(&game, seed, 1, seed % 2 == 0 ? 0xffffff00u : 77);
		for (unsigned i = 0; i < 400; i++)
			if (game.sent.count < SENT_RANGES_MAX - 4)
				turn(&game, true);
		game_end(&game);
	}
}

static void a_full_record_says_too_little_rather_than_too_much(void)
{
	for (uint64_t seed = 100; seed < 140; seed++) {
		game_begin(&game, seed, 0, 0xfffffff0u); /* no block: a handful of ranges */
		for (unsigned i = 0; i < 400; i++) {
			if (i % 20 == 0 && seed % 2 == 0) { /* with a pause in them: then times are told apart by seconds */
				play_new(&game);
				game.now.us += 60 * SECOND_US;
			}
			turn(&game, false);
			CU_ASSERT(game.sent.count <= SENT_RANGES_FEW);
		}
		game_end(&game);
	}
}

/* Without room, sending again what is lost must come to an end at one instant. */
static void repeating_what_is_lost_ends(void)
{
	game_begin(&game, 1, 0, 1000);
	for (unsigned i = 0; i < 40; i++) {
		game.now.us += 1000;
		sent_new(&game.sent, &game.pool, seq_of(1000 + i * 100), seq_of(1100 + i * 100), game.now);
		if (i % 3 == 1)
			(void)sent_lose(&game.sent, &game.pool, seq_of(1000 + i * 100), seq_of(1100 + i * 100));
	}
	struct seq begin, end;
	unsigned times = 0;
	for (; sent_first_lost(&game.sent, &begin, &end) && times < 1000; times++)
		sent_again(&game.sent, &game.pool, begin, seq_min(end, seq_add(begin, 30)), game.now);
	CU_ASSERT(times < 200);
	game_end(&game);
}

static void a_burst_is_one_range(void)
{
	game_begin(&game, 1, 1, 1000);
	for (unsigned i = 0; i < 20; i++)
		sent_new(&game.sent, &game.pool, seq_of(1000 + i * 100), seq_of(1100 + i * 100), game.now);
	CU_ASSERT_EQUAL(game.sent.count, 1);
	CU_ASSERT_EQUAL(game.pool.free_count, 1);
	game_end(&game);
}

/* One range per turn, ten thousand turns in flight: bounded, and no time is wrong by more than two
 * steps of the grid. */
static void a_long_flight_loses_precision_evenly(void)
{
	game_begin(&game, 1, 1, 1000);
	for (uint32_t i = 0; i < 10000; i++) {
		game.now.us += 10;
		sent_new(&game.sent, &game.pool, seq_of(1000 + i), seq_of(1001 + i), game.now);
		CU_ASSERT(game.sent.count <= SENT_RANGES_MAX);
	}
	uint32_t begin_us = 4294967295u - 3000;
	const struct sent_range *r = sent_ranges(&game.sent);
	for (unsigned i = 0; i < game.sent.count; i++) {
		uint32_t first_us = begin_us + 10 * (seq_span(seq_of(1000), r[i].begin) + 1);
		CU_ASSERT(r[i].at_us - first_us <= 2 * 100000 / 64);
	}
	game_end(&game);
}

static void the_first_lost_bytes_are_found_as_one(void)
{
	struct seq begin, end;
	game_begin(&game, 1, 1, 1000);
	for (unsigned i = 0; i < 10; i++) {
		game.now.us += 10;
		sent_new(&game.sent, &game.pool, seq_of(1000 + i * 100), seq_of(1100 + i * 100), game.now);
	}
	CU_ASSERT(!sent_first_lost(&game.sent, &begin, &end));
	CU_ASSERT_EQUAL(sent_lose(&game.sent, &game.pool, seq_of(1200), seq_of(1450)), 250);
	CU_ASSERT_EQUAL(sent_lose(&game.sent, &game.pool, seq_of(1200), seq_of(1500)), 50);
	CU_ASSERT(sent_first_lost(&game.sent, &begin, &end));
	CU_ASSERT(begin.v == 1200 && end.v == 1500);
	sent_find_again(&game.sent, game.now);
	CU_ASSERT_EQUAL(game.sent.lost_bytes, 0);
	sent_forget(&game.sent);
	CU_ASSERT_EQUAL(game.sent.lost_bytes, 1000);
	game_end(&game);
}

/* RFC 8985 6.2 step 2: a repetition acknowledged sooner than the shortest round trip was not what arrived. */
static void an_ambiguous_repetition_tells_no_time(void)
{
	struct sent_news news = { .rtt_min_us = 1000 };
	game_begin(&game, 1, 1, 1000);
	sent_new(&game.sent, &game.pool, seq_of(1000), seq_of(1100), game.now);
	game.now.us += 5000;
	sent_again(&game.sent, &game.pool, seq_of(1000), seq_of(1100), game.now);
	news.now = (struct instant){ game.now.us + 500 };
	struct sent copy = game.sent;
	sent_acked(&copy, &game.pool, seq_of(1100), &news);
	CU_ASSERT(!news.newest_known && !news.oldest_known && news.delivered_bytes == 100);
	news = (struct sent_news){ .rtt_min_us = 1000, .now = { game.now.us + 1500 } };
	copy = game.sent;
	sent_acked(&copy, &game.pool, seq_of(1100), &news);
	CU_ASSERT(news.newest_known && !news.oldest_known);
	news = (struct sent_news){ .now = { game.now.us + 1500 }, .echo_known = true };
	news.echo_ms = (uint32_t)(game.now.us / 1000) - 1;
	copy = game.sent;
	sent_acked(&copy, &game.pool, seq_of(1100), &news);
	CU_ASSERT(!news.newest_known);
	sent_sacked(&game.sent, &game.pool, seq_of(1000), seq_of(1100), &news); /* the echo is not about that */
	CU_ASSERT(news.newest_known);
	game_end(&game);
}

/* Every second segment is reported, and each report twice, as a peer repeats them: more than there is room for. */
static void a_report_counts_once_however_full_the_record_is(void)
{
	uint32_t counted = 0;
	game_begin(&game, 1, 1, 0);
	sent_new(&game.sent, &game.pool, seq_of(0), seq_of(100000), game.now);
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t at = 100; at < 100000; at += 200) {
			struct sent_news news = { .now = game.now };
			sent_sacked(&game.sent, &game.pool, seq_of(at), seq_of(at + 100), &news);
			counted += news.delivered_bytes;
		}
	}
	CU_ASSERT_EQUAL(counted, game.sent.sacked_bytes);
	CU_ASSERT(counted >= (SENT_RANGES_MAX / 2 - 2) * 100);
	struct sent_news news = { .now = game.now }; /* what makes the record shorter has room in any case */
	sent_sacked(&game.sent, &game.pool, seq_of(100), seq_of(400), &news);
	CU_ASSERT_EQUAL(news.delivered_bytes, 100);
	game_end(&game);
}

/* Of lost and reported segments in turn, and some repeated ones: what was just repeated stays so, and nothing else
 * seems to be. */
static void what_a_full_record_forgets_are_reports(void)
{
	game_begin(&game, 1, 1, 0);
	struct sent_news news = { .now = game.now };
	sent_new(&game.sent, &game.pool, seq_of(0), seq_of(100000), game.now);
	for (uint32_t at = 100; at < 12000; at += 200)
		sent_sacked(&game.sent, &game.pool, seq_of(at), seq_of(at + 100), &news);
	(void)sent_lose(&game.sent, &game.pool, seq_of(0), seq_of(100000));
	for (uint32_t i = 0; i < 30; i++) {
		game.now.us += 1000;
		sent_again(&game.sent, &game.pool, seq_of(i * 200), seq_of(i * 200 + 50), game.now);
	}
	const struct sent_range *r = sent_ranges(&game.sent);
	uint32_t repeated = 0;
	for (unsigned i = 0; i < game.sent.count; i++)
		if ((r[i].flags & (SENT_SACKED | SENT_LOST)) == 0)
			repeated += seq_span(r[i].begin, r[i].end);
	CU_ASSERT_EQUAL(repeated, 30 * 50);
	game_end(&game);
}

UNIT("tcp/sent", { "40 seeds against a record of every byte: equal", the_record_is_exact_while_there_is_room },
     { "with no room it says too little rather than too much",
       a_full_record_says_too_little_rather_than_too_much },
     { "sending again what is lost ends, however full the record is", repeating_what_is_lost_ends },
     { "a burst is one range and needs no block", a_burst_is_one_range },
     { "a long flight loses precision evenly", a_long_flight_loses_precision_evenly },
     { "the first lost bytes are found as one", the_first_lost_bytes_are_found_as_one },
     { "an ambiguous repetition tells no time", an_ambiguous_repetition_tells_no_time },
     { "a report counts once, however full the record is", a_report_counts_once_however_full_the_record_is },
     { "what a full record forgets are reports", what_a_full_record_forgets_are_reports })
