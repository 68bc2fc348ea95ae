/*
 * arp.c - see arp.h.
 */
#include "wire/arp.h"

#define ARP_HARDWARE_ETHERNET 1u
#define ARP_PROTOCOL_IP4 0x0800u

static struct ip_addr take_ip4(struct reader *r)
{
	struct ip_addr a = { .family = IP_V4 };
	reader_copy(r, a.bytes, 4);
	return a;
}

bool arp_parse(struct span payload, struct arp_message *m)
{
	struct reader r = reader_of(payload);
	bool known = reader_be16(&r) == ARP_HARDWARE_ETHERNET;
	known = reader_be16(&r) == ARP_PROTOCOL_IP4 && known;
	known = reader_be16(&r) == (6 << 8 | 4) && known; /* address lengths */
	m->operation = reader_be16(&r);
	reader_copy(&r, m->sender_mac, 6);
	m->sender = take_ip4(&r);
	reader_copy(&r, m->target_mac, 6);
	m->target = take_ip4(&r);
	return r.ok && known;
}

void arp_emit(struct writer *w, const struct arp_message *m)
{
	writer_be16(w, ARP_HARDWARE_ETHERNET);
	writer_be16(w, ARP_PROTOCOL_IP4);
	writer_u8(w, 6);
	writer_u8(w, 4);
	writer_be16(w, m->operation);
	writer_bytes(w, span_of(m->sender_mac, 6));
	writer_bytes(w, span_of(m->sender.bytes, 4));
	writer_bytes(w, span_of(m->target_mac, 6));
	writer_bytes(w, span_of(m->target.bytes, 4));
}
