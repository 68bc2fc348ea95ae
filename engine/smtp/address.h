/*
 * address.h - Mailboxes of MAIL and RCPT as borrowed spans (RFC 5321 4.1.2, RFC 6531).
 */
#ifndef WEIR_SMTP_ADDRESS_H
#define WEIR_SMTP_ADDRESS_H

#include <stdbool.h>

#include "base/check.h"
#include "base/span.h"

#define SMTP_LOCAL_PART_MAX 200u /* RFC 5321 4.5.3.1.1 asks for 64 and for more where it can be: VERP senders need it */
#define SMTP_DOMAIN_MAX 255u    /* RFC 5321 4.5.3.1.2 */
#define SMTP_PATH_MAX 256u      /* with the angle brackets, RFC 5321 4.5.3.1.3, RFC 3696 errata */

struct smtp_mailbox {
	struct span local;  /* as written, quotes included; empty for <> and never for others but <postmaster> */
	struct span domain; /* as written; an address literal keeps its brackets; empty for <> and <postmaster> */
	struct span path;   /* local@domain as written, without angle brackets and source route; empty for <> */
	bool literal;       /* the domain is an address literal */
	bool utf8;          /* holds bytes above 0x7f: needs SMTPUTF8 */
};

enum smtp_path_outcome {
	SMTP_PATH_OK = 1,
	SMTP_PATH_NULL,   /* <> */
	SMTP_PATH_SYNTAX, /* 501 5.1.7 (sender) or 5.1.3 (recipient) */
	SMTP_PATH_LONG,
};

/* Parses "<...>" at the start of `text`; *rest is what follows the '>'. A source route is accepted
 * and ignored (RFC 5321 4.1.1.3, appendix C). "<postmaster>" without domain is valid for RCPT only:
 * the caller judges an empty domain. */
MUST_USE enum smtp_path_outcome smtp_path_parse(struct span text, struct smtp_mailbox *box,
                                                struct span *rest);

#endif
