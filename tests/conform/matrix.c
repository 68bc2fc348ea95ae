/*
 * matrix.c - what the stack does in each state with each kind of segment at each place of the window:
 * 11 states x 10 segments x 4 places, 440 cells (RFC 9293 3.10.7).
 *
 *	matrix GOLDEN        compares with the table kept in GOLDEN; ends with `matrix: N passed, N failed`
 *	matrix --print       prints the table
 *
 * A cell says what was answered, and the state if it is another one afterwards. Places are those of the
 * segment's first number: left of the window, at its edge (RCV.NXT), in it, right of it; in SYN-SENT,
 * where no window is known, those of the ACK; for ICMP those of the quoted number in what is in flight.
 * ACKs acknowledge everything sent.
 *
 * Beside the table, which a reader has to judge, rules that hold for all cells are checked by program.
 */
#include <stdio.h>
#include <string.h>

#include "tcp/stack_int.h"
#include "tests/lib/tcp_facade.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip4.h"

#define PEER_PORT 5000u
#define OUR_PORT 25u
#define PEER_ISN 1000000u
#define WINDOW 65535u
#define IN_FLIGHT 100u
#define CELL_BYTES 40u

enum where { LEFT, EDGE, IN, RIGHT, PLACE_COUNT };
static const char *const place_names[] = { "left", "edge", "in", "right" };

enum kind { ICMP = 9, KIND_COUNT };
static const struct {
	const char *name;
	uint8_t flags;
	uint32_t bytes;
} kinds[KIND_COUNT] = {
	{ "SYN", TCP_SYN, 0 },           { "SYN-ACK", TCP_SYN | TCP_ACK, 0 },
	{ "ACK", TCP_ACK, 0 },           { "RST", TCP_RST, 0 },
	{ "RST-ACK", TCP_RST | TCP_ACK, 0 }, { "FIN", TCP_FIN, 0 },
	{ "FIN-ACK", TCP_FIN | TCP_ACK, 0 }, { "SYN-FIN", TCP_SYN | TCP_FIN, 0 },
	{ "data", TCP_ACK, 10 },         { "ICMP", 0, 0 },
};

struct host {
	struct facade *f;
	struct ip_addr own, peer;
	int listener, socket;
	uint16_t port;     /* ours */
	struct seq isn;    /* ours */
	struct seq nxt;    /* behind the last number of ours that was sent */
	struct seq peer_nxt;
};

/* ---- talking ---- */

static void say(struct host *h, uint8_t flags, struct seq seq, struct seq ack, uint32_t bytes)
{
	uint8_t packet[200];
	struct writer w = writer_of((struct room){ packet, sizeof(packet) });
	struct tcp_seg seg = { .src_port = PEER_PORT,
		               .dst_port = h->port,
		               .seq = seq,
		               .ack = (flags & TCP_ACK) != 0 ? ack : seq_of(0),
		               .flags = flags,
		               .window = 60000 };
	ip4_emit(&w, h->peer, h->own, IP_TCP, (uint16_t)(TCP_HEADER_BYTES + bytes));
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	writer_zeros(&w, bytes);
	tcp_seg_seal(&w, l4, h->peer, h->own, false);
	facade_inject(h->f, writer_span(&w));
}

/* Port unreachable, about our segment at `seq`. */
static void report(struct host *h, struct seq seq)
{
	uint8_t packet[200];
	struct writer w = writer_of((struct room){ packet, sizeof(packet) });
	ip4_emit(&w, h->peer, h->own, IP_ICMP, ICMP_HEADER_BYTES + IP4_HEADER_BYTES + 8);
	size_t l4 = w.used;
	writer_be32(&w, 0x03030000);
	writer_be32(&w, 0);
	ip4_emit(&w, h->own, h->peer, IP_TCP, 40);
	writer_be16(&w, h->port);
	writer_be16(&w, PEER_PORT);
	writer_be32(&w, seq.v);
	struct span all = span_after(writer_span(&w), l4);
	writer_patch_be16(&w, l4 + 2, checksum_finish(checksum_add((struct checksum){ 0 }, all)));
	facade_inject(h->f, writer_span(&w));
}

