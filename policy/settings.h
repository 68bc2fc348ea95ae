/*
 * settings.h - everything an operator can set, as plain values.
 *
 * Filled by the loader (pmd-config/config_file.c reads libconfig) after settings.def has checked
 * each value (type, default, minimum, maximum, unit). All strings and arrays belong to the loaded
 * configuration and live as long as it does. Immutable once loaded.
 */
#ifndef WEIR_POLICY_SETTINGS_H
#define WEIR_POLICY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/span.h"

#define SETTINGS_PORTS_MAX          8u
#define SETTINGS_PORT_ADDRESSES_MAX 16u
#define SETTINGS_PORT_GATEWAYS_MAX  4u
#define SETTINGS_PORT_ROUTES_MAX    64u
#define SETTINGS_LISTENERS_MAX      64u
#define SETTINGS_CERTIFICATES_MAX   64u
#define SETTINGS_ROUTE_NEXT_MAX     16u

enum settings_switch { SETTINGS_OFF = 1, SETTINGS_ON };
enum settings_congestion { SETTINGS_CUBIC = 1, SETTINGS_NEWRENO };
enum settings_fragments { SETTINGS_FRAGMENTS_REFUSE = 1, SETTINGS_FRAGMENTS_REASSEMBLE };
enum settings_syn_cookies { SETTINGS_COOKIES_UNDER_PRESSURE = 1, SETTINGS_COOKIES_NEVER };
enum settings_idle { SETTINGS_IDLE_ADAPTIVE = 1, SETTINGS_IDLE_BUSY };
enum settings_large_receive { SETTINGS_LARGE_RECEIVE_AUTO = 1, SETTINGS_LARGE_RECEIVE_OFF };
enum settings_near_tls {
	SETTINGS_NEAR_OFF = 1,
	SETTINGS_NEAR_OFFER,
	SETTINGS_NEAR_REQUIRE,
	SETTINGS_NEAR_IMPLICIT
};
enum settings_verdict { SETTINGS_VERDICT_REJECT = 1, SETTINGS_VERDICT_DEFER };
enum settings_failure { SETTINGS_ON_FAILURE_DEFER = 1, SETTINGS_ON_FAILURE_REJECT };
enum settings_tls_version { SETTINGS_TLS_1_2 = 1, SETTINGS_TLS_1_3 };

enum tls_level { /* rows of tls_levels.def; LEVEL(name, text, ...) */
		 TLS_LEVEL_INVALID = 0,
#define LEVEL(name, text, encrypts, verifies) TLS_LEVEL_##name,
#include "policy/tls_levels.def"
#undef LEVEL
		 TLS_LEVEL_COUNT
};

struct settings_strings {
	uint32_t count;
	const char *const *items;
};

struct settings_port_route {
	struct ip_prefix to;
	struct ip_addr via;
};

struct settings_port {
	const char *name;
	const char *device; /* "net_af_packet0,iface=weir0", or a PCI address "0000:01:00.0" */
	uint32_t address_count;
	struct ip_interface addresses[SETTINGS_PORT_ADDRESSES_MAX];
	uint32_t gateway_count;
	struct ip_addr gateways[SETTINGS_PORT_GATEWAYS_MAX];
	uint32_t route_count;
	struct settings_port_route routes[SETTINGS_PORT_ROUTES_MAX];
	struct {
		const char *interface; /* NULL: no exception path */
		uint32_t rate;         /* frames a second, each way */
	} exception;
	uint16_t mtu;
	enum settings_large_receive large_receive;
};

struct settings_certificate {
	const char *name;
	const char *chain; /* absolute, or as resolved relative to the config file */
	const char *key;
};

struct settings_listener {
	const char *name;
	struct endpoint local;
	enum settings_near_tls tls;
	uint32_t certificate; /* index; UINT32_MAX: none (tls = off) */
};

struct settings_route {
	struct settings_strings domains; /* lower case: exact, ".suffix" or "*" */
	uint32_t next_count;
	struct endpoint next[SETTINGS_ROUTE_NEXT_MAX];
	const char *name; /* host name of the next hop for SNI and as reference name; NULL: the
			     recipient domain */
};

struct settings_tls_next {
	struct settings_strings domains;
	enum tls_level level;
	enum settings_tls_version minimum;
	enum settings_failure on_failure;
	struct settings_strings
		names; /* reference names; none: the route's name, else the recipient domain */
};

struct settings_tls_near {
	struct settings_strings domains; /* of the envelope sender */
	enum tls_level level;            /* none, opportunistic, encrypt */
	enum settings_failure on_failure;
};

struct settings_content {
	const char *name;
	struct settings_strings literals; /* bytes, case-sensitive */
	enum settings_verdict verdict;
};

struct settings {
	const char *hostname; /* our name in greeting, EHLO and Received; default: the system's */
	struct {
		const char *lcores; /* DPDK core list, "1" or "1-3,5" */
		enum settings_idle idle;
		uint32_t count; /* workers = lcores in the list */
	} workers;
	uint32_t port_count;
	struct settings_port ports[SETTINGS_PORTS_MAX];
	uint32_t certificate_count;
	struct settings_certificate certificates[SETTINGS_CERTIFICATES_MAX];
	uint32_t listener_count;
	struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
	uint32_t route_count;
	const struct settings_route *routes;
	struct {
		const char *trust; /* NULL: the system's */
		uint32_t next_count, near_count;
		const struct settings_tls_next *next;
		const struct settings_tls_near *near;
	} tls;
	uint32_t content_count;
	const struct settings_content *content;
	struct {
		uint64_t message_bytes_max;
		uint32_t recipients_max;
		uint32_t connections_max;      /* near and next, all workers together */
		uint32_t window_bytes_max;     /* TCP receive window per connection */
		uint32_t source_connections_max; /* per worker, of one IPv4 address or IPv6 /64; 0: any */
		uint32_t next_idle_seconds;    /* a pooled next connection is closed after this */
		uint32_t next_connections_max; /* per group key and worker */
		uint32_t next_messages_max;    /* then QUIT; 0: no limit */
		uint32_t next_resumptions_max; /* TLS sessions remembered per worker; 0: none */
		uint64_t memory_bytes; /* reserved for all workers; 0: from connections_max */
	} limits;
	struct {
		uint32_t near_command_seconds, near_data_seconds;
		uint32_t next_connect_seconds, next_command_seconds, next_final_seconds,
			tls_handshake_seconds;
	} timeouts;
	struct {
		enum settings_congestion congestion;
		enum settings_switch ecn, pacing, mtu_probing;
		enum settings_fragments fragments;
		enum settings_syn_cookies syn_cookies;
		uint32_t half_open_per_source_max;                /* 0: no such limit */
		uint32_t keepalive_seconds, user_timeout_seconds; /* 0: none */
		uint32_t time_wait_seconds;
	} tcp;
	struct {
		struct endpoint listen; /* port 0: no metrics endpoint */
	} metrics;
	struct {
		const char *file; /* NULL: standard output */
		const char *black_box; /* folder of ended connections; NULL: none */
	} log;
	struct {
		enum settings_switch secondary; /* may other DPDK processes attach? */
		const char *eal; /* extra EAL arguments, words separated by blanks; "" for none */
	} dpdk;
};

#endif
