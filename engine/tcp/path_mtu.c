/*
 * path_mtu.c - see path_mtu_int.h. Section numbers without a name are those of RFC 4821.
 *
 * Smaller: a router's "too big" is believed as far as every network must carry (RFC 1191, RFC 8201); repeated timeouts of
 * a large segment are taken for a path that drops such segments without a word (7.7), and a size is tried that
 * nearly every path carries.
 *
 * Larger again: one new segment that is larger than the others, a probe (7.5), made of the bytes that are next
 * (10.1) while so much waits behind it that its loss is found without a timeout (7.4). If it arrives, all segments
 * are as large from then on (7.6.1). If it alone is lost, that says nothing about congestion (7.6.2): its bytes go again
 * in segments of the known size, the window stays, and the next probe waits for longer than losses of the usual
 * kind would be apart. After TCP_PROBES_MAX losses the size is held for too large. Where nothing is left to try the
 * search rests for PMTU_RAISE_TIMER (RFC 8899 5.1.1) and begins again. A size just reached is on trial (7.8): if
 * losses become frequent with it, it is taken back.
 *
 * Only with SACK, which tells what was lost. What was learnt is remembered for the next connection to the host
 * (path_memory.c): a report at once, a black hole when smaller segments pass where the large one did not.
 */
#include "tcp/path_mtu_int.h"

#include "tcp/stack_int.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

/* What IPv6 asks of every link; usual tunnels; PPP over Ethernet with a tunnel in it, and without; Ethernet. */
static const uint16_t common_sizes[] = { 1280, 1380, 1400, 1452, 1492, 1500 };

static struct path_search *search_of(const struct tcp_stack *s, const struct conn *c)
{
	CHECK(c->search != 0);
	return slab_at(&s->searches, c->search - 1u);
}

static uint32_t header_bytes(const struct conn *c)
{
	uint32_t ip = c->remote.family == IP_V4 ? IP4_HEADER_BYTES : IP6_HEADER_BYTES;
	return ip + TCP_HEADER_BYTES + ((c->flags & CONN_STAMPS) != 0 ? TCP_STAMP_BYTES : 0);
}

/* ---- what is remembered ---- */

static void remember(struct tcp_stack *s, const struct conn *c, bool settled, struct instant now)
{
	struct path_entry entry = { .remote = c->remote,
		                    .settled = settled,
		                    .vlan = stack_vlan(s, c->local),
		                    .mtu = (uint16_t)(c->mss + header_bytes(c)),
		                    .until = instant_add(now, TCP_PATH_RAISE_US) };
	if (!s->config.mtu_probing_off)
		path_memory_set(&s->paths, &entry, now);
}

static void forget(struct tcp_stack *s, const struct conn *c, struct instant now)
{
	struct path_entry nothing = { .remote = c->remote, .vlan = stack_vlan(s, c->local) };
	path_memory_set(&s->paths, &nothing, now);
}

/* ---- one size ---- */

static struct path_search *search_begin(struct tcp_stack *s, struct conn *c)
{
	if (c->search != 0)
		return search_of(s, c);
	struct path_search *search = s->config.mtu_probing_off ? NULL : slab_take(&s->searches);
	if (search == NULL)
		return NULL;
	search->most = search->high = c->mss;
	c->search = (uint16_t)(search->head.slot + 1);
	return search;
}

static void size_set(struct tcp_stack *s, struct conn *c, uint32_t mss, enum black_box_size cause,
                     struct instant now)
{
	struct black_box_entry *e = stack_note(s, c, BLACK_BOX_SIZE, now);
	e->ack = c->mss;
	e->bytes = (uint16_t)mss;
	e->detail = (uint8_t)cause;
	c->mss = (uint16_t)mss;
	c->congestion.epoch = false; /* CUBIC's curve was drawn in segments of the old size (RFC 9438 4.2) */
}

static void note_probe(struct tcp_stack *s, struct conn *c, enum black_box_mark mark, const struct path_search *search,
                       struct instant now)
{
	struct black_box_entry *e = stack_note(s, c, mark, now);
	e->seq = search->probe_begin.v;
	e->bytes = search->probe;
	e->detail = (uint8_t)(search->failures + 1);
}

