/*
 * steps_tcp.c - a segment out of our stack, and into it (steps.h): two stacks back to back, one bulk
 * connection, checksums in software.
 */
#include <string.h>

#include "bench/steps/steps.h"
#include "tcp/tcp.h"

#define BLOCKS 4096u
#define FRAME_BYTES 1518u /* with room for a VLAN tag */
#define SEGMENTS 8u /* fewer than the initial window, so that a batch never waits for it */
#define ROUNDS_MAX 64u

struct end {
	struct tcp_stack *stack;
	struct block_pool *pool;
	struct handle id;
	bool open;
};

struct frames {
	uint32_t count;
	size_t bytes[SEGMENTS];
	uint8_t data[SEGMENTS][FRAME_BYTES];
};

static struct end from, to;
static struct instant now = { .us = SECOND_US };
static struct frames out, back;
static uint8_t content[65536];

static struct tcp_config config_of(uint8_t number)
{
	struct tcp_config c = {
		.mac = { 2, 0, 0, 0, 0, number },
		.mtu = 1500,
		.address_count = 1,
		.connections_max = 64,
		.half_open_max = 16,
		.rx_bytes_max = 262144,
		.tx_bytes_max = 262144,
		.reorder_bytes_max = 65536,
		.time_wait_us = SECOND_US,
		.port_first = 32768,
		.port_last = 60999,
		.port_stride = 1,
		.secret = { .k0 = number, .k1 = 7 },
		.seed = number,
	};
	c.addresses[0].addr = (struct ip_addr){ .family = IP_V4, .bytes = { 198, 18, 0, number } };
	c.addresses[0].bits = 24;
	return c;
}

static void end_make(struct end *e, uint8_t number)
{
	struct tcp_config c = config_of(number);
	struct arena arena;
	e->pool = steps_pool(BLOCKS);
	arena_init(&arena, NULL, 0);
	(void)!tcp_make(&arena, &c, e->pool, NULL, now);
	size_t bytes = arena.used;
	arena_init(&arena, steps_memory(bytes), bytes);
	e->stack = tcp_make(&arena, &c, e->pool, NULL, now);
	steps_need(e->stack != NULL, "no TCP stack");
}

static void events(struct end *e)
{
	struct tcp_event event;
	while (tcp_next_event(e->stack, &event)) {
		e->open = e->open || (event.bits & (TCP_OPENED | TCP_ACCEPTED)) != 0;
		e->id = event.id;
	}
}

static void collect(struct end *e, struct frames *f)
{
	struct tcp_frame_meta meta;
	for (f->count = 0; f->count < SEGMENTS; f->count++) {
		struct room room = { .data = f->data[f->count], .bytes = FRAME_BYTES };
		f->bytes[f->count] = tcp_output(e->stack, room, &meta, now);
		if (f->bytes[f->count] == 0)
			return;
	}
}

static void deliver(struct end *e, const struct frames *f)
{
	for (uint32_t i = 0; i < f->count; i++)
		tcp_input(e->stack, span_of(f->data[i], f->bytes[i]), 0, now);
}

/* Everything that either has to say is said, and what arrived is read; time passes a little. */
static void settle(void)
{
	for (uint32_t i = 0; i < ROUNDS_MAX; i++) {
		now = instant_add(now, 50);
		collect(&from, &out);
		deliver(&to, &out);
		events(&to);
		if (to.open) {
			struct byteq *rx = tcp_rx(to.stack, to.id);
			byteq_clear(rx, to.pool);
			tcp_rx_taken(to.stack, to.id, now);
		}
		collect(&to, &back);
		deliver(&from, &back);
		events(&from);
		if (out.count + back.count == 0)
			break;
	}
	now = instant_add(now, 1000);
	tcp_expire(from.stack, now);
	tcp_expire(to.stack, now);
}

static void tcp_begin(void)
{
	struct handle id;
	if (from.stack != NULL) { /* another step's last batch is still under way */
		deliver(&to, &out);
		settle();
		return;
	}
	end_make(&from, 1);
	end_make(&to, 2);
	struct endpoint there = { .addr = { .family = IP_V4, .bytes = { 198, 18, 0, 2 } }, .port = 25 };
	steps_need(tcp_listen(to.stack, there, 0), "no listener");
	steps_need(tcp_connect(from.stack, there, 1, now, &id) == TCP_CONNECT_STARTED, "no connection");
	for (uint32_t i = 0; i < ROUNDS_MAX && !(from.open && to.open); i++)
		settle();
	steps_need(from.open && to.open, "the connection did not open");
	from.id = id;
}

/* A batch's content lies in the queue, the windows are open, nothing is under way. */
static void fill(void)
{
	settle();
	struct byteq *tx = tcp_tx(from.stack, from.id);
	size_t bytes = SEGMENTS * 1448u;
	steps_need(byteq_write(tx, from.pool, span_of(content, bytes)) == bytes, "no blocks");
	tcp_tx_added(from.stack, from.id, now);
}

static void output_batch(void)
{
	collect(&from, &out);
}

static void output_prepare(void)
{
	static bool begun;
	steps_need(!begun || out.count == SEGMENTS, "fewer segments than there should be");
	begun = true;
	if (out.count > 0) { /* those of the batch before */
		deliver(&to, &out);
		out.count = 0;
	}
	fill();
}

static void input_prepare(void)
{
	fill();
	collect(&from, &out);
	steps_need(out.count == SEGMENTS, "fewer segments than there should be");
}

static void input_batch(void)
{
	deliver(&to, &out);
}

const struct step steps_tcp[] = {
	{ "tcp-output", "segment", "a full segment written, checksum in software", tcp_begin, output_prepare,
	  output_batch, SEGMENTS },
	{ "tcp-input", "segment", "a full segment in order, checked and queued", tcp_begin, input_prepare,
	  input_batch, SEGMENTS },
};
const uint32_t steps_tcp_count = COUNT_OF(steps_tcp);
