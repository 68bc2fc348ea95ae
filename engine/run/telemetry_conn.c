/*
 * telemetry_conn.c - see telemetry_conn.h.
 *
 * DPDK calls these on threads of its own, one per client; a mutex lets one at a time ask the workers, and waits at
 * most CONN_DESK_PATIENCE_MS for each. An entry of a black box travels as 40 hexadecimal digits. What is not found
 * is an empty dictionary; of a worker that does not answer in time it says "silent_worker", and goes on with the next.
 */
#include "run/telemetry_conn.h"

#include <pthread.h>
#include <string.h>

#include "run/telemetry_int.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct engine *engine;     /* guarded by lock, as is: */
static struct conn_answer answer; /* too large for the stack */

static void add_endpoint(struct rte_tel_data *d, const char *key, struct endpoint e)
{
	char buffer[ADDR_TEXT_BYTES];
	struct text t = text_of(buffer, sizeof(buffer));
	text_endpoint(&t, e);
	rte_tel_data_add_dict_string(d, key, buffer);
}

static void add_id(struct rte_tel_data *d, const char *key, struct conn_id id)
{
	char buffer[CONN_ID_TEXT_BYTES];
	struct text t = text_of(buffer, sizeof(buffer));
	text_conn_id(&t, id);
	rte_tel_data_add_dict_string(d, key, buffer);
}

/* ---- one connection ---- */

static void add_info(struct rte_tel_data *d, const struct tcp_info *i)
{
	rte_tel_data_add_dict_string(d, "state", i->state);
	rte_tel_data_add_dict_uint(d, "smoothed_rtt_us", i->smoothed_rtt_us);
	rte_tel_data_add_dict_uint(d, "rtt_variance_us", i->rtt_variance_us);
	rte_tel_data_add_dict_uint(d, "rto_us", i->rto_us);
	rte_tel_data_add_dict_uint(d, "mss", i->mss);
	rte_tel_data_add_dict_uint(d, "congestion_bytes", i->congestion_bytes);
	rte_tel_data_add_dict_uint(d, "threshold_bytes", i->threshold_bytes);
	rte_tel_data_add_dict_uint(d, "send_window_bytes", i->send_window_bytes);
	rte_tel_data_add_dict_uint(d, "receive_window_bytes", i->receive_window_bytes);
	rte_tel_data_add_dict_uint(d, "receive_limit_bytes", i->receive_limit_bytes);
	rte_tel_data_add_dict_uint(d, "flight_bytes", i->flight_bytes);
	rte_tel_data_add_dict_uint(d, "unsent_bytes", i->unsent_bytes);
	rte_tel_data_add_dict_uint(d, "retransmits", i->retransmits);
	rte_tel_data_add_dict_uint(d, "stamps", i->stamps);
	rte_tel_data_add_dict_uint(d, "sack", i->sack);
	rte_tel_data_add_dict_uint(d, "all_acked", i->all_acked);
	rte_tel_data_add_dict_uint(d, "peer_closed", i->peer_closed);
	rte_tel_data_add_dict_uint(d, "shut", i->shut);
}

static void add_entries(struct rte_tel_data *d, const struct black_box_record *r)
{
	struct rte_tel_data *entries = rte_tel_data_alloc();
	char hex[BLACK_BOX_HEX_BYTES];
	if (entries == NULL)
		return;
	rte_tel_data_start_array(entries, RTE_TEL_STRING_VAL);
	for (uint32_t i = 0; i < r->count; i++) {
		black_box_entry_hex(&r->entries[i], hex);
		rte_tel_data_add_array_string(entries, hex);
	}
	if (rte_tel_data_add_dict_container(d, "entries", entries, 0) != 0)
		rte_tel_data_free(entries);
}

static void one_fill(struct rte_tel_data *d, struct conn_id id)
{
	const struct black_box_record *r = &answer.record;
	add_id(d, "id", id);
	add_endpoint(d, "local", r->local);
	add_endpoint(d, "remote", r->remote);
	rte_tel_data_add_dict_int(d, "wall_us", answer.wall_us);
	rte_tel_data_add_dict_uint(d, "last_us", r->last.us);
	rte_tel_data_add_dict_uint(d, "state_number", r->state);
	rte_tel_data_add_dict_uint(d, "why", r->why);
	rte_tel_data_add_dict_uint(d, "send_shift", r->send_shift);
	rte_tel_data_add_dict_uint(d, "receive_shift", r->receive_shift);
	rte_tel_data_add_dict_uint(d, "earlier", r->earlier);
	add_entries(d, r);
	struct rte_tel_data *info = telemetry_child(d, "info");
	if (info != NULL)
		add_info(info, &answer.info);
}

