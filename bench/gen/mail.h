/*
 * mail.h - test messages by number: made as a stream, recognised and judged as a stream (pure).
 *
 * Message `number` of a run is a function of the run's seed and mix alone: size, recipient domain,
 * content. The maker writes it piece by piece and never holds more than a few lines; the checker
 * takes what arrived at a sink in any pieces and says which message it is and whether it is the
 * message that was sent, byte for byte.
 *
 * Layout, CRLF lines throughout:
 *
 *	X-Weir-Id: RUN.NUMBER          16 hex digits, decimal
 *	X-Weir-Length: BYTES           of everything behind the X-Weir-Hash line
 *	X-Weir-Hash: HASH              SHA-256: 64 hex digits, of "RUN.NUMBER.BYTES" and the same bytes
 *	From: ... To: ... Subject: ... Message-ID: ... MIME-Version, Content-Type
 *	(empty line)
 *	body
 *
 * Only trace headers may stand above the first line (mail servers put theirs there); anything else
 * in front, or any difference behind, is corruption.
 *
 * Three sources of content:
 *   lines    one text with what mail systems get wrong: lines that begin with dots, lines that are one
 *            dot, lines of 998 bytes, empty lines, 8-bit bytes, base64 blocks; empty bodies
 *   MIME     what mail looks like: plain text, text beside HTML, attachments; 7bit, 8bit,
 *            quoted-printable, base64
 *   letters  messages that somebody else read from an mbox or a Maildir; the three lines above are put
 *            on top, the rest stays as it is
 */
#ifndef WEIR_BENCH_GEN_MAIL_H
#define WEIR_BENCH_GEN_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/span.h"
#include "base/text.h"
#include "bench/gen/sha256.h"

#define MAIL_SIZES_MAX 16u
#define MAIL_DOMAINS_MAX 8u
#define MAIL_LINE_BYTES_MAX 998u /* RFC 5322 2.1.1, without CRLF */
#define MAIL_PIECE_BYTES 2048u   /* the whole header fits, and so does any line */
#define MAIL_NAME_BYTES 128u     /* a domain, with its NUL */
#define MAIL_SEGMENTS_MAX 16u    /* of a body: boundaries and contents in turn */

struct mail_size {
	uint32_t body_bytes; /* 1 becomes 2: a body is empty or ends in CRLF */
	uint32_t weight;
};

struct mail_spread { /* log-normal sizes; median 0: not these, but those by weight */
	uint32_t median_bytes;
	uint32_t deviation_per_mille; /* of the logarithm */
	uint32_t bytes_min, bytes_max;
};

struct mail_letter { /* CRLF lines, the last one too; header and body */
	struct span bytes;
	bool eight_bit;
};

struct mail_mix {
	uint64_t seed;
	uint32_t size_count; /* 0: empty bodies */
	struct mail_size sizes[MAIL_SIZES_MAX];
	struct mail_spread spread;
	bool mime;
	uint32_t letter_count; /* more than 0: these instead of made ones */
	const struct mail_letter *letters;
	sha256_compress *sha256; /* NULL: the plain one */
	uint32_t domain_count; /* >= 1 */
	char domains[MAIL_DOMAINS_MAX][MAIL_NAME_BYTES];
	uint32_t domain_weights[MAIL_DOMAINS_MAX];
	char sender_domain[MAIL_NAME_BYTES];
	uint32_t hostile_per_mille; /* lines of an awkward shape */
	uint32_t eicar_per_mille;   /* messages that carry the EICAR test string */
	bool seven_bit;             /* never 8-bit content */
};

enum mail_form { MAIL_PLAIN = 0, MAIL_ALTERNATIVE, MAIL_MIXED }; /* of the MIME tree */
enum mail_encoding { MAIL_7BIT = 0, MAIL_8BIT, MAIL_QUOTED };    /* of its text parts */

struct mail_plan { /* what one message is like */
	uint64_t number;
	uint32_t body_bytes;
	uint32_t domain; /* index in the mix */
	bool eicar;
	bool eight_bit; /* may hold 8-bit bytes */
	enum mail_form form;
	enum mail_encoding encoding;
	uint32_t attachments;
	uint32_t letter; /* index in the mix; UINT32_MAX: made */
};
void mail_plan(const struct mail_mix *mix, uint64_t number, struct mail_plan *plan);
/* Envelope addresses, local@domain. `index` counts the recipients of the message. */
void mail_sender(struct text *t, const struct mail_mix *mix, uint64_t number);
void mail_recipient(struct text *t, const struct mail_mix *mix, const struct mail_plan *plan,
                    uint32_t index);

/* The same run, the same id: a message of another run is foreign, not corrupted. */
uint64_t mail_run(const struct mail_mix *mix);

enum mail_content { /* what a segment of a body is made of */
	MAIL_LITERAL = 1, /* boundaries and headers of parts; `which` says which */
	MAIL_LINES,       /* text, plain and awkward */
	MAIL_QUOTED_TEXT,
	MAIL_HTML,
	MAIL_BASE64,
};

struct mail_segment {
	uint8_t content; /* enum mail_content */
	uint8_t which;
	uint32_t bytes;
};

struct mail_maker {
	struct mail_plan plan;
	struct prng prng;
	uint64_t run;
	uint64_t bytes;       /* of the whole message */
	uint32_t body_left;   /* bytes of the segment under way not yet put into a line */
	uint32_t base64_left; /* lines of a base64 block to come */
	uint32_t hostile_per_mille;
	bool eicar_due;
	uint16_t used, given; /* of `piece` */
	struct span letter;   /* what is left of it */
	uint8_t segment_count, segment_next;
	struct mail_segment segments[MAIL_SEGMENTS_MAX];
	uint8_t piece[MAIL_PIECE_BYTES];
};

/* Makes the body once to hash it (it is made again while it is sent). */
void mail_maker_init(struct mail_maker *m, const struct mail_mix *mix, uint64_t number);
/* What comes next, borrowed until mail_maker_take(); empty at the end. */
struct span mail_maker_peek(struct mail_maker *m);
void mail_maker_take(struct mail_maker *m, size_t bytes); /* no more than peek showed */

enum mail_verdict {
	MAIL_RIGHT = 1,
	MAIL_CORRUPTED, /* an id was found, but the message differs from what was sent */
	MAIL_UNKNOWN,   /* no id: it cannot be said which message this was */
};

struct mail_checker {
	uint8_t at; /* enum in mail_check.c */
	bool broken;
	uint16_t line_used;
	uint64_t run, number;
	uint64_t bytes_wanted, bytes;
	uint8_t hash_wanted[SHA256_BYTES];
	struct sha256 hash;
	uint8_t line[128]; /* the beginning of the line under way, above the hash line */
};

void mail_checker_init(struct mail_checker *c, sha256_compress *sha256);
void mail_checker_input(struct mail_checker *c, struct span bytes);
/* At the end of the message. c->run and c->number are set unless MAIL_UNKNOWN. */
MUST_USE enum mail_verdict mail_checker_end(const struct mail_checker *c);

/* The hash of a message begins with its id and length: "RUN.NUMBER.BYTES". */
void mail_hash_init(struct sha256 *h, sha256_compress *sha256, uint64_t run, uint64_t number,
                    uint64_t bytes);

#endif