static void probe_lost(struct tcp_stack *s, struct conn *c, struct path_search *search, struct instant now)
{
	note_probe(s, c, BLACK_BOX_SIZE_LOST, search, now);
	s->counters.path_probes_lost++;
	search->probe = 0;
}

/* ---- the range of the search ---- */

uint32_t path_mtu_candidate(uint32_t low, uint32_t high, uint32_t most)
{
	for (unsigned i = 0; i < COUNT_OF(common_sizes); i++)
		if (common_sizes[i] > low && common_sizes[i] <= high)
			return common_sizes[i];
	if (high >= most)
		return most > low ? most : 0;
	return high >= low + TCP_PROBE_STEP_MIN ? low + (high - low + 1) / 2 : 0;
}

static uint32_t candidate(const struct conn *c, const struct path_search *search)
{
	if (search->told && search->high > c->mss)
		return search->high;
	uint32_t headers = header_bytes(c);
	uint32_t mtu = path_mtu_candidate(c->mss + headers, search->high + headers, search->most + headers);
	return mtu > 0 ? mtu - headers : 0;
}

/* What is known of sizes has changed. Where nothing is left to try, the search rests. */
static void go_on(struct tcp_stack *s, const struct conn *c, struct path_search *search, struct instant now)
{
	bool settled = candidate(c, search) == 0;
	search->failures = 0;
	if (settled)
		search->next = instant_add(now, TCP_PATH_RAISE_US);
	remember(s, c, settled, now);
}

/* ---- a probe was lost ---- */

/* 7.6.2: losses that congestion control does not see must be rarer than those it sees, which are about as many round
 * trips apart as there are segments in the window. */
static uint64_t pause_us(const struct conn *c)
{
	uint64_t us = (uint64_t)(c->congestion.window / c->mss + 1) * c->rtt.smoothed_us;
	us = us > TCP_PROBE_PAUSE_US ? us : TCP_PROBE_PAUSE_US;
	return us < TCP_PATH_RAISE_US ? us : TCP_PATH_RAISE_US;
}

static void probe_failed(struct tcp_stack *s, struct conn *c, struct path_search *search, struct instant now)
{
	uint32_t bytes = search->probe;
	probe_lost(s, c, search, now);
	search->failures++;
	search->next = instant_add(now, pause_us(c));
	if (search->failures < TCP_PROBES_MAX)
		return;
	search->told = false;
	search->high = (uint16_t)(bytes - 1);
	go_on(s, c, search, now);
}

/* What is lost goes again, the first of it whatever the window says; a tail loss probe has been answered by this. */
static void repair(struct tcp_stack *s, struct conn *c, struct instant now)
{
	c->flags |= CONN_RETRANSMIT;
	c->flags &= ~(uint32_t)(CONN_TAIL | CONN_TAIL_AGAIN | CONN_TAIL_DUE);
	recovery_arm(s, c, true, 0, now);
	conn_ready(s, c);
}

/* ---- smaller ---- */

static struct path_search *lower(struct tcp_stack *s, struct conn *c, uint32_t mss, enum black_box_size cause,
                                 struct instant now)
{
	struct path_search *search = search_begin(s, c);
	size_set(s, c, mss, cause, now);
	if (search == NULL)
		return NULL;
	search->high = search->most;
	search->probe = search->sure = 0;
	search->failures = 0;
	search->told = search->suspected = false;
	search->next = now;
	return search;
}

/* A router has refused the probe and says what it carries: that is the next one (RFC 8899 4.6.2). */
static void probe_refused(struct tcp_stack *s, struct conn *c, uint32_t mss, struct instant now)
{
	struct path_search *search = search_of(s, c);
	struct seq end = seq_add(search->probe_begin, search->probe);
	(void)sent_lose(&c->sent, s->pool, search->probe_begin, end);
	probe_lost(s, c, search, now);
	search->high = (uint16_t)mss;
	search->told = true;
	search->next = now;
	go_on(s, c, search, now);
	repair(s, c, now);
}

