/*
 * relay.c - making the relay, and its turn.
 *
 * A turn: settle the time of the turn before; take the events of the TCP stacks, the completed TLS sessions and the
 * due timers, each of which puts a leg in the line of visits; then visit legs until the line is empty (or long
 * enough for one turn). A visit pumps one leg in both directions and may put the leg on the other side in line; it
 * never pumps the other one itself, so there is no recursion between near and next.
 *
 * Legs in a TLS handshake have a line of their own. A step of a handshake costs more than all else of a message
 * together, so it is a chore: taken one at a time, after the frames of a turn have been sent. Mail under way waits for
 * one such step at most, however many connections begin at once.
 */
#include "relay/relay.h"

#include "relay/relay_int.h"

#define NEAR_MAGIC 0x6e656172u /* "near" */
#define NEXT_MAGIC 0x6e657874u /* "next" */
#define GROUP_MAGIC 0x67726f75u
#define USER_NEXT 0x80000000u /* set in the slot word for a next leg */

static const char *const counter_names[] = {
#define COUNTER(name, help) [RELAY_##name] = #name,
#include "relay/counters.def"
#undef COUNTER
};
static const char *const counter_helps[] = {
#define COUNTER(name, help) [RELAY_##name] = help,
#include "relay/counters.def"
#undef COUNTER
};
static const char *const stage_names[] = {
#define STAGE(name, help) [RELAY_STAGE_##name] = #name,
#include "relay/stages.def"
#undef STAGE
	[RELAY_STAGE_COUNT] = "TOTAL",
};
static const char *const outcome_texts[] = {
	[RELAY_OUTCOME_NONE] = "none",
#define OUTCOME(name, text, counter) [RELAY_OUTCOME_##name] = text,
#include "relay/outcomes.def"
#undef OUTCOME
};
_Static_assert(COUNT_OF(counter_names) == RELAY_COUNTER_COUNT, "each counter has a name");
_Static_assert(COUNT_OF(outcome_texts) == RELAY_OUTCOME_COUNT, "each outcome has a text");

const char *relay_counter_name(enum relay_counter counter)
{
	CHECK(counter < RELAY_COUNTER_COUNT);
	return counter_names[counter];
}

const char *relay_counter_help(enum relay_counter counter)
{
	CHECK(counter < RELAY_COUNTER_COUNT);
	return counter_helps[counter];
}

const char *relay_stage_name(enum relay_stage stage)
{
	CHECK(stage <= RELAY_STAGE_COUNT);
	return stage_names[stage];
}

const char *relay_outcome_text(enum relay_outcome outcome)
{
	CHECK(outcome < RELAY_OUTCOME_COUNT);
	return outcome_texts[outcome];
}

const uint64_t *relay_counters(const struct relay *r)
{
	return r->counters;
}

const struct histogram *relay_budget(const struct relay *r, enum relay_stage stage)
{
	CHECK(stage <= RELAY_STAGE_COUNT);
	return &r->budget[stage];
}

uint32_t relay_sessions(const struct relay *r)
{
	return r->nears.used;
}

uint32_t relay_nexts(const struct relay *r)
{
	return r->nexts.used;
}

/* ---- making ---- */

static struct span span_of_text(const char *text)
{
	size_t bytes = 0;
	while (text[bytes] != '\0')
		bytes++;
	return span_of(text, bytes);
}

static void server_configs_fill(struct relay *r)
{
	const struct settings *s = r->config.settings;
	for (uint32_t i = 0; i < s->listener_count; i++) {
		enum settings_near_tls tls = s->listeners[i].tls;
		r->server_configs[i] = (struct smtp_server_config){
			.hostname = span_of_text(s->hostname),
			.message_bytes_max = s->limits.message_bytes_max,
			.recipients_max = s->limits.recipients_max,
			.command_timeout_us = s->timeouts.near_command_seconds * SECOND_US,
			.data_timeout_us = s->timeouts.near_data_seconds * SECOND_US,
			.starttls = tls == SETTINGS_NEAR_OFFER || tls == SETTINGS_NEAR_REQUIRE,
			.tls_required = tls == SETTINGS_NEAR_REQUIRE,
			.chunking = true,
			.smtputf8 = true,
		};
	}
}

static void client_config_fill(struct relay *r)
{
	const struct settings *s = r->config.settings;
	r->client_config = (struct smtp_client_config){
		.helo = span_of_text(s->hostname),
		.greeting_timeout_us = s->timeouts.next_connect_seconds * SECOND_US,
		.command_timeout_us = s->timeouts.next_command_seconds * SECOND_US,
		.data_timeout_us = s->timeouts.next_command_seconds * SECOND_US,
		.final_timeout_us = s->timeouts.next_final_seconds * SECOND_US,
		.chunking = true,
	};
}

static void listeners_open(struct relay *r)
{
	const struct settings *s = r->config.settings;
	for (uint32_t i = 0; i < s->listener_count; i++) {
		bool open = false;
		for (uint32_t port = 0; port < r->config.stack_count; port++)
			open = tcp_listen(r->config.stacks[port], s->listeners[i].local, i) || open;
		SOMETIMES(open);
	}
}

