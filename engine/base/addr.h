/*
 * addr.h - IP addresses, prefixes and endpoints as values, and their text forms (RFC 4291, RFC 5952).
 */
#ifndef WEIR_BASE_ADDR_H
#define WEIR_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/span.h"
#include "base/text.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
	uint8_t family;    /* enum ip_family; IP_NONE is "no address" */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest are zero */
};

struct ip_prefix {
	struct ip_addr addr;
	uint8_t bits; /* 0..32 or 0..128 */
};

/* An address of our own: itself, its network, and the VLAN that the network is. */
struct ip_interface {
	struct ip_addr addr;
	uint8_t bits;
	uint16_t vlan; /* 1..IP_VLAN_MAX; 0: frames without a tag */
};

#define IP_VLAN_MAX 4094u /* IEEE 802.1Q 9.6: 0 is no VLAN, 4095 is reserved */

struct endpoint {
	struct ip_addr addr;
	uint16_t port; /* host order */
};

#define ADDR_TEXT_BYTES 64u /* longest endpoint text with its NUL */

static inline uint8_t ip_addr_bytes(struct ip_addr a)
{
	return a.family == IP_V4 ? 4 : 16;
}

static inline bool ip_addr_equal(struct ip_addr a, struct ip_addr b)
{
	return a.family == b.family && memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}
bool ip_prefix_holds(struct ip_prefix p, struct ip_addr a);
static inline bool ip_interface_holds(struct ip_interface i, struct ip_addr a)
{
	return ip_prefix_holds((struct ip_prefix){ .addr = i.addr, .bits = i.bits }, a);
}
bool endpoint_equal(struct endpoint a, struct endpoint b);

/* "198.18.0.1" or "2001:2:0:1::1" (no brackets, no zone). False leaves *out untouched. */
MUST_USE bool ip_addr_parse(struct span text, struct ip_addr *out);
/* "198.18.0.2/24"; the address part keeps its host bits. */
MUST_USE bool ip_prefix_parse(struct span text, struct ip_prefix *out);
/* The same, or with its VLAN: "198.18.0.2/24 vlan 100", one blank each. */
MUST_USE bool ip_interface_parse(struct span text, struct ip_interface *out);
/* "198.18.0.1:25" or "[2001:2::1]:25". The port is required, 1..65535. */
MUST_USE bool endpoint_parse(struct span text, struct endpoint *out);

void text_ip_addr(struct text *t, struct ip_addr a);
/* As they are parsed. */
void text_ip_prefix(struct text *t, struct ip_prefix p);
void text_ip_interface(struct text *t, struct ip_interface i);
/* "198.18.0.1:25" or "[2001:2::1]:25" */
void text_endpoint(struct text *t, struct endpoint e);

#endif
