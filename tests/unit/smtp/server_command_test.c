/*
 * server_command_test.c - the matrix of phases and verbs as a golden rectangle, each verb's own
 * rules, the bounds on errors and junk, and STARTTLS with everything that can be injected around
 * it.
 */
#include "tests/unit/smtp/near.h"

#define EHLO "EHLO client.test\r\n"
#define MAIL "MAIL FROM:<a@example.test>\r\n"
#define RCPT "RCPT TO:<b@example.test>\r\n"

static struct near n;

static void session(const struct smtp_server_config *config, const char *said)
{
	near_open(&n, config);
	near_say(&n, said);
	near_heard(&n);
}

/* What each verb is answered in each phase; a change of protocol shows here as a changed cell. */
static const char golden[] =
	"        EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN HELP STLS QUIT GET  XYZ \n"
	"START   250  250  503  503  503  503  250  250  252  502  214  503  221  421  500 \n"
	"READY   250  250  250  503  503  503  250  250  252  502  214  220  221  421  500 \n"
	"MAIL    250  250  503  250  554  554  250  250  252  502  214  503  221  421  500 \n"
	"RCPT    250  250  503  250  354  250  250  250  252  502  214  503  221  421  500 \n"
	"BETWEEN 250  250  503  503  503  250  250  250  252  502  214  503  221  421  500 \n"
	"FAILED  250  250  503  503  503  503  250  250  252  502  214  503  221  421  500 \n";

static void the_matrix_is_the_golden_one(void)
{
	static const struct {
		const char *name;
		const char *way;
	} rows[] = {
		{ "START", "" },
		{ "READY", EHLO },
		{ "MAIL", EHLO MAIL },
		{ "RCPT", EHLO MAIL RCPT },
		{ "BETWEEN", EHLO MAIL RCPT "BDAT 0\r\n" },
		{ "FAILED", EHLO MAIL RCPT "BDAT 1\r\n\n" },
	};
	static const char *const verbs[] = { "EHLO x",     "HELO x", MAIL,     RCPT,   "DATA",
		                             "BDAT 0 LAST", "RSET",   "NOOP",   "VRFY x", "EXPN x",
		                             "HELP",       "STARTTLS", "QUIT", "GET /",  "XYZZY" };
	char text[2048];
	size_t at = (size_t)(strchr(golden, '\n') - golden) + 1;

	memcpy(text, golden, at);
	for (size_t r = 0; r < COUNT_OF(rows); r++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%-8s", rows[r].name);
		for (size_t v = 0; v < COUNT_OF(verbs); v++) {
			session(NULL, rows[r].way);
			CU_ASSERT_STRING_EQUAL(smtp_server_phase_name(smtp_server_phase(&n.server)), rows[r].name);
			near_say(&n, verbs[v]);
			near_say(&n, "\r\n");
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%.3s  ", near_heard(&n));
			near_shut(&n);
		}
		text[at - 1] = '\n';
	}
	CU_ASSERT_STRING_EQUAL(text, golden);
	if (strcmp(text, golden) != 0)
		printf("\n%s", text);
}

static void ehlo_and_helo_need_one_printable_word(void)
{
	session(NULL, "");
	NEAR_SAYS(&n, "EHLO\r\n", "501 5.5.4 Syntax error in parameters\r\n");
	NEAR_SAYS(&n, "EHLO  \r\n", "501 5.5.4 Syntax error in parameters\r\n");
	NEAR_SAYS(&n, "EHLO two words\r\n", "501 5.5.4 Syntax error in parameters\r\n");
	NEAR_SAYS(&n, "EHLO \x1b[2J\r\n", "501 5.5.4 Syntax error in parameters\r\n");
	NEAR_SAYS(&n, "HELO old\r\n", "250 mx.weir.test\r\n");
	near_shut(&n);
}

static void ehlo_within_a_transaction_ends_it(void)
{
	session(NULL, EHLO MAIL RCPT);
	near_say(&n, EHLO);
	CU_ASSERT_PTR_NOT_NULL(strstr(n.events.data, "RCPT(b@example.test) RESET "));
	near_heard(&n);
	NEAR_GETS(&n, RCPT, "503");
	NEAR_GETS(&n, MAIL, "250");
	near_shut(&n);
}

