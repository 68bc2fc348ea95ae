/*
 * seg_run.c - plays timed segment scripts against one stack, under virtual time, through the socket
 * facade (tests/lib/tcp_facade.h).
 *
 *	seg_run FILE.seg...      each file is one case; ends with `seg: N passed, N failed`
 *	seg_run --pieces N FILE.seg...   the same, but what the peer sends comes in pieces of 0 to N bytes
 *	seg_run --show FILE.seg  prints the script with what the stack really sends in it: for who writes
 *	                         one and compares that with the RFC before it is kept
 *
 * A script is lines. `#` starts a comment. Lines before the first timed one set the stage:
 *
 *	set NAME VALUE           mtu, rx_bytes_max, tx_bytes_max, half_open_max, connections_max,
 *	                         rx_bytes_initial, time_wait_ms, reorder_bytes_max, window_shift, rto_initial_ms, blocks,
 *	                         peer_isn, per_source_max, per_source_half_open_max, user_timeout_ms,
 *	                         keep_idle_ms, keep_interval_ms, keep_probes, retries_max, cookies_off, newreno, ecn, pacing,
 *	                         fragments, mtu_probing_off; `set vlan N` tags every frame, both ways; `set family 6` speaks IPv6, `set wrap 1` puts our ISN just
 *	                         before 2^32
 *
 * Every other line starts with a time in seconds, absolute or `+` relative to the line before, and
 * then:
 *
 *	< [PORT] FLAGS SEQ:END(LEN) [ack N] [win N] [fill BYTE] [urgent N] [badsum] [ce]
 *	  [cut BEGIN-END+... [id N]] [<options>]
 *	                         the peer sends; with `cut` these bytes of the segment as IP fragments
 *	< icmp TYPE CODE WORD quote SEQ      a router reports our segment at SEQ
 *	> [PORT] FLAGS SEQ:END(LEN) [ack N] [win N] [ect N] [<options>]      the stack sends, now
 *	listen | connect | write N | read N [fill BYTE] | shut | abort | release
 *	option NAME N            receive_buffer, send_buffer, no_delay, keep_idle_ms, keep_interval_ms,
 *	                         keep_probes, user_timeout_ms
 *	event NAME... [why NAME]   exactly these bits were raised since the last `event`
 *	drops NAME N | conns N | waits N | empty | silence
 *	info NAME N              state-independent numbers of struct tcp_info: cwnd, ssthresh, mss,
 *	                         flight, rto_ms, retransmits, window, limit
 *
 * FLAGS are letters of S F R P U E W and `.` for ACK. Sequence numbers count from each side's ISN.
 * Options are mss N, wscale N, sackOK, TS VAL ECR, sack B:E, and, for what the peer sends, `hex BYTES`
 * as they stand; in what the stack sends they must be
 * exactly those listed, or no list is given. In `TS`, `*` matches anything, and for what the peer
 * sends `last` echoes the last stamp, `last-20` one of 20 ms before.
 *
 * Silence is asserted throughout: a segment that leaves between two lines, or more than SLACK_US
 * before or after the line that expects it, fails the case.
 */
#include "seg_play.h"
#include "tcp/tuple_int.h"

/* ---- the stage ---- */

static bool set_number(struct play *p, const char *name, uint32_t value)
{
	struct tcp_config *c = &p->options.stack;
	struct {
		const char *name;
		uint32_t *at;
	} fields[] = { { "rx_bytes_max", &c->rx_bytes_max },
		       { "tx_bytes_max", &c->tx_bytes_max },
		       { "half_open_max", &c->half_open_max },
		       { "connections_max", &c->connections_max },
		       { "reorder_bytes_max", &c->reorder_bytes_max },
		       { "rx_bytes_initial", &c->rx_bytes_initial },
		       { "per_source_max", &c->per_source_max },
		       { "per_source_half_open_max", &c->per_source_half_open_max },
		       { "user_timeout_ms", &c->user_timeout_ms },
		       { "keep_idle_ms", &c->keepalive.idle_ms },
		       { "keep_interval_ms", &c->keepalive.interval_ms },
		       { "blocks", &p->options.blocks },
		       { "peer_isn", &p->peer_isn } };
	for (unsigned i = 0; i < COUNT_OF(fields); i++) {
		if (strcmp(fields[i].name, name) == 0) {
			*fields[i].at = value;
			return true;
		}
	}
	return false;
}