/* Takes all pieces out of the arena; the counting arena yields NULL for each and only adds up. */
static struct relay *pieces_take(struct arena *a, const struct relay_config *c)
{
	uint32_t groups = c->nexts_max + c->sessions_max;
	uint32_t buckets = 64;
	while (buckets < c->nexts_max && buckets < 1u << 20)
		buckets *= 2;
	struct relay *r = arena_take(a, "relay", sizeof(*r));
	void *nears = arena_take(a, "near sessions", slab_memory_bytes(sizeof(struct near), c->sessions_max));
	void *nexts = arena_take(a, "next legs", slab_memory_bytes(sizeof(struct next), c->nexts_max));
	void *group_memory = arena_take(a, "groups", slab_memory_bytes(sizeof(struct group), groups));
	struct group **bucket_memory = arena_take(a, "groups", buckets * sizeof(struct group *));
	struct touched *touched = arena_take(a, "relay", c->sessions_max * sizeof(struct touched));
	struct pending_report *reports = arena_take(a, "reports", REPORTS_MAX * sizeof(*reports));
	if (r == NULL || nears == NULL || nexts == NULL || group_memory == NULL || bucket_memory == NULL ||
	    touched == NULL || reports == NULL)
		return NULL;
	slab_init(&r->nears, nears, sizeof(struct near), c->sessions_max, NEAR_MAGIC);
	slab_init(&r->nexts, nexts, sizeof(struct next), c->nexts_max, NEXT_MAGIC);
	slab_init(&r->groups, group_memory, sizeof(struct group), groups, GROUP_MAGIC);
	r->buckets = bucket_memory;
	r->bucket_count = buckets;
	r->touched = touched;
	r->reports = reports;
	return r;
}

struct relay *relay_make(struct arena *arena, const struct relay_config *config, struct instant now)
{
	struct relay *r = pieces_take(arena, config);
	if (r == NULL)
		return NULL;
	r->config = *config;
	r->now = r->turn = r->came = r->waiting_since = now;
	r->starved = INSTANT_NEVER;
	wheel_init(&r->wheel, now);
	prng_seed(&r->prng, config->seed);
	server_configs_fill(r);
	client_config_fill(r);
	listeners_open(r);
	return r;
}

/* ---- handles and the line of visits ---- */

struct near *relay_near(struct relay *r, struct handle h)
{
	return slab_get(&r->nears, h);
}

struct next *relay_next(struct relay *r, struct handle h)
{
	return slab_get(&r->nexts, h);
}

uint64_t user_of_near(const struct relay *r, const struct near *n)
{
	struct handle h = slab_handle(&r->nears, n);
	return (uint64_t)h.generation << 32 | h.slot;
}

uint64_t user_of_next(const struct relay *r, const struct next *x)
{
	struct handle h = slab_handle(&r->nexts, x);
	return (uint64_t)h.generation << 32 | h.slot | USER_NEXT;
}

static void visit_push(struct relay *r, struct visit_line *line, struct visit *v, enum visit_kind kind)
{
	if (v->queued)
		return;
	*v = (struct visit){ .kind = kind, .queued = true, .since = r->came };
	if (line->last != NULL)
		line->last->following = v;
	else
		line->first = v;
	line->last = v;
}

static struct visit_line *line_for(struct relay *r, const struct leg *leg)
{
	return leg_handshaking(leg) ? &r->handshakes : &r->visits;
}

void visit_near(struct relay *r, struct near *n)
{
	visit_push(r, line_for(r, &n->leg), &n->visit, VISIT_NEAR);
}

void visit_next(struct relay *r, struct next *x)
{
	visit_push(r, line_for(r, &x->leg), &x->visit, VISIT_NEXT);
}

static struct visit *visit_pop(struct visit_line *line)
{
	struct visit *v = line->first;
	if (v == NULL)
		return NULL;
	line->first = v->following;
	if (line->first == NULL)
		line->last = NULL;
	v->following = NULL;
	v->queued = false;
	return v;
}

#define CONTAINER(pointer, type, member)                                                           \
	((type *)(void *)((uint8_t *)(pointer) - offsetof(type, member)))

static void visit_do(struct relay *r, struct visit *v)
{
	r->waiting_since = v->since;
	if (v->kind == VISIT_NEAR)
		near_visit(r, CONTAINER(v, struct near, visit));
	else
		next_visit(r, CONTAINER(v, struct next, visit));
	r->waiting_since = r->came;
}

/* ---- the turn ---- */

/* Puts the leg that a user word names in line; the word may be stale by now. */
static void wake(struct relay *r, uint64_t user, const struct tcp_event *event)
{
	struct handle h = { .slot = (uint32_t)user & ~USER_NEXT, .generation = (uint32_t)(user >> 32) };
	if (((uint32_t)user & USER_NEXT) != 0) {
		struct next *x = relay_next(r, h);
		if (x == NULL)
			return;
		if (event != NULL)
			next_event(r, x, event);
		visit_next(r, x);
		return;
	}
	struct near *n = relay_near(r, h);
	if (n == NULL)
		return;
	if (event != NULL)
		leg_note(&n->leg, event);
	visit_near(r, n);
}

