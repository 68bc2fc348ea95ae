/*
 * ledger.c - rows and their reconciliation (ledger.h).
 *
 * Counts of a row stop at LEDGER_TIMES_MAX and never wrap: a message delivered 256 times must not
 * look like one that was never delivered. What sinks write may come from any worker, hence the
 * atomic exchange.
 */
#include "bench/gen/ledger.h"

static void count_up(uint8_t *count);
static void count_up_shared(uint8_t *count);
static void count_row(const struct ledger_row *row, struct ledger_totals *t);
static void count_outcome(const struct ledger_row *row, struct ledger_totals *t);
static void count_deliveries(const struct ledger_row *row, struct ledger_totals *t);

struct ledger *ledger_make(struct arena *arena, uint64_t count)
{
	struct ledger *l = arena_take(arena, "generator ledger", sizeof(*l));
	struct ledger_row *rows =
		arena_take(arena, "generator ledger", (size_t)count * sizeof(*rows));
	if (l == NULL || rows == NULL)
		return NULL;
	*l = (struct ledger){ .rows = rows, .count = count };
	return l;
}

void ledger_attempt(struct ledger *l, uint64_t number)
{
	CHECK(number < l->count);
	count_up(&l->rows[number].attempts);
}

void ledger_acknowledged(struct ledger *l, uint64_t number)
{
	CHECK(number < l->count);
	count_up(&l->rows[number].acknowledged);
	l->rows[number].finished = 1;
}

void ledger_refused(struct ledger *l, uint64_t number, bool final)
{
	CHECK(number < l->count);
	count_up(&l->rows[number].refused);
	l->rows[number].finished = final;
}

void ledger_uncertain(struct ledger *l, uint64_t number, bool final)
{
	CHECK(number < l->count);
	count_up(&l->rows[number].uncertain);
	l->rows[number].finished = final;
}

void ledger_delivered(struct ledger *l, uint64_t number, bool right)
{
	if (number >= l->count)
		ledger_unknown(l);
	else
		count_up_shared(right ? &l->rows[number].delivered : &l->rows[number].corrupted);
}

void ledger_unknown(struct ledger *l)
{
	__atomic_fetch_add(&l->unknown, 1, __ATOMIC_RELAXED);
}

void ledger_turned_away(struct ledger *l, uint64_t number)
{
	if (number < l->count)
		__atomic_store_n(&l->rows[number].turned_away, 1, __ATOMIC_RELAXED);
}

void ledger_bounce(struct ledger *l)
{
	__atomic_fetch_add(&l->bounces, 1, __ATOMIC_RELAXED);
}

void ledger_count(const struct ledger *l, struct ledger_totals *totals)
{
	*totals =
		(struct ledger_totals){ .unknown = __atomic_load_n(&l->unknown, __ATOMIC_RELAXED),
		                        .bounces = __atomic_load_n(&l->bounces, __ATOMIC_RELAXED) };
	for (uint64_t i = 0; i < l->count; i++)
		count_row(&l->rows[i], totals);
}

bool ledger_balanced(const struct ledger_totals *t, bool uncertain_allowed)
{
	return t->lost == 0 && t->duplicated == 0 && t->corrupted == 0 && t->contradicted == 0 &&
	       t->unknown == 0 && t->unfinished == 0 && t->bounced <= t->bounces &&
	       (uncertain_allowed || t->unanswered == 0);
}

static void count_up(uint8_t *count)
{
	if (*count < LEDGER_TIMES_MAX)
		(*count)++;
}

static void count_up_shared(uint8_t *count)
{
	uint8_t seen = __atomic_load_n(count, __ATOMIC_RELAXED);
	while (seen < LEDGER_TIMES_MAX &&
	       !__atomic_compare_exchange_n(count, &seen, (uint8_t)(seen + 1), false,
	                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		/* another worker was faster: `seen` now holds its value */
	}
}

static void count_row(const struct ledger_row *row, struct ledger_totals *t)
{
	t->attempts += row->attempts;
	if (row->attempts > 0)
		count_outcome(row, t);
	count_deliveries(row, t);
}

static void count_outcome(const struct ledger_row *row, struct ledger_totals *t)
{
	t->begun++;
	if (row->acknowledged > 0)
		t->acknowledged++;
	else if (row->finished == 0)
		t->unfinished++;
	else if (row->uncertain > 0)
		t->unanswered++;
	else
		t->refused++;
}

static void count_deliveries(const struct ledger_row *row, struct ledger_totals *t)
{
	uint32_t taken = (uint32_t)row->delivered + row->corrupted;
	uint32_t explained = (uint32_t)row->acknowledged + row->uncertain;
	t->deliveries += taken;
	t->delivered += row->delivered > 0;
	t->corrupted += row->corrupted > 0;
	if (row->acknowledged > 0 && taken == 0 && row->turned_away > 0)
		t->bounced++;
	else if (row->acknowledged > 0 && taken == 0)
		t->lost++;
	if (taken > 0 && explained == 0)
		t->contradicted++;
	else if (taken > explained)
		t->duplicated++;
	else if (taken > 1)
		t->duplicated_explained++;
}
