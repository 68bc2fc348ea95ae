/*
 * tcp_facade.c - the facade's host: memory, time and sockets. See tcp_facade.h.
 */
#include <stdlib.h>
#include <string.h>

#include "tcp/stack_int.h"
#include "tests/lib/facade_int.h"
#include "tests/lib/plain_config.h"

/* ---- one host ---- */

struct facade_options facade_defaults(void)
{
	struct facade_options o = { .stack = plain_config(1), .blocks = 512, .begin = { .us = 1000 * SECOND_US } };
	o.stack.connections_max = FACADE_SOCKETS_MAX;
	o.stack.half_open_max = FACADE_SOCKETS_MAX / 4;
	o.stack.route_count = 2;
	o.stack.routes[0] = tcp_gateway(plain_addr("198.18.0.254"));
	o.stack.routes[1] = tcp_gateway(plain_addr("2001:2::fe"));
	return o;
}

struct facade *facade_make(const struct facade_options *options)
{
	struct arena dry;
	struct facade *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->options = *options;
	f->now = options->begin;
	if (options->pieces > 0) {
		f->options.stack.large_frames = true;
		f->scatter = malloc(sizeof(*f->scatter));
		if (f->scatter == NULL)
			abort();
		scatter_init(f->scatter, options->stack.seed, options->pieces);
	}
	arena_init(&dry, NULL, 0);
	if (tcp_make(&dry, &f->options.stack, &f->pool, NULL, f->now) != NULL)
		abort();
	f->memory = aligned_alloc(ARENA_ALIGN, dry.used);
	f->block_memory = aligned_alloc(BLOCK_BYTES, (size_t)options->blocks * BLOCK_BYTES);
	if (f->memory == NULL || f->block_memory == NULL)
		abort();
	arena_init(&f->arena, f->memory, dry.used);
	block_pool_init(&f->pool, f->block_memory, options->blocks);
	f->stack = tcp_make(&f->arena, &f->options.stack, &f->pool, NULL, f->now);
	CHECK(f->stack != NULL);
	return f;
}

void facade_free(struct facade *f)
{
	while (f->first != NULL) {
		struct facade_packet *p = f->first;
		f->first = p->next;
		free(p);
	}
	free(f->memory);
	free(f->block_memory);
	free(f->scatter);
	free(f);
}

/* ---- time ---- */

struct instant facade_now(const struct facade *f)
{
	return f->now;
}

struct instant facade_deadline(const struct facade *f)
{
	return tcp_deadline(f->stack);
}

void facade_advance_to(struct facade *f, struct instant to)
{
	facade_collect(f);
	facade_news(f);
	while (instant_before(f->now, to)) {
		struct instant at = instant_earlier(tcp_deadline(f->stack), to);
		f->now = instant_before(f->now, at) ? at : instant_add(f->now, 1);
		tcp_expire(f->stack, f->now);
		facade_news(f);
		if (instant_before(f->now, to))
			facade_collect(f); /* at `to` itself the caller may have more to say */
	}
}

void facade_advance(struct facade *f, uint64_t us)
{
	facade_advance_to(f, instant_add(f->now, us));
}

/* ---- sockets ---- */

static struct facade_socket *socket_of(struct facade *f, int socket)
{
	if (socket < 0 || (unsigned)socket >= FACADE_SOCKETS_MAX)
		return NULL;
	struct facade_socket *s = &f->sockets[socket];
	return s->kind == SOCKET_FREE ? NULL : s;
}

static struct facade_socket *stream_of(struct facade *f, int socket)
{
	struct facade_socket *s = socket_of(f, socket);
	return s != NULL && s->kind == SOCKET_STREAM ? s : NULL;
}

int facade_socket(struct facade *f, enum ip_family family)
{
	for (unsigned i = 0; i < FACADE_SOCKETS_MAX; i++) {
		struct facade_socket *s = &f->sockets[i];
		if (s->kind != SOCKET_FREE)
			continue;
		*s = (struct facade_socket){ .kind = SOCKET_FRESH, .family = family, .listener = -1 };
		s->options[FACADE_RECEIVE_BUFFER] = f->options.stack.rx_bytes_max;
		s->options[FACADE_SEND_BUFFER] = f->options.stack.tx_bytes_max;
		s->options[FACADE_NO_DELAY] = 1;
		s->options[FACADE_KEEP_IDLE_MS] = f->options.stack.keepalive.idle_ms;
		s->options[FACADE_KEEP_INTERVAL_MS] = f->options.stack.keepalive.interval_ms;
		s->options[FACADE_KEEP_PROBES] = f->options.stack.keepalive.probes;
		s->options[FACADE_USER_TIMEOUT_MS] = f->options.stack.user_timeout_ms;
		return (int)i;
	}
	return -1;
}