/* The next segment the stack sent. */
static bool hear(struct host *h, struct tcp_seg *seg)
{
	static uint8_t packet[FACADE_PACKET_BYTES_MAX];
	struct instant at;
	struct ip_view ip;
	size_t bytes = facade_take(h->f, (struct room){ packet, sizeof(packet) }, &at);
	if (bytes == 0 || ip4_parse(span_of(packet, bytes), 0, false, &ip) != IP_OK ||
	    tcp_seg_parse(&ip, false, seg) != TCP_SEG_OK)
		return false;
	if ((seg->flags & TCP_SYN) != 0)
		h->isn = seg->seq;
	h->port = seg->src_port;
	h->nxt = seq_add(seg->seq, tcp_seg_len(seg));
	return true;
}

static void hear_all(struct host *h)
{
	struct tcp_seg seg;
	while (hear(h, &seg)) {
	}
}

/* ---- states ---- */

static void begin(struct host *h, bool listening)
{
	struct facade_options o = facade_defaults();
	o.stack.rx_bytes_max = WINDOW;
	*h = (struct host){ .f = facade_make(&o), .port = OUR_PORT, .listener = -1, .socket = -1 };
	h->own = h->peer = o.stack.addresses[0].addr;
	h->peer.bytes[3] = 9;
	h->peer_nxt = seq_of(PEER_ISN + 1);
	if (!listening)
		return;
	h->listener = facade_socket(h->f, IP_V4);
	(void)facade_bind(h->f, h->listener, (struct endpoint){ .addr = h->own, .port = OUR_PORT });
	(void)facade_listen(h->f, h->listener, 8);
}

static void reach_closed(struct host *h)
{
	begin(h, false);
}

static void reach_listen(struct host *h)
{
	begin(h, true);
}

static void reach_syn_sent(struct host *h)
{
	begin(h, false);
	h->socket = facade_socket(h->f, IP_V4);
	(void)facade_connect(h->f, h->socket, (struct endpoint){ .addr = h->peer, .port = PEER_PORT });
	hear_all(h);
}

static void reach_syn_received(struct host *h)
{
	begin(h, true);
	say(h, TCP_SYN, seq_of(PEER_ISN), seq_of(0), 0);
	hear_all(h);
}

static void open_both(struct host *h)
{
	reach_syn_received(h);
	facade_advance(h->f, 20 * MS_US);
	say(h, TCP_ACK, h->peer_nxt, h->nxt, 0);
	(void)facade_accept(h->f, h->listener, &h->socket, NULL);
}

static void put_in_flight(struct host *h)
{
	static const uint8_t bytes[IN_FLIGHT];
	size_t taken;
	(void)facade_write(h->f, h->socket, span_of(bytes, sizeof(bytes)), &taken);
	hear_all(h);
}

static void reach_established(struct host *h)
{
	open_both(h);
	put_in_flight(h);
}

static void shut(struct host *h)
{
	(void)facade_shutdown(h->f, h->socket, FACADE_WRITE);
	hear_all(h);
}

static void peer_fin(struct host *h, struct seq ack)
{
	say(h, TCP_FIN | TCP_ACK, h->peer_nxt, ack, 0);
	h->peer_nxt = seq_add(h->peer_nxt, 1);
	hear_all(h);
}

static void reach_fin_wait_1(struct host *h)
{
	open_both(h);
	shut(h);
}

static void reach_fin_wait_2(struct host *h)
{
	reach_fin_wait_1(h);
	say(h, TCP_ACK, h->peer_nxt, h->nxt, 0);
}

static void reach_close_wait(struct host *h)
{
	open_both(h);
	peer_fin(h, h->nxt);
	put_in_flight(h);
}

static void reach_closing(struct host *h)
{
	open_both(h);
	struct seq before = h->nxt;
	shut(h);
	peer_fin(h, before);
}

static void reach_last_ack(struct host *h)
{
	open_both(h);
	peer_fin(h, h->nxt);
	shut(h);
}

