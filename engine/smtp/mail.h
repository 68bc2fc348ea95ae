/*
 * mail.h - what one MAIL command says, and what can be wrong with a body: types shared by both
 * machines.
 *
 * RFC 5321 4.1.1.2, RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8).
 */
#ifndef WEIR_SMTP_MAIL_H
#define WEIR_SMTP_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/address.h"

enum smtp_body_type { SMTP_BODY_7BIT = 1, SMTP_BODY_8BITMIME };

struct smtp_mail {              /* MAIL FROM */
	struct smtp_mailbox sender; /* empty path for <> */
	uint64_t size;              /* SIZE=, 0 when absent */
	enum smtp_body_type body;
	bool smtputf8;
};

enum smtp_body_fault {
	SMTP_FAULT_NONE = 0,
	SMTP_FAULT_BARE_CR,   /* 550 5.6.11 */
	SMTP_FAULT_BARE_LF,   /* 550 5.6.11 */
	SMTP_FAULT_NUL,       /* 550 5.6.11 */
	SMTP_FAULT_TOO_BIG,   /* 552 5.3.4 */
	SMTP_FAULT_LONG_LINE, /* 550 5.6.0: a text line beyond SMTP_TEXT_LINE_MAX */
	SMTP_FAULT_EIGHT_BIT, /* for strict listeners: 8-bit content without BODY=8BITMIME */
	SMTP_FAULT_COUNT
};

#endif
