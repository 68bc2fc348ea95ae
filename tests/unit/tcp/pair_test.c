/*
 * pair_test.c - two stacks back to back: seeded bytes both ways through a wire that loses,
 * reorders, duplicates and damages frames. What arrives is what was sent, and nothing is left
 * behind.
 */
#include "rig.h"
#include "tests/unit/unit.h"

struct side { /* an application at one end */
	struct handle id;
	bool open, shut, eof, closed, released;
	enum tcp_close_reason why;
	uint64_t to_write, written, read, read_expected;
	uint64_t write_key, read_key;
	bool corrupt;
	struct instant pause; /* does not read before */
};

struct talk {
	struct rig_wire wire;
	struct side side[2];
	uint64_t seed;
	bool slow_reader;
};

static uint8_t byte_of(uint64_t key, uint64_t at)
{
	uint64_t v = (at >> 3) * 0x9e3779b97f4a7c15u + key;
	v ^= v >> 29;
	v *= 0xbf58476d1ce4e5b9u;
	v ^= v >> 32;
	return (uint8_t)(v >> (8 * (at & 7)));
}

static void app_write(struct talk *t, uint32_t i)
{
	struct side *d = &t->side[i];
	struct tcp_stack *s = t->wire.end[i].stack;
	if (!d->open || d->closed || d->released || d->shut)
		return;
	const struct block_pool *pool = &t->wire.end[i].pool;
	size_t room = tcp_tx_room(s, d->id);
	if (pool->free_count <= pool->total / 2) /* who fills tx leaves blocks for what comes in */
		room = 0;
	else if (room > BLOCK_DATA_BYTES * (pool->free_count - pool->total / 2))
		room = BLOCK_DATA_BYTES * (pool->free_count - pool->total / 2);
	uint64_t left = d->to_write - d->written;
	uint64_t bytes = left < room ? left : room;
	if (bytes > 0)
		bytes = 1 + prng_below(&t->wire.prng, bytes);
	while (bytes > 0) {
		uint8_t piece[977];
		size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);
		for (size_t k = 0; k < n; k++)
			piece[k] = byte_of(d->write_key, d->written + k);
		size_t taken =
			byteq_write(tcp_tx(s, d->id), &t->wire.end[i].pool, span_of(piece, n));
		d->written += taken;
		bytes -= taken;
		if (taken < n)
			break;
	}
	tcp_tx_added(s, d->id, t->wire.now);
	if (d->written == d->to_write) {
		tcp_shut(s, d->id, t->wire.now);
		d->shut = true;
	}
}

static void app_read(struct talk *t, uint32_t i)
{
	struct side *d = &t->side[i];
	struct tcp_stack *s = t->wire.end[i].stack;
	if (!d->open || d->released || instant_before(t->wire.now, d->pause))
		return;
	struct byteq *q = tcp_rx(s, d->id);
	size_t budget = t->slow_reader ? prng_below(&t->wire.prng, 3000) : SIZE_MAX;
	while (byteq_bytes(q) > 0 && budget > 0) {
		struct span piece = span_head(byteq_peek(q), budget);
		for (size_t k = 0; k < piece.bytes; k++)
			d->corrupt |= piece.data[k] != byte_of(d->read_key, d->read + k);
		d->read += piece.bytes;
		budget -= piece.bytes;
		byteq_consume(q, &t->wire.end[i].pool, piece.bytes);
	}
	tcp_rx_taken(s, d->id, t->wire.now);
	if (t->slow_reader)
		d->pause = instant_add(t->wire.now, prng_below(&t->wire.prng, 20000));
}

static void app_events(struct talk *t, uint32_t i)
{
	struct side *d = &t->side[i];
	struct tcp_event e;
	while (tcp_next_event(t->wire.end[i].stack, &e)) {
		if (e.bits & TCP_ACCEPTED)
			d->id = e.id;
		if (e.bits & (TCP_ACCEPTED | TCP_OPENED))
			d->open = true;
		if (e.bits & TCP_EOF)
			d->eof = true;
		if (e.bits & TCP_CLOSED) {
			d->closed = true;
			d->why = e.why;
		}
	}
	app_read(t, i);
	app_write(t, i);
	if (d->closed && !d->released && byteq_bytes(tcp_rx(t->wire.end[i].stack, d->id)) == 0) {
		tcp_release(t->wire.end[i].stack, d->id, t->wire.now);
		d->released = true;
	}
}

static struct endpoint server_of(bool v6, const struct tcp_config *config)
{
	return (struct endpoint){ .addr = config->addresses[v6 ? 1 : 0].addr, .port = 25 };
}