enum facade_result facade_bind(struct facade *f, int socket, struct endpoint local)
{
	struct facade_socket *s = socket_of(f, socket);
	if (s == NULL || s->kind != SOCKET_FRESH)
		return FACADE_BAD_SOCKET;
	uint8_t index;
	bool any = local.addr.family == IP_NONE;
	if (!any && (local.addr.family != s->family || !host_owns(f->stack, local.addr, &index)))
		return FACADE_INVALID;
	s->local = local;
	s->bound = true;
	return FACADE_OK;
}

enum facade_result facade_listen(struct facade *f, int socket, uint32_t backlog)
{
	struct facade_socket *s = socket_of(f, socket);
	if (s == NULL || s->kind != SOCKET_FRESH)
		return FACADE_BAD_SOCKET;
	if (!s->bound || s->local.port == 0)
		return FACADE_INVALID;
	for (unsigned i = 0; i < FACADE_SOCKETS_MAX; i++) {
		const struct facade_socket *other = &f->sockets[i];
		if (other->kind == SOCKET_LISTENING && other->local.port == s->local.port &&
		    ip_addr_equal(other->local.addr, s->local.addr))
			return FACADE_IN_USE;
	}
	if (!tcp_listen(f->stack, s->local, (uint32_t)socket))
		return FACADE_IN_USE;
	s->kind = SOCKET_LISTENING;
	s->backlog = backlog;
	return FACADE_OK;
}

static void options_apply(struct facade *f, struct facade_socket *s)
{
	if (s->kind != SOCKET_STREAM || s->closed)
		return;
	tcp_bounds_set(f->stack, s->id, (uint32_t)s->options[FACADE_RECEIVE_BUFFER],
	               (uint32_t)s->options[FACADE_SEND_BUFFER]);
	tcp_nagle_set(f->stack, s->id, s->options[FACADE_NO_DELAY] == 0, f->now);
	struct tcp_keepalive keep = { .idle_ms = (uint32_t)s->options[FACADE_KEEP_IDLE_MS],
		                      .interval_ms = (uint32_t)s->options[FACADE_KEEP_INTERVAL_MS],
		                      .probes = (uint8_t)s->options[FACADE_KEEP_PROBES] };
	tcp_keepalive_set(f->stack, s->id, &keep, f->now);
	tcp_user_timeout_set(f->stack, s->id, (uint32_t)s->options[FACADE_USER_TIMEOUT_MS]);
}

/* ---- news ---- */

static uint32_t waiting_for(const struct facade *f, int listener)
{
	uint32_t count = 0;
	for (unsigned i = 0; i < FACADE_SOCKETS_MAX; i++)
		count += f->sockets[i].kind == SOCKET_STREAM && f->sockets[i].listener == listener;
	return count;
}

static struct facade_socket *adopt(struct facade *f, const struct tcp_event *e)
{
	struct facade_socket *listener = socket_of(f, (int)e->tag);
	bool room = listener != NULL && listener->kind == SOCKET_LISTENING &&
	            waiting_for(f, (int)e->tag) < listener->backlog;
	int number = room ? facade_socket(f, IP_V4) : -1;
	if (number < 0) {
		tcp_abort(f->stack, e->id, f->now);
		return NULL;
	}
	struct facade_socket *s = &f->sockets[number];
	s->kind = SOCKET_STREAM;
	s->listener = (int)e->tag;
	s->id = e->id;
	s->opened = true;
	memcpy(s->options, listener->options, sizeof(s->options));
	tcp_user_set(f->stack, e->id, (uint64_t)number + 1);
	options_apply(f, s);
	return s;
}

void facade_news(struct facade *f)
{
	struct tcp_event e;
	while (tcp_next_event(f->stack, &e)) {
		struct facade_socket *s = e.user != 0 ? &f->sockets[e.user - 1] : adopt(f, &e);
		if (s == NULL)
			continue;
		s->news |= e.bits;
		s->why = e.why;
		s->opened |= (e.bits & TCP_OPENED) != 0;
		s->eof |= (e.bits & TCP_EOF) != 0;
		s->closed |= (e.bits & TCP_CLOSED) != 0;
	}
}

