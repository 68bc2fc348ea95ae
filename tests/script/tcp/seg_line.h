/*
 * seg_line.h - a script's state, its words, and how a line that shows a segment is read. For
 * seg_run.c only, whose head describes the language.
 */
#ifndef WEIR_TESTS_SEG_LINE_H
#define WEIR_TESTS_SEG_LINE_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/tcp_facade.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp_seg.h"

#define SLACK_US 2000u
#define WORDS_MAX 40u
#define FLOWS_MAX 16u
#define FRAMES_MAX 256u
#define LOCAL_PORT 25u
#define PEER_PORT 5000u

struct flow {
	uint16_t port; /* the peer's */
	uint16_t local_port;
	uint32_t our_isn, last_stamp;
	bool our_isn_known;
};

struct sent { /* by the stack, not yet expected by a line */
	struct instant at;
	uint16_t peer_port, local_port;
	struct tcp_seg seg;
	uint32_t bytes;
	bool intact; /* payload is the pattern at its place */
	enum ip_ecn ecn;
};

struct play {
	const char *file;
	unsigned line;
	bool failed, started, wrap;
	bool show;       /* print what the stack sends instead of comparing it */
	const char *raw; /* the line as it was read */
	enum ip_family family;
	struct facade_options options;
	struct facade *host;
	struct ip_addr own, peer;
	int listener, socket; /* the connection that lines speak of: the last accepted or connected */
	struct instant begin, last_line;
	uint32_t peer_isn;
	struct flow flows[FLOWS_MAX];
	unsigned flow_count;
	struct sent sent[FRAMES_MAX];
	unsigned sent_count;
	uint64_t written, read;
	char *words[WORDS_MAX];
	unsigned word_count, word;
};

static inline void fail(struct play *p, const char *what, const char *detail)
{
	if (!p->failed)
		printf("%s:%u: %s%s%s\n", p->file, p->line, what, detail != NULL ? ": " : "",
		       detail != NULL ? detail : "");
	p->failed = true;
}

static inline uint8_t pattern(uint64_t at)
{
	return (uint8_t)('a' + at % 23);
}

/* ---- words ---- */

static inline const char *peek_word(const struct play *p)
{
	return p->word < p->word_count ? p->words[p->word] : "";
}

static inline const char *next_word(struct play *p)
{
	const char *w = peek_word(p);
	if (p->word < p->word_count)
		p->word++;
	return w;
}

static inline bool take_word(struct play *p, const char *w)
{
	if (strcmp(peek_word(p), w) != 0)
		return false;
	p->word++;
	return true;
}

static inline uint32_t next_number(struct play *p)
{
	const char *w = next_word(p);
	char *end;
	unsigned long v = strtoul(w, &end, 10);
	if (*w == '\0' || *end != '\0')
		fail(p, "a number is wanted", w);
	return (uint32_t)v;
}

/* ---- flows ---- */

static inline struct flow *flow_of(struct play *p, uint16_t port)
{
	for (unsigned i = 0; i < p->flow_count; i++)
		if (p->flows[i].port == port)
			return &p->flows[i];
	if (p->flow_count == FLOWS_MAX) {
		fail(p, "too many peers", NULL);
		return &p->flows[0];
	}
	struct flow *f = &p->flows[p->flow_count++];
	*f = (struct flow){ .port = port, .local_port = LOCAL_PORT };
	return f;
}

struct line_seg {
	uint16_t port;
	uint8_t flags;
	uint32_t seq, bytes, ack, window;
	bool ack_given, window_given, options_given;
	int fill;
	struct tcp_options options;
	bool stamp_any, echo_any, echo_last, bad_sum;
	int32_t echo_back; /* milliseconds before the last stamp */
	uint16_t urgent;
	bool marked;  /* congestion experienced */
	const char *cut; /* "0-24+24-60": sent as these fragments, in this order; NULL: whole */
	uint16_t id;     /* of the datagram that is cut */
	int capable;  /* expected ECN field; -1: any */
	uint8_t raw[TCP_OPTION_BYTES_MAX]; /* option bytes as they stand */
	size_t raw_bytes;
};

