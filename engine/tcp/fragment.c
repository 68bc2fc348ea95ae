/*
 * fragment.c - see fragment_int.h. Step on a byte's path: tcp/stack -> fragment (only pieces of datagrams) ->
 * tcp/demux. Bytes are copied twice: from the frame into chunks, and once all are there into one stretch.
 */
#include "tcp/fragment_int.h"

#include "tcp/stack_int.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

struct fragment { /* one that has come */
	uint32_t begin, end;
	bool more;
	struct span bytes;
};

static struct fragment_datagram *datagram_find(struct tcp_stack *s, const struct packet *p, struct instant now);
static bool datagram_takes(struct tcp_stack *s, struct fragment_datagram *d, const struct packet *p,
                           const struct fragment *x);
static void datagram_free(struct fragments *f, struct fragment_datagram *d);
static void datagram_kill(struct tcp_stack *s, struct fragment_datagram *d, enum tcp_drop why);
static bool whole_make(struct tcp_stack *s, struct fragment_datagram *d, struct packet *p);

/* ---- lists of indices ---- */

static uint16_t ref_of(const struct fragments *f, const struct fragment_datagram *d)
{
	return (uint16_t)(d - f->datagrams + 1);
}

static void order_join(struct fragments *f, struct fragment_datagram *d)
{
	link_push(&f->order[d->dead][d->family == IP_V6], &d->order);
	*(d->dead ? &f->dead : &f->live) += 1;
}

static void order_leave(struct fragments *f, struct fragment_datagram *d)
{
	link_remove(&d->order);
	*(d->dead ? &f->dead : &f->live) -= 1;
}

void fragment_init(struct fragments *f)
{
	for (unsigned i = 0; i < 4; i++)
		link_init(&f->order[i / 2][i % 2]);
	for (uint32_t i = FRAGMENT_DATAGRAMS_MAX; i > 0; i--) {
		f->datagrams[i - 1].next = f->free_datagram;
		f->free_datagram = (uint16_t)i;
	}
	for (uint32_t i = FRAGMENT_CHUNKS; i > 0; i--) {
		f->chunks[i - 1].next = f->free_chunk;
		f->free_chunk = (uint16_t)i;
	}
	f->chunks_free = FRAGMENT_CHUNKS;
}

/* ---- one fragment ---- */

/* RFC 8200 4.5: all but the last end on eight bytes, and nothing lies behind what a length field can say. */
static bool lengths_good(const struct packet *p, const struct fragment *x)
{
	uint32_t most = UINT16_MAX - (p->ip.src.family == IP_V4 ? IP4_HEADER_BYTES : 0);
	return x->bytes.bytes > 0 && x->end <= most && (!x->more || x->bytes.bytes % 8 == 0);
}

bool fragment_input(struct tcp_stack *s, struct packet *p, struct instant now)
{
	struct fragment x = { .begin = p->ip.fragment_offset, .more = p->ip.fragment_more, .bytes = p->ip.payload };
	x.end = x.begin + (uint32_t)x.bytes.bytes;
	if (!lengths_good(p, &x)) {
		stack_drop(s, TCP_DROP_FRAGMENT_LENGTH);
		return false;
	}
	struct fragment_datagram *d = datagram_find(s, p, now);
	if (d == NULL || !datagram_takes(s, d, p, &x))
		return false;
	if (!d->end_known || d->bytes < d->end)
		return false;
	bool good = whole_make(s, d, p);
	order_leave(s->fragments, d);
	datagram_free(s->fragments, d);
	return good;
}

/* ---- finding and opening datagrams ---- */

static struct fragment_key key_of(const struct packet *p)
{
	struct fragment_key k = { { 0 } };
	memcpy(k.bytes, p->ip.src.bytes, 16);
	memcpy(k.bytes + 16, p->ip.dst.bytes, 16);
	memcpy(k.bytes + 32, &p->ip.fragment_id, 4);
	k.bytes[36] = p->ip.src.family == IP_V4 ? p->ip.protocol : 0; /* RFC 791; not in RFC 8200 */
	k.bytes[37] = p->ip.src.family;
	return k;
}

static uint64_t keyed(const struct tcp_stack *s, struct span bytes)
{
	struct siphash_key key = s->config.secret;
	key.k1 ^= (uint64_t)TUPLE_FRAGMENT << 56;
	return siphash(key, bytes);
}