static void a_refused_ehlo_changes_nothing(void)
{
	session(NULL, EHLO MAIL RCPT);
	NEAR_GETS(&n, "EHLO\r\n", "501");
	NEAR_GETS(&n, "DATA\r\n", "354");
	CU_ASSERT_PTR_NULL(strstr(n.events.data, "RESET"));
	near_shut(&n);
}

static void rset_reports_the_end_only_of_an_open_transaction(void)
{
	session(NULL, EHLO "RSET\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, "");
	near_say(&n, "MAIL FROM:<bad@x.test>\r\nRSET\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, "MAIL(bad@x.test) ");
	near_say(&n, MAIL "RSET\r\nRSET\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, "MAIL(bad@x.test) MAIL(a@example.test) RESET ");
	near_shut(&n);
}

static void a_declared_size_over_the_limit_is_refused_at_mail(void)
{
	session(NULL, EHLO);
	NEAR_SAYS(&n, "MAIL FROM:<a@b.test> SIZE=1000001\r\n", "552 5.3.4 Message size exceeds fixed limit\r\n");
	NEAR_SAYS(&n, "MAIL FROM:<a@b.test> SIZE=1000000\r\n", "250 2.1.0 Sender ok\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, "MAIL(a@b.test) ");
	near_shut(&n);
}

static void recipients_over_the_limit_get_452(void)
{
	struct smtp_server_config config = near_config();

	config.recipients_max = 2;
	session(&config, EHLO MAIL RCPT "RCPT TO:<bad@x.test>\r\n");
	NEAR_SAYS(&n, RCPT, "250 2.1.5 Recipient ok\r\n");
	NEAR_SAYS(&n, RCPT, "452 4.5.3 Too many recipients\r\n");
	for (int i = 0; i < 100; i++)
		NEAR_GETS(&n, RCPT, "452");
	NEAR_SAYS(&n, "DATA\r\n.\r\n", "354 End data with <CR><LF>.<CR><LF>\r\n"
	                               "250 2.0.0 Message accepted by the next hop\r\n");
	NEAR_GETS(&n, MAIL, "250");
	NEAR_GETS(&n, RCPT, "250");
	near_shut(&n);
}

static void unknown_parameters_are_refused(void)
{
	session(NULL, EHLO);
	NEAR_SAYS(&n, "MAIL FROM:<a@b.test> XYZ=1\r\n", "555 5.5.4 Parameter not recognized\r\n");
	NEAR_GETS(&n, MAIL, "250");
	NEAR_SAYS(&n, "RCPT TO:<a@b.test> NOTIFY=NEVER\r\n", "555 5.5.4 Parameter not recognized\r\n");
	near_shut(&n);
}

static void utf8_in_the_envelope_needs_smtputf8(void)
{
	struct smtp_server_config config = near_config();

	session(NULL, EHLO);
	NEAR_GETS(&n, "MAIL FROM:<\xc3\xbc@x.test>\r\n", "550 5.6.7");
	NEAR_GETS(&n, MAIL, "250");
	NEAR_GETS(&n, "RCPT TO:<\xc3\xbc@x.test>\r\n", "553 5.6.7");
	NEAR_GETS(&n, "RSET\r\n", "250");
	NEAR_GETS(&n, "MAIL FROM:<\xc3\xbc@x.test> SMTPUTF8\r\n", "250");
	NEAR_GETS(&n, "RCPT TO:<\xc3\xbc@x.test>\r\n", "250");
	NEAR_GETS(&n, "RSET\r\n", "250");
	NEAR_GETS(&n, MAIL, "250");
	NEAR_GETS(&n, "RCPT TO:<\xc3\xbc@x.test>\r\n", "553 5.6.7");
	near_shut(&n);
	config.smtputf8 = false;
	session(&config, EHLO);
	NEAR_GETS(&n, "MAIL FROM:<a@x.test> SMTPUTF8\r\n", "555 5.5.4");
	near_shut(&n);
}

static void a_refused_address_does_not_show_in_a_later_event(void)
{
	struct smtp_server_event event;
	struct span text = SPAN(EHLO "MAIL FROM:<a@b.test> XYZ\r\nQUIT\r\n");

	near_open(&n, NULL);
	CU_ASSERT_EQUAL(smtp_server_input(&n.server, text, n.now, &event), text.bytes);
	CU_ASSERT_EQUAL(event.kind, SERVER_CLOSE);
	CU_ASSERT_EQUAL(event.mail.sender.path.bytes, 0);
	near_shut(&n);
}

static void an_overlong_line_is_swallowed_to_its_end(void)
{
	char text[SMTP_COMMAND_BYTES_MAX + 16];

	session(NULL, EHLO);
	memset(text, 'x', sizeof(text));
	memcpy(text, "NOOP ", 5);
	memcpy(text + SMTP_COMMAND_BYTES_MAX, "\r\nNOOP\r\n", 9);
	NEAR_SAYS(&n, text, "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n");
	memcpy(text + SMTP_COMMAND_BYTES_MAX, "x\r\nNOOP\r\n", 10);
	NEAR_SAYS(&n, text, "500 5.5.2 Command line too long\r\n250 2.0.0 Ok\r\n");
	near_shut(&n);
}

static void lines_with_bare_cr_or_nul_are_syntax_errors_and_bare_lf_ends_the_session(void)
{
	session(NULL, EHLO);
	NEAR_SAYS(&n, "NOOP\rNOOP\r\n", "500 5.5.2 Syntax error\r\n");
	near_feed(&n, SPAN("NO\0OP\r\n"), SIZE_MAX, NULL);
	CU_ASSERT_STRING_EQUAL(near_heard(&n), "500 5.5.2 Syntax error\r\n");
	NEAR_SAYS(&n, "NOOP\nQUIT\r\n",
	          "550 5.5.2 Bare <LF> received, only <CR><LF> ends a line, closing connection\r\n");
	CU_ASSERT_TRUE(n.closed);
	near_shut(&n);
}

static void one_error_too_many_ends_the_session(void)
{
	session(NULL, EHLO);
	for (unsigned i = 0; i < SMTP_ERRORS_MAX; i++)
		NEAR_GETS(&n, "FOO\r\n", "500");
	CU_ASSERT_FALSE(n.closed);
	NEAR_SAYS(&n, "FOO\r\nNOOP\r\n", "421 4.7.0 Too many errors, closing connection\r\n");
	CU_ASSERT_TRUE(n.closed);
	near_shut(&n);
}

static void commands_that_move_no_mail_are_bounded_until_a_message_passes(void)
{
	session(NULL, EHLO);
	for (unsigned i = 0; i < SMTP_JUNK_MAX - 1; i++)
		NEAR_GETS(&n, "NOOP\r\n", "250");
	near_say(&n, MAIL RCPT "DATA\r\n.\r\n");
	near_heard(&n);
	for (unsigned i = 0; i < SMTP_JUNK_MAX + SMTP_ERRORS_MAX; i++)
		NEAR_GETS(&n, "NOOP\r\n", "250");
	NEAR_GETS(&n, "NOOP\r\n", "421 4.7.0");
	near_shut(&n);
}

static void pipelined_data_without_recipients_is_no_error_of_the_sender(void)
{
	session(NULL, EHLO);
	for (unsigned i = 0; i < SMTP_ERRORS_MAX + 10; i++)
		near_say(&n, MAIL "RCPT TO:<bad@x.test>\r\nDATA\r\nRSET\r\n");
	CU_ASSERT_FALSE(n.closed);
	CU_ASSERT_PTR_NOT_NULL(strstr(near_heard(&n), "554 5.5.1 No valid recipients\r\n250 2.0.0 Ok\r\n"));
	near_shut(&n);
}

static void a_browser_is_shown_the_door(void)
{
	session(NULL, "");
	NEAR_SAYS(&n, "POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\n",
	          "421 4.7.0 This is an SMTP service, closing connection\r\n");
	CU_ASSERT_TRUE(n.closed);
	near_shut(&n);
}

static void mail_without_tls_is_refused_where_tls_is_required(void)
{
	struct smtp_server_config config = near_config();

	config.tls_required = true;
	session(&config, EHLO);
	n.auto_tls = true;
	NEAR_SAYS(&n, MAIL, "530 5.7.0 Must issue a STARTTLS command first\r\n");
	NEAR_SAYS(&n, "NOOP\r\nSTARTTLS\r\n", "250 2.0.0 Ok\r\n220 2.0.0 Ready to start TLS\r\n");
	NEAR_GETS(&n, EHLO, "250");
	NEAR_GETS(&n, MAIL, "250");
	near_shut(&n);
}

static void starttls_has_no_parameter_and_comes_after_ehlo_outside_a_transaction(void)
{
	session(NULL, "");
	NEAR_GETS(&n, "STARTTLS\r\n", "503");
	near_say(&n, EHLO);
	near_heard(&n);
	NEAR_SAYS(&n, "STARTTLS now\r\n", "501 5.5.4 Syntax error in parameters\r\n");
	near_say(&n, MAIL);
	near_heard(&n);
	NEAR_GETS(&n, "STARTTLS\r\n", "503");
	near_shut(&n);
}

static void starttls_that_is_not_offered_is_refused(void)
{
	struct smtp_server_config config = near_config();

	config.starttls = false;
	session(&config, "");
	near_say(&n, EHLO);
	CU_ASSERT_PTR_NULL(strstr(near_heard(&n), "STARTTLS"));
	NEAR_GETS(&n, "STARTTLS\r\n", "502");
	near_shut(&n);
}

static void after_tls_everything_is_forgotten_and_starttls_not_offered(void)
{
	session(NULL, EHLO);
	n.auto_tls = true;
	NEAR_SAYS(&n, "STARTTLS\r\n", "220 2.0.0 Ready to start TLS\r\n");
	CU_ASSERT_TRUE(smtp_server_tls_on(&n.server));
	CU_ASSERT_EQUAL(smtp_server_helo(&n.server).bytes, 0);
	NEAR_GETS(&n, MAIL, "503");
	NEAR_GETS(&n, "STARTTLS\r\n", "503");
	near_say(&n, EHLO);
	CU_ASSERT_PTR_NULL(strstr(near_heard(&n), "STARTTLS"));
	NEAR_SAYS(&n, "STARTTLS\r\n", "503 5.5.1 TLS already active\r\n");
	NEAR_GETS(&n, MAIL, "250");
	near_shut(&n);
}

static void implicit_tls_never_offers_starttls(void)
{
	near_open(&n, NULL);
	smtp_server_tls_implicit(&n.server);
	near_say(&n, EHLO);
	CU_ASSERT_PTR_NULL(strstr(near_heard(&n), "STARTTLS"));
	NEAR_GETS(&n, "STARTTLS\r\n", "503");
	near_shut(&n);
}

#define INJECTION                                                                                  \
	"454 4.5.0 SMTP protocol violation, no commands allowed behind STARTTLS, see RFC 3207\r\n"

static void bytes_behind_starttls_are_not_eaten_and_end_the_session(void)
{
	session(NULL, EHLO);
	n.keep_output = true;
	n.eaten = 0;
	near_say(&n, "STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n");
	CU_ASSERT_EQUAL(n.eaten, 10);
	CU_ASSERT_STRING_EQUAL(n.events.data, "CLOSE ");
	CU_ASSERT_EQUAL(n.close_reply, SMTP_REPLY_TLS_INJECTION);
	CU_ASSERT_STRING_EQUAL(near_heard(&n), INJECTION);
	near_shut(&n);
}

static void bytes_that_come_before_the_220_has_left_end_the_session(void)
{
	session(NULL, EHLO);
	n.keep_output = true;
	near_piece(&n, SPAN("STARTTLS\r\n"));
	CU_ASSERT_EQUAL(near_piece(&n, SPAN("MAIL FROM:<evil@x.test>\r\n")), 0);
	CU_ASSERT_STRING_EQUAL(n.events.data, "STARTTLS CLOSE ");
	CU_ASSERT_STRING_EQUAL(near_heard(&n), INJECTION);
	near_shut(&n);
}

static void injection_found_after_the_220_left_is_still_told(void)
{
	session(NULL, EHLO "STARTTLS\r\n");
	CU_ASSERT_TRUE(smtp_server_starttls_injected(&n.server, 5, n.now));
	CU_ASSERT_STRING_EQUAL(near_heard(&n), INJECTION);
	near_shut(&n);
}

static void the_leg_may_report_bytes_behind_starttls_itself(void)
{
	struct smtp_server_event event;

	session(NULL, EHLO);
	CU_ASSERT_EQUAL(smtp_server_input(&n.server, SPAN("STARTTLS\r\n"), n.now, &event), 10);
	CU_ASSERT_EQUAL(event.kind, SERVER_STARTTLS);
	CU_ASSERT_FALSE(smtp_server_starttls_injected(&n.server, 0, n.now));
	CU_ASSERT_TRUE(smtp_server_starttls_injected(&n.server, 1, n.now));
	CU_ASSERT_STRING_EQUAL(near_heard(&n), INJECTION);
	near_piece(&n, SPAN_NONE);
	CU_ASSERT_TRUE(n.closed);
	near_shut(&n);
}

static void a_client_hello_behind_the_220_is_none_of_ours(void)
{
	struct smtp_server_event event;

	session(NULL, EHLO);
	CU_ASSERT_EQUAL(smtp_server_input(&n.server, SPAN("STARTTLS\r\n"), n.now, &event), 10);
	CU_ASSERT_STRING_EQUAL(near_heard(&n), "220 2.0.0 Ready to start TLS\r\n");
	CU_ASSERT_EQUAL(smtp_server_input(&n.server, SPAN("\x16\x03\x01"), n.now, &event), 0);
	CU_ASSERT_EQUAL(event.kind, SERVER_NONE);
	smtp_server_goodbye(&n.server, SMTP_REPLY_SHUTTING_DOWN, n.now);
	CU_ASSERT_STRING_EQUAL(near_heard(&n), ""); /* a 421 in plaintext would break the handshake */
	smtp_server_tls_started(&n.server, n.now);
	CU_ASSERT_STRING_EQUAL(near_heard(&n), "421 4.3.2 Service shutting down, try again later\r\n");
	near_shut(&n);
}

static void a_handshake_that_never_ends_is_ended_without_a_word(void)
{
	session(NULL, EHLO "STARTTLS\r\n");
	n.now = smtp_server_deadline(&n.server);
	CU_ASSERT_TRUE(smtp_server_expire(&n.server, n.now));
	CU_ASSERT_STRING_EQUAL(near_heard(&n), "");
	near_piece(&n, SPAN_NONE);
	CU_ASSERT_TRUE(n.closed);
	near_shut(&n);
}

UNIT("smtp/server_command", { "the matrix is the golden one", the_matrix_is_the_golden_one },
     { "EHLO and HELO need one printable word", ehlo_and_helo_need_one_printable_word },
     { "EHLO within a transaction ends it", ehlo_within_a_transaction_ends_it },
     { "a refused EHLO changes nothing", a_refused_ehlo_changes_nothing },
     { "RSET reports the end only of an open transaction", rset_reports_the_end_only_of_an_open_transaction },
     { "a declared size over the limit is refused at MAIL", a_declared_size_over_the_limit_is_refused_at_mail },
     { "recipients over the limit get 452", recipients_over_the_limit_get_452 },
     { "unknown parameters are refused", unknown_parameters_are_refused },
     { "UTF-8 in the envelope needs SMTPUTF8", utf8_in_the_envelope_needs_smtputf8 },
     { "a refused address does not show in a later event",
       a_refused_address_does_not_show_in_a_later_event },
     { "an overlong line is swallowed to its end", an_overlong_line_is_swallowed_to_its_end },
     { "lines with bare CR or NUL are syntax errors and bare LF ends the session",
       lines_with_bare_cr_or_nul_are_syntax_errors_and_bare_lf_ends_the_session },
     { "one error too many ends the session", one_error_too_many_ends_the_session },
     { "commands that move no mail are bounded until a message passes",
       commands_that_move_no_mail_are_bounded_until_a_message_passes },
     { "pipelined DATA without recipients is no error of the sender",
       pipelined_data_without_recipients_is_no_error_of_the_sender },
     { "a browser is shown the door", a_browser_is_shown_the_door },
     { "MAIL without TLS is refused where TLS is required", mail_without_tls_is_refused_where_tls_is_required },
     { "STARTTLS has no parameter and comes after EHLO outside a transaction",
       starttls_has_no_parameter_and_comes_after_ehlo_outside_a_transaction },
     { "STARTTLS that is not offered is refused", starttls_that_is_not_offered_is_refused },
     { "after TLS everything is forgotten and STARTTLS not offered",
       after_tls_everything_is_forgotten_and_starttls_not_offered },
     { "implicit TLS never offers STARTTLS", implicit_tls_never_offers_starttls },
     { "bytes behind STARTTLS are not eaten and end the session",
       bytes_behind_starttls_are_not_eaten_and_end_the_session },
     { "bytes that come before the 220 has left end the session",
       bytes_that_come_before_the_220_has_left_end_the_session },
     { "injection found after the 220 left is still told", injection_found_after_the_220_left_is_still_told },
     { "the leg may report bytes behind STARTTLS itself", the_leg_may_report_bytes_behind_starttls_itself },
     { "a client hello behind the 220 is none of ours", a_client_hello_behind_the_220_is_none_of_ours },
     { "a handshake that never ends is ended without a word",
       a_handshake_that_never_ends_is_ended_without_a_word })