static inline void read_flags(struct play *p, struct line_seg *x)
{
	for (const char *c = next_word(p); *c != '\0'; c++) {
		const char *all = "FSRP.UEW";
		const char *at = strchr(all, *c);
		if (at == NULL)
			fail(p, "unknown flag", c);
		else
			x->flags |= (uint8_t)(1u << (at - all));
	}
}

static inline void read_range(struct play *p, struct line_seg *x)
{
	unsigned begin, end, bytes;
	const char *w = next_word(p);
	if (sscanf(w, "%u:%u(%u)", &begin, &end, &bytes) != 3 || end - begin != bytes)
		fail(p, "SEQ:END(LEN) is wanted", w);
	else {
		x->seq = begin;
		x->bytes = bytes;
	}
}

static inline void read_stamp(struct play *p, struct line_seg *x)
{
	const char *value = next_word(p);
	const char *echo = next_word(p);
	x->options.stamps_known = true;
	x->stamp_any = strcmp(value, "*") == 0;
	x->echo_any = strcmp(echo, "*") == 0;
	x->echo_last = strncmp(echo, "last", 4) == 0;
	x->echo_back = x->echo_last ? (int32_t)strtol(echo + 4, NULL, 10) : 0;
	x->options.stamp = (uint32_t)strtoul(value, NULL, 10);
	x->options.stamp_echo = (uint32_t)strtoul(echo, NULL, 10);
}

static inline void read_raw(struct play *p, struct line_seg *x)
{
	unsigned byte;
	const char *hex = next_word(p);
	for (; sscanf(hex, "%2x", &byte) == 1 && x->raw_bytes < sizeof(x->raw); hex += 2)
		x->raw[x->raw_bytes++] = (uint8_t)byte;
	if (*hex != '\0' || x->raw_bytes % 4 != 0)
		fail(p, "whole words of hexadecimal bytes are wanted", hex);
}

static inline void read_options(struct play *p, struct line_seg *x)
{
	while (!p->failed && !take_word(p, ">")) {
		struct tcp_options *o = &x->options;
		unsigned begin, end;
		if (take_word(p, "mss")) {
			o->mss_known = true;
			o->mss = (uint16_t)next_number(p);
		} else if (take_word(p, "wscale")) {
			o->shift_known = true;
			o->shift = (uint8_t)next_number(p);
		} else if (take_word(p, "sackOK")) {
			o->sack_permitted = true;
		} else if (take_word(p, "hex")) {
			read_raw(p, x);
		} else if (take_word(p, "TS")) {
			read_stamp(p, x);
		} else if (take_word(p, "sack") && o->sack_count < TCP_SACK_BLOCKS_MAX &&
		           sscanf(next_word(p), "%u:%u", &begin, &end) == 2) {
			o->sack[o->sack_count].begin = seq_of(begin);
			o->sack[o->sack_count++].end = seq_of(end);
		} else {
			fail(p, "unknown option", peek_word(p));
		}
	}
}

static inline struct line_seg read_seg(struct play *p)
{
	struct line_seg x = { .port = PEER_PORT, .fill = -1, .window = 65535, .capable = -1, .id = 1 };
	if (isdigit((unsigned char)*peek_word(p)))
		x.port = (uint16_t)next_number(p);
	read_flags(p, &x);
	read_range(p, &x);
	while (!p->failed && *peek_word(p) != '\0') {
		if (take_word(p, "ack")) {
			x.ack = next_number(p);
			x.ack_given = true;
		} else if (take_word(p, "win")) {
			x.window = next_number(p);
			x.window_given = true;
		} else if (take_word(p, "fill")) {
			x.fill = (int)next_number(p);
		} else if (take_word(p, "urgent")) {
			x.urgent = (uint16_t)next_number(p);
		} else if (take_word(p, "cut")) {
			x.cut = next_word(p);
		} else if (take_word(p, "id")) {
			x.id = (uint16_t)next_number(p);
		} else if (take_word(p, "ce")) {
			x.marked = true;
		} else if (take_word(p, "ect")) {
			x.capable = (int)next_number(p);
		} else if (take_word(p, "badsum")) {
			x.bad_sum = true;
		} else if (take_word(p, "<")) {
			x.options_given = true;
			read_options(p, &x);
		} else {
			fail(p, "unknown word", peek_word(p));
		}
	}
	return x;
}

#endif
