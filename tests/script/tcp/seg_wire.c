/*
 * seg_wire.c - a script's wire: what the stack sends is collected and compared, what a line sends is
 * built and injected, and time passes between them.
 */
#include "seg_play.h"
#include "wire/checksum.h"

/* ---- what the stack sends ---- */

static bool payload_intact(const struct flow *f, const struct tcp_seg *seg)
{
	uint32_t at = seg->seq.v - f->our_isn - 1;
	for (size_t i = 0; i < seg->payload.bytes; i++)
		if (seg->payload.data[i] != pattern(at + i))
			return false;
	return true;
}

static void note_packet(struct play *p, struct span packet, struct instant at)
{
	struct ip_view ip;
	struct sent *x = &p->sent[p->sent_count];
	enum ip_outcome outcome = p->family == IP_V4 ? ip4_parse(packet, 0, false, &ip)
	                                             : ip6_parse(packet, 0, &ip);
	if (outcome != IP_OK || tcp_seg_parse(&ip, false, &x->seg) != TCP_SEG_OK) {
		fail(p, "the stack sent a malformed packet", NULL);
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
	x->at = at;
	x->peer_port = x->seg.dst_port;
	x->bytes = (uint32_t)x->seg.payload.bytes;
	x->intact = payload_intact(f, &x->seg);
	x->ecn = ip_ecn_of(&ip);
	if (p->sent_count + 1 < FRAMES_MAX)
		p->sent_count++;
	else
		fail(p, "the stack sends without end", NULL);
}

void seg_collect(struct play *p)
{
	static uint8_t data[FACADE_PACKET_BYTES_MAX];
	struct instant at;
	size_t bytes;
	while (!p->failed &&
	       (bytes = facade_take(p->host, (struct room){ data, sizeof(data) }, &at)) > 0)
		note_packet(p, span_of(data, bytes), at);
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

void seg_fail_sent(struct play *p, const char *what)
{
	char line[300];
	describe_seg(p, &p->sent[0], line, sizeof(line));
	fail(p, what, line);
}

static void show_options(const struct play *p, const struct tcp_options *o)
{
	const char *gap = "";
	printf(" <");
	if (o->mss_known)
		printf("%smss %u", gap, o->mss), gap = ", ";
	if (o->sack_permitted)
		printf("%ssackOK", gap), gap = ", ";
	if (o->shift_known)
		printf("%swscale %u", gap, o->shift), gap = ", ";
	if (o->stamps_known)
		printf("%sTS * *", gap), gap = ", ";
	for (unsigned i = 0; i < o->sack_count; i++, gap = ", ")
		printf("%ssack %u:%u", gap, o->sack[i].begin.v - p->peer_isn,
		       o->sack[i].end.v - p->peer_isn);
	printf(">");
}

static void show_one(struct play *p, const struct sent *x)
{
	static const char letters[] = "FSRP.UEW";
	const struct flow *f = flow_of(p, x->peer_port);
	const struct tcp_options *o = &x->seg.options;
	uint32_t seq = x->seg.seq.v - f->our_isn;
	printf("%.3f > ", (double)(x->at.us - p->begin.us) / 1e6);
	if (x->peer_port != PEER_PORT)
		printf("%u ", x->peer_port);
	for (unsigned i = 0; i < 8; i++)
		if ((x->seg.flags >> i & 1) != 0)
			putchar(letters[i]);
	printf(" %u:%u(%u)", seq, seq + x->bytes, x->bytes);
	if ((x->seg.flags & TCP_ACK) != 0)
		printf(" ack %u", x->seg.ack.v - p->peer_isn);
	if ((x->seg.flags & TCP_SYN) != 0 || o->sack_count > 0)
		show_options(p, o);
	putchar('\n');
}

void seg_show_sent(struct play *p)
{
	seg_collect(p);
	for (unsigned i = 0; i < p->sent_count; i++)
		show_one(p, &p->sent[i]);
	p->sent_count = 0;
}

/* ---- time ---- */

/* As a worker does: what is due, what the application did at that instant, then output. So several
 * actions at one time are seen by the wire together. */
void seg_advance(struct play *p, struct instant to)
{
	if (!instant_before(facade_now(p->host), to))
		return;
	facade_advance_to(p->host, (struct instant){ .us = to.us - 1 });
	seg_collect(p);
	if (p->show)
		seg_show_sent(p);
	facade_advance_to(p->host, to);
	if (!p->failed && p->sent_count > 0 && p->sent[0].at.us + SLACK_US < to.us)
		seg_fail_sent(p, "nothing was to be sent");
}

static void wait_for_packet(struct play *p)
{
	struct instant limit = instant_add(facade_now(p->host), SLACK_US);
	while (p->sent_count == 0 && facade_now(p->host).us < limit.us) {
		facade_advance(p->host, 250);
		seg_collect(p);
	}
}

/* ---- segments ---- */

static void emit_ip(const struct play *p, struct writer *w, struct ip_addr from, uint8_t protocol,
                    size_t bytes)
{
	if (p->family == IP_V4)
		ip4_emit(w, from, p->own, protocol, (uint16_t)bytes);
	else
		ip6_emit(w, from, p->own, protocol, (uint16_t)bytes, IP_HOP_LIMIT);
}

/* Bytes [begin, end) of a datagram's payload as one fragment. */
static void send_piece(struct play *p, const struct line_seg *x, struct span all, unsigned begin, unsigned end)
{
	static uint8_t data[FACADE_PACKET_BYTES_MAX];
	struct writer w = writer_of((struct room){ data, sizeof(data) });
	bool more = end < all.bytes;
	if (p->family == IP_V4) {
		ip4_emit(&w, p->peer, p->own, IP_TCP, (uint16_t)(end - begin));
		writer_patch_be16(&w, 4, x->id);
		writer_patch_be16(&w, 6, (uint16_t)(begin / 8 | (more ? 0x2000u : 0)));
		ip4_mark(&w, 0, IP_NOT_ECT);
	} else {
		ip6_emit(&w, p->peer, p->own, 44, (uint16_t)(end - begin + IP6_FRAGMENT_BYTES), IP_HOP_LIMIT);
		writer_be16(&w, IP_TCP << 8);
		writer_be16(&w, (uint16_t)(begin | more));
		writer_be32(&w, x->id);
	}
	writer_bytes(&w, span_head(span_after(all, begin), end - begin));
	facade_inject(p->host, writer_span(&w));
}

static void send_pieces(struct play *p, const struct line_seg *x, struct span all)
{
	unsigned begin, end;
	for (const char *at = x->cut; at != NULL; at = strchr(at, '+')) {
		at += *at == '+';
		if (sscanf(at, "%u-%u", &begin, &end) == 2 && begin < end && end <= all.bytes)
			send_piece(p, x, all, begin, end);
		else
			fail(p, "BEGIN-END+... within the segment is wanted", at);
	}
}

static void peer_sends_segment(struct play *p)
{
	static uint8_t data[FACADE_PACKET_BYTES_MAX];
	struct line_seg x = read_seg(p);
	if (p->failed)
		return;
	struct flow *f = flow_of(p, x.port);
	struct writer w = writer_of((struct room){ data, sizeof(data) });
	struct tcp_seg seg = { .src_port = x.port,
		               .dst_port = f->local_port,
		               .seq = seq_of(p->peer_isn + x.seq),
		               .ack = seq_of(x.ack_given ? f->our_isn + x.ack : 0),
		               .flags = x.flags,
		               .window = (uint16_t)x.window,
		               .options = x.options };
	if (x.echo_last)
		seg.options.stamp_echo = f->last_stamp + (uint32_t)x.echo_back;
	for (unsigned i = 0; i < seg.options.sack_count; i++) {
		seg.options.sack[i].begin = seq_add(seg.options.sack[i].begin, f->our_isn);
		seg.options.sack[i].end = seq_add(seg.options.sack[i].end, f->our_isn);
	}
	emit_ip(p, &w, p->peer, IP_TCP, tcp_seg_header_bytes(&seg.options) + x.raw_bytes + x.bytes);
	if (x.marked && p->family == IP_V4)
		ip4_mark(&w, 0, IP_CE);
	else if (x.marked)
		ip6_mark(&w, 0, IP_CE);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	writer_bytes(&w, span_of(x.raw, x.raw_bytes));
	data[l4 + 12] += (uint8_t)(x.raw_bytes / 4 << 4);
	writer_patch_be16(&w, l4 + 18, x.urgent);
	for (uint32_t i = 0; i < x.bytes; i++)
		writer_u8(&w, x.fill >= 0 ? (uint8_t)x.fill : pattern(x.seq - 1 + i));
	tcp_seg_seal(&w, l4, p->peer, p->own, false);
	if (x.bad_sum)
		data[l4 + 17] ^= 1;
	if (x.cut != NULL)
		send_pieces(p, &x, span_after(writer_span(&w), l4));
	else
		facade_inject(p->host, writer_span(&w));
}

/* A router's error about our segment at a sequence number: header, then the quoted packet's IP header
 * and the first eight bytes behind it. */
static void router_reports(struct play *p)
{
	uint8_t quoted[64], bytes[200];
	uint8_t type = (uint8_t)next_number(p);
	uint8_t code = (uint8_t)next_number(p);
	uint32_t word = next_number(p);
	if (!take_word(p, "quote"))
		fail(p, "quote SEQ is wanted", peek_word(p));
	struct flow *f = flow_of(p, PEER_PORT);
	uint32_t seq = f->our_isn + next_number(p);
	struct writer q = writer_of((struct room){ quoted, sizeof(quoted) });
	if (p->family == IP_V4)
		ip4_emit(&q, p->own, p->peer, IP_TCP, 1000);
	else
		ip6_emit(&q, p->own, p->peer, IP_TCP, 1000, IP_HOP_LIMIT);
	writer_be16(&q, f->local_port);
	writer_be16(&q, PEER_PORT);
	writer_be32(&q, seq);
	struct ip_addr router = p->options.stack.routes[p->family == IP_V4 ? 0 : 1].via;
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	emit_ip(p, &w, router, p->family == IP_V4 ? IP_ICMP : IP_ICMP6, ICMP_HEADER_BYTES + q.used);
	size_t l4 = w.used;
	writer_u8(&w, type);
	writer_u8(&w, code);
	writer_be16(&w, 0);
	writer_be32(&w, word);
	writer_bytes(&w, writer_span(&q));
	struct span all = span_after(writer_span(&w), l4);
	struct checksum sum = { 0 };
	if (p->family == IP_V6)
		sum = checksum_pseudo(router, p->own, IP_ICMP6, (uint32_t)all.bytes);
	writer_patch_be16(&w, l4 + 2, checksum_finish(checksum_add(sum, all)));
	facade_inject(p->host, writer_span(&w));
}

void seg_peer_sends(struct play *p)
{
	if (take_word(p, "icmp"))
		router_reports(p);
	else
		peer_sends_segment(p);
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

void seg_stack_sends(struct play *p)
{
	struct line_seg x = read_seg(p);
	if (p->failed || p->show)
		return;
	seg_collect(p);
	if (p->sent_count == 0)
		wait_for_packet(p);
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
	good = good && (x.capable < 0 || (unsigned)x.capable == (unsigned)got->ecn);
	good = good && (!x.window_given || got->seg.window == x.window);
	good = good && (!x.options_given || options_match(p, &x, &got->seg.options));
	if (!good) {
		seg_fail_sent(p, "the stack sent something else");
		return;
	}
	p->sent_count--;
	memmove(&p->sent[0], &p->sent[1], p->sent_count * sizeof(p->sent[0]));
}