static void chunks_free(struct fragments *f, uint16_t first)
{
	while (first != 0) {
		struct fragment_chunk *chunk = &f->chunks[first - 1];
		uint16_t next = chunk->next;
		chunk->next = f->free_chunk;
		f->free_chunk = first;
		f->chunks_free++;
		first = next;
	}
}

static void pieces_free(struct fragments *f, struct fragment_datagram *d)
{
	for (unsigned i = 0; i < d->count; i++)
		chunks_free(f, d->pieces[i].chunk);
	d->count = 0;
	d->bytes = 0;
}

static void datagram_free(struct fragments *f, struct fragment_datagram *d)
{
	uint16_t *at = &f->buckets[d->bucket];
	while (*at != ref_of(f, d))
		at = &f->datagrams[*at - 1].next;
	*at = d->next;
	pieces_free(f, d);
	f->sources[d->source]--;
	d->next = f->free_datagram;
	f->free_datagram = ref_of(f, d);
}

/* Some member of a list that is not `but`, the oldest that there is. */
static struct fragment_datagram *oldest_in(struct link *list, const struct fragment_datagram *but)
{
	struct link *at = link_first(list);
	if (at != list && OBJECT_OF(at, struct fragment_datagram, order) == but)
		at = at->next;
	return at == list ? NULL : OBJECT_OF(at, struct fragment_datagram, order);
}

static struct fragment_datagram *oldest(struct fragments *f, bool dead, const struct fragment_datagram *but)
{
	struct fragment_datagram *v4 = oldest_in(&f->order[dead][0], but);
	struct fragment_datagram *v6 = oldest_in(&f->order[dead][1], but);
	if (v4 == NULL || v6 == NULL)
		return v4 != NULL ? v4 : v6;
	return instant_before(v6->begun, v4->begun) ? v6 : v4;
}

static void evict(struct tcp_stack *s, struct fragment_datagram *d)
{
	if (!d->dead) /* of a dead one nothing is lost but the memory of it */
		stack_drop(s, TCP_DROP_FRAGMENT_EVICTED);
	order_leave(s->fragments, d);
	datagram_free(s->fragments, d);
}

static struct fragment_datagram *datagram_open(struct tcp_stack *s, const struct packet *p,
                                               const struct fragment_key *key, uint16_t bucket, struct instant now)
{
	struct fragments *f = s->fragments;
	uint16_t source = (uint16_t)(source_hash(s, p->ip.src) % FRAGMENT_SOURCES);
	if (f->sources[source] >= FRAGMENT_SOURCE_MAX) {
		stack_drop(s, TCP_DROP_FRAGMENT_SOURCE);
		return NULL;
	}
	if (f->free_datagram == 0)
		evict(s, oldest(f, f->dead > 0, NULL));
	struct fragment_datagram *d = &f->datagrams[f->free_datagram - 1];
	f->free_datagram = d->next;
	*d = (struct fragment_datagram){ .key = *key,
		                         .next = f->buckets[bucket],
		                         .bucket = bucket,
		                         .source = source,
		                         .family = p->ip.src.family,
		                         .begun = now };
	f->buckets[bucket] = ref_of(f, d);
	f->sources[source]++;
	order_join(f, d);
	return d;
}

static struct fragment_datagram *datagram_find(struct tcp_stack *s, const struct packet *p, struct instant now)
{
	struct fragments *f = s->fragments;
	struct fragment_key key = key_of(p);
	uint16_t bucket = (uint16_t)(keyed(s, span_of(&key, sizeof(key))) % FRAGMENT_DATAGRAMS_MAX);
	for (uint16_t ref = f->buckets[bucket]; ref != 0; ref = f->datagrams[ref - 1].next)
		if (memcmp(&f->datagrams[ref - 1].key, &key, sizeof(key)) == 0)
			return &f->datagrams[ref - 1];
	return datagram_open(s, p, &key, bucket, now);
}

static void datagram_kill(struct tcp_stack *s, struct fragment_datagram *d, enum tcp_drop why)
{
	stack_drop(s, why);
	order_leave(s->fragments, d);
	pieces_free(s->fragments, d);
	d->dead = true;
	d->begun = s->now; /* the last of its list is the youngest there too */
	order_join(s->fragments, d);
}

/* ---- may it be part of this datagram? ---- */

/* RFC 7112 5, RFC 1858 3: what decides about a packet stands in its first piece. */
static bool chain_whole(const struct packet *p)
{
	struct ip_view view = p->ip;
	if (view.src.family == IP_V6 && ip6_rest_parse(&view) != IP_OK)
		return false;
	size_t bytes = view.payload.bytes;
	if (view.protocol == IP_TCP)
		return bytes >= TCP_HEADER_BYTES && bytes >= (size_t)(view.payload.data[12] >> 4) * 4;
	return bytes >= ICMP_HEADER_BYTES;
}