static void reach_time_wait(struct host *h)
{
	reach_fin_wait_2(h);
	peer_fin(h, h->nxt);
}

static const struct {
	const char *name;
	void (*reach)(struct host *h);
	bool synchronised;
} states[] = {
	{ "closed", reach_closed, false },
	{ "listen", reach_listen, false },
	{ "syn-sent", reach_syn_sent, false },
	{ "syn-received", reach_syn_received, true },
	{ "established", reach_established, true },
	{ "fin-wait-1", reach_fin_wait_1, true },
	{ "fin-wait-2", reach_fin_wait_2, true },
	{ "close-wait", reach_close_wait, true },
	{ "closing", reach_closing, true },
	{ "last-ack", reach_last_ack, true },
	{ "time-wait", reach_time_wait, true },
};

static const char *state_of(const struct host *h)
{
	const struct tcp_stack *s = facade_stack(h->f);
	uint32_t slot = 0;
	const char *name = NULL;
	const struct conn *c;
	while ((c = slab_next(&s->conns, &slot)) != NULL) /* a closed one may wait for its release */
		if (name == NULL || c->state != CONN_CLOSED)
			name = conn_state_name((enum conn_state)c->state);
	if (tcp_time_waits(s) > 0)
		return "time-wait";
	if (name != NULL)
		return name;
	return h->listener >= 0 ? "listen" : "closed";
}

/* ---- a cell ---- */

static struct seq at(enum where place, struct seq edge, uint32_t window)
{
	switch (place) {
	case LEFT:
		return seq_add(edge, (uint32_t)-200);
	case EDGE:
		return edge;
	case IN:
		return seq_add(edge, 10);
	case RIGHT:
		return seq_add(edge, window + 10);
	case PLACE_COUNT:
		break;
	}
	return edge;
}

static struct seq unacknowledged(const struct host *h)
{
	const struct tcp_stack *s = facade_stack(h->f);
	uint32_t slot = 0;
	const struct conn *c = slab_next(&s->conns, &slot);
	return c != NULL ? c->snd_una : h->nxt;
}

static void play(struct host *h, unsigned state, unsigned kind, enum where place)
{
	struct seq ack = h->nxt;
	struct seq seq = at(place, h->peer_nxt, WINDOW);
	if (strcmp(states[state].name, "syn-sent") == 0) {
		seq = seq_of(PEER_ISN);
		ack = place == LEFT ? h->isn : place == RIGHT ? seq_add(h->nxt, 1) : h->nxt;
	}
	if (kind == ICMP)
		report(h, at(place, unacknowledged(h), IN_FLIGHT));
	else
		say(h, kinds[kind].flags, seq, ack, kinds[kind].bytes);
}

struct cell {
	char text[CELL_BYTES];
	unsigned answers;
	uint8_t flags; /* of the first answer */
	bool moved;    /* to another state */
};

static const char *answer_name(uint8_t flags)
{
	if ((flags & TCP_RST) != 0)
		return (flags & TCP_ACK) != 0 ? "rst-ack" : "rst";
	if ((flags & TCP_SYN) != 0)
		return (flags & TCP_ACK) != 0 ? "syn-ack" : "syn";
	return (flags & TCP_FIN) != 0 ? "fin" : "ack";
}

static struct cell try(unsigned state, unsigned kind, enum where place)
{
	struct host h;
	struct tcp_seg seg;
	struct cell c = { 0 };
	states[state].reach(&h);
	const char *before = state_of(&h);
	play(&h, state, kind, place);
	facade_advance(h.f, 50 * MS_US); /* delayed ACKs come, retransmissions do not */
	while (hear(&h, &seg)) {
		c.flags = c.answers == 0 ? seg.flags : c.flags;
		c.answers++;
	}
	const char *after = state_of(&h);
	c.moved = strcmp(before, after) != 0;
	(void)snprintf(c.text, sizeof(c.text), "%s%s%s%s",
	               c.answers == 0 ? "-" : answer_name(c.flags), c.answers > 1 ? "+" : "",
	               c.moved ? " -> " : "", c.moved ? after : "");
	if (strcmp(before, states[state].name) != 0)
		(void)snprintf(c.text, sizeof(c.text), "NOT REACHED: %s", before);
	facade_free(h.f);
	return c;
}