static void set(struct play *p)
{
	const char *name = next_word(p);
	uint32_t value = next_number(p);
	struct tcp_config *c = &p->options.stack;
	if (strcmp(name, "mtu") == 0)
		c->mtu = (uint16_t)value;
	else if (strcmp(name, "window_shift") == 0)
		c->window_shift = (uint8_t)value;
	else if (strcmp(name, "rto_initial_ms") == 0)
		c->rto_initial_us = value * MS_US;
	else if (strcmp(name, "time_wait_ms") == 0)
		c->time_wait_us = value * MS_US;
	else if (strcmp(name, "keep_probes") == 0)
		c->keepalive.probes = (uint8_t)value;
	else if (strcmp(name, "retries_max") == 0)
		c->retries_max = (uint8_t)value;
	else if (strcmp(name, "pacing") == 0)
		c->pacing = value != 0;
	else if (strcmp(name, "ecn") == 0)
		c->ecn = value != 0;
	else if (strcmp(name, "fragments") == 0)
		c->fragments = value != 0;
	else if (strcmp(name, "mtu_probing_off") == 0)
		c->mtu_probing_off = value != 0;
	else if (strcmp(name, "cookies_off") == 0)
		c->cookies_off = value != 0;
	else if (strcmp(name, "newreno") == 0)
		c->congestion = value != 0 ? TCP_NEWRENO : TCP_CUBIC;
	else if (strcmp(name, "vlan") == 0)
		c->addresses[0].vlan = c->addresses[1].vlan = (uint16_t)value;
	else if (strcmp(name, "wrap") == 0)
		p->wrap = value != 0;
	else if (strcmp(name, "family") == 0 && (value == 4 || value == 6))
		p->family = (enum ip_family)value;
	else if (!set_number(p, name, value))
		fail(p, "unknown setting", name);
}

/* The first secret under which our ISN lies fewer than 2000 numbers before the wrap when the script
 * opens the connection at its beginning. */
static void choose_secret(struct play *p)
{
	struct siphash_key *secret = &p->options.stack.secret;
	struct tuple t = { .local = p->own,
		           .remote = p->peer,
		           .local_port = LOCAL_PORT,
		           .remote_port = PEER_PORT };
	while (tuple_isn(*secret, &t, p->begin).v < UINT32_MAX - 2000)
		secret->k0++;
}

static void start(struct play *p)
{
	if (p->started)
		return;
	p->started = true;
	p->begin = p->last_line = p->options.begin;
	p->own = p->options.stack.addresses[p->family == IP_V4 ? 0 : 1].addr;
	p->peer = p->own;
	p->peer.bytes[p->family == IP_V4 ? 3 : 15] = 9;
	if (p->wrap)
		choose_secret(p);
	p->host = facade_make(&p->options);
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
	p->last_line = at;
	seg_advance(p, at);
	if (p->failed)
		return;
	if (p->show && strcmp(peek_word(p), ">") != 0)
		printf("%s", p->raw);
	if (take_word(p, ">"))
		seg_stack_sends(p);
	else if (take_word(p, "<"))
		seg_peer_sends(p);
	else if (!seg_app_act(p))
		fail(p, "unknown line", peek_word(p));
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

static bool play_file(const char *file, bool show, uint32_t pieces)
{
	static struct play p;
	char line[512];
	char room[1200];
	memset(&p, 0, sizeof(p));
	p.file = file;
	p.show = show;
	p.options = facade_defaults();
	p.options.pieces = pieces;
	p.options.stack.connections_max = 64;
	p.options.stack.half_open_max = 16;
	p.options.stack.rx_bytes_max = 65535; /* no scale of ours: windows read as bytes */
	p.family = IP_V4;
	p.listener = p.socket = -1;
	p.peer_isn = 1000000;
	FILE *f = fopen(file, "r");
	if (f == NULL)
		fail(&p, "cannot be opened", NULL);
	while (!p.failed && f != NULL && fgets(line, sizeof(line), f) != NULL) {
		p.line++;
		p.raw = line;
		split(&p, line, room);
		bool timed = p.word_count > 0 && strcmp(p.words[0], "set") != 0;
		if (show && !timed)
			printf("%s", line);
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
	if (p.started && show)
		seg_show_sent(&p);
	if (p.started)
		seg_collect(&p);
	if (!p.failed && p.sent_count > 0)
		seg_fail_sent(&p, "sent after the last line");
	if (p.started)
		facade_free(p.host);
	return !p.failed;
}

int main(int argc, char **argv)
{
	unsigned passed = 0;
	unsigned failed = 0;
	uint32_t pieces = 0;
	if (argc == 3 && strcmp(argv[1], "--show") == 0)
		return !play_file(argv[2], true, 0);
	bool in_pieces = argc > 3 && strcmp(argv[1], "--pieces") == 0;
	if (in_pieces)
		pieces = (uint32_t)strtoul(argv[2], NULL, 10);
	for (int i = in_pieces ? 3 : 1; i < argc; i++) {
		if (play_file(argv[i], false, pieces))
			passed++;
		else
			failed++;
	}
	printf("seg: %u passed, %u failed\n", passed, failed);
	return failed != 0 || passed == 0;
}
