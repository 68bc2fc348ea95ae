/*
 * kernel.c - kernel sockets behind the generator's net (kernel.h).
 *
 * Edge-triggered: what epoll said is remembered (can_read, can_write) until the socket says EAGAIN.
 * A released connection whose last bytes the kernel has not taken yet is finished here alone, as
 * the stack would.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4, epoll_pwait2 */
#endif
#include "bench/gen/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define KERNEL_EVENTS 256
#define KERNEL_LISTENERS 8u
#define LISTENER_FLAG ((uint64_t)1 << 63)
#define CONNECTION_MAGIC 0x4b534f43u
#define LISTEN_BACKLOG 1024
#define SOCKET_NODELAY 1 /* TCP_NODELAY: its header has a struct tcp_info of its own */

struct connection {
	struct slab_head head;
	int fd;
	struct byteq rx, tx;
	uint64_t user;
	struct connection *next_event; /* singly linked: events are taken from the front */
	bool queued;
	uint32_t bits, tag;
	enum tcp_close_reason why;
	bool connecting, can_read, can_write, eof, over, shut;
	bool released; /* nobody knows the handle any more */
};

struct kernel_net {
	int epoll;
	struct block_pool *pool;
	struct slab slab;
	void *memory;
	struct connection *first, *last; /* with events */
	int listeners[KERNEL_LISTENERS];
	uint32_t tags[KERNEL_LISTENERS];
	uint32_t listener_count;
};

static void pump_in(struct kernel_net *n, struct connection *c);
static void pump_out(struct kernel_net *n, struct connection *c);

/* ---- small helpers ---- */

static socklen_t to_sockaddr(struct endpoint e, struct sockaddr_storage *to)
{
	memset(to, 0, sizeof(*to));
	if (e.addr.family == IP_V4) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)to;
		in->sin_family = AF_INET;
		in->sin_port = htons(e.port);
		memcpy(&in->sin_addr, e.addr.bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)to;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(e.port);
	memcpy(&in6->sin6_addr, e.addr.bytes, 16);
	return sizeof(*in6);
}

static struct connection *get(const struct kernel_net *n, struct handle id)
{
	struct connection *c = slab_get(&n->slab, id);
	CHECK(c != NULL);
	return c;
}

static void happen(struct kernel_net *n, struct connection *c, uint32_t bits)
{
	c->bits |= bits;
	if (c->released || c->queued)
		return;
	c->queued = true;
	c->next_event = NULL;
	if (n->last != NULL)
		n->last->next_event = c;
	else
		n->first = c;
	n->last = c;
}

static void forget_events(struct kernel_net *n, struct connection *c)
{
	struct connection *before = NULL;
	if (!c->queued)
		return;
	for (struct connection *at = n->first; at != c; at = at->next_event)
		before = at;
	if (before != NULL)
		before->next_event = c->next_event;
	else
		n->first = c->next_event;
	if (n->last == c)
		n->last = before;
	c->queued = false;
}

static void end(struct kernel_net *n, struct connection *c, enum tcp_close_reason why)
{
	if (c->over)
		return;
	c->over = true;
	c->eof = true;
	c->why = why;
	happen(n, c, TCP_CLOSED | TCP_EOF);
}

static enum tcp_close_reason reason_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return TCP_CLOSE_REFUSED;
	case ETIMEDOUT:
		return TCP_CLOSE_TIMEOUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
		return TCP_CLOSE_UNREACHABLE;
	default:
		return TCP_CLOSE_RESET;
	}
}

static void give_back(struct kernel_net *n, struct connection *c)
{
	forget_events(n, c);
	byteq_clear(&c->rx, n->pool);
	byteq_clear(&c->tx, n->pool);
	close(c->fd);
	slab_give(&n->slab, c);
}

static bool watch(struct kernel_net *n, int fd, uint64_t word, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u64 = word };
	return epoll_ctl(n->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static struct connection *adopt(struct kernel_net *n, int fd)
{
	int on = 1;
	struct connection *c = slab_take(&n->slab);
	if (c == NULL)
		return NULL;
	c->fd = fd;
	struct handle id = slab_handle(&n->slab, c);
	setsockopt(fd, IPPROTO_TCP, SOCKET_NODELAY, &on, sizeof(on));
	if (watch(n, fd, (uint64_t)id.slot << 32 | id.generation,
	          EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))
		return c;
	slab_give(&n->slab, c);
	return NULL;
}

/* ---- the operations of net.h ---- */

static bool net_listen(void *self, struct endpoint local, uint32_t tag)
{
	struct kernel_net *n = self;
	struct sockaddr_storage address;
	socklen_t bytes = to_sockaddr(local, &address);
	int on = 1;
	if (n->listener_count == KERNEL_LISTENERS)
		return false;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, bytes) != 0 || listen(fd, LISTEN_BACKLOG) != 0 ||
	    !watch(n, fd, LISTENER_FLAG | n->listener_count, EPOLLIN)) {
		close(fd);
		return false;
	}
	n->listeners[n->listener_count] = fd;
	n->tags[n->listener_count++] = tag;
	return true;
}

