/*
 * nd.h - IPv6 neighbour solicitations and advertisements (RFC 4861 4.3, 4.4, 7.1).
 *
 * Router discovery and redirects are not spoken: gateways come from the settings, which also takes
 * the attacks on them away.
 */
#ifndef WEIR_WIRE_ND_H
#define WEIR_WIRE_ND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/span.h"
#include "wire/ip.h"

#define ND_HOP_LIMIT 255u /* RFC 4861 7.1.1: proves that the sender is on the link */
#define ND_OPTIONS_MAX 16u
#define ND_BYTES 32u /* of what we emit: fixed part and one link-layer address option */

enum nd_kind { ND_SOLICIT = 1, ND_ADVERTISE };

struct nd_message {
	enum nd_kind kind;
	struct ip_addr target;
	bool router, solicited, override; /* advertisements only */
	bool mac_known;                   /* source (NS) or target (NA) link-layer address option */
	uint8_t mac[6];
};

/* `ip` is an ICMPv6 packet whose checksum was verified. False: not NS/NA, or malformed by
 * 7.1.1/7.1.2. */
MUST_USE bool nd_parse(const struct ip_view *ip, struct nd_message *m);
/* The ICMPv6 message with its checksum. */
void nd_emit(struct writer *w, struct ip_addr src, struct ip_addr dst, const struct nd_message *m);

/* ff02::1:ffXX:XXXX of RFC 4291 2.7.1, and the group MAC of RFC 2464 7. */
struct ip_addr nd_solicited_node(struct ip_addr target);
void nd_group_mac(struct ip_addr group, uint8_t *mac);

#endif
