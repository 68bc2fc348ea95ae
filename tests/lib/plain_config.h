/*
 * plain_config.h - the configuration of a stack as most tests want it: host `number` of 198.18.0.0/24 and 2001:2::/64,
 * with windows of 64 KiB and all local ports. What a test wants otherwise it sets behind it.
 */
#ifndef WEIR_TESTS_LIB_PLAIN_CONFIG_H
#define WEIR_TESTS_LIB_PLAIN_CONFIG_H

#include <stdlib.h>
#include <string.h>

#include "tcp/tcp.h"

static inline struct ip_addr plain_addr(const char *text)
{
	struct ip_addr a = { 0 };
	if (!ip_addr_parse(span_of(text, strlen(text)), &a))
		abort();
	return a;
}

static inline struct tcp_config plain_config(unsigned number)
{
	struct tcp_config config = {
		.mac = { 2, 0, 0, 0, 0, (uint8_t)number },
		.mtu = 1500,
		.address_count = 2,
		.connections_max = 64,
		.half_open_max = 16,
		.rx_bytes_max = 65536,
		.tx_bytes_max = 65536,
		.reorder_bytes_max = 65536,
		.time_wait_us = 60 * SECOND_US,
		.port_first = 32768,
		.port_last = 60999,
		.port_stride = 1,
		.secret = { .k0 = 0x1234 + number, .k1 = 0x9876 },
		.seed = number,
	};
	config.addresses[0] = (struct ip_interface){ .addr = plain_addr("198.18.0.1"), .bits = 24 };
	config.addresses[0].addr.bytes[3] = (uint8_t)number;
	config.addresses[1] = (struct ip_interface){ .addr = plain_addr("2001:2::1"), .bits = 64 };
	config.addresses[1].addr.bytes[15] = (uint8_t)number;
	return config;
}

#endif
