/*
 * smtp_command.c - fuzz target: one command line, parsed by every parser of arguments. Whatever is
 * accepted must lie within the line.
 */
#include <stdlib.h>

#include "smtp/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span line, struct span part)
{
	if (part.bytes > 0 && (part.data < line.data || part.data + part.bytes > line.data + line.bytes))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = span_of(data, size);
	struct smtp_command command = smtp_command_parse(line);
	struct smtp_mailbox box;
	struct smtp_mail mail;
	uint64_t bytes;
	bool last;

	inside(line, command.argument);
	(void)!smtp_command_argument_fits(&command);
	if (smtp_command_mail(command.argument, size % 2 == 0, &mail) == SMTP_REPLY_NONE) {
		inside(line, mail.sender.path);
		if (mail.sender.path.bytes > 0 && mail.sender.domain.bytes == 0)
			abort();
	}
	if (smtp_command_rcpt(command.argument, size % 2 == 0, &box) == SMTP_REPLY_NONE) {
		inside(line, box.path);
		if (box.local.bytes == 0)
			abort();
	}
	(void)!smtp_command_bdat(command.argument, &bytes, &last);
	if (smtp_command_helo(command.argument) && command.argument.bytes > SMTP_DOMAIN_MAX)
		abort();
	return 0;
}
