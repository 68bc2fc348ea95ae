/*
 * tcp_facade_test.c - the facade as a script engine would use it: two hosts whose packets are carried
 * by hand, options, time, and the order of a SYN's options.
 */
#include "tests/lib/tcp_facade.h"

#include <string.h>

#include "tests/unit/unit.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/tcp_seg.h"

static struct facade *near, *far;
static int listener, client, server;

static struct endpoint far_end(enum ip_family family, const struct facade_options *o)
{
	return (struct endpoint){ .addr = o->stack.addresses[family == IP_V6 ? 1 : 0].addr, .port = 25 };
}

static unsigned carry(struct facade *from, struct facade *to)
{
	static uint8_t packet[FACADE_PACKET_BYTES_MAX];
	struct instant at;
	unsigned count = 0;
	size_t bytes;
	while ((bytes = facade_take(from, (struct room){ packet, sizeof(packet) }, &at)) > 0) {
		facade_inject(to, span_of(packet, bytes));
		count++;
	}
	return count;
}

static void settle(void)
{
	for (unsigned i = 0; i < 50; i++) {
		while (carry(near, far) + carry(far, near) > 0) {
		}
		facade_advance(near, 10 * MS_US);
		facade_advance(far, 10 * MS_US);
	}
}

static void begin(enum ip_family family, struct facade_options *b)
{
	struct facade_options a = facade_defaults();
	*b = facade_defaults();
	b->stack.addresses[0].addr.bytes[3] = 2;
	b->stack.addresses[1].addr.bytes[15] = 2;
	near = facade_make(&a);
	far = facade_make(b);
	listener = facade_socket(far, family);
	client = facade_socket(near, family);
	CU_ASSERT_EQUAL(facade_bind(far, listener, far_end(family, b)), FACADE_OK);
	CU_ASSERT_EQUAL(facade_listen(far, listener, 4), FACADE_OK);
	CU_ASSERT_EQUAL(facade_connect(near, client, far_end(family, b)), FACADE_AGAIN);
	settle();
	CU_ASSERT_EQUAL(facade_accept(far, listener, &server, NULL), FACADE_OK);
}

static void end(void)
{
	facade_advance(near, 200 * SECOND_US);
	facade_advance(far, 200 * SECOND_US);
	CU_ASSERT(facade_is_empty(near));
	CU_ASSERT(facade_is_empty(far));
	facade_free(near);
	facade_free(far);
}

static void dialogue(enum ip_family family)
{
	struct facade_options b;
	uint8_t bytes[100];
	size_t n;
	begin(family, &b);
	CU_ASSERT_EQUAL(facade_poll(near, client), FACADE_POLL_OUT);
	CU_ASSERT_EQUAL(facade_read(far, server, (struct room){ bytes, 100 }, &n), FACADE_AGAIN);
	CU_ASSERT_EQUAL(facade_write(near, client, SPAN("hello"), &n), FACADE_OK);
	settle();
	CU_ASSERT_EQUAL(facade_read(far, server, (struct room){ bytes, 100 }, &n), FACADE_OK);
	CU_ASSERT(span_equal(span_of(bytes, n), SPAN("hello")));
	CU_ASSERT_EQUAL(facade_shutdown(near, client, FACADE_WRITE), FACADE_OK);
	CU_ASSERT_EQUAL(facade_write(near, client, SPAN("more"), &n), FACADE_PIPE);
	settle();
	CU_ASSERT_EQUAL(facade_poll(far, server), FACADE_POLL_IN | FACADE_POLL_OUT | FACADE_POLL_EOF);
	CU_ASSERT(facade_read(far, server, (struct room){ bytes, 100 }, &n) == FACADE_OK && n == 0);
	CU_ASSERT_EQUAL(facade_close(far, server), FACADE_OK);
	settle();
	CU_ASSERT_EQUAL(facade_error(near, client), FACADE_OK);
	CU_ASSERT((facade_poll(near, client) & FACADE_POLL_END) != 0);
	CU_ASSERT_EQUAL(facade_close(near, client), FACADE_OK);
	end();
}

static void two_hosts_talk(void)
{
	dialogue(IP_V4);
	dialogue(IP_V6);
}

static void linger_resets(void)
{
	struct facade_options b;
	uint8_t bytes[10];
	size_t n;
	begin(IP_V4, &b);
	CU_ASSERT_EQUAL(facade_option_set(near, client, FACADE_LINGER_RESET, 1), FACADE_OK);
	CU_ASSERT_EQUAL(facade_close(near, client), FACADE_OK);
	settle();
	CU_ASSERT_EQUAL(facade_read(far, server, (struct room){ bytes, 10 }, &n), FACADE_RESET);
	CU_ASSERT((facade_poll(far, server) & FACADE_POLL_ERR) != 0);
	CU_ASSERT_EQUAL(facade_write(far, server, SPAN("x"), &n), FACADE_RESET);
	CU_ASSERT_EQUAL(facade_close(far, server), FACADE_OK);
	end();
}

