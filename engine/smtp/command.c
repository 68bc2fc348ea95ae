/*
 * command.c - parsing command lines (RFC 5321 4.1.1) through verbs.def.
 *
 * Verbs compare without case. Trailing spaces are tolerated, and spaces between "FROM:" and the
 * path, because senders in the field write both. A parameter we do not offer is refused with 555
 * (RFC 5321 4.1.1.11), a malformed or repeated one with 501.
 *
 * RFC 5321 4.1.1, 4.1.2; RFC 1870 3; RFC 3030 2; RFC 6152 2; RFC 6531 3.4.
 */
#include "smtp/command.h"

#define WORD(literal) { .data = (const uint8_t *)(literal), .bytes = sizeof(literal) - 1 }

enum need { NEED_NONE = 1, NEED_SOME, NEED_ANY };

static const struct {
	struct span name;
	enum need need;
	bool junk;
} verbs[SMTP_VERB_COUNT] = {
#define WORK false
#define JUNK true
#define VERB(verb, argument, weight)                                                               \
	[SMTP_VERB_##verb] = { .name = WORD(#verb), .need = NEED_##argument, .junk = weight },
#include "smtp/verbs.def"
#undef VERB
#undef WORK
#undef JUNK
};

/* First words of requests that a browser was tricked into sending here. */
static const struct span foreign[] = {
	WORD("GET"),     WORD("POST"),    WORD("PUT"), WORD("HEAD"),
	WORD("CONNECT"), WORD("OPTIONS"), WORD("PRI"),
};

static bool _take_word(struct span *rest, struct span *word);
static enum smtp_reply_id _mail_parameters(struct span rest, bool smtputf8_offered,
                                           struct smtp_mail *mail);
static enum smtp_reply_id _mail_parameter(struct span word, bool smtputf8_offered,
                                          struct smtp_mail *mail, uint32_t *seen);
static struct span _trim_spaces(struct span s);
static bool _is_keyword(struct span s);

struct smtp_command smtp_command_parse(struct span line)
{
	struct smtp_command command = { .verb = SMTP_VERB_UNKNOWN };
	struct span word;
	struct span rest = line;

	if (!_take_word(&rest, &word))
		return command;
	command.argument = _trim_spaces(rest);
	for (int verb = SMTP_VERB_EHLO; verb < SMTP_VERB_FOREIGN; verb++)
		if (span_equal_nocase(word, verbs[verb].name))
			command.verb = (enum smtp_verb)verb;
	if (command.verb != SMTP_VERB_UNKNOWN)
		return command;
	for (size_t i = 0; i < COUNT_OF(foreign); i++)
		if (span_equal(word, foreign[i]))
			command.verb = SMTP_VERB_FOREIGN;
	return command;
}

const char *smtp_verb_name(enum smtp_verb verb)
{
	CHECK(verb > SMTP_VERB_NONE);
	CHECK(verb < SMTP_VERB_COUNT);
	return (const char *)verbs[verb].name.data;
}

bool smtp_command_argument_fits(const struct smtp_command *command)
{
	switch (verbs[command->verb].need) {
	case NEED_NONE:
		return command->argument.bytes == 0;
	case NEED_SOME:
		return command->argument.bytes != 0;
	case NEED_ANY:
		return true;
	}
	return true;
}

bool smtp_verb_is_junk(enum smtp_verb verb)
{
	return verbs[verb].junk;
}

enum smtp_reply_id smtp_command_mail(struct span argument, bool smtputf8_offered,
                                     struct smtp_mail *mail)
{
	struct span rest;

	*mail = (struct smtp_mail){ .body = SMTP_BODY_7BIT };
	if (!span_starts_nocase(argument, SPAN("FROM:")))
		return SMTP_REPLY_BAD_ARGUMENT;
	switch (smtp_path_parse(_trim_spaces(span_after(argument, 5)), &mail->sender, &rest)) {
	case SMTP_PATH_OK:
		if (mail->sender.domain.bytes == 0)
			return SMTP_REPLY_BAD_SENDER;
		break;
	case SMTP_PATH_NULL:
		break; /* bounces come from <>: nothing more to judge */
	case SMTP_PATH_SYNTAX:
	case SMTP_PATH_LONG:
		return SMTP_REPLY_BAD_SENDER;
	}
	enum smtp_reply_id bad = _mail_parameters(rest, smtputf8_offered, mail);
	if (bad == SMTP_REPLY_NONE && mail->sender.utf8 && !mail->smtputf8)
		bad = SMTP_REPLY_NEED_SMTPUTF8_SENDER;
	return bad;
}

enum smtp_reply_id smtp_command_rcpt(struct span argument, bool smtputf8,
                                     struct smtp_mailbox *recipient)
{
	struct span rest;

	if (!span_starts_nocase(argument, SPAN("TO:")))
		return SMTP_REPLY_BAD_ARGUMENT;
	if (smtp_path_parse(_trim_spaces(span_after(argument, 3)), recipient, &rest) !=
	    SMTP_PATH_OK)
		return SMTP_REPLY_BAD_RECIPIENT;
	if (rest.bytes != 0)
		return rest.data[0] == ' ' ? SMTP_REPLY_UNKNOWN_PARAMETER :
		                             SMTP_REPLY_BAD_RECIPIENT;
	return recipient->utf8 && !smtputf8 ? SMTP_REPLY_NEED_SMTPUTF8_RECIPIENT : SMTP_REPLY_NONE;
}

bool smtp_command_bdat(struct span argument, uint64_t *bytes, bool *last)
{
	struct span count;
	struct span word;

	*last = false;
	if (!_take_word(&argument, &count) || !span_to_u64(count, bytes))
		return false;
	if (!_take_word(&argument, &word))
		return true;
	*last = span_equal_nocase(word, SPAN("LAST"));
	return *last && _trim_spaces(argument).bytes == 0;
}

bool smtp_command_helo(struct span argument)
{
	if (argument.bytes == 0 || argument.bytes > SMTP_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < argument.bytes; i++)
		if (argument.data[i] <= ' ' || argument.data[i] == 0x7f)
			return false;
	return true;
}

/* The next run of bytes that are no spaces. False: there is none. */
static bool _take_word(struct span *rest, struct span *word)
{
	size_t begin = 0;

	while (begin < rest->bytes && rest->data[begin] == ' ')
		begin++;
	*rest = span_after(*rest, begin);
	*word = span_head(*rest, span_find(*rest, ' '));
	*rest = span_after(*rest, word->bytes);
	return word->bytes != 0;
}

static enum smtp_reply_id _mail_parameters(struct span rest, bool smtputf8_offered,
                                           struct smtp_mail *mail)
{
	struct span word;
	uint32_t seen = 0;
	enum smtp_reply_id bad = SMTP_REPLY_NONE;

	if (rest.bytes != 0 && rest.data[0] != ' ')
		return SMTP_REPLY_BAD_SENDER;
	while (bad == SMTP_REPLY_NONE && _take_word(&rest, &word))
		bad = _mail_parameter(word, smtputf8_offered, mail, &seen);
	return bad;
}

static enum smtp_reply_id _mail_parameter(struct span word, bool smtputf8_offered,
                                          struct smtp_mail *mail, uint32_t *seen)
{
	enum { SIZE = 1, BODY = 2, UTF8 = 4 };
	struct span keyword = span_head(word, span_find(word, '='));
	struct span value = span_after(word, keyword.bytes + 1);
	uint32_t which = 0;
	bool fits = false;

	if (!_is_keyword(keyword))
		return SMTP_REPLY_BAD_ARGUMENT;
	if (span_equal_nocase(keyword, SPAN("SIZE"))) {
		which = SIZE;
		fits = span_to_u64(value, &mail->size);
	} else if (span_equal_nocase(keyword, SPAN("BODY"))) {
		which = BODY;
		if (span_equal_nocase(value, SPAN("BINARYMIME")))
			return SMTP_REPLY_UNKNOWN_PARAMETER; /* known, but not offered */
		bool eight = span_equal_nocase(value, SPAN("8BITMIME"));
		mail->body = eight ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
		fits = eight || span_equal_nocase(value, SPAN("7BIT"));
	} else if (smtputf8_offered && span_equal_nocase(keyword, SPAN("SMTPUTF8"))) {
		which = UTF8;
		mail->smtputf8 = true;
		fits = keyword.bytes == word.bytes;
	} else {
		return SMTP_REPLY_UNKNOWN_PARAMETER;
	}
	if (!fits || (*seen & which) != 0)
		return SMTP_REPLY_BAD_ARGUMENT;
	*seen |= which;
	return SMTP_REPLY_NONE;
}

static struct span _trim_spaces(struct span s)
{
	while (s.bytes != 0 && s.data[0] == ' ')
		s = span_after(s, 1);
	while (s.bytes != 0 && s.data[s.bytes - 1] == ' ')
		s.bytes--;
	return s;
}

/* esmtp-keyword of RFC 5321 4.1.2. */
static bool _is_keyword(struct span s)
{
	if (s.bytes == 0 || s.data[0] == '-')
		return false;
	for (size_t i = 0; i < s.bytes; i++) {
		uint8_t byte = ascii_lower(s.data[i]);
		if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-')
			return false;
	}
	return true;
}
