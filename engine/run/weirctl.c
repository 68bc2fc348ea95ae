/*
 * weirctl.c - a command to look at the connections of a running weir: "weirctl conns" and "weirctl conn ID".
 *
 * A thin client of weir's telemetry socket (DPDK's, SOCK_SEQPACKET, one JSON answer a question). What it prints is
 * made from the answer by the same code that weir itself uses for log.black_box.
 */
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tcp/black_box.h"

#define SOCKETS "/run/dpdk/weir{,-[0-9]*}/dpdk_telemetry.v2" /* the first where dpdk.secondary is on */
#define ANSWER_BYTES 65536u /* DPDK's own bound is 16 KiB */
#define QUESTION_BYTES 96u
#define ROWS_MAX 1000u /* printed, where --max says nothing else */
#define FROM "0.0.0.0"

struct options {
	const char *command, *id, *socket, *pcapng;
	unsigned long rows_max;
};

static const char help[] =
	"NAME\n"
	"    weirctl - look at the TCP connections of a running weir\n"
	"SYNOPSIS\n"
	"    weirctl [--socket PATH] conns [--max N]\n"
	"    weirctl [--socket PATH] conn ID [--pcapng FILE]\n"
	"DESCRIPTION\n"
	"    conns  lists up to N (1000) connections: id, ours, theirs, state, age, time since the\n"
	"           peer was heard, bytes not read by us, bytes not acknowledged by it\n"
	"    conn   prints what TCP knows of one connection and the last 32 things that happened to\n"
	"           it; --pcapng writes them for Wireshark and tcpdump, headers only. IDs are those\n"
	"           of conns and of near_conn and next_conn in the log\n"
	"    PATH is " SOCKETS " where there is only one.\n"
	"EXIT STATUS\n"
	"    0 done, 1 no such connection, no weir, no answer or not of every worker, 64 wrong usage\n";

/* ---- asking ---- */

static int failed(const char *what, const char *why)
{
	fprintf(stderr, "weirctl: %s: %s\n", what, why);
	return -1;
}

/* -1 with the reason in errno. */
static int socket_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(to.sun_path))
		return -1;
	memcpy(to.sun_path, path, strlen(path));
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s >= 0 && connect(s, (struct sockaddr *)&to, sizeof(to)) == 0)
		return s;
	if (s >= 0)
		close(s);
	return -1;
}

/* The only one that answers: a weir that crashed has left its socket behind. */
static int socket_choose(void)
{
	glob_t found;
	int chosen = -1;
	if (glob(SOCKETS, GLOB_BRACE, NULL, &found) != 0)
		return failed(SOCKETS, "no weir is running here");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int s = socket_connect(found.gl_pathv[i]);
		if (s >= 0 && chosen >= 0) {
			globfree(&found);
			return failed(SOCKETS, "there are several: choose one with --socket");
		}
		chosen = s >= 0 ? s : chosen;
	}
	globfree(&found);
	return chosen >= 0 ? chosen : failed(SOCKETS, "no weir is running here");
}

static int socket_find(const char *path)
{
	static char greeting[ANSWER_BYTES];
	int s = path == NULL ? socket_choose() : socket_connect(path);
	if (s < 0)
		return path == NULL ? -1 : failed(path, strerror(errno));
	if (recv(s, greeting, sizeof(greeting), 0) <= 0)
		return failed(path == NULL ? SOCKETS : path, "says nothing");
	return s;
}

/* The answer proper, under the name of the command; NULL: none came. An empty one says "not found". */
static json_t *ask(int s, const char *command, const char *parameter)
{
	static char answer[ANSWER_BYTES];
	char question[QUESTION_BYTES];
	json_error_t error;
	int bytes = snprintf(question, sizeof(question), "%s,%s", command, parameter);
	if (send(s, question, (size_t)bytes, MSG_NOSIGNAL) != bytes)
		return NULL;
	ssize_t got = recv(s, answer, sizeof(answer), 0);
	json_t *all = got <= 0 ? NULL : json_loadb(answer, (size_t)got, 0, &error);
	json_t *inner = json_incref(json_object_get(all, command));
	json_decref(all);
	return inner;
}

static const char *text_at(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));
	return text == NULL ? "" : text;
}

static uint64_t number_at(const json_t *j, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(j, key));
}

/* Says so of a worker that took too long for its turn. */
static bool worker_silent(const json_t *answer)
{
	const json_t *worker = json_object_get(answer, "silent_worker");
	if (worker != NULL)
		fprintf(stderr, "weirctl: worker %llu does not answer\n", (unsigned long long)json_integer_value(worker));
	return worker != NULL;
}

/* ---- conns ---- */

static void row_print(const json_t *row)
{
	printf("%-16s %-24s %-24s %-12s %9.3f %9.3f %9llu %9llu\n", text_at(row, "id"), text_at(row, "local"),
	       text_at(row, "remote"), text_at(row, "state"), (double)number_at(row, "age_ms") / 1e3,
	       (double)number_at(row, "quiet_ms") / 1e3, (unsigned long long)number_at(row, "unread_bytes"),
	       (unsigned long long)number_at(row, "unacked_bytes"));
}