static enum tcp_connect_outcome net_connect(void *self, struct endpoint remote, uint64_t user,
                                            struct instant now, struct handle *id)
{
	(void)now;
	struct kernel_net *n = self;
	struct sockaddr_storage address;
	socklen_t bytes = to_sockaddr(remote, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return TCP_CONNECT_NO_CONNECTION;
	int outcome = connect(fd, (struct sockaddr *)&address, bytes);
	int error = outcome == 0 ? 0 : errno;
	struct connection *c = NULL;
	if (error == 0 || error == EINPROGRESS || error == ECONNREFUSED)
		c = adopt(n, fd);
	if (c == NULL) {
		close(fd);
		if (error == EADDRNOTAVAIL)
			return TCP_CONNECT_NO_PORT;
		return error == ENETUNREACH || error == EHOSTUNREACH ? TCP_CONNECT_NO_ROUTE
		                                                     : TCP_CONNECT_NO_CONNECTION;
	}
	c->user = user;
	c->connecting = error == EINPROGRESS;
	if (error == 0)
		happen(n, c, TCP_OPENED);
	else if (error == ECONNREFUSED)
		end(n, c, TCP_CLOSE_REFUSED);
	*id = slab_handle(&n->slab, c);
	return TCP_CONNECT_STARTED;
}

static bool net_next_event(void *self, struct tcp_event *event)
{
	struct kernel_net *n = self;
	struct connection *c = n->first;
	if (c == NULL)
		return false;
	*event = (struct tcp_event){ .id = slab_handle(&n->slab, c),
		                     .user = c->user,
		                     .bits = c->bits,
		                     .tag = c->tag,
		                     .why = c->why };
	forget_events(n, c);
	c->bits = 0;
	return true;
}

static struct byteq *net_rx(void *self, struct handle id)
{
	return &get(self, id)->rx;
}

static void net_rx_taken(void *self, struct handle id, struct instant now)
{
	(void)now;
	pump_in(self, get(self, id));
}

static struct byteq *net_tx(void *self, struct handle id)
{
	return &get(self, id)->tx;
}

static size_t net_tx_room(void *self, struct handle id)
{
	const struct connection *c = get(self, id);
	size_t held = byteq_bytes(&c->tx);
	return c->over || c->shut || held >= KERNEL_QUEUE_BYTES ? 0 : KERNEL_QUEUE_BYTES - held;
}

static void net_tx_added(void *self, struct handle id, struct instant now)
{
	(void)now;
	pump_out(self, get(self, id));
}

static void net_user_set(void *self, struct handle id, uint64_t user)
{
	get(self, id)->user = user;
}

static void net_shut(void *self, struct handle id, struct instant now)
{
	(void)now;
	struct connection *c = get(self, id);
	c->shut = true;
	pump_out(self, c);
}

static void net_abort(void *self, struct handle id, struct instant now)
{
	(void)now;
	struct connection *c = get(self, id);
	const struct linger none = { .l_onoff = 1, .l_linger = 0 };
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	give_back(self, c);
}

static void net_release(void *self, struct handle id, struct instant now)
{
	(void)now;
	struct kernel_net *n = self;
	struct connection *c = get(n, id);
	forget_events(n, c);
	c->released = true;
	c->shut = true;
	pump_out(n, c);
	if (c->over || byteq_bytes(&c->tx) == 0)
		give_back(n, c);
}

/* ---- moving bytes ---- */

static void pump_in(struct kernel_net *n, struct connection *c)
{
	while (c->can_read && !c->over && byteq_bytes(&c->rx) < KERNEL_QUEUE_BYTES) {
		struct room room = byteq_reserve(&c->rx, n->pool);
		if (room.bytes == 0)
			return; /* no block: the generator asks again when it has taken something */
		ssize_t got = recv(c->fd, room.data, room.bytes, 0);
		if (got > 0) {
			byteq_commit(&c->rx, (size_t)got);
			happen(n, c, TCP_READABLE);
			continue;
		}
		if (byteq_bytes(&c->rx) == 0)
			byteq_clear(&c->rx, n->pool); /* the room was not needed */
		c->can_read = false;
		if (got == 0) {
			c->eof = true;
			happen(n, c, TCP_EOF);
		} else if (errno == EINTR) {
			c->can_read = true;
		} else if (errno != EAGAIN) {
			end(n, c, reason_of(errno));
		}
	}
}

static void pump_out(struct kernel_net *n, struct connection *c)
{
	bool moved = false;
	while (c->can_write && !c->over && byteq_bytes(&c->tx) > 0) {
		struct span s = byteq_peek(&c->tx);
		bool more = byteq_bytes(&c->tx) > s.bytes;
		ssize_t taken = send(c->fd, s.data, s.bytes, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
		if (taken >= 0) {
			byteq_consume(&c->tx, n->pool, (size_t)taken);
			moved = true;
		} else if (errno != EINTR) {
			c->can_write = false;
			if (errno != EAGAIN)
				end(n, c, reason_of(errno));
		}
	}
	if (moved)
		happen(n, c, TCP_WRITABLE);
	if (c->shut && !c->over && byteq_bytes(&c->tx) == 0)
		shutdown(c->fd, SHUT_WR);
}

static void accept_all(struct kernel_net *n, uint32_t listener)
{
	for (uint32_t i = 0; i < LISTEN_BACKLOG; i++) {
		int fd = accept4(n->listeners[listener], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		struct connection *c = adopt(n, fd);
		if (c == NULL) {
			close(fd);
			continue;
		}
		c->tag = n->tags[listener];
		c->can_write = true;
		happen(n, c, TCP_ACCEPTED);
	}
}

static void take_epoll(struct kernel_net *n, const struct epoll_event *e)
{
	if (e->data.u64 & LISTENER_FLAG) {
		accept_all(n, (uint32_t)e->data.u64);
		return;
	}
	struct handle id = { .slot = (uint32_t)(e->data.u64 >> 32),
		             .generation = (uint32_t)e->data.u64 };
	struct connection *c = slab_get(&n->slab, id);
	if (c == NULL)
		return;
	int error = 0;
	socklen_t bytes = sizeof(error);
	if ((c->connecting || (e->events & EPOLLERR)) &&
	    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) == 0 && error != 0) {
		end(n, c, reason_of(error));
	} else if (c->connecting && (e->events & EPOLLOUT)) {
		c->connecting = false;
		happen(n, c, TCP_OPENED);
	}
	c->can_read = c->can_read || (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0;
	c->can_write = c->can_write || (e->events & EPOLLOUT) != 0;
	if (!c->released && !c->connecting)
		pump_in(n, c);
	pump_out(n, c);
	if (c->released && (c->over || byteq_bytes(&c->tx) == 0))
		give_back(n, c);
}

/* ---- as a whole ---- */

struct kernel_net *kernel_net_make(uint32_t connections_max, struct block_pool *pool)
{
	struct kernel_net *n = calloc(1, sizeof(*n));
	size_t bytes = slab_memory_bytes(sizeof(struct connection), connections_max);
	if (n == NULL)
		return NULL;
	n->pool = pool;
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	n->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (n->epoll < 0 || n->memory == NULL) {
		kernel_net_free(n);
		return NULL;
	}
	slab_init(&n->slab, n->memory, sizeof(struct connection), connections_max,
	          CONNECTION_MAGIC);
	return n;
}

struct gen_net kernel_net_of(struct kernel_net *net)
{
	static const struct gen_net_ops ops = {
		.listen = net_listen,
		.connect = net_connect,
		.next_event = net_next_event,
		.rx = net_rx,
		.rx_taken = net_rx_taken,
		.tx = net_tx,
		.tx_room = net_tx_room,
		.tx_added = net_tx_added,
		.user_set = net_user_set,
		.shut = net_shut,
		.abort = net_abort,
		.release = net_release,
	};
	return (struct gen_net){ .ops = &ops, .self = net };
}

void kernel_net_poll(struct kernel_net *net, uint64_t wait_us)
{
	struct epoll_event events[KERNEL_EVENTS];
	const struct timespec wait = { .tv_sec = (time_t)(wait_us / SECOND_US),
		                       .tv_nsec = (long)(wait_us % SECOND_US) * 1000 };
	int count = epoll_pwait2(net->epoll, events, KERNEL_EVENTS, &wait, NULL);
	for (int i = 0; i < count; i++)
		take_epoll(net, &events[i]);
}

bool kernel_net_has_events(const struct kernel_net *net)
{
	return net->first != NULL;
}

void kernel_net_free(struct kernel_net *net)
{
	uint32_t slot = 0;
	if (net->memory != NULL)
		for (struct connection *c = slab_next(&net->slab, &slot); c != NULL;
		     c = slab_next(&net->slab, &slot))
			give_back(net, c);
	for (uint32_t i = 0; i < net->listener_count; i++)
		close(net->listeners[i]);
	if (net->epoll >= 0)
		close(net->epoll);
	free(net->memory);
	free(net);
}