/* ---- rules ---- */

/* What RFC 9293 and RFC 5961 say of all cells of a sort; NULL, or which rule is broken. */
static const char *broken_rule(unsigned state, unsigned kind, enum where place, const struct cell *c)
{
	bool reset = (kinds[kind].flags & TCP_RST) != 0;
	bool syn = (kinds[kind].flags & TCP_SYN) != 0;
	bool outside = place == LEFT || place == RIGHT;
	bool time_wait = strcmp(states[state].name, "time-wait") == 0;
	if (reset && c->answers > 0 && (c->flags & TCP_RST) != 0)
		return "a RST is answered with a RST";
	if (c->answers > 1)
		return "more than one answer";
	if (kind == ICMP && (c->answers > 0 || (c->moved && strcmp(states[state].name, "syn-sent") != 0)))
		return "ICMP ends or is answered on a connection that is not opening (RFC 5927 5.2)";
	if (!states[state].synchronised)
		return NULL;
	if (outside && c->moved && !(time_wait && syn) && kind != ICMP)
		return "something outside the window moves the state";
	if (reset && c->moved && place != EDGE)
		return "a RST that is not exact ends the connection (RFC 5961 3.2)";
	if (syn && c->moved && !time_wait && strcmp(states[state].name, "syn-received") != 0)
		return "a SYN moves a synchronised connection (RFC 5961 4.2)";
	return NULL;
}

/* ---- the table ---- */

static unsigned passed, failed;

static void fault(unsigned state, unsigned kind, enum where place, const char *what, const char *got)
{
	printf("%s, %s, %s: %s (%s)\n", states[state].name, kinds[kind].name, place_names[place], what,
	       got);
	failed++;
}

/* One row as it stands in the table. */
static void row(unsigned state, unsigned kind, char *line, size_t size)
{
	int used = snprintf(line, size, "%-8s", kinds[kind].name);
	for (unsigned place = 0; place < PLACE_COUNT; place++) {
		struct cell c = try(state, kind, (enum where)place);
		const char *rule = broken_rule(state, kind, (enum where)place, &c);
		used += snprintf(line + used, size - (size_t)used, "| %-24s", c.text);
		if (rule != NULL)
			fault(state, kind, (enum where)place, rule, c.text);
		else
			passed++;
	}
	while (used > 0 && line[used - 1] == ' ')
		line[--used] = '\0';
}

static bool next_line(FILE *golden, char *line, int size)
{
	while (golden != NULL && fgets(line, size, golden) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strchr(line, '|') != NULL && strncmp(line, "segment", 7) != 0)
			return true;
	}
	return false;
}

static void table(FILE *golden)
{
	for (unsigned state = 0; state < COUNT_OF(states); state++) {
		if (golden == NULL)
			printf("%s== %s\n%-8s| %-24s| %-24s| %-24s| %s\n", state > 0 ? "\n" : "",
			       states[state].name, "segment", "left", "edge", "in", "right");
		for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
			char line[300], want[300] = "";
			row(state, kind, line, sizeof(line));
			if (golden == NULL)
				printf("%s\n", line);
			else if (!next_line(golden, want, sizeof(want)) || strcmp(line, want) != 0) {
				printf("%s: is   %s\n%s: was  %s\n", states[state].name, line,
				       states[state].name, want);
				failed++;
			}
		}
	}
}

int main(int argc, char **argv)
{
	bool print = argc == 2 && strcmp(argv[1], "--print") == 0;
	FILE *golden = argc == 2 && !print ? fopen(argv[1], "r") : NULL;
	if (!print && golden == NULL) {
		fprintf(stderr, "usage: matrix GOLDEN | matrix --print\n");
		return 2;
	}
	table(golden);
	if (!print)
		printf("matrix: %u passed, %u failed\n", passed, failed);
	if (golden != NULL)
		(void)fclose(golden);
	return failed != 0 || passed != COUNT_OF(states) * KIND_COUNT * PLACE_COUNT;
}
