/*
 * server_command.c - command lines: the matrix of phases and verbs, and what each verb does.
 *
 * A line is judged in this order: its bytes (line.c), its verb (verbs.def), the matrix below, its
 * argument's presence, then the verb's own function. BDAT is special in every cell: the bytes
 * behind it are not commands, so a refusal must still eat them, and a BDAT whose count cannot be
 * read ends the session.
 *
 * Two-letter cells: go run the verb · no 503 · ea 503 once the chunk is eaten · nv 554 no valid
 * recipients · ev the same once the chunk is eaten.
 *
 * RFC 5321 4.1; RFC 1870 6.1; RFC 3030 2; RFC 3207 4; RFC 6531 3.5.
 */
#include "smtp/command.h"
#include "smtp/ehlo.h"
#include "smtp/server_int.h"

enum cell { go = 1, no, ea, nv, ev };

static const uint8_t matrix[SERVER_PHASE_COUNT][SMTP_VERB_COUNT] = {
	/*                           EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN HELP STLS QUIT FRGN UNKN */
	[SERVER_PHASE_START]   = { 0, go,  go,  no,  no,  no,  ea,  go,  go,  go,  go,  go,  no,  go,  go,  go },
	[SERVER_PHASE_READY]   = { 0, go,  go,  go,  no,  no,  ea,  go,  go,  go,  go,  go,  go,  go,  go,  go },
	[SERVER_PHASE_MAIL]    = { 0, go,  go,  no,  go,  nv,  ev,  go,  go,  go,  go,  go,  no,  go,  go,  go },
	[SERVER_PHASE_RCPT]    = { 0, go,  go,  no,  go,  go,  go,  go,  go,  go,  go,  go,  no,  go,  go,  go },
	[SERVER_PHASE_BETWEEN] = { 0, go,  go,  no,  no,  no,  go,  go,  go,  go,  go,  go,  no,  go,  go,  go },
	[SERVER_PHASE_FAILED]  = { 0, go,  go,  no,  no,  no,  ea,  go,  go,  go,  go,  go,  no,  go,  go,  go },
};

typedef void verb_handler(struct smtp_server *s, const struct smtp_command *command,
                          struct instant now, struct smtp_server_event *event);

static verb_handler _helo, _mail, _rcpt, _data, _bdat, _rset, _noop, _vrfy, _expn, _help, _starttls,
	_quit, _foreign, _unknown;

static verb_handler *const handlers[SMTP_VERB_COUNT] = {
	[SMTP_VERB_EHLO] = _helo,         [SMTP_VERB_HELO] = _helo,       [SMTP_VERB_MAIL] = _mail,
	[SMTP_VERB_RCPT] = _rcpt,         [SMTP_VERB_DATA] = _data,       [SMTP_VERB_BDAT] = _bdat,
	[SMTP_VERB_RSET] = _rset,         [SMTP_VERB_NOOP] = _noop,       [SMTP_VERB_VRFY] = _vrfy,
	[SMTP_VERB_EXPN] = _expn,         [SMTP_VERB_HELP] = _help,       [SMTP_VERB_STARTTLS] = _starttls,
	[SMTP_VERB_QUIT] = _quit,         [SMTP_VERB_FOREIGN] = _foreign, [SMTP_VERB_UNKNOWN] = _unknown,
};

static void _line(struct smtp_server *s, struct span line, struct instant now,
                  struct smtp_server_event *event);
static void _dispatch(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                      struct smtp_server_event *event);
static void _refuse_chunk(struct smtp_server *s, const struct smtp_command *command, enum cell cell,
                          struct instant now, struct smtp_server_event *event);
static bool _is_in_good_faith(struct smtp_server *s, enum cell cell);
static bool _is_junk(struct smtp_server *s, const struct smtp_command *command);
static uint32_t _offered(const struct smtp_server *s);

size_t smtp_server_command_input(struct smtp_server *s, struct span bytes, struct instant now,
                                 struct smtp_server_event *event)
{
	struct span line;
	enum smtp_line_outcome outcome;

	if (bytes.bytes == 0 || byteq_bytes(&s->out) >= SMTP_SERVER_OUTPUT_MAX)
		return 0;
	smtp_line_done(&s->line, s->pool);
	size_t eaten = smtp_line_input(&s->line, s->pool, bytes, &line, &outcome);
	switch (outcome) {
	case LINE_PART:
	case LINE_NO_ROOM:
		return eaten; /* no line yet; the deadline runs on */
	case LINE_WHOLE:
		_line(s, line, now, event);
		break;
	case LINE_LONG:
		smtp_server_refuse(s, SMTP_REPLY_LONG_COMMAND, now);
		break;
	case LINE_BAD:
		smtp_server_refuse(s, SMTP_REPLY_SYNTAX, now);
		break;
	case LINE_BARE_LF:
		smtp_server_close(s, SMTP_REPLY_COMMAND_BARE_LF, now);
		break;
	case LINE_ENDLESS:
		smtp_server_close(s, SMTP_REPLY_TOO_MANY_ERRORS, now);
		break;
	}
	if (s->waits == 0)
		smtp_server_rearm(s, now);
	return eaten;
}

