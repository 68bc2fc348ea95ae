/*
 * seg_run.c - plays timed segment scripts against one stack, under virtual time.
 *
 *	seg_run FILE.seg...      each file is one case; ends with `seg: N passed, N failed`
 *
 * A script is lines. `#` starts a comment. Lines before the first timed one set the stage:
 *
 *	set NAME VALUE           mtu, rx_bytes_max, tx_bytes_max, half_open_max, connections_max, time_wait_ms,
 *	                         reorder_bytes_max, peer_isn; `set wrap 1` puts our ISN just before 2^32
 *
 * Every other line starts with a time in seconds, absolute or `+` relative to the line before, and
 * then:
 *
 *	< [PORT] FLAGS SEQ:END(LEN) [ack N] [win N] [fill BYTE] [<options>]     the peer sends
 *	> [PORT] FLAGS SEQ:END(LEN) [ack N] [win N] [<options>]                 the stack sends, now
 *	listen | connect | write N | read N [fill BYTE] | shut | abort | release
 *	event NAME... [why NAME]   exactly these bits were raised since the last `event`
 *	drops NAME N | conns N | waits N | empty | silence
 *
 * FLAGS are letters of S F R P and `.` for ACK. Sequence numbers count from each side's ISN.
 * Options are mss N, wscale N, sackOK, TS VAL ECR, sack B:E; in what the stack sends they must be
 * exactly those listed, or no list is given. In `TS`, `*` matches anything, and for what the peer
 * sends `last` echoes the last stamp.
 *
 * Silence is asserted throughout: a segment that leaves between two lines, or more than SLACK_US
 * before or after the line that expects it, fails the case.
 */
#include "seg_line.h"
#include "wire/eth.h"
#include "wire/ip4.h"

/* ---- what the stack sends ---- */

static bool payload_intact(const struct play *p, const struct flow *f, const struct tcp_seg *seg)
{
	(void)p;
	uint32_t at = seg->seq.v - f->our_isn - 1;
	for (size_t i = 0; i < seg->payload.bytes; i++)
		if (seg->payload.data[i] != pattern(at + i))
			return false;
	return true;
}

static void note_frame(struct play *p, struct span frame)
{
	struct eth_view eth;
	struct ip_view ip;
	struct sent *x = &p->sent[p->sent_count];
	if (!eth_parse(frame, &eth))
		return;
	if (eth.type == ETH_ARP) { /* the peer always answers; resolution has unit tests */
		neigh_learn(p->rig.stack, rig_addr("198.18.0.9"), peer_mac, true, true, p->now);
		return;
	}
	if (ip4_parse(eth.payload, eth.l3_offset, false, &ip) != IP_OK ||
	    tcp_seg_parse(&ip, false, &x->seg) != TCP_SEG_OK) {
		fail(p, "the stack sent a malformed frame", NULL);
		return;
	}
	struct flow *f = flow_of(p, x->seg.dst_port);
	if ((x->seg.flags & TCP_SYN) != 0) {
		f->our_isn = x->seg.seq.v;
		f->our_isn_known = true;
		f->local_port = x->seg.src_port;
	}
	if (x->seg.options.stamps_known)
		f->last_stamp = x->seg.options.stamp;
	x->at = p->now;
	x->peer_port = x->seg.dst_port;
	x->bytes = (uint32_t)x->seg.payload.bytes;
	x->intact = payload_intact(p, f, &x->seg);
	if (p->sent_count + 1 < FRAMES_MAX)
		p->sent_count++;
	else
		fail(p, "the stack sends without end", NULL);
}

