/*
 * command_test.c - verbs, and the arguments of MAIL, RCPT, BDAT and EHLO.
 */
#include <stdlib.h>

#include "smtp/command.h"
#include "tests/unit/unit.h"

static struct span text_span_of(const char *text)
{
	return span_of(text, strlen(text));
}

static enum smtp_verb verb(const char *line)
{
	return smtp_command_parse(text_span_of(line)).verb;
}

static struct smtp_mail mail_;

static enum smtp_reply_id mail(const char *argument)
{
	return smtp_command_mail(text_span_of(argument), true, &mail_);
}

static struct smtp_mailbox box;

static enum smtp_reply_id rcpt(const char *argument)
{
	return smtp_command_rcpt(text_span_of(argument), false, &box);
}

static void verbs_compare_without_case_and_tolerate_trailing_spaces(void)
{
	CU_ASSERT_EQUAL(verb("EHLO x"), SMTP_VERB_EHLO);
	CU_ASSERT_EQUAL(verb("eHlO x"), SMTP_VERB_EHLO);
	CU_ASSERT_EQUAL(verb("quit  "), SMTP_VERB_QUIT);
	CU_ASSERT_EQUAL(smtp_command_parse(SPAN("RSET   ")).argument.bytes, 0);
	CU_ASSERT_TRUE(span_equal(smtp_command_parse(SPAN("NOOP  a b  ")).argument, SPAN("a b")));
}

static void what_is_no_verb_is_unknown(void)
{
	CU_ASSERT_EQUAL(verb(""), SMTP_VERB_UNKNOWN);
	CU_ASSERT_EQUAL(verb("   "), SMTP_VERB_UNKNOWN);
	CU_ASSERT_EQUAL(verb("QUITX"), SMTP_VERB_UNKNOWN);
	CU_ASSERT_EQUAL(verb("QUI"), SMTP_VERB_UNKNOWN);
	CU_ASSERT_EQUAL(verb("QUIT\tx"), SMTP_VERB_UNKNOWN);
	CU_ASSERT_EQUAL(verb("FOREIGN"), SMTP_VERB_UNKNOWN);
	CU_ASSERT_EQUAL(verb("UNKNOWN"), SMTP_VERB_UNKNOWN);
}

static void requests_of_another_protocol_are_recognised(void)
{
	CU_ASSERT_EQUAL(verb("GET / HTTP/1.1"), SMTP_VERB_FOREIGN);
	CU_ASSERT_EQUAL(verb("POST /x HTTP/1.1"), SMTP_VERB_FOREIGN);
	CU_ASSERT_EQUAL(verb("PRI * HTTP/2.0"), SMTP_VERB_FOREIGN);
	CU_ASSERT_EQUAL(verb("get"), SMTP_VERB_UNKNOWN);
}

static void arguments_are_there_where_they_must_be(void)
{
	struct smtp_command c = smtp_command_parse(SPAN("STARTTLS now"));
	CU_ASSERT_FALSE(smtp_command_argument_fits(&c));
	c = smtp_command_parse(SPAN("STARTTLS "));
	CU_ASSERT_TRUE(smtp_command_argument_fits(&c));
	c = smtp_command_parse(SPAN("EHLO "));
	CU_ASSERT_FALSE(smtp_command_argument_fits(&c));
	c = smtp_command_parse(SPAN("NOOP x"));
	CU_ASSERT_TRUE(smtp_command_argument_fits(&c));
	CU_ASSERT_TRUE(smtp_verb_is_junk(SMTP_VERB_NOOP));
	CU_ASSERT_FALSE(smtp_verb_is_junk(SMTP_VERB_MAIL));
	CU_ASSERT_STRING_EQUAL(smtp_verb_name(SMTP_VERB_STARTTLS), "STARTTLS");
}

static void mail_takes_a_path_and_the_parameters_we_offer(void)
{
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test>"), SMTP_REPLY_NONE);
	CU_ASSERT_EQUAL(mail_.body, SMTP_BODY_7BIT);
	CU_ASSERT_EQUAL(mail_.size, 0);
	CU_ASSERT_EQUAL(mail("from:  <a@b.test>  size=12345 BODY=8bitmime SMTPUTF8"), SMTP_REPLY_NONE);
	CU_ASSERT_EQUAL(mail_.size, 12345);
	CU_ASSERT_EQUAL(mail_.body, SMTP_BODY_8BITMIME);
	CU_ASSERT_TRUE(mail_.smtputf8);
	CU_ASSERT_EQUAL(mail("FROM:<> BODY=7BIT"), SMTP_REPLY_NONE);
	CU_ASSERT_EQUAL(mail_.sender.path.bytes, 0);
	CU_ASSERT_EQUAL(mail("FROM:<\xc3\xbc@b.test> SMTPUTF8"), SMTP_REPLY_NONE);
}