/* ---- many ---- */

static void add_next_worker(struct rte_tel_data *d, uint16_t worker)
{
	struct conn_id next = { .worker = (uint16_t)(worker + 1) };
	if (next.worker < engine->worker_count)
		add_id(d, "next", next);
}

/* Behind the last one looked at: the same port, the next port, the next worker. */
static void add_next(struct rte_tel_data *d, struct conn_id at)
{
	at.handle.slot = answer.more ? answer.slot : 0;
	if (!answer.more)
		at.port++;
	if (at.port < engine->workers[at.worker].worker.port_count)
		add_id(d, "next", at);
	else
		add_next_worker(d, at.worker);
}

static void row_fill(struct rte_tel_data *d, struct conn_id id, const struct tcp_row *row)
{
	add_id(d, "id", id);
	add_endpoint(d, "local", row->local);
	add_endpoint(d, "remote", row->remote);
	rte_tel_data_add_dict_string(d, "state", row->state);
	rte_tel_data_add_dict_uint(d, "age_ms", row->age_ms);
	rte_tel_data_add_dict_uint(d, "quiet_ms", row->quiet_ms);
	rte_tel_data_add_dict_uint(d, "unread_bytes", row->unread_bytes);
	rte_tel_data_add_dict_uint(d, "unacked_bytes", row->unacked_bytes);
}

static void rows_fill(struct rte_tel_data *d, struct conn_id at)
{
	char key[16];
	for (uint32_t i = 0; i < answer.count; i++) {
		struct text t = text_of(key, sizeof(key));
		text_str(&t, "row_");
		text_u64_padded(&t, i, 2);
		struct rte_tel_data *row = telemetry_child(d, key);
		if (row == NULL)
			return;
		row_fill(row, (struct conn_id){ at.worker, at.port, answer.rows[i].id }, &answer.rows[i]);
	}
	add_next(d, at);
}

/* ---- commands ---- */

enum asked { ASKED_FOUND = 1, ASKED_NOTHING, ASKED_SILENT /* the worker did not answer in time */ };

static enum asked ask(const char *parameters, bool rows, struct conn_id *id)
{
	if (engine == NULL || parameters == NULL || !conn_id_parse(span_of(parameters, strlen(parameters)), id) ||
	    id->worker >= engine->worker_count)
		return ASKED_NOTHING;
	struct conn_ask question = { .rows = rows, .port = id->port, .slot = id->handle.slot, .id = id->handle };
	if (!conn_desk_ask(&engine->workers[id->worker].desk, &question, &answer))
		return ASKED_SILENT;
	return answer.found ? ASKED_FOUND : ASKED_NOTHING;
}

static int conn_command(const char *command, const char *parameters, struct rte_tel_data *d)
{
	struct conn_id id;
	(void)command;
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	enum asked asked = ask(parameters, false, &id);
	if (asked == ASKED_FOUND)
		one_fill(d, id);
	else if (asked == ASKED_SILENT)
		rte_tel_data_add_dict_uint(d, "silent_worker", id.worker);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int conns_command(const char *command, const char *parameters, struct rte_tel_data *d)
{
	struct conn_id id;
	(void)command;
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	enum asked asked = ask(parameters, true, &id);
	if (asked == ASKED_FOUND) {
		rows_fill(d, id);
	} else if (asked == ASKED_SILENT) {
		rte_tel_data_add_dict_uint(d, "silent_worker", id.worker);
		add_next_worker(d, id.worker);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

bool telemetry_conn_start(struct engine *e)
{
	pthread_mutex_lock(&lock);
	engine = e;
	pthread_mutex_unlock(&lock);
	return rte_telemetry_register_cmd("/weir/conn", conn_command,
	                                  "One connection: numbers and black box. Parameter: its id.") == 0 &&
	       rte_telemetry_register_cmd("/weir/conns", conns_command,
	                                  "Some connections. Parameter: 0.0.0.0, then what \"next\" says.") == 0;
}

void telemetry_conn_stop(void)
{
	pthread_mutex_lock(&lock);
	engine = NULL;
	pthread_mutex_unlock(&lock);
}