static bool talk_finish(struct talk *t, uint64_t limit_us)
{
	struct instant end = instant_add(t->wire.now, limit_us);
	while (instant_before(t->wire.now, end)) {
		app_events(t, 0);
		app_events(t, 1);
		bool busy = false; /* an application will act by itself */
		for (uint32_t i = 0; i < 2; i++) {
			const struct side *d = &t->side[i];
			busy |= d->open && !d->released && t->slow_reader &&
			        d->pause.us > t->wire.now.us;
			busy |= d->open && !d->closed && !d->shut;
		}
		rig_turn(&t->wire, instant_add(t->wire.now, busy ? 5000 : 60 * SECOND_US));
		if (t->side[0].released && t->side[1].released && rig_is_empty(&t->wire.end[0]) &&
		    rig_is_empty(&t->wire.end[1]) && t->wire.frames == NULL)
			return true;
	}
	return false;
}

static void describe(const struct talk *t, const char *what)
{
	printf("\nseed %llu: %s\n", (unsigned long long)t->seed, what);
	for (uint32_t i = 0; i < 2; i++) {
		const struct side *d = &t->side[i];
		const struct tcp_stack *s = t->wire.end[i].stack;
		printf("  side %u: written %llu/%llu read %llu/%llu shut %d eof %d closed %d why %d "
		       "released %d corrupt %d; conns %u waits %u reasms %u flows %u timers %u "
		       "blocks %u/%u\n",
		       i, (unsigned long long)d->written, (unsigned long long)d->to_write,
		       (unsigned long long)d->read, (unsigned long long)d->read_expected, d->shut,
		       d->eof, d->closed, (int)d->why, d->released, d->corrupt, s->conns.used,
		       s->waits.slab.used, s->reasms.used, s->flows.count, s->wheel.count,
		       t->wire.end[i].pool.free_count, t->wire.end[i].pool.total);
		uint32_t slot = 0;
		const struct conn *c;
		while ((c = slab_next(&s->conns, &slot)) != NULL) {
			char line[300];
			struct text x = text_of(line, sizeof(line));
			conn_describe(s, c, &x);
			printf("    %s timer %u retries %u owed %u\n", line, c->timer_kind, c->retries,
			       c->acks_owed);
		}
	}
}

static void talk_make(struct talk *t, uint64_t seed, const struct tcp_config *a,
                      const struct tcp_config *b, uint32_t blocks, struct rig_faults faults,
                      uint64_t bytes, struct instant now)
{
	memset(t, 0, sizeof(*t));
	t->seed = seed;
	rig_wire_make(&t->wire, a, b, blocks, faults, seed, now);
	for (uint32_t i = 0; i < 2; i++) {
		t->side[i].to_write = prng_below(&t->wire.prng, bytes + 1);
		t->side[i].write_key = seed * 2 + i;
		t->side[1 - i].read_key = seed * 2 + i;
		t->side[1 - i].read_expected = t->side[i].to_write;
	}
}

static bool talk_check(struct talk *t, uint64_t limit_us)
{
	bool done = talk_finish(t, limit_us);
	bool good = done;
	for (uint32_t i = 0; i < 2; i++) {
		const struct side *d = &t->side[i];
		good = good && d->read == d->read_expected && !d->corrupt && d->eof &&
		       d->why == TCP_CLOSE_DONE;
	}
	if (!good)
		describe(t, done ? "wrong" : "not done");
	return good;
}

static bool talk_open(struct talk *t, bool v6, const struct tcp_config *server)
{
	if (!tcp_listen(t->wire.end[1].stack, server_of(v6, server), 7))
		return false;
	return tcp_connect(t->wire.end[0].stack, server_of(v6, server), 42, t->wire.now,
	                   &t->side[0].id) == TCP_CONNECT_STARTED;
}

static bool transfer_in(uint32_t blocks, uint64_t seed, bool v6, struct rig_faults faults,
                        uint64_t bytes, bool slow)
{
	struct talk t;
	struct tcp_config a = rig_config(1);
	struct tcp_config b = rig_config(2);
	talk_make(&t, seed, &a, &b, blocks, faults, bytes, (struct instant){ .us = 1000 * SECOND_US });
	t.slow_reader = slow;
	bool good = talk_open(&t, v6, &b) && talk_check(&t, 3600 * SECOND_US);
	rig_wire_free(&t.wire);
	return good;
}

static bool transfer(uint64_t seed, bool v6, struct rig_faults faults, uint64_t bytes, bool slow)
{
	return transfer_in(RIG_BLOCKS, seed, v6, faults, bytes, slow);
}

static void bytes_arrive_over_a_good_wire(void)
{
	struct rig_faults good = { .delay_us = 100 };
	for (uint64_t seed = 1; seed <= 20; seed++)
		CU_ASSERT(transfer(seed, seed % 2 == 0, good, 300000, false));
}