static void mail_refuses_what_is_malformed_or_not_offered(void)
{
	CU_ASSERT_EQUAL(mail("<a@b.test>"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("TO:<a@b.test>"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:a@b.test"), SMTP_REPLY_BAD_SENDER);
	CU_ASSERT_EQUAL(mail("FROM:"), SMTP_REPLY_BAD_SENDER);
	CU_ASSERT_EQUAL(mail("FROM:<postmaster>"), SMTP_REPLY_BAD_SENDER);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test>SIZE=1"), SMTP_REPLY_BAD_SENDER);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> SIZE=x"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> SIZE="), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> SIZE=99999999999999999999999"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> SIZE=1 SIZE=2"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> BODY=9BIT"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> BODY=BINARYMIME"), SMTP_REPLY_UNKNOWN_PARAMETER);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> SMTPUTF8=1"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> RET=FULL"), SMTP_REPLY_UNKNOWN_PARAMETER);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> =1"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:<a@b.test> \x01"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(mail("FROM:<\xc3\xbc@b.test>"), SMTP_REPLY_NEED_SMTPUTF8_SENDER);
	CU_ASSERT_EQUAL(smtp_command_mail(SPAN("FROM:<a@b.test> SMTPUTF8"), false, &mail_),
	                SMTP_REPLY_UNKNOWN_PARAMETER);
}

static void rcpt_takes_a_path_and_nothing_else(void)
{
	CU_ASSERT_EQUAL(rcpt("TO:<a@b.test>"), SMTP_REPLY_NONE);
	CU_ASSERT_EQUAL(rcpt("to: <postmaster>"), SMTP_REPLY_NONE);
	CU_ASSERT_EQUAL(box.domain.bytes, 0);
	CU_ASSERT_EQUAL(rcpt("TO:<>"), SMTP_REPLY_BAD_RECIPIENT);
	CU_ASSERT_EQUAL(rcpt("TO:<a@b.test"), SMTP_REPLY_BAD_RECIPIENT);
	CU_ASSERT_EQUAL(rcpt("TO:<a@b.test>x"), SMTP_REPLY_BAD_RECIPIENT);
	CU_ASSERT_EQUAL(rcpt("FROM:<a@b.test>"), SMTP_REPLY_BAD_ARGUMENT);
	CU_ASSERT_EQUAL(rcpt("TO:<a@b.test> NOTIFY=NEVER"), SMTP_REPLY_UNKNOWN_PARAMETER);
	CU_ASSERT_EQUAL(rcpt("TO:<\xc3\xbc@b.test>"), SMTP_REPLY_NEED_SMTPUTF8_RECIPIENT);
	CU_ASSERT_EQUAL(smtp_command_rcpt(SPAN("TO:<\xc3\xbc@b.test>"), true, &box), SMTP_REPLY_NONE);
}

static void bdat_takes_a_count_and_perhaps_last(void)
{
	uint64_t bytes;
	bool last;

	CU_ASSERT_TRUE(smtp_command_bdat(SPAN("0"), &bytes, &last));
	CU_ASSERT_FALSE(last);
	CU_ASSERT_TRUE(smtp_command_bdat(SPAN("86 last"), &bytes, &last));
	CU_ASSERT_TRUE(last);
	CU_ASSERT_EQUAL(bytes, 86);
	CU_ASSERT_TRUE(smtp_command_bdat(SPAN("18446744073709551615"), &bytes, &last));
	CU_ASSERT_FALSE(smtp_command_bdat(SPAN("18446744073709551616"), &bytes, &last));
	CU_ASSERT_FALSE(smtp_command_bdat(SPAN(""), &bytes, &last));
	CU_ASSERT_FALSE(smtp_command_bdat(SPAN("-1"), &bytes, &last));
	CU_ASSERT_FALSE(smtp_command_bdat(SPAN("1 LASTLY"), &bytes, &last));
	CU_ASSERT_FALSE(smtp_command_bdat(SPAN("1 LAST x"), &bytes, &last));
	CU_ASSERT_FALSE(smtp_command_bdat(SPAN("LAST"), &bytes, &last));
}

static void helo_is_one_printable_word(void)
{
	char text[300];

	memset(text, 'x', sizeof(text));
	CU_ASSERT_TRUE(smtp_command_helo(SPAN("client.test")));
	CU_ASSERT_TRUE(smtp_command_helo(SPAN("[198.18.0.1]")));
	CU_ASSERT_FALSE(smtp_command_helo(SPAN("")));
	CU_ASSERT_FALSE(smtp_command_helo(SPAN("two words")));
	CU_ASSERT_FALSE(smtp_command_helo(SPAN("tab\there")));
	CU_ASSERT_FALSE(smtp_command_helo(SPAN("del\x7f")));
	CU_ASSERT_TRUE(smtp_command_helo(span_of(text, 255)));
	CU_ASSERT_FALSE(smtp_command_helo(span_of(text, 256)));
}

UNIT("smtp/command",
     { "verbs compare without case and tolerate trailing spaces",
       verbs_compare_without_case_and_tolerate_trailing_spaces },
     { "what is no verb is unknown", what_is_no_verb_is_unknown },
     { "requests of another protocol are recognised", requests_of_another_protocol_are_recognised },
     { "arguments are there where they must be", arguments_are_there_where_they_must_be },
     { "MAIL takes a path and the parameters we offer", mail_takes_a_path_and_the_parameters_we_offer },
     { "MAIL refuses what is malformed or not offered", mail_refuses_what_is_malformed_or_not_offered },
     { "RCPT takes a path and nothing else", rcpt_takes_a_path_and_nothing_else },
     { "BDAT takes a count and perhaps LAST", bdat_takes_a_count_and_perhaps_last },
     { "HELO is one printable word", helo_is_one_printable_word })