static void _line(struct smtp_server *s, struct span line, struct instant now,
                  struct smtp_server_event *event)
{
	struct smtp_command command = smtp_command_parse(line);
	enum cell cell = (enum cell)matrix[s->phase][command.verb];

	switch (cell) {
	case go:
		_dispatch(s, &command, now, event);
		break;
	case no:
		smtp_server_refuse(s, SMTP_REPLY_BAD_SEQUENCE, now);
		break;
	case nv:
		smtp_server_say_id(s, SMTP_REPLY_NO_VALID_RECIPIENTS); /* pipelined in good faith: no error */
		break;
	case ea:
	case ev:
		_refuse_chunk(s, &command, cell, now, event);
		break;
	}
}

static void _dispatch(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                      struct smtp_server_event *event)
{
	if (_is_junk(s, command) && ++s->errors > SMTP_ERRORS_MAX)
		smtp_server_close(s, SMTP_REPLY_TOO_MANY_ERRORS, now);
	else if (command->verb != SMTP_VERB_BDAT && !smtp_command_argument_fits(command))
		smtp_server_refuse(s, SMTP_REPLY_BAD_ARGUMENT, now);
	else
		handlers[command->verb](s, command, now, event);
}

/* Verbs that move no mail are counted until a message went through; beyond the bound each is an
 * error. */
static bool _is_junk(struct smtp_server *s, const struct smtp_command *command)
{
	if (!smtp_verb_is_junk(command->verb))
		return false;
	if (s->junk <= SMTP_JUNK_MAX)
		s->junk++;
	return s->junk > SMTP_JUNK_MAX;
}

/* BDAT where none may be: refused once its bytes are eaten. */
static void _refuse_chunk(struct smtp_server *s, const struct smtp_command *command, enum cell cell,
                          struct instant now, struct smtp_server_event *event)
{
	enum smtp_server_phase after = (enum smtp_server_phase)s->phase;
	enum smtp_reply_id id =
		cell == ev ? SMTP_REPLY_NO_VALID_RECIPIENTS : SMTP_REPLY_BAD_SEQUENCE;

	if (!smtp_command_bdat(command->argument, &s->chunk_left, &s->chunk_last)) {
		smtp_server_close(s, SMTP_REPLY_BAD_CHUNK, now);
		return;
	}
	if (_is_in_good_faith(s, cell))
		smtp_server_say_id(s, id);
	else
		smtp_server_refuse(s, id, now);
	if (s->phase == SERVER_PHASE_CLOSED)
		return;
	if (cell == ev)
		smtp_server_forget(s, event);
	if (after == SERVER_PHASE_MAIL || after == SERVER_PHASE_FAILED)
		after = s->chunk_last ? SERVER_PHASE_READY : SERVER_PHASE_FAILED;
	smtp_server_body_swallow(s, after, now);
}

/* Chunks that were pipelined before the sender saw a refusal (RFC 3030 2) are no new errors of its,
 * but not for free without end either. */
static bool _is_in_good_faith(struct smtp_server *s, enum cell cell)
{
	if (cell == ev)
		return true;
	if (s->phase != SERVER_PHASE_FAILED || s->junk > SMTP_JUNK_MAX)
		return false;
	s->junk++;
	return true;
}

static void _helo(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	if (!smtp_command_helo(command->argument)) {
		smtp_server_refuse(s, SMTP_REPLY_BAD_ARGUMENT, now);
		return;
	}
	s->esmtp = command->verb == SMTP_VERB_EHLO;
	s->helo_bytes = (uint8_t)command->argument.bytes;
	memcpy(s->helo, command->argument.data, command->argument.bytes);
	if (s->esmtp) {
		smtp_server_unspare(s);
		smtp_server_flush_owed(s);
		smtp_ehlo_write(&s->out, s->pool, s->config->hostname, _offered(s),
		                s->config->message_bytes_max);
	} else {
		struct smtp_reply reply;
		smtp_reply_set_text(&reply, SMTP_REPLY_HELO, s->config->hostname);
		smtp_server_say(s, &reply);
	}
	smtp_server_forget(s, event);
	smtp_server_enter(s, SERVER_PHASE_READY, now);
}

