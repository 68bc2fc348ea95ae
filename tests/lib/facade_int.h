/*
 * facade_int.h - what tcp_facade.c (the host and its sockets) and facade_wire.c (packets) share.
 */
#ifndef WEIR_TESTS_FACADE_INT_H
#define WEIR_TESTS_FACADE_INT_H

#include "tests/lib/scatter.h"
#include "tests/lib/tcp_facade.h"

struct facade_packet {
	struct facade_packet *next;
	struct instant at;
	uint32_t bytes;
	uint8_t data[];
};

enum socket_kind { SOCKET_FREE = 0, SOCKET_FRESH, SOCKET_LISTENING, SOCKET_STREAM };

struct facade_socket {
	enum socket_kind kind;
	enum ip_family family;
	bool bound, opened, eof, closed, read_shut;
	struct endpoint local;
	struct handle id; /* of a stream */
	enum tcp_close_reason why;
	uint32_t news;
	uint32_t backlog;
	int listener; /* waiting to be accepted by this one; -1: accepted, or not of a listener */
	uint64_t options[FACADE_OPTION_COUNT];
};

struct facade {
	struct arena arena;
	void *memory, *block_memory;
	struct block_pool pool;
	struct tcp_stack *stack;
	struct facade_options options;
	struct scatter *scatter; /* NULL: packets come whole */
	struct instant now;
	struct facade_packet *first, *last;
	uint32_t packets;
	struct facade_socket sockets[FACADE_SOCKETS_MAX];
};

/* Lets the stack send what it has to send now. */
void facade_collect(struct facade *f);
/* Hands the stack's news to the sockets they are about. */
void facade_news(struct facade *f);

#endif