static bool is_refused(const struct tcp_stack *s, const struct conn *c, struct seq quoted, uint32_t mss)
{
	const struct path_search *search = c->search != 0 ? search_of(s, c) : NULL;
	return search != NULL && search->probe > mss && seq_eq(quoted, search->probe_begin);
}

void path_mtu_reported(struct tcp_stack *s, struct conn *c, struct seq quoted, uint32_t mtu, struct instant now)
{
	uint32_t least = c->remote.family == IP_V4 ? TCP_PATH_MTU_MIN_V4 : TCP_PATH_MTU_MIN_V6;
	uint32_t mss = at_least(mtu, least) - header_bytes(c);
	if (!conn_synchronised(c))
		return;
	if (mss >= c->mss) {
		if (is_refused(s, c, quoted, mss))
			probe_refused(s, c, mss, now);
		return;
	}
	s->counters.path_reports++;
	struct path_search *search = lower(s, c, mss, SIZE_BY_REPORT, now);
	if (search != NULL) { /* RFC 1191 6.3, RFC 8201 4: nothing larger for ten minutes */
		search->high = c->mss;
		search->next = instant_add(now, TCP_PATH_RAISE_US);
	}
	remember(s, c, true, now);
	(void)sent_lose(&c->sent, s->pool, c->snd_una, c->snd_nxt);
	repair(s, c, now);
}

/* Cutting the segment was needless if something else is wrong, and costs little. */
static void look_for_black_hole(struct tcp_stack *s, struct conn *c, struct instant now)
{
	bool v4 = c->remote.family == IP_V4;
	uint32_t least = v4 ? TCP_BLACK_HOLE_MSS_V4 : TCP_PATH_MTU_MIN_V6 - header_bytes(c);
	if (c->retries != TCP_BLACK_HOLE_RETRIES || c->mss <= least || conn_flight(c) <= least)
		return;
	uint32_t refused = c->mss;
	bool on_trial = c->search != 0 && search_of(s, c)->sure > 0;
	s->counters.black_holes++;
	struct path_search *search = lower(s, c, least, SIZE_BY_TIMEOUTS, now);
	if (search == NULL)
		return;
	search->suspected = true;
	if (on_trial) /* its probe arrived, and that was all */
		search->high = (uint16_t)(refused - 1);
}

void path_mtu_timed_out(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->search != 0) {
		struct path_search *search = search_of(s, c);
		search->suspected = false; /* what is small vanishes as well: it is no matter of size */
		if (search->probe > 0)
			probe_failed(s, c, search, now); /* 7.6.3 */
	}
	look_for_black_hole(s, c, now);
}

void path_mtu_opened(struct tcp_stack *s, struct conn *c, struct instant now)
{
	const struct path_entry *known = path_memory_find(&s->paths, stack_vlan(s, c->local), c->remote, now);
	if (known == NULL || known->mtu >= c->mss + header_bytes(c))
		return;
	struct path_search *search = lower(s, c, known->mtu - header_bytes(c), SIZE_BY_MEMORY, now);
	s->counters.path_known++;
	if (search != NULL && known->settled) {
		search->high = c->mss;
		search->next = known->until;
	}
}

void path_mtu_closed(struct tcp_stack *s, struct conn *c)
{
	if (c->search == 0)
		return;
	slab_give(&s->searches, search_of(s, c));
	c->search = 0;
}

/* ---- larger: a probe leaves ---- */

/* 7.4: nothing is lost or in doubt, and SACK will tell what becomes of the probe. */
static bool is_calm(const struct conn *c)
{
	uint32_t busy = CONN_RECOVERY | CONN_LOSS | CONN_TAIL;
	return (c->flags & CONN_SACK) != 0 && (c->flags & busy) == 0 && c->sent.lost_bytes == 0 &&
	       c->sent.sacked_bytes == 0;
}

