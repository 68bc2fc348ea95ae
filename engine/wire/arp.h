/*
 * arp.h - ARP for IPv4 over Ethernet (RFC 826). Other hardware or protocol types are refused.
 */
#ifndef WEIR_WIRE_ARP_H
#define WEIR_WIRE_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/span.h"

#define ARP_BYTES 28u

enum arp_operation { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_message {
	uint16_t operation;
	uint8_t sender_mac[6];
	struct ip_addr sender;
	uint8_t target_mac[6];
	struct ip_addr target;
};

MUST_USE bool arp_parse(struct span payload, struct arp_message *m);
void arp_emit(struct writer *w, const struct arp_message *m);

#endif