/* ---- connections ---- */

enum facade_result facade_accept(struct facade *f, int socket, int *accepted, struct endpoint *peer)
{
	struct facade_socket *s = socket_of(f, socket);
	if (s == NULL || s->kind != SOCKET_LISTENING)
		return FACADE_BAD_SOCKET;
	for (unsigned i = 0; i < FACADE_SOCKETS_MAX; i++) {
		struct facade_socket *c = &f->sockets[i];
		if (c->kind != SOCKET_STREAM || c->listener != socket)
			continue;
		struct tcp_info info;
		tcp_info(f->stack, c->id, &info);
		c->listener = -1;
		c->family = (enum ip_family)info.remote.addr.family;
		*accepted = (int)i;
		if (peer != NULL)
			*peer = info.remote;
		return FACADE_OK;
	}
	return FACADE_AGAIN;
}

enum facade_result facade_connect(struct facade *f, int socket, struct endpoint remote)
{
	struct facade_socket *s = socket_of(f, socket);
	if (s == NULL || s->kind != SOCKET_FRESH)
		return FACADE_BAD_SOCKET;
	if (remote.addr.family != s->family)
		return FACADE_INVALID;
	switch (tcp_connect_from(f->stack, s->local, remote, (uint64_t)socket + 1, f->now, &s->id)) {
	case TCP_CONNECT_STARTED:
		s->kind = SOCKET_STREAM;
		options_apply(f, s);
		return FACADE_AGAIN;
	case TCP_CONNECT_NO_PORT:
		return FACADE_IN_USE;
	case TCP_CONNECT_NO_CONNECTION:
		return FACADE_NO_CONNECTION;
	case TCP_CONNECT_NO_ROUTE:
		return FACADE_UNREACHABLE;
	}
	return FACADE_INVALID;
}

enum facade_result facade_error(struct facade *f, int socket)
{
	const struct facade_socket *s = stream_of(f, socket);
	if (s == NULL)
		return FACADE_BAD_SOCKET;
	switch (s->closed ? s->why : TCP_CLOSE_NONE) {
	case TCP_CLOSE_RESET:
		return FACADE_RESET;
	case TCP_CLOSE_REFUSED:
		return FACADE_REFUSED;
	case TCP_CLOSE_TIMEOUT:
		return FACADE_TIMED_OUT;
	case TCP_CLOSE_UNREACHABLE:
		return FACADE_UNREACHABLE;
	case TCP_CLOSE_NONE:
	case TCP_CLOSE_DONE:
		return FACADE_OK;
	}
	return FACADE_OK;
}

enum facade_result facade_read(struct facade *f, int socket, struct room to, size_t *bytes)
{
	struct facade_socket *s = stream_of(f, socket);
	*bytes = 0;
	if (s == NULL)
		return FACADE_BAD_SOCKET;
	struct byteq *rx = tcp_rx(f->stack, s->id);
	if (byteq_bytes(rx) == 0) {
		enum facade_result error = facade_error(f, socket);
		return error != FACADE_OK || s->eof || s->closed || s->read_shut ? error : FACADE_AGAIN;
	}
	*bytes = byteq_copy_out(rx, 0, to);
	byteq_consume(rx, &f->pool, *bytes);
	tcp_rx_taken(f->stack, s->id, f->now);
	return FACADE_OK;
}

enum facade_result facade_write(struct facade *f, int socket, struct span from, size_t *bytes)
{
	struct facade_socket *s = stream_of(f, socket);
	*bytes = 0;
	if (s == NULL)
		return FACADE_BAD_SOCKET;
	if (s->closed) {
		enum facade_result error = facade_error(f, socket);
		return error == FACADE_OK ? FACADE_PIPE : error;
	}
	struct tcp_info info;
	tcp_info(f->stack, s->id, &info);
	if (info.shut)
		return FACADE_PIPE;
	struct span piece = span_head(from, tcp_tx_room(f->stack, s->id));
	*bytes = byteq_write(tcp_tx(f->stack, s->id), &f->pool, piece);
	tcp_tx_added(f->stack, s->id, f->now);
	return *bytes > 0 || from.bytes == 0 ? FACADE_OK : FACADE_AGAIN;
}