static bool take_tcp_events(struct relay *r)
{
	uint32_t taken = 0;
	for (uint32_t i = 0; i < r->config.stack_count; i++) {
		struct tcp_stack *tcp = r->config.stacks[i];
		struct tcp_event event;
		for (uint32_t k = 0; k < EVENTS_PER_TURN_MAX && tcp_next_event(tcp, &event); k++) {
			if (event.bits & TCP_ACCEPTED)
				near_accept(r, tcp, &event);
			else
				wake(r, event.user, &event);
			taken++;
		}
	}
	return taken > 0;
}

static bool take_tls_completions(struct relay *r)
{
	struct tls_engine *tls = r->config.tls;
	uint64_t user;
	bool any = false;
	if (tls == NULL)
		return false;
	(void)tls_ops_of(tls)->poll(tls, r->now);
	while (tls_ops_of(tls)->next_ready(tls, &user)) {
		wake(r, user, NULL);
		any = true;
	}
	return any;
}

static bool take_timers(struct relay *r)
{
	bool any = false;
	for (uint32_t i = 0; i < TIMERS_PER_TURN_MAX; i++) {
		struct timer *t = wheel_pop(&r->wheel, r->now);
		if (t == NULL)
			break;
		any = true;
		if (t->kind == VISIT_NEAR)
			near_expire(r, CONTAINER(t, struct near, timer));
		else
			next_expire(r, CONTAINER(t, struct next, timer));
	}
	return any;
}

static void visit_all(struct relay *r)
{
	uint32_t slot = 0;
	struct near *n;
	struct next *x;
	while ((n = slab_next(&r->nears, &slot)) != NULL)
		visit_near(r, n);
	slot = 0;
	while ((x = slab_next(&r->nexts, &slot)) != NULL)
		visit_next(r, x);
}

static void note_starvation(struct relay *r)
{
	if (pool_is_low(r) && r->starved.us == UINT64_MAX)
		r->starved = instant_add(r->now, STARVED_RETRY_US);
}

/* A machine that found no block left its bytes where they were, and no event tells it that blocks are back: all legs
 * are looked after as soon as there are clearly enough again, or after a while. */
static void take_starved(struct relay *r)
{
	uint32_t enough = pool_reserve(r) + pool_reserve(r) / 2;
	bool starved = r->starved.us != UINT64_MAX;
	if (!starved || (!instant_reached(r->starved, r->now) && r->config.pool->free_count < enough))
		return;
	r->starved = INSTANT_NEVER;
	note_starvation(r);
	visit_all(r);
}

static bool take_visits(struct relay *r, struct visit_line *line, uint32_t most)
{
	uint32_t taken = 0;
	for (struct visit *v; taken < most && (v = visit_pop(line)) != NULL; taken++) {
		note_starvation(r);
		visit_do(r, v);
		note_starvation(r);
	}
	return taken > 0;
}

/* `came`: nothing that is noticed from here on was there earlier. */
static void time_goes_on(struct relay *r, struct instant now, struct instant came)
{
	r->now = now;
	r->came = r->waiting_since = came;
	budget_settle(r);
}

bool relay_turn(struct relay *r, struct instant now, int64_t wall_us)
{
	time_goes_on(r, now, r->turn);
	r->turn = now;
	r->wall_us = wall_us;
	bool busy = take_tcp_events(r);
	busy = take_tls_completions(r) || busy;
	busy = take_timers(r) || busy;
	take_starved(r);
	busy = take_visits(r, &r->visits, VISITS_PER_TURN_MAX) || busy;
	return busy || r->handshakes.first != NULL;
}

bool relay_chore(struct relay *r, struct instant now)
{
	if (r->handshakes.first == NULL)
		return false;
	time_goes_on(r, now, now);
	return take_visits(r, &r->handshakes, 1);
}

struct instant relay_deadline(const struct relay *r)
{
	if (r->visits.first != NULL || r->handshakes.first != NULL || r->touched_count > 0 || r->reports_open != r->reports_head)
		return r->now;
	return instant_earlier(wheel_deadline(&r->wheel), r->starved);
}

void relay_drain(struct relay *r, struct instant now)
{
	uint32_t slot = 0;
	struct near *n;
	r->now = now;
	r->draining = true;
	while ((n = slab_next(&r->nears, &slot)) != NULL)
		visit_near(r, n);
	slot = 0;
	struct next *x;
	while ((x = slab_next(&r->nexts, &slot)) != NULL)
		if (x->phase == NEXT_IDLE)
			next_quit(r, x);
}

bool relay_report_pop(struct relay *r, struct relay_report *report)
{
	if (r->reports_tail == r->reports_open)
		return false;
	*report = r->reports[r->reports_tail++ % REPORTS_MAX].report;
	return true;
}