static uint32_t _offered(const struct smtp_server *s)
{
	uint32_t offered =
		SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_ENHANCED | SMTP_EXT_8BITMIME;

	if (s->config->starttls && !s->tls)
		offered |= SMTP_EXT_STARTTLS;
	if (s->config->chunking)
		offered |= SMTP_EXT_CHUNKING;
	if (s->config->smtputf8)
		offered |= SMTP_EXT_SMTPUTF8;
	return offered;
}

static void _mail(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	enum smtp_reply_id bad = SMTP_REPLY_NEED_STARTTLS;
	uint64_t max = s->config->message_bytes_max;
	struct smtp_mail mail;

	if (s->tls || !s->config->tls_required)
		bad = smtp_command_mail(command->argument, s->config->smtputf8, &mail);
	if (bad != SMTP_REPLY_NONE) {
		smtp_server_refuse(s, bad, now);
		return;
	}
	if (max != 0 && mail.size > max) {
		smtp_server_say_id(s, SMTP_REPLY_TOO_BIG); /* the sender asked and was told: no error */
		return;
	}
	s->smtputf8 = mail.smtputf8;
	s->body_type = (uint8_t)mail.body;
	event->mail = mail;
	smtp_server_ask(s, SERVER_MAIL, event, now);
}

static void _rcpt(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	struct smtp_mailbox recipient;
	enum smtp_reply_id bad = smtp_command_rcpt(command->argument, s->smtputf8, &recipient);

	if (bad != SMTP_REPLY_NONE) {
		smtp_server_refuse(s, bad, now);
	} else if (s->recipients >= s->config->recipients_max) {
		smtp_server_say_id(s, SMTP_REPLY_TOO_MANY_RECIPIENTS); /* no error: RFC 5321 4.5.3.1.10 */
	} else {
		event->recipient = recipient;
		smtp_server_ask(s, SERVER_RCPT, event, now);
	}
}

static void _data(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	(void)command;
	smtp_server_body_begin(s, true);
	smtp_server_ask(s, SERVER_DATA, event, now);
}

static void _bdat(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	if (!smtp_command_bdat(command->argument, &s->chunk_left, &s->chunk_last)) {
		smtp_server_close(s, SMTP_REPLY_BAD_CHUNK, now);
		return;
	}
	if (s->phase == SERVER_PHASE_BETWEEN) {
		smtp_server_enter(s, SERVER_PHASE_CHUNK, now);
		return;
	}
	smtp_server_body_begin(s, false);
	event->chunked = true;
	smtp_server_ask(s, SERVER_DATA, event, now);
}

static void _rset(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	(void)command;
	smtp_server_say_id(s, SMTP_REPLY_OK);
	smtp_server_forget(s, event);
	if (s->phase != SERVER_PHASE_START)
		smtp_server_enter(s, SERVER_PHASE_READY, now);
}

static void _noop(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	(void)command, (void)now, (void)event;
	smtp_server_say_id(s, SMTP_REPLY_OK);
}

static void _vrfy(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	(void)command, (void)now, (void)event;
	smtp_server_say_id(s, SMTP_REPLY_VRFY);
}

static void _expn(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	(void)command, (void)event;
	smtp_server_refuse(s, SMTP_REPLY_NOT_OFFERED, now);
}

static void _help(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	(void)command, (void)now, (void)event;
	smtp_server_say_id(s, SMTP_REPLY_HELP);
}

/* The 220 waits in `owed`, so that it can still be taken back when bytes follow in plaintext. */
static void _starttls(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                      struct smtp_server_event *event)
{
	(void)command;
	if (s->tls) {
		smtp_server_refuse(s, SMTP_REPLY_TLS_ALREADY, now);
	} else if (!s->config->starttls) {
		smtp_server_refuse(s, SMTP_REPLY_NOT_OFFERED, now);
	} else {
		smtp_server_enter(s, SERVER_PHASE_TLS, now);
		smtp_server_unspare(s);
		smtp_server_flush_owed(s);
		s->owed = SMTP_REPLY_TLS_READY;
		event->kind = SERVER_STARTTLS;
	}
}

static void _quit(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                  struct smtp_server_event *event)
{
	(void)command, (void)event;
	smtp_server_close(s, SMTP_REPLY_BYE, now);
}

static void _foreign(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                     struct smtp_server_event *event)
{
	(void)command, (void)event;
	smtp_server_close(s, SMTP_REPLY_FOREIGN_PROTOCOL, now);
}

static void _unknown(struct smtp_server *s, const struct smtp_command *command, struct instant now,
                     struct smtp_server_event *event)
{
	(void)command, (void)event;
	smtp_server_refuse(s, SMTP_REPLY_UNKNOWN_COMMAND, now);
}
