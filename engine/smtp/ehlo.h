/*
 * ehlo.h - the list of extensions: ours written, theirs read (RFC 5321 4.1.1.1).
 *
 * We offer only what the engine itself can satisfy or translate, because the answer is given before
 * the next hop is known.
 */
#ifndef WEIR_SMTP_EHLO_H
#define WEIR_SMTP_EHLO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/check.h"
#include "base/span.h"

enum smtp_extension { /* learnt from EHLO; forgotten when TLS starts */
	SMTP_EXT_PIPELINING = 1u << 0,
	SMTP_EXT_SIZE = 1u << 1,
	SMTP_EXT_8BITMIME = 1u << 2,
	SMTP_EXT_SMTPUTF8 = 1u << 3,
	SMTP_EXT_ENHANCED = 1u << 4,
	SMTP_EXT_CHUNKING = 1u << 5,
	SMTP_EXT_STARTTLS = 1u << 6,
	SMTP_EXT_REQUIRETLS = 1u << 7,
	SMTP_EXT_DSN = 1u << 8,
	SMTP_EXT_XCLIENT = 1u << 9,
};

#define SMTP_EHLO_WIRE_MAX 1024u /* our whole answer, with a host name of 255 bytes */

/* Appends the 250 lines to `out`. The caller has made sure that SMTP_EHLO_WIRE_MAX bytes fit. */
void smtp_ehlo_write(struct byteq *out, struct block_pool *pool, struct span hostname,
                     uint32_t extensions, uint64_t size_limit);
/* One line of an EHLO answer behind "250-", after the first: adds to the extensions; unknown ones
 * are ignored. */
void smtp_ehlo_read(struct span line, uint32_t *extensions, uint64_t *size_limit);

#endif