static bool is_tiny(const struct packet *p, const struct fragment *x)
{
	if (x->begin == 0)
		return !chain_whole(p);
	return p->ip.src.family == IP_V4 && p->ip.protocol == IP_TCP && x->begin < TCP_HEADER_BYTES; /* RFC 3128 */
}

/* The end is where the last fragment ends, all of them say the same, and nothing lies behind it. */
static bool end_contradicts(const struct fragment_datagram *d, const struct fragment *x)
{
	if (d->end_known)
		return x->more ? x->end >= d->end : x->end != d->end;
	if (x->more || d->count == 0)
		return false;
	const struct fragment_piece *last = &d->pieces[d->count - 1];
	return (uint32_t)last->begin + last->bytes > x->begin;
}

/* How many pieces begin before `begin`. */
static unsigned place_of(const struct fragment_datagram *d, uint32_t begin)
{
	unsigned low = 0, high = d->count;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (d->pieces[middle].begin < begin)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool same_bytes(const struct fragments *f, const struct fragment_piece *piece, struct span bytes)
{
	uint16_t chunk = piece->chunk;
	if (piece->bytes != bytes.bytes)
		return false;
	while (bytes.bytes > 0) {
		struct span here = span_head(bytes, FRAGMENT_CHUNK_BYTES);
		if (memcmp(f->chunks[chunk - 1].data, here.data, here.bytes) != 0)
			return false;
		chunk = f->chunks[chunk - 1].next;
		bytes = span_after(bytes, here.bytes);
	}
	return true;
}

static bool overlaps(const struct fragment_datagram *d, unsigned at, const struct fragment *x)
{
	const struct fragment_piece *before = at > 0 ? &d->pieces[at - 1] : NULL;
	const struct fragment_piece *behind = at < d->count ? &d->pieces[at] : NULL;
	return (before != NULL && (uint32_t)before->begin + before->bytes > x->begin) ||
	       (behind != NULL && x->end > behind->begin);
}

/* Chunks for a fragment, taken from older datagrams if need be. Each live one but `d` holds at least one. */
static bool chunks_reserve(struct tcp_stack *s, const struct fragment_datagram *d, size_t bytes)
{
	size_t wanted = (bytes + FRAGMENT_CHUNK_BYTES - 1) / FRAGMENT_CHUNK_BYTES;
	while (s->fragments->chunks_free < wanted) {
		struct fragment_datagram *old = oldest(s->fragments, false, d);
		if (old == NULL)
			return false;
		evict(s, old);
	}
	return true;
}

static uint16_t chunks_fill(struct fragments *f, struct span bytes)
{
	uint16_t first = f->free_chunk, *last = &f->free_chunk;
	while (bytes.bytes > 0) {
		struct span here = span_head(bytes, FRAGMENT_CHUNK_BYTES);
		struct fragment_chunk *chunk = &f->chunks[*last - 1];
		memcpy(chunk->data, here.data, here.bytes);
		f->chunks_free--;
		last = &chunk->next;
		bytes = span_after(bytes, here.bytes);
	}
	f->free_chunk = *last;
	*last = 0;
	return first;
}

static void piece_place(struct fragments *f, struct fragment_datagram *d, const struct packet *p,
                        const struct fragment *x, unsigned at)
{
	memmove(&d->pieces[at + 1], &d->pieces[at], (d->count - at) * sizeof(d->pieces[0]));
	d->pieces[at] = (struct fragment_piece){ .begin = (uint16_t)x->begin,
		                                 .bytes = (uint16_t)x->bytes.bytes,
		                                 .chunk = chunks_fill(f, x->bytes) };
	d->count++;
	d->bytes += (uint32_t)x->bytes.bytes;
	d->ecn_seen |= (uint8_t)(1u << ip_ecn_of(&p->ip));
	if (!x->more) {
		d->end_known = true;
		d->end = x->end;
	}
	if (x->begin == 0) {
		d->hop_limit = p->ip.hop_limit;
		d->traffic_class = p->ip.traffic_class;
		d->protocol = p->ip.protocol;
	}
}

static bool datagram_takes(struct tcp_stack *s, struct fragment_datagram *d, const struct packet *p,
                           const struct fragment *x)
{
	unsigned at = place_of(d, x->begin);
	if (d->dead) {
		stack_drop(s, TCP_DROP_FRAGMENT_DEAD);
	} else if (at < d->count && d->pieces[at].begin == x->begin &&
	           same_bytes(s->fragments, &d->pieces[at], x->bytes)) {
		stack_drop(s, TCP_DROP_FRAGMENT_DOUBLED);
	} else if (is_tiny(p, x)) {
		datagram_kill(s, d, TCP_DROP_FRAGMENT_TINY);
	} else if (end_contradicts(d, x) || overlaps(d, at, x)) {
		datagram_kill(s, d, TCP_DROP_FRAGMENT_OVERLAP);
	} else if (d->count == FRAGMENT_PIECES_MAX) {
		datagram_kill(s, d, TCP_DROP_FRAGMENT_PIECES);
	} else if (!chunks_reserve(s, d, x->bytes.bytes)) {
		datagram_kill(s, d, TCP_DROP_FRAGMENT_EVICTED);
	} else {
		piece_place(s->fragments, d, p, x, at);
		return true;
	}
	return false;
}

/* ---- the whole ---- */

/* RFC 3168 5.3: a mark on any piece marks the whole, unless some piece came as if it could not be marked. */
static bool ecn_combine(const struct fragment_datagram *d, uint8_t *traffic_class)
{
	const uint8_t marked = 1u << IP_CE, plain = 1u << IP_NOT_ECT;
	*traffic_class = d->traffic_class;
	if ((d->ecn_seen & marked) == 0)
		return true;
	*traffic_class |= IP_CE;
	return (d->ecn_seen & plain) == 0;
}

static void pieces_copy(struct fragments *f, const struct fragment_datagram *d)
{
	struct writer w = writer_of((struct room){ .data = f->whole, .bytes = sizeof(f->whole) });
	for (unsigned i = 0; i < d->count; i++) {
		uint32_t left = d->pieces[i].bytes;
		CHECK(d->pieces[i].begin == w.used);
		for (uint16_t chunk = d->pieces[i].chunk; chunk != 0; chunk = f->chunks[chunk - 1].next) {
			uint32_t here = left < FRAGMENT_CHUNK_BYTES ? left : FRAGMENT_CHUNK_BYTES;
			writer_bytes(&w, span_of(f->chunks[chunk - 1].data, here));
			left -= here;
		}
		CHECK(left == 0);
	}
	CHECK(w.ok);
	CHECK(w.used == d->end);
}

static bool whole_make(struct tcp_stack *s, struct fragment_datagram *d, struct packet *p)
{
	struct ip_view *ip = &p->ip;
	if (!ecn_combine(d, &ip->traffic_class)) {
		stack_drop(s, TCP_DROP_FRAGMENT_ECN);
		return false;
	}
	pieces_copy(s->fragments, d);
	ip->hop_limit = d->hop_limit;
	ip->protocol = d->protocol;
	ip->payload = span_of(s->fragments->whole, d->end);
	p->checked = false; /* the port saw pieces only */
	s->counters.reassembled++;
	return true;
}

/* ---- time ---- */

static struct instant over_at(const struct fragment_datagram *d)
{
	return instant_add(d->begun, d->family == IP_V4 ? FRAGMENT_TIMEOUT_V4_US : FRAGMENT_TIMEOUT_V6_US);
}

static struct fragment_datagram *first_over(const struct fragments *f)
{
	struct fragment_datagram *first = NULL;
	for (unsigned i = 0; i < 4; i++) {
		const struct link *list = &f->order[i / 2][i % 2];
		if (link_empty(list))
			continue;
		struct fragment_datagram *d = OBJECT_OF(link_first(list), struct fragment_datagram, order);
		if (first == NULL || instant_before(over_at(d), over_at(first)))
			first = d;
	}
	return first;
}

struct instant fragment_deadline(const struct fragments *f)
{
	const struct fragment_datagram *d = f->live + f->dead > 0 ? first_over(f) : NULL;
	return d == NULL ? INSTANT_NEVER : over_at(d);
}

void fragment_expire(struct tcp_stack *s, struct instant now)
{
	struct fragments *f = s->fragments;
	for (unsigned i = 0; i < FRAGMENT_EXPIRIES && f->live + f->dead > 0; i++) {
		struct fragment_datagram *d = first_over(f);
		if (!instant_reached(over_at(d), now))
			return;
		if (!d->dead)
			stack_drop(s, TCP_DROP_FRAGMENT_TIMEOUT);
		order_leave(f, d);
		datagram_free(f, d);
	}
}
