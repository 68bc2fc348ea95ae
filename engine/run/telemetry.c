/*
 * telemetry.c - DPDK telemetry commands. See telemetry.h.
 *
 * DPDK calls these on its own thread, one client at a time each; a mutex keeps two clients and telemetry_stop()
 * apart. Each answer is a dictionary by worker number, or by stage.
 */
#include "run/telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <string.h>

#include "run/telemetry_int.h"

#define KEY_BYTES 64u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static telemetry_view *view_fill;
static void *view_context;
static struct view current; /* guarded by lock, like the two above */

typedef void answer_fill(struct rte_tel_data *d);

/* DPDK takes a dictionary into another only once its kind is known. */
struct rte_tel_data *telemetry_child(struct rte_tel_data *parent, const char *key)
{
	struct rte_tel_data *child = rte_tel_data_alloc();
	if (child == NULL)
		return NULL;
	rte_tel_data_start_dict(child);
	if (rte_tel_data_add_dict_container(parent, key, child, 0) == 0)
		return child;
	rte_tel_data_free(child);
	return NULL;
}

static int answer(struct rte_tel_data *d, answer_fill *fill)
{
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	if (view_fill != NULL) {
		view_fill(view_context, &current);
		fill(d);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static void worker_key(uint32_t worker, char key[KEY_BYTES])
{
	snprintf(key, KEY_BYTES, "worker_%u", worker);
}

/* ---- the four answers ---- */

static void workers_fill(struct rte_tel_data *d)
{
	char key[KEY_BYTES];
	for (uint32_t w = 0; w < current.worker_count; w++) {
		const struct view_worker *v = &current.workers[w];
		worker_key(w, key);
		struct rte_tel_data *child = telemetry_child(d, key);
		if (child == NULL)
			return;
		rte_tel_data_add_dict_uint(child, "lcore", v->lcore);
		rte_tel_data_add_dict_uint(child, "turns", view_read(&v->loop->turns));
		rte_tel_data_add_dict_uint(child, "busy_turns", view_read(&v->loop->busy_turns));
		rte_tel_data_add_dict_uint(child, "busy_cycles", view_read(&v->loop->busy_cycles));
		rte_tel_data_add_dict_uint(child, "total_cycles", view_read(&v->loop->total_cycles));
		rte_tel_data_add_dict_uint(child, "tsc_hz", current.tsc_hz);
		rte_tel_data_add_dict_uint(child, "sleeps", view_read(&v->loop->sleeps));
		rte_tel_data_add_dict_uint(child, "longest_turn_us", view_read(&v->loop->longest_turn_us));
		rte_tel_data_add_dict_uint(child, "busy_per_mille", (uint64_t)(v->busy_ratio * 1000));
		rte_tel_data_add_dict_uint(child, "blocks", v->pool->total);
		rte_tel_data_add_dict_uint(child, "blocks_free", v->pool->free_count);
		rte_tel_data_add_dict_uint(child, "sessions", v->sessions);
		rte_tel_data_add_dict_uint(child, "nexts", v->nexts);
	}
}

static void relay_fill(struct rte_tel_data *d)
{
	for (enum relay_counter c = 0; c < RELAY_COUNTER_COUNT; c++) {
		uint64_t sum = 0;
		for (uint32_t w = 0; w < current.worker_count; w++)
			sum += view_read(&current.workers[w].relay[c]);
		rte_tel_data_add_dict_uint(d, label_of(relay_counter_name(c)).text, sum);
	}
}

static void stack_fill(struct rte_tel_data *d, const struct view_stack *s)
{
	rte_tel_data_add_dict_uint(d, "connections", s->connections);
	rte_tel_data_add_dict_uint(d, "time_waits", s->time_waits);
	rte_tel_data_add_dict_uint(d, "segments_in", view_read(&s->tcp->segments_in));
	rte_tel_data_add_dict_uint(d, "segments_out", view_read(&s->tcp->segments_out));
	rte_tel_data_add_dict_uint(d, "retransmits", view_read(&s->tcp->retransmits));
	rte_tel_data_add_dict_uint(d, "opened_active", view_read(&s->tcp->opened_active));
	rte_tel_data_add_dict_uint(d, "opened_passive", view_read(&s->tcp->opened_passive));
	rte_tel_data_add_dict_uint(d, "closed", view_read(&s->tcp->closed));
	rte_tel_data_add_dict_uint(d, "foreign", view_read(&s->tcp->foreign));
	for (enum tcp_drop drop = 0; drop < TCP_DROP_COUNT; drop++)
		if (view_read(&s->tcp->drops[drop]) > 0)
			rte_tel_data_add_dict_uint(d, label_of(tcp_drop_name(drop)).text,
			                           view_read(&s->tcp->drops[drop]));
}

static void tcp_fill(struct rte_tel_data *d)
{
	char key[KEY_BYTES];
	for (uint32_t w = 0; w < current.worker_count; w++) {
		for (uint32_t s = 0; s < current.workers[w].stack_count; s++) {
			snprintf(key, sizeof(key), "worker_%u_port_%u", w, s);
			struct rte_tel_data *child = telemetry_child(d, key);
			if (child == NULL)
				return;
			stack_fill(child, &current.workers[w].stacks[s]);
		}
	}
}

static void budget_fill(struct rte_tel_data *d)
{
	static struct histogram sum; /* too large for the stack; guarded by lock */
	for (enum relay_stage s = 0; s <= RELAY_STAGE_COUNT; s++) {
		struct rte_tel_data *child = telemetry_child(d, view_stage_name(s).text);
		if (child == NULL)
			return;
		view_budget(&current, s, &sum);
		rte_tel_data_add_dict_uint(child, "count", sum.count);
		rte_tel_data_add_dict_uint(child, "p50_us", histogram_percentile(&sum, 50000));
		rte_tel_data_add_dict_uint(child, "p99_us", histogram_percentile(&sum, 99000));
		rte_tel_data_add_dict_uint(child, "p999_us", histogram_percentile(&sum, 99900));
		rte_tel_data_add_dict_uint(child, "max_us", sum.max_us);
		rte_tel_data_add_dict_uint(child, "over_10ms", sum.over_target);
		rte_tel_data_add_dict_uint(child, "over_15ms", sum.over_limit);
	}
}

static int workers_command(const char *command, const char *parameters, struct rte_tel_data *d)
{
	(void)command;
	(void)parameters;
	return answer(d, workers_fill);
}

static int relay_command(const char *command, const char *parameters, struct rte_tel_data *d)
{
	(void)command;
	(void)parameters;
	return answer(d, relay_fill);
}

static int tcp_command(const char *command, const char *parameters, struct rte_tel_data *d)
{
	(void)command;
	(void)parameters;
	return answer(d, tcp_fill);
}

static int budget_command(const char *command, const char *parameters, struct rte_tel_data *d)
{
	(void)command;
	(void)parameters;
	return answer(d, budget_fill);
}

/* For /eal/lcore/usage: cycles spent at work, of all cycles awake. */
static int lcore_usage(unsigned lcore, struct rte_lcore_usage *usage)
{
	int found = -ENOENT;
	pthread_mutex_lock(&lock);
	if (view_fill != NULL)
		view_fill(view_context, &current);
	for (uint32_t w = 0; view_fill != NULL && w < current.worker_count; w++) {
		if (current.workers[w].lcore != lcore)
			continue;
		usage->busy_cycles = view_read(&current.workers[w].loop->busy_cycles);
		usage->total_cycles = view_read(&current.workers[w].loop->total_cycles);
		found = 0;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

bool telemetry_start(telemetry_view *fill, void *context)
{
	static const struct {
		const char *name, *help;
		telemetry_cb answer;
	} commands[] = {
		{ "/weir/workers", "Loop, memory and sessions of each worker.", workers_command },
		{ "/weir/relay", "What the relay counts, all workers together.", relay_command },
		{ "/weir/tcp", "TCP counters and drops of each worker and port.", tcp_command },
		{ "/weir/budget", "Engine-caused delay of messages, by stage.", budget_command },
	};
	pthread_mutex_lock(&lock);
	view_fill = fill;
	view_context = context;
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (rte_telemetry_register_cmd(commands[i].name, commands[i].answer, commands[i].help) != 0)
			return false;
	rte_lcore_register_usage_cb(lcore_usage);
	return true;
}

void telemetry_stop(void)
{
	rte_lcore_register_usage_cb(NULL);
	pthread_mutex_lock(&lock);
	view_fill = NULL;
	pthread_mutex_unlock(&lock);
}