static void a_port_without_listener_refuses(void)
{
	struct facade_options b;
	begin(IP_V4, &b);
	struct endpoint to = far_end(IP_V4, &b);
	to.port = 26;
	int other = facade_socket(near, IP_V4);
	CU_ASSERT_EQUAL(facade_bind(near, other, (struct endpoint){ .port = 40001 }), FACADE_OK);
	CU_ASSERT_EQUAL(facade_connect(near, other, to), FACADE_AGAIN);
	struct tcp_info info;
	CU_ASSERT_EQUAL(facade_info(near, other, &info), FACADE_OK);
	CU_ASSERT_EQUAL(info.local.port, 40001);
	settle();
	CU_ASSERT_EQUAL(facade_error(near, other), FACADE_REFUSED);
	int same = facade_socket(near, IP_V4);
	CU_ASSERT_EQUAL(facade_close(near, other), FACADE_OK);
	CU_ASSERT_EQUAL(facade_close(near, same), FACADE_OK);
	(void)facade_close(near, client);
	(void)facade_close(far, server);
	settle();
	end();
}

/* The options of the first SYN, as they stand in the packet. */
static size_t syn_options(struct facade_options o, uint8_t *options, struct instant *at)
{
	uint8_t packet[200];
	struct ip_view ip;
	struct facade *f = facade_make(&o);
	int s = facade_socket(f, IP_V4);
	struct endpoint to = { .addr = o.stack.addresses[0].addr, .port = 25 };
	to.addr.bytes[0] = 203; /* off-link: by the gateway */
	CU_ASSERT_EQUAL(facade_connect(f, s, to), FACADE_AGAIN);
	size_t bytes = facade_take(f, (struct room){ packet, sizeof(packet) }, at);
	CU_ASSERT_FATAL(ip4_parse(span_of(packet, bytes), 0, false, &ip) == IP_OK);
	struct tcp_seg seg;
	CU_ASSERT_FATAL(tcp_seg_parse(&ip, false, &seg) == TCP_SEG_OK);
	size_t count = ip.payload.bytes - TCP_HEADER_BYTES;
	memcpy(options, ip.payload.data + TCP_HEADER_BYTES, count);
	facade_advance(f, 5 * SECOND_US);
	*at = (struct instant){ 0 };
	(void)!facade_take(f, (struct room){ packet, sizeof(packet) }, at); /* the first repetition */
	(void)facade_close(f, s);
	facade_free(f);
	return count;
}

static void what_is_settable_shows_on_the_wire(void)
{
	struct facade_options o = facade_defaults();
	uint8_t options[40];
	struct instant at;
	o.stack.window_shift = 7;
	o.stack.rto_initial_us = 300 * MS_US;
	CU_ASSERT_EQUAL(syn_options(o, options, &at), 24);
	CU_ASSERT(memcmp(options, "\2\4\5\264\1\3\3\7\1\1\4\2\1\1\10\12", 16) == 0);
	CU_ASSERT_EQUAL(at.us, o.begin.us + 300 * MS_US);
	o.order = FACADE_ORDER_LINUX;
	CU_ASSERT_EQUAL(syn_options(o, options, &at), 20);
	CU_ASSERT(memcmp(options, "\2\4\5\264\4\2\10\12", 8) == 0);
	CU_ASSERT(memcmp(options + 16, "\1\3\3\7", 4) == 0);
}

static void a_full_backlog_resets(void)
{
	struct facade_options b;
	begin(IP_V4, &b);
	int more[5];
	for (unsigned i = 0; i < 5; i++) {
		more[i] = facade_socket(near, IP_V4);
		CU_ASSERT_EQUAL(facade_connect(near, more[i], far_end(IP_V4, &b)), FACADE_AGAIN);
	}
	settle();
	unsigned reset = 0;
	for (unsigned i = 0; i < 5; i++) {
		reset += facade_error(near, more[i]) == FACADE_RESET;
		(void)facade_close(near, more[i]);
	}
	CU_ASSERT_EQUAL(reset, 1);
	int taken;
	while (facade_accept(far, listener, &taken, NULL) == FACADE_OK)
		(void)facade_close(far, taken);
	(void)facade_close(near, client);
	(void)facade_close(far, server);
	settle();
	end();
}

static void wrong_calls_are_answered(void)
{
	struct facade_options o = facade_defaults();
	struct facade *f = facade_make(&o);
	uint8_t byte;
	size_t n;
	int s = facade_socket(f, IP_V4);
	CU_ASSERT_EQUAL(facade_read(f, s, (struct room){ &byte, 1 }, &n), FACADE_BAD_SOCKET);
	CU_ASSERT_EQUAL(facade_read(f, 300, (struct room){ &byte, 1 }, &n), FACADE_BAD_SOCKET);
	CU_ASSERT_EQUAL(facade_listen(f, s, 1), FACADE_INVALID);
	struct endpoint stranger = { .addr = o.stack.routes[0].via, .port = 25 };
	CU_ASSERT_EQUAL(facade_bind(f, s, stranger), FACADE_INVALID);
	CU_ASSERT_EQUAL(facade_poll(f, s), 0);
	CU_ASSERT_EQUAL(facade_deadline(f).us, UINT64_MAX);
	facade_inject(f, SPAN("not an IP packet"));
	facade_inject(f, SPAN_NONE);
	CU_ASSERT(facade_is_empty(f));
	facade_free(f);
}

UNIT("lib/tcp_facade", { "two hosts connect, talk, half-close and close", two_hosts_talk },
     { "closing with a reset reaches the peer as one", linger_resets },
     { "nobody listens: refused; the bound port is used", a_port_without_listener_refuses },
     { "scale, first timeout and order of options show on the wire",
       what_is_settable_shows_on_the_wire },
     { "connections above the backlog are reset", a_full_backlog_resets },
     { "calls that make no sense are answered, not obeyed", wrong_calls_are_answered })
