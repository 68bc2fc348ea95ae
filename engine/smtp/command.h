/*
 * command.h - one command line as verb and argument, and the arguments of MAIL, RCPT, BDAT and
 * EHLO.
 *
 * Everything is borrowed from the line. What a judge here says is a row of replies.def,
 * SMTP_REPLY_NONE when the line is good; limits that depend on settings (size, recipients) are the
 * server machine's.
 */
#ifndef WEIR_SMTP_COMMAND_H
#define WEIR_SMTP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"
#include "smtp/mail.h"
#include "smtp/reply.h"

enum smtp_verb {
	SMTP_VERB_NONE = 0,
#define VERB(name, argument, weight) SMTP_VERB_##name,
#include "smtp/verbs.def"
#undef VERB
	SMTP_VERB_COUNT
};

struct smtp_command {
	enum smtp_verb verb;
	struct span argument; /* without leading and trailing spaces */
};

/* `line` is without CRLF. Never fails: what is no command is SMTP_VERB_UNKNOWN. */
struct smtp_command smtp_command_parse(struct span line);
const char *smtp_verb_name(enum smtp_verb verb);
/* Is the argument there where it must be, absent where it must be? */
MUST_USE bool smtp_command_argument_fits(const struct smtp_command *command);
/* Does the verb move no mail? */
bool smtp_verb_is_junk(enum smtp_verb verb);

/* "FROM:<path> [parameters]". */
MUST_USE enum smtp_reply_id smtp_command_mail(struct span argument, bool smtputf8_offered,
                                              struct smtp_mail *mail);
/* "TO:<path>"; no parameter is offered, so none is accepted. */
MUST_USE enum smtp_reply_id smtp_command_rcpt(struct span argument, bool smtputf8,
                                              struct smtp_mailbox *recipient);
/* "count [LAST]". */
MUST_USE bool smtp_command_bdat(struct span argument, uint64_t *bytes, bool *last);
/* One word of printable ASCII or UTF-8 bytes, at most SMTP_DOMAIN_MAX of them. */
MUST_USE bool smtp_command_helo(struct span argument);

#endif