uint32_t path_mtu_probe_bytes(struct tcp_stack *s, const struct conn *c, struct instant now)
{
	struct path_search *search = search_of(s, c);
	if (search->probe > 0 || c->mss >= search->most || !instant_reached(search->next, now) || !is_calm(c))
		return 0;
	uint32_t bytes = candidate(c, search);
	if (bytes == 0) { /* the raise timer has run out */
		search->high = search->most;
		search->told = false;
		bytes = candidate(c, search);
	}
	uint32_t with_others = bytes + TCP_DUPLICATES * c->mss;
	bool enough = conn_unsent(c) >= with_others && c->snd_wnd >= with_others && c->congestion.window >= with_others;
	return enough ? bytes : 0;
}

void path_mtu_probed(struct tcp_stack *s, struct conn *c, uint32_t bytes, struct instant now)
{
	struct path_search *search = search_of(s, c);
	search->probe = (uint16_t)bytes;
	search->probe_begin = c->snd_nxt;
	s->counters.path_probes++;
	note_probe(s, c, BLACK_BOX_SIZE_PROBE, search, now);
}

/* ---- it arrives ---- */

/* All of it is acknowledged, or the peer has reported its first byte and thereby that packet. */
static bool has_arrived(const struct conn *c, const struct path_search *search)
{
	const struct sent_range *r = sent_ranges(&c->sent);
	unsigned i = 0;
	if (seq_ge(c->snd_una, seq_add(search->probe_begin, search->probe)))
		return true;
	while (i < c->sent.count && seq_le(r[i].end, search->probe_begin))
		i++;
	return i < c->sent.count && (r[i].flags & SENT_SACKED) != 0;
}

static void grow(struct tcp_stack *s, struct conn *c, struct path_search *search, struct instant now)
{
	if (search->sure == 0)
		search->sure = c->mss;
	size_set(s, c, search->probe, SIZE_BY_PROBE, now);
	search->probe = 0;
	search->trial_begin = c->snd_nxt;
	search->retransmits = c->retransmits;
	s->counters.path_raised++;
	if (c->mss >= search->most) {
		forget(s, c, now);
		return;
	}
	go_on(s, c, search, now);
}

/* 7.8: a probe may have taken another path than the rest, or have been lucky. */
static void look_at_trial(struct tcp_stack *s, struct conn *c, struct path_search *search, struct instant now)
{
	struct seq end = seq_add(search->trial_begin, TCP_TRIAL_SEGMENTS * c->mss);
	if (c->retransmits - search->retransmits > TCP_TRIAL_SEGMENTS / TCP_TRIAL_LOST_SHARE) {
		s->counters.path_undone++;
		search->high = (uint16_t)(c->mss - 1);
		size_set(s, c, search->sure, SIZE_BY_LOSSES, now);
		search->probe = search->sure = 0;
		search->next = instant_add(now, pause_us(c));
		go_on(s, c, search, now);
	} else if (seq_ge(c->snd_una, end)) {
		search->sure = 0;
		if (c->mss >= search->most)
			path_mtu_closed(s, c);
	}
}

void path_mtu_acked(struct tcp_stack *s, struct conn *c, const struct sent_news *news)
{
	struct path_search *search = search_of(s, c);
	if (search->suspected && news->acked_bytes > 0) {
		search->suspected = false;
		remember(s, c, false, news->now);
	}
	if (search->probe > 0 && has_arrived(c, search))
		grow(s, c, search, news->now);
	if (search->sure > 0)
		look_at_trial(s, c, search, news->now);
}

/* ---- or does not ---- */

/* All that is lost is in one piece and part of the probe. */
static bool is_lost_alone(const struct conn *c, const struct path_search *search)
{
	struct seq begin, end;
	return sent_first_lost(&c->sent, &begin, &end) && seq_span(begin, end) == c->sent.lost_bytes &&
	       seq_ge(begin, search->probe_begin) && seq_le(end, seq_add(search->probe_begin, search->probe));
}

bool path_mtu_lost(struct tcp_stack *s, struct conn *c, struct instant now)
{
	struct path_search *search = search_of(s, c);
	if (search->probe == 0)
		return false;
	if (!is_lost_alone(c, search)) { /* 7.6.4: congestion explains what becomes of the probe, or will */
		search->probe = 0;
		search->next = instant_add(now, pause_us(c));
		return false;
	}
	probe_failed(s, c, search, now);
	repair(s, c, now);
	return true;
}