static int conns(int s, const struct options *o)
{
	char from[QUESTION_BYTES / 2] = FROM;
	unsigned long shown = 0;
	int status = EXIT_SUCCESS;
	printf("%-16s %-24s %-24s %-12s %9s %9s %9s %9s\n", "ID", "OURS", "THEIRS", "STATE", "AGE/s", "QUIET/s",
	       "UNREAD", "UNACKED");
	while (from[0] != '\0' && shown < o->rows_max) {
		const char *key;
		json_t *value, *answer = ask(s, "/weir/conns", from);
		if (answer == NULL)
			(void)failed("/weir/conns", "no answer");
		if (answer == NULL || worker_silent(answer))
			status = EXIT_FAILURE;
		snprintf(from, sizeof(from), "%s", text_at(answer, "next"));
		json_object_foreach(answer, key, value)
			if (json_is_object(value) && shown++ < o->rows_max)
				row_print(value);
		json_decref(answer);
	}
	return status;
}

/* ---- conn ---- */

static bool endpoint_at(const json_t *j, const char *key, struct endpoint *e)
{
	const char *text = text_at(j, key);
	return endpoint_parse(span_of(text, strlen(text)), e);
}

static bool record_read(const json_t *j, struct black_box_record *r)
{
	const json_t *entries = json_object_get(j, "entries");
	*r = (struct black_box_record){
		.last = { .us = number_at(j, "last_us") },
		.state = (uint8_t)number_at(j, "state_number"),
		.why = (uint8_t)number_at(j, "why"),
		.send_shift = (uint8_t)number_at(j, "send_shift"),
		.receive_shift = (uint8_t)number_at(j, "receive_shift"),
		.earlier = (uint32_t)number_at(j, "earlier"),
	};
	for (size_t i = 0; i < json_array_size(entries) && r->count < BLACK_BOX_ENTRIES; i++) {
		const char *hex = json_string_value(json_array_get(entries, i));
		if (hex == NULL || !black_box_entry_parse(span_of(hex, strlen(hex)), &r->entries[r->count++]))
			return false;
	}
	return endpoint_at(j, "local", &r->local) && endpoint_at(j, "remote", &r->remote);
}

static void info_print(json_t *info)
{
	const char *key;
	json_t *value;
	json_object_foreach(info, key, value) {
		if (json_is_string(value))
			printf("%s=%s ", key, json_string_value(value));
		else
			printf("%s=%lld ", key, (long long)json_integer_value(value));
	}
	printf("\n");
}

static int capture_write(const char *path, const struct black_box_record *r, struct conn_id id, int64_t wall_us)
{
	static uint8_t bytes[BLACK_BOX_PCAPNG_BYTES];
	struct writer w = writer_of((struct room){ .data = bytes, .bytes = sizeof(bytes) });
	black_box_pcapng(&w, r, id, wall_us);
	FILE *file = fopen(path, "wb");
	bool good = file != NULL && fwrite(bytes, 1, w.used, file) == w.used;
	if (file != NULL && fclose(file) != 0)
		good = false;
	if (!good)
		(void)failed(path, strerror(errno));
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int conn(int s, const struct options *o)
{
	static char page[BLACK_BOX_TEXT_BYTES];
	struct black_box_record record;
	struct conn_id id;
	json_t *answer = ask(s, "/weir/conn", o->id);
	bool found = answer != NULL && conn_id_parse(span_of(o->id, strlen(o->id)), &id) && record_read(answer, &record);
	int status = found ? EXIT_SUCCESS : EXIT_FAILURE;
	if (!found && !worker_silent(answer))
		(void)failed(o->id, "no such connection");
	if (found && o->pcapng != NULL) {
		status = capture_write(o->pcapng, &record, id, (int64_t)number_at(answer, "wall_us"));
	} else if (found) {
		struct text t = text_of(page, sizeof(page));
		black_box_text(&t, &record, id, (int64_t)number_at(answer, "wall_us"));
		info_print(json_object_get(answer, "info"));
		fputs(page, stdout);
	}
	json_decref(answer);
	return status;
}

/* ---- the command line ---- */

static bool value_take(int argc, char **argv, int *at, const char *name, const char **value)
{
	if (strcmp(argv[*at], name) != 0 || *at + 1 >= argc)
		return false;
	*value = argv[++*at];
	return true;
}

static bool options_read(int argc, char **argv, struct options *o)
{
	const char *rows = NULL;
	char *end = NULL;
	for (int i = 1; i < argc; i++) {
		if (value_take(argc, argv, &i, "--socket", &o->socket) || value_take(argc, argv, &i, "--max", &rows) ||
		    value_take(argc, argv, &i, "--pcapng", &o->pcapng))
			continue;
		if (argv[i][0] == '-' || (o->command != NULL && o->id != NULL))
			return false;
		*(o->command == NULL ? &o->command : &o->id) = argv[i];
	}
	o->rows_max = rows == NULL ? ROWS_MAX : strtoul(rows, &end, 10);
	if ((rows != NULL && (rows[0] == '\0' || *end != '\0')) || o->command == NULL)
		return false;
	if (strcmp(o->command, "conns") == 0)
		return o->id == NULL && o->pcapng == NULL;
	return strcmp(o->command, "conn") == 0 && o->id != NULL && strlen(o->id) < CONN_ID_TEXT_BYTES;
}

int main(int argc, char **argv)
{
	struct options o = { .command = NULL };
	if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		fputs(help, stdout);
		return EXIT_SUCCESS;
	}
	if (!options_read(argc, argv, &o)) {
		fputs(help, stderr);
		return 64;
	}
	int s = socket_find(o.socket);
	if (s < 0)
		return EXIT_FAILURE;
	int status = strcmp(o.command, "conns") == 0 ? conns(s, &o) : conn(s, &o);
	close(s);
	return status;
}
