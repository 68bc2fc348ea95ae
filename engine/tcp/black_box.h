/*
 * black_box.h - the last 32 things that happened to one TCP connection, and how they are shown.
 *
 * A connection's stack notes each segment as it was on the wire, and what timers and the application did
 * (black_box_int.h). Segments that the port cuts are one entry, as the one frame they left in; so are those that came
 * at once and said nothing but the next bytes (a run, see express.c), or a burst would push out all that was before it.
 * What leaves the stack is a record: a copy without pointers, which may cross rings and
 * threads. It is asked for with tcp_inspect(), or made when a connection ends in disorder
 * (tcp_black_box_next()). Two readings of a record stand here, both functions of it alone: text, one line for
 * each entry, and pcapng for Wireshark and tcpdump.
 *
 * The capture's packets are made from the entries: Ethernet with addresses of its own, IP, and a TCP header with
 * the true flags, numbers and window but without options. Payload is never kept: the packet says how long it was
 * and ends behind its headers. What is no segment (a timeout, a change of state) is a comment on the packet that
 * came next, or on the last one.
 *
 * Bounds: BLACK_BOX_ENTRIES; a text fits BLACK_BOX_TEXT_BYTES, a capture BLACK_BOX_PCAPNG_BYTES. Entries hold the
 * low 32 bits of the clock: a pause of more than 71 minutes between two of them is shown shorter than it was.
 */
#ifndef WEIR_TCP_BLACK_BOX_H
#define WEIR_TCP_BLACK_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/instant.h"
#include "base/slab.h"
#include "base/span.h"
#include "base/text.h"

#define BLACK_BOX_ENTRIES 32u        /* a power of two; a dialogue's last dozen exchanges */
#define BLACK_BOX_ENTRY_WIRE_BYTES 20u
#define BLACK_BOX_BYTES_MAX UINT16_MAX /* payload of an entry */
#define BLACK_BOX_TEXT_BYTES 8192u
#define BLACK_BOX_PCAPNG_BYTES 16384u

enum black_box_mark {
	BLACK_BOX_NONE = 0,
#define MARK(name, text) BLACK_BOX_##name,
#include "tcp/black_box.def"
#undef MARK
	BLACK_BOX_MARK_COUNT
};

enum black_box_size { /* why segments have another size from here on (path_mtu.c) */
	SIZE_BY_TIMEOUTS = 1,
	SIZE_BY_REPORT,
	SIZE_BY_MEMORY,
	SIZE_BY_PROBE,
	SIZE_BY_LOSSES
};

struct black_box_entry {
	uint32_t at_us;    /* low bits of the clock */
	uint32_t seq, ack; /* of a segment; else the first number not acknowledged, and: SIZE: what it was */
	uint16_t window;   /* of a segment: as on the wire, not scaled */
	uint16_t bytes;    /* of a segment, a SIZE and its probes: payload; of a timer: how often in a row it fired */
	uint8_t mark;      /* enum black_box_mark */
	uint8_t flags;     /* of a segment; of a run, those of any */
	uint8_t again;     /* of a segment: all its bytes had been sent, or received, before */
	uint8_t detail;    /* IN: enum tcp_drop + 1, 0: taken; RUN: how many segments; STATE: the new one; CLOSED: enum
	                    * tcp_close_reason; SIZE: enum black_box_size; its probes: which try */
};

_Static_assert(sizeof(struct black_box_entry) == BLACK_BOX_ENTRY_WIRE_BYTES, "an entry is 20 bytes");

struct black_box_record {
	struct handle id;
	struct endpoint local, remote;
	struct instant last;            /* when the newest entry was made */
	uint8_t state;                  /* index into states.def */
	uint8_t why;                    /* enum tcp_close_reason; TCP_CLOSE_NONE: it is open */
	uint8_t send_shift, receive_shift;
	uint32_t earlier;               /* entries that gave way to the ones here */
	uint32_t count;                 /* of entries, oldest first */
	struct black_box_entry entries[BLACK_BOX_ENTRIES];
};

/* "3.0.812.5": worker, port, and the handle of a connection: how logs and weirctl name it. */
struct conn_id {
	uint32_t worker, port;
	struct handle handle;
};
#define CONN_ID_TEXT_BYTES 48u
void text_conn_id(struct text *t, struct conn_id id);
/* False leaves *id untouched. */
MUST_USE bool conn_id_parse(struct span text, struct conn_id *id);

/* An entry as 40 hexadecimal digits and back, for who has to send it as text. */
#define BLACK_BOX_HEX_BYTES (2 * BLACK_BOX_ENTRY_WIRE_BYTES + 1)
void black_box_entry_hex(const struct black_box_entry *entry, char hex[BLACK_BOX_HEX_BYTES]);
MUST_USE bool black_box_entry_parse(struct span hex, struct black_box_entry *entry);

/* How long ago an entry of the record was when its newest was made. */
uint32_t black_box_age_us(const struct black_box_record *r, uint32_t index);
/* What one entry says, without its time and without a line feed. */
void black_box_entry_text(struct text *t, const struct black_box_entry *entry);
/* The whole: a line that names the connection, then one for each entry. `wall_us`: when the newest was made, in
 * microseconds since 1970. */
void black_box_text(struct text *t, const struct black_box_record *r, struct conn_id id, int64_t wall_us);
/* A capture file; writer->ok is false when it did not fit. */
void black_box_pcapng(struct writer *w, const struct black_box_record *r, struct conn_id id, int64_t wall_us);

#endif
