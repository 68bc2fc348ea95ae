/*
 * hystart.c - HyStart++ (RFC 9406): slow start ends before the bottleneck's queue overflows.
 *
 * Doubling until something is lost loses half a window at once. So the shortest round trip of each
 * round is compared with that of the round before: when it has grown, a queue is building up, and
 * growth becomes cautious (a quarter as fast) for a few rounds; if the round trips stay long the
 * threshold is where we are, if they shorten again it was a whim of the path and slow start
 * goes on. Only the first slow start of a connection needs it: later ones know their threshold.
 *
 * A round ends with the last ACK of what the one before had sent; what that ACK, and others of the same burst, let us
 * send belongs to the round that has ended. So the new one begins with the first ACK after something was sent: were it
 * to begin at once, its first samples would be of the end of a burst, which has stood behind all of it in the queue.
 */
#include "tcp/stack_int.h"

#define RTT_GROWTH_MIN_US 4000u  /* 4.3: MIN_RTT_THRESH */
#define RTT_GROWTH_MAX_US 16000u /* MAX_RTT_THRESH */
#define RTT_GROWTH_DIVISOR 8u    /* MIN_RTT_DIVISOR */
#define SAMPLES_MIN 8u           /* N_RTT_SAMPLE */
#define CAUTIOUS_ROUNDS 5u       /* CSS_ROUNDS */

static bool has_grown(const struct hystart *h)
{
	uint32_t step = h->last_min_us / RTT_GROWTH_DIVISOR;
	step = step < RTT_GROWTH_MIN_US ? RTT_GROWTH_MIN_US : step;
	step = step > RTT_GROWTH_MAX_US ? RTT_GROWTH_MAX_US : step;
	return h->last_min_us != 0 && h->min_us >= h->last_min_us + step;
}

static void next_round(struct conn *c)
{
	struct hystart *h = &c->hystart;
	h->last_min_us = h->min_us;
	h->min_us = 0;
	h->samples = 0;
	h->round_end = c->snd_nxt;
	h->between = true;
	if (!h->cautious)
		return;
	h->rounds++;
	if (h->rounds >= CAUTIOUS_ROUNDS)
		c->congestion.threshold = c->congestion.window;
}

/* Has the next round begun? */
static bool is_in_round(struct conn *c)
{
	struct hystart *h = &c->hystart;
	if (h->between && !seq_eq(h->round_end, c->snd_nxt)) {
		h->round_end = c->snd_nxt;
		h->between = false;
	}
	return !h->between;
}

bool hystart_acked(struct conn *c, const struct sent_news *news)
{
	struct hystart *h = &c->hystart;
	if (c->congestion.threshold < TCP_WINDOW_MAX)
		return false;
	if (!is_in_round(c))
		return h->cautious;
	if (news->newest_known) {
		uint32_t rtt_us = (uint32_t)news->now.us - news->newest_us;
		h->min_us = h->min_us == 0 || rtt_us < h->min_us ? rtt_us : h->min_us;
		h->samples += h->samples < UINT8_MAX ? 1 : 0;
	}
	bool enough = h->samples >= SAMPLES_MIN;
	if (!h->cautious && enough && has_grown(h)) {
		h->cautious = true;
		h->rounds = 0;
		h->baseline_us = h->min_us;
	} else if (h->cautious && enough && h->min_us < h->baseline_us) {
		h->cautious = false;
	}
	if (seq_ge(c->snd_una, h->round_end))
		next_round(c);
	return h->cautious;
}
