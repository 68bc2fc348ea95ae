/*
 * seg_app.c - the application's side of a script, and the questions it asks.
 */
#include "seg_play.h"

static void accept_all(struct play *p)
{
	int accepted;
	while (p->listener >= 0 &&
	       facade_accept(p->host, p->listener, &accepted, NULL) == FACADE_OK)
		p->socket = accepted;
}

/* ---- the application ---- */

static void app_write(struct play *p)
{
	uint32_t bytes = next_number(p);
	for (uint32_t i = 0; i < bytes && !p->failed; i++) {
		uint8_t c = pattern(p->written++);
		size_t taken;
		if (facade_write(p->host, p->socket, span_of(&c, 1), &taken) != FACADE_OK || taken != 1)
			fail(p, "no room to write", NULL);
	}
}

static void app_read(struct play *p)
{
	static uint8_t data[1u << 20];
	uint32_t bytes = next_number(p);
	int fill = take_word(p, "fill") ? (int)next_number(p) : -1;
	size_t got = 0;
	if (bytes > sizeof(data) ||
	    facade_read(p->host, p->socket, (struct room){ data, bytes }, &got) != FACADE_OK ||
	    got != bytes) {
		fail(p, "fewer bytes to read", NULL);
		return;
	}
	for (uint32_t i = 0; i < bytes; i++)
		if (data[i] != (fill >= 0 ? (uint8_t)fill : pattern(p->read + i)))
			fail(p, "other bytes than the peer sent", NULL);
	p->read += bytes;
}

static uint32_t event_bit(struct play *p, const char *name)
{
	static const char *const names[] = { "accepted", "opened", "readable",
		                             "writable", "eof",    "closed" };
	for (unsigned i = 0; i < COUNT_OF(names); i++)
		if (strcmp(names[i], name) == 0)
			return 1u << i;
	fail(p, "unknown event", name);
	return 0;
}

static void app_event(struct play *p)
{
	static const char *const whys[] = { "none", "done", "reset", "refused", "timeout",
		                            "unreachable" };
	uint32_t want = 0;
	char got[60];
	enum tcp_close_reason why = TCP_CLOSE_NONE;
	uint32_t events = facade_events(p->host, p->socket, &why);
	while (*peek_word(p) != '\0' && strcmp(peek_word(p), "why") != 0)
		want |= event_bit(p, next_word(p));
	(void)snprintf(got, sizeof(got), "bits %#x, why %s", events, whys[why]);
	if (events != want)
		fail(p, "other events", got);
	if (take_word(p, "why") && strcmp(next_word(p), whys[why]) != 0)
		fail(p, "closed for another reason", got);
}

static void app_connect(struct play *p)
{
	struct endpoint peer = { .addr = p->peer, .port = PEER_PORT };
	p->socket = facade_socket(p->host, p->family);
	if (facade_connect(p->host, p->socket, peer) != FACADE_AGAIN)
		fail(p, "connect was refused", NULL);
}

static void app_listen(struct play *p)
{
	struct endpoint local = { .addr = p->own, .port = LOCAL_PORT };
	p->listener = facade_socket(p->host, p->family);
	if (facade_bind(p->host, p->listener, local) != FACADE_OK ||
	    facade_listen(p->host, p->listener, FLOWS_MAX) != FACADE_OK)
		fail(p, "listen was refused", NULL);
}

static void app_option(struct play *p)
{
	static const struct {
		const char *name;
		enum facade_option option;
	} names[] = { { "receive_buffer", FACADE_RECEIVE_BUFFER },
		      { "send_buffer", FACADE_SEND_BUFFER },
		      { "no_delay", FACADE_NO_DELAY },
		      { "keep_idle_ms", FACADE_KEEP_IDLE_MS },
		      { "keep_interval_ms", FACADE_KEEP_INTERVAL_MS },
		      { "keep_probes", FACADE_KEEP_PROBES },
		      { "user_timeout_ms", FACADE_USER_TIMEOUT_MS } };
	const char *name = next_word(p);
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(names[i].name, name) != 0)
			continue;
		int socket = p->socket >= 0 ? p->socket : p->listener;
		if (facade_option_set(p->host, socket, names[i].option, next_number(p)) != FACADE_OK)
			fail(p, "the option was refused", name);
		return;
	}
	fail(p, "unknown option", name);
}

/* Aborting and releasing are the two ways to close a socket. */
static void app_close(struct play *p, bool reset)
{
	(void)facade_option_set(p->host, p->socket, FACADE_LINGER_RESET, reset);
	if (facade_close(p->host, p->socket) != FACADE_OK)
		fail(p, "no connection to close", NULL);
}

static void check_drops(struct play *p)
{
	const char *name = next_word(p);
	uint32_t want = next_number(p);
	for (unsigned i = 0; i < TCP_DROP_COUNT; i++) {
		if (strcmp(tcp_drop_name((enum tcp_drop)i), name) != 0)
			continue;
		char got[40];
		uint64_t count = tcp_counters(facade_stack(p->host))->drops[i];
		(void)snprintf(got, sizeof(got), "%llu", (unsigned long long)count);
		if (count != want)
			fail(p, "drops", got);
		return;
	}
	fail(p, "unknown drop", name);
}

static void check_number(struct play *p, uint32_t got)
{
	char text[20];
	(void)snprintf(text, sizeof(text), "%u", got);
	if (next_number(p) != got)
		fail(p, "another number", text);
}

static void check_info(struct play *p)
{
	const char *name = next_word(p);
	struct tcp_info info = { 0 };
	if (facade_info(p->host, p->socket, &info) != FACADE_OK)
		fail(p, "no connection to ask", NULL);
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = { { "cwnd", info.congestion_bytes },     { "ssthresh", info.threshold_bytes },
		        { "mss", info.mss },                   { "flight", info.flight_bytes },
		        { "rto_ms", info.rto_us / MS_US },     { "retransmits", info.retransmits },
		        { "window", info.receive_window_bytes },
		        { "limit", info.receive_limit_bytes } };
	for (unsigned i = 0; i < COUNT_OF(numbers); i++) {
		if (strcmp(numbers[i].name, name) == 0) {
			check_number(p, (uint32_t)numbers[i].value);
			return;
		}
	}
	fail(p, "unknown number", name);
}

static bool app_act(struct play *p)
{
	if (take_word(p, "listen"))
		app_listen(p);
	else if (take_word(p, "connect"))
		app_connect(p);
	else if (take_word(p, "write"))
		app_write(p);
	else if (take_word(p, "read"))
		app_read(p);
	else if (take_word(p, "shut"))
		(void)facade_shutdown(p->host, p->socket, FACADE_WRITE);
	else if (take_word(p, "abort"))
		app_close(p, true);
	else if (take_word(p, "release"))
		app_close(p, false);
	else if (take_word(p, "option"))
		app_option(p);
	else
		return false;
	return true;
}

/* Questions: false when the first word is none. */
static bool check_act(struct play *p)
{
	struct tcp_stack *s = facade_stack(p->host);
	if (take_word(p, "event"))
		app_event(p);
	else if (take_word(p, "drops"))
		check_drops(p);
	else if (take_word(p, "conns"))
		check_number(p, tcp_connections(s));
	else if (take_word(p, "waits"))
		check_number(p, tcp_time_waits(s));
	else if (take_word(p, "info"))
		check_info(p);
	else if (take_word(p, "empty")) {
		if (!facade_is_empty(p->host))
			fail(p, "something is left", NULL);
	} else
		return take_word(p, "silence");
	return true;
}

bool seg_app_act(struct play *p)
{
	accept_all(p);
	return app_act(p) || check_act(p);
}