enum facade_result facade_shutdown(struct facade *f, int socket, enum facade_half half)
{
	struct facade_socket *s = stream_of(f, socket);
	if (s == NULL)
		return FACADE_BAD_SOCKET;
	s->read_shut |= (half & FACADE_READ) != 0;
	if ((half & FACADE_WRITE) != 0)
		tcp_shut(f->stack, s->id, f->now);
	return FACADE_OK;
}

enum facade_result facade_close(struct facade *f, int socket)
{
	struct facade_socket *s = socket_of(f, socket);
	if (s == NULL || s->kind == SOCKET_LISTENING) /* the stack's listeners stay for its life */
		return FACADE_BAD_SOCKET;
	if (s->kind == SOCKET_STREAM && s->options[FACADE_LINGER_RESET] != 0)
		tcp_abort(f->stack, s->id, f->now);
	else if (s->kind == SOCKET_STREAM)
		tcp_release(f->stack, s->id, f->now);
	s->kind = SOCKET_FREE;
	return FACADE_OK;
}

uint32_t facade_poll(struct facade *f, int socket)
{
	struct facade_socket *s = socket_of(f, socket);
	if (s == NULL || s->kind == SOCKET_FRESH)
		return 0;
	if (s->kind == SOCKET_LISTENING)
		return waiting_for(f, socket) > 0 ? FACADE_POLL_IN : 0;
	bool in = byteq_bytes(tcp_rx(f->stack, s->id)) > 0 || s->eof || s->closed;
	bool out = s->opened && tcp_tx_room(f->stack, s->id) > 0;
	return (in ? FACADE_POLL_IN : 0) | (out ? FACADE_POLL_OUT : 0) |
	       (s->eof ? FACADE_POLL_EOF : 0) | (s->closed ? FACADE_POLL_END : 0) |
	       (facade_error(f, socket) != FACADE_OK ? FACADE_POLL_ERR : 0);
}

/* ---- options ---- */

enum facade_result facade_option_set(struct facade *f, int socket, enum facade_option option,
                                     uint64_t value)
{
	struct facade_socket *s = socket_of(f, socket);
	if (s == NULL)
		return FACADE_BAD_SOCKET;
	if (option < FACADE_RECEIVE_BUFFER || option >= FACADE_OPTION_COUNT)
		return FACADE_INVALID;
	s->options[option] = value;
	options_apply(f, s);
	return FACADE_OK;
}

enum facade_result facade_option_get(struct facade *f, int socket, enum facade_option option,
                                     uint64_t *value)
{
	const struct facade_socket *s = socket_of(f, socket);
	if (s == NULL)
		return FACADE_BAD_SOCKET;
	if (option < FACADE_RECEIVE_BUFFER || option >= FACADE_OPTION_COUNT)
		return FACADE_INVALID;
	*value = s->options[option];
	return FACADE_OK;
}

enum facade_result facade_info(struct facade *f, int socket, struct tcp_info *info)
{
	const struct facade_socket *s = stream_of(f, socket);
	if (s == NULL)
		return FACADE_BAD_SOCKET;
	tcp_info(f->stack, s->id, info);
	return FACADE_OK;
}

/* ---- for tests of the stack itself ---- */

struct tcp_stack *facade_stack(struct facade *f)
{
	return f->stack;
}

struct block_pool *facade_pool(struct facade *f)
{
	return &f->pool;
}

struct handle facade_handle(struct facade *f, int socket)
{
	const struct facade_socket *s = stream_of(f, socket);
	return s != NULL ? s->id : HANDLE_NONE;
}

uint32_t facade_events(struct facade *f, int socket, enum tcp_close_reason *why)
{
	struct facade_socket *s = stream_of(f, socket);
	facade_news(f);
	if (s == NULL)
		return 0;
	uint32_t news = s->news;
	s->news = 0;
	*why = s->why;
	return news;
}

bool facade_is_empty(const struct facade *f)
{
	const struct tcp_stack *s = f->stack;
	return s->conns.used == 0 && s->waits.slab.used == 0 && s->reasms.used == 0 && s->searches.used == 0 &&
	       s->flows.count == 0 && s->half_open == 0 && s->sources.count == 0 && f->pool.free_count == f->pool.total &&
	       s->wheel.count == 0 && link_empty(&s->ready) && link_empty(&s->events) && link_empty(&s->stalled);
}