static void bytes_arrive_at_a_slow_reader(void)
{
	struct rig_faults good = { .delay_us = 100 };
	for (uint64_t seed = 100; seed < 120; seed++)
		CU_ASSERT(transfer(seed, seed % 2 == 0, good, 300000, true));
}

static struct rig_faults faults_of(uint64_t seed)
{
	struct prng p;
	prng_seed(&p, seed ^ 0x5eed);
	return (struct rig_faults){ .lost = (uint32_t)prng_below(&p, 120),
		                    .duplicated = (uint32_t)prng_below(&p, 100),
		                    .delayed = (uint32_t)prng_below(&p, 300),
		                    .damaged = (uint32_t)prng_below(&p, 50),
		                    .delay_us = (uint32_t)prng_below(&p, 50000),
		                    .jitter_us = (uint32_t)prng_below(&p, 30000) };
}

static void bytes_arrive_over_two_hundred_bad_wires(void)
{
	for (uint64_t seed = 1000; seed < 1240; seed++)
		CU_ASSERT(transfer(seed, seed % 2 == 0, faults_of(seed), 120000, seed % 3 == 0));
}

/* The secret under which this tuple's ISN lies `below` numbers or fewer before the wrap at `now`.
 * */
static struct siphash_key secret_near_wrap(const struct tuple *tuple, struct instant now,
                                           uint32_t below)
{
	for (uint64_t k = 1;; k++) {
		struct siphash_key key = { .k0 = k, .k1 = 77 };
		if (tuple_isn(key, tuple, now).v > UINT32_MAX - below)
			return key;
	}
}

static bool transfer_over_the_wrap(uint64_t seed)
{
	struct talk t;
	struct tcp_config a = rig_config(1);
	struct tcp_config b = rig_config(2);
	a.port_first = a.port_last = 40000;
	struct instant now = { .us = 5000 * SECOND_US };
	struct tuple near = { .local = a.addresses[0].addr,
		              .remote = b.addresses[0].addr,
		              .local_port = 40000,
		              .remote_port = 25 };
	struct tuple far = { .local = near.remote,
		             .remote = near.local,
		             .local_port = 25,
		             .remote_port = 40000 };
	a.secret = secret_near_wrap(&near, now, 20000);
	b.secret = secret_near_wrap(&far, now, 40000);
	talk_make(&t, seed, &a, &b, RIG_BLOCKS, faults_of(seed), 200000, now);
	bool good = talk_open(&t, false, &b) && talk_check(&t, 3600 * SECOND_US);
	rig_wire_free(&t.wire);
	return good;
}

static void sequence_numbers_wrap_under_faults(void)
{
	for (uint64_t seed = 5000; seed < 5020; seed++)
		CU_ASSERT(transfer_over_the_wrap(seed));
}

static void bytes_arrive_when_blocks_are_scarce(void)
{
	for (uint64_t seed = 8000; seed < 8040; seed++)
		CU_ASSERT(transfer_in(6 + (uint32_t)(seed % 7), seed, seed % 2 == 0,
		                      faults_of(seed), 60000, seed % 3 == 0));
}

static void jumbo_and_small_frames_talk_to_each_other(void)
{
	for (uint64_t seed = 9000; seed < 9010; seed++) {
		struct talk t;
		struct tcp_config a = rig_config(1);
		struct tcp_config b = rig_config(2);
		a.mtu = 9000;
		b.mtu = 1280;
		a.rx_bytes_max = 1000000;
		b.rx_bytes_max = 3000;
		talk_make(&t, seed, &a, &b, RIG_BLOCKS, faults_of(seed), 100000,
		          (struct instant){ .us = 1000 * SECOND_US });
		CU_ASSERT(talk_open(&t, seed % 2 == 0, &b) && talk_check(&t, 3600 * SECOND_US));
		rig_wire_free(&t.wire);
	}
}

UNIT("tcp/pair",
     { "two stacks, a good wire: every byte arrives, nothing is left",
       bytes_arrive_over_a_good_wire },
     { "a slow reader closes its window and opens it again: every byte arrives",
       bytes_arrive_at_a_slow_reader },
     { "240 seeds of loss, reordering, duplication and damage: every byte arrives, nothing is left",
       bytes_arrive_over_two_hundred_bad_wires },
     { "a dozen blocks or fewer on each side: slower, but every byte arrives",
       bytes_arrive_when_blocks_are_scarce },
     { "jumbo frames and a large window on one side, 1280 and 3000 bytes on the other",
       jumbo_and_small_frames_talk_to_each_other },
     { "the same across the wrap of both sequence spaces", sequence_numbers_wrap_under_faults })