static void collect(struct play *p)
{
	static uint8_t data[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	size_t bytes;
	while (!p->failed && (bytes = tcp_output(p->rig.stack, (struct room){ data, sizeof(data) },
	                                         &meta, p->now)) > 0)
		note_frame(p, span_of(data, bytes));
}

static void collect_events(struct play *p)
{
	struct tcp_event e;
	while (tcp_next_event(p->rig.stack, &e)) {
		if ((e.bits & TCP_ACCEPTED) != 0)
			p->id = e.id;
		if (handle_equal(e.id, p->id)) {
			p->events |= e.bits;
			p->why = e.why;
		}
	}
}

static void describe_seg(const struct play *p, const struct sent *x, char *line, size_t size)
{
	const struct flow *f = NULL;
	for (unsigned i = 0; i < p->flow_count; i++)
		if (p->flows[i].port == x->peer_port)
			f = &p->flows[i];
	uint32_t isn = f != NULL && f->our_isn_known ? f->our_isn : 0;
	int used = snprintf(line, size, "%.3f > %u %s%s%s%s%s %u:%u(%u) ack %u win %u <",
	         (double)(x->at.us - p->begin.us) / 1e6, x->peer_port,
	         x->seg.flags & TCP_SYN ? "S" : "", x->seg.flags & TCP_FIN ? "F" : "",
	         x->seg.flags & TCP_RST ? "R" : "", x->seg.flags & TCP_PSH ? "P" : "",
	         x->seg.flags & TCP_ACK ? "." : "", x->seg.seq.v - isn,
	         x->seg.seq.v - isn + x->bytes, x->bytes,
	         x->seg.flags & TCP_ACK ? x->seg.ack.v - p->peer_isn : 0, x->seg.window);
	const struct tcp_options *o = &x->seg.options;
	if (o->mss_known)
		used += snprintf(line + used, size - (size_t)used, "mss %u,", o->mss);
	if (o->shift_known)
		used += snprintf(line + used, size - (size_t)used, "wscale %u,", o->shift);
	if (o->sack_permitted)
		used += snprintf(line + used, size - (size_t)used, "sackOK,");
	if (o->stamps_known)
		used += snprintf(line + used, size - (size_t)used, "TS %u %u,", o->stamp,
		                 o->stamp_echo);
	for (unsigned i = 0; i < o->sack_count; i++)
		used += snprintf(line + used, size - (size_t)used, "sack %u:%u,",
		                 o->sack[i].begin.v - p->peer_isn, o->sack[i].end.v - p->peer_isn);
	(void)snprintf(line + used, size - (size_t)used, ">");
}

static void fail_sent(struct play *p, const char *what)
{
	char line[300];
	describe_seg(p, &p->sent[0], line, sizeof(line));
	fail(p, what, line);
}

/* ---- time ---- */

/* As a worker does: what is due, what the application did at that instant, then output. So several
 * actions at one time are seen by the wire together. */
static void advance(struct play *p, struct instant to)
{
	while (!p->failed && p->now.us < to.us) {
		collect(p);
		collect_events(p);
		struct instant at = instant_earlier(tcp_deadline(p->rig.stack), to);
		if (p->sent_count > 0 && p->sent[0].at.us + SLACK_US < to.us)
			fail_sent(p, "nothing was to be sent");
		p->now = instant_before(p->now, at) ? at : instant_add(p->now, 1);
		tcp_expire(p->rig.stack, p->now);
	}
}

static void wait_for_frame(struct play *p)
{
	struct instant limit = instant_add(p->now, SLACK_US);
	while (p->sent_count == 0 && p->now.us < limit.us) {
		p->now = instant_add(p->now, 250);
		tcp_expire(p->rig.stack, p->now);
		collect(p);
	}
}

/* ---- segments ---- */

static void peer_sends(struct play *p)
{
	static uint8_t data[RIG_FRAME_BYTES];
	struct line_seg x = read_seg(p);
	if (p->failed)
		return;
	struct flow *f = flow_of(p, x.port);
	struct writer w = writer_of((struct room){ data, sizeof(data) });
	struct ip_addr peer = rig_addr("198.18.0.9");
	struct ip_addr own = p->config.addresses[0].addr;
	struct tcp_seg seg = { .src_port = x.port,
		               .dst_port = f->local_port,
		               .seq = seq_of(p->peer_isn + x.seq),
		               .ack = seq_of(x.ack_given ? f->our_isn + x.ack : 0),
		               .flags = x.flags,
		               .window = (uint16_t)x.window,
		               .options = x.options };
	if (x.echo_last)
		seg.options.stamp_echo = f->last_stamp;
	for (unsigned i = 0; i < seg.options.sack_count; i++) {
		seg.options.sack[i].begin = seq_add(seg.options.sack[i].begin, f->our_isn);
		seg.options.sack[i].end = seq_add(seg.options.sack[i].end, f->our_isn);
	}
	eth_emit(&w, p->config.mac, peer_mac, ETH_IP4);
	ip4_emit(&w, peer, own, IP_TCP,
	         (uint16_t)(tcp_seg_header_bytes(&seg.options) + x.bytes));
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	for (uint32_t i = 0; i < x.bytes; i++)
		writer_u8(&w, x.fill >= 0 ? (uint8_t)x.fill : pattern(x.seq - 1 + i));
	tcp_seg_seal(&w, l4, peer, own, false);
	tcp_input(p->rig.stack, writer_span(&w), 0, p->now);
	collect_events(p);
}

static bool options_match(const struct play *p, const struct line_seg *x,
                          const struct tcp_options *o)
{
	const struct tcp_options *want = &x->options;
	bool good = want->mss_known == o->mss_known && want->shift_known == o->shift_known &&
	            want->sack_permitted == o->sack_permitted &&
	            want->stamps_known == o->stamps_known && want->sack_count == o->sack_count;
	good = good && (!want->mss_known || want->mss == o->mss);
	good = good && (!want->shift_known || want->shift == o->shift);
	good = good && (!want->stamps_known || x->stamp_any || want->stamp == o->stamp);
	good = good && (!want->stamps_known || x->echo_any || want->stamp_echo == o->stamp_echo);
	for (unsigned i = 0; good && i < want->sack_count; i++)
		good = want->sack[i].begin.v == o->sack[i].begin.v - p->peer_isn &&
		       want->sack[i].end.v == o->sack[i].end.v - p->peer_isn;
	return good;
}

static void stack_sends(struct play *p)
{
	struct line_seg x = read_seg(p);
	if (p->failed)
		return;
	collect(p);
	if (p->sent_count == 0)
		wait_for_frame(p);
	if (p->sent_count == 0) {
		fail(p, "the stack sent nothing", NULL);
		return;
	}
	const struct sent *got = &p->sent[0];
	const struct flow *f = flow_of(p, x.port);
	bool good = got->peer_port == x.port && got->seg.flags == x.flags && got->intact &&
	            got->bytes == x.bytes;
	good = good && got->seg.seq.v - f->our_isn == x.seq;
	good = good && (!x.ack_given || got->seg.ack.v - p->peer_isn == x.ack);
	good = good && (!x.window_given || got->seg.window == x.window);
	good = good && (!x.options_given || options_match(p, &x, &got->seg.options));
	if (!good) {
		fail_sent(p, "the stack sent something else");
		return;
	}
	p->sent_count--;
	memmove(&p->sent[0], &p->sent[1], p->sent_count * sizeof(p->sent[0]));
}

/* ---- the application ---- */

static void app_write(struct play *p)
{
	uint32_t bytes = next_number(p);
	if (bytes > tcp_tx_room(p->rig.stack, p->id))
		fail(p, "no room to write", NULL);
	for (uint32_t i = 0; i < bytes && !p->failed; i++) {
		uint8_t c = pattern(p->written++);
		if (byteq_write(tcp_tx(p->rig.stack, p->id), &p->rig.pool, span_of(&c, 1)) != 1)
			fail(p, "no block to write into", NULL);
	}
	tcp_tx_added(p->rig.stack, p->id, p->now);
}

static void app_read(struct play *p)
{
	uint32_t bytes = next_number(p);
	int fill = take_word(p, "fill") ? (int)next_number(p) : -1;
	struct byteq *q = tcp_rx(p->rig.stack, p->id);
	if (byteq_bytes(q) < bytes) {
		fail(p, "fewer bytes to read", NULL);
		return;
	}
	for (uint32_t i = 0; i < bytes; i++) {
		uint8_t c = byteq_peek(q).data[0];
		if (c != (fill >= 0 ? (uint8_t)fill : pattern(p->read)))
			fail(p, "other bytes than the peer sent", NULL);
		p->read++;
		byteq_consume(q, &p->rig.pool, 1);
	}
	tcp_rx_taken(p->rig.stack, p->id, p->now);
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
	collect_events(p);
	while (*peek_word(p) != '\0' && strcmp(peek_word(p), "why") != 0)
		want |= event_bit(p, next_word(p));
	(void)snprintf(got, sizeof(got), "bits %#x, why %s", p->events, whys[p->why]);
	if (p->events != want)
		fail(p, "other events", got);
	if (take_word(p, "why") && strcmp(next_word(p), whys[p->why]) != 0)
		fail(p, "closed for another reason", got);
	p->events = 0;
}

static void app_connect(struct play *p)
{
	struct endpoint peer = { .addr = rig_addr("198.18.0.9"), .port = PEER_PORT };
	if (tcp_connect(p->rig.stack, peer, 1, p->now, &p->id) != TCP_CONNECT_STARTED)
		fail(p, "tcp_connect() refused", NULL);
}

static void app_listen(struct play *p)
{
	struct endpoint local = { .addr = p->config.addresses[0].addr, .port = LOCAL_PORT };
	if (!tcp_listen(p->rig.stack, local, 1))
		fail(p, "tcp_listen() refused", NULL);
}

static void check_drops(struct play *p)
{
	const char *name = next_word(p);
	uint32_t want = next_number(p);
	for (unsigned i = 0; i < TCP_DROP_COUNT; i++) {
		if (strcmp(tcp_drop_name((enum tcp_drop)i), name) != 0)
			continue;
		char got[40];
		uint64_t count = tcp_counters(p->rig.stack)->drops[i];
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

static void act(struct play *p)
{
	struct tcp_stack *s = p->rig.stack;
	if (take_word(p, "<"))
		peer_sends(p);
	else if (take_word(p, "listen"))
		app_listen(p);
	else if (take_word(p, "connect"))
		app_connect(p);
	else if (take_word(p, "write"))
		app_write(p);
	else if (take_word(p, "read"))
		app_read(p);
	else if (take_word(p, "shut"))
		tcp_shut(s, p->id, p->now);
	else if (take_word(p, "abort"))
		tcp_abort(s, p->id, p->now);
	else if (take_word(p, "release"))
		tcp_release(s, p->id, p->now);
	else if (take_word(p, "event"))
		app_event(p);
	else if (take_word(p, "drops"))
		check_drops(p);
	else if (take_word(p, "conns"))
		check_number(p, tcp_connections(s));
	else if (take_word(p, "waits"))
		check_number(p, tcp_time_waits(s));
	else if (take_word(p, "empty")) {
		if (!rig_is_empty(&p->rig))
			fail(p, "something is left", NULL);
	} else if (!take_word(p, "silence"))
		fail(p, "unknown line", peek_word(p));
}

/* ---- the stage ---- */

static void set(struct play *p)
{
	const char *name = next_word(p);
	uint32_t value = next_number(p);
	struct {
		const char *name;
		uint32_t *at;
	} fields[] = { { "rx_bytes_max", &p->config.rx_bytes_max },
		       { "tx_bytes_max", &p->config.tx_bytes_max },
		       { "half_open_max", &p->config.half_open_max },
		       { "connections_max", &p->config.connections_max },
		       { "reorder_bytes_max", &p->config.reorder_bytes_max },
		       { "peer_isn", &p->peer_isn } };
	for (unsigned i = 0; i < COUNT_OF(fields); i++) {
		if (strcmp(fields[i].name, name) == 0) {
			*fields[i].at = value;
			return;
		}
	}
	if (strcmp(name, "mtu") == 0)
		p->config.mtu = (uint16_t)value;
	else if (strcmp(name, "time_wait_ms") == 0)
		p->config.time_wait_us = value * MS_US;
	else if (strcmp(name, "wrap") == 0)
		p->wrap = value != 0;
	else
		fail(p, "unknown setting", name);
}

/* The first secret under which our ISN lies fewer than 2000 numbers before the wrap when the script
 * opens the connection at its beginning. */
static void choose_secret(struct play *p)
{
	struct tuple t = { .local = p->config.addresses[0].addr,
		           .remote = rig_addr("198.18.0.9"),
		           .local_port = LOCAL_PORT,
		           .remote_port = PEER_PORT };
	while (tuple_isn(p->config.secret, &t, p->begin).v < UINT32_MAX - 2000)
		p->config.secret.k0++;
}

static void start(struct play *p)
{
	if (p->started)
		return;
	p->started = true;
	p->begin = p->now = p->last_line = (struct instant){ .us = 1000 * SECOND_US };
	if (p->wrap)
		choose_secret(p);
	rig_make(&p->rig, &p->config, RIG_BLOCKS, p->now);
	neigh_learn(p->rig.stack, rig_addr("198.18.0.9"), peer_mac, true, true, p->now);
}

static void timed_line(struct play *p)
{
	const char *w = next_word(p);
	bool relative = *w == '+';
	char *end;
	double seconds = strtod(w + (relative ? 1 : 0), &end);
	if (*end != '\0' || seconds < 0) {
		fail(p, "a time is wanted", w);
		return;
	}
	start(p);
	uint64_t us = (uint64_t)(seconds * 1e6 + 0.5);
	struct instant at = instant_add(relative ? p->last_line : p->begin, us);
	bool expecting = strcmp(peek_word(p), ">") == 0;
	p->last_line = at;
	advance(p, at);
	if (p->failed)
		return;
	if (expecting) {
		p->word++;
		stack_sends(p);
	} else {
		act(p);
	}
}

/* Words are separated by blanks; commas, and the brackets of an option list, stand alone. */
static void split(struct play *p, char *line, char *room)
{
	p->word = p->word_count = 0;
	for (char *c = line; *c != '\0' && *c != '#' && p->word_count < WORDS_MAX;) {
		if (isspace((unsigned char)*c) || *c == ',') {
			c++;
			continue;
		}
		p->words[p->word_count++] = room;
		if (*c == '<' || *c == '>') {
			*room++ = *c++;
		} else {
			while (*c != '\0' && !isspace((unsigned char)*c) && strchr(",<>#", *c) == NULL)
				*room++ = *c++;
		}
		*room++ = '\0';
	}
}

static bool play_file(const char *file)
{
	static struct play p;
	char line[512];
	char room[1200];
	memset(&p, 0, sizeof(p));
	p.file = file;
	p.config = rig_config(1);
	p.config.rx_bytes_max = 65535; /* no scale of ours: windows read as bytes */
	p.peer_isn = 1000000;
	FILE *f = fopen(file, "r");
	if (f == NULL)
		fail(&p, "cannot be opened", NULL);
	while (!p.failed && f != NULL && fgets(line, sizeof(line), f) != NULL) {
		p.line++;
		split(&p, line, room);
		if (p.word_count == 0)
			continue;
		if (take_word(&p, "set"))
			set(&p);
		else
			timed_line(&p);
	}
	if (f != NULL)
		(void)fclose(f);
	if (!p.failed && !p.started)
		fail(&p, "no timed line", NULL);
	if (p.started)
		collect(&p);
	if (!p.failed && p.sent_count > 0)
		fail_sent(&p, "sent after the last line");
	if (p.started)
		rig_free(&p.rig);
	return !p.failed;
}

int main(int argc, char **argv)
{
	unsigned passed = 0;
	unsigned failed = 0;
	for (int i = 1; i < argc; i++) {
		if (play_file(argv[i]))
			passed++;
		else
			failed++;
	}
	printf("seg: %u passed, %u failed\n", passed, failed);
	return failed != 0 || passed == 0;
}
