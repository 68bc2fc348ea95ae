/*
 * server_body_test.c - DATA and BDAT as a session sees them: ends, faults, refusals, and what must
 * be eaten.
 */
#include "tests/unit/smtp/near.h"

#define ENVELOPE "EHLO client.test\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\n"
#define ENVELOPE_EVENTS "MAIL(a@example.test) RCPT(b@example.test) "
#define DELIVERED "250 2.0.0 Message accepted by the next hop\r\n"
#define CHUNK_OK "250 2.0.0 Chunk ok\r\n"
#define BARE "550 5.6.11 Bare <CR>, bare <LF> or NUL in message content\r\n"
#define ORDER "503 5.5.1 Bad sequence of commands\r\n"

static struct near n;

static void session(const struct smtp_server_config *config)
{
	near_open(&n, config);
	near_say(&n, ENVELOPE);
	near_heard(&n);
}

static void an_empty_message_is_a_lone_dot(void)
{
	session(NULL);
	NEAR_SAYS(&n, "DATA\r\n.\r\n", "354 End data with <CR><LF>.<CR><LF>\r\n" DELIVERED);
	CU_ASSERT_EQUAL(n.body.bytes, 0);
	near_shut(&n);
}

static void a_second_message_needs_a_new_envelope(void)
{
	session(NULL);
	near_say(&n, "DATA\r\n.\r\n");
	near_heard(&n);
	NEAR_SAYS(&n, "DATA\r\n", ORDER);
	NEAR_SAYS(&n, "RCPT TO:<b@example.test>\r\n", ORDER);
	near_shut(&n);
}

static void a_data_that_is_refused_ends_the_transaction(void)
{
	session(NULL);
	n.data_answer = SMTP_REPLY_NEXT_LOST;
	NEAR_SAYS(&n, "DATA\r\n", "451 4.4.2 Connection to the next hop lost, try again later\r\n");
	NEAR_SAYS(&n, "RCPT TO:<b@example.test>\r\n", ORDER);
	NEAR_SAYS(&n, "MAIL FROM:<>\r\n", "250 2.1.0 Sender ok\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA MAIL() ");
	near_shut(&n);
}

static void a_message_over_the_limit_is_eaten_and_refused(void)
{
	struct smtp_server_config config = near_config();

	config.message_bytes_max = 10;
	session(&config);
	NEAR_SAYS(&n, "DATA\r\n0123456789abc\r\nmore\r\n.\r\nNOOP\r\n",
	          "354 End data with <CR><LF>.<CR><LF>\r\n552 5.3.4 Message size exceeds fixed limit\r\n"
	          "250 2.0.0 Ok\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA BODY_BAD(TOO_BIG) ");
	CU_ASSERT_EQUAL(n.body.bytes, 10);
	near_shut(&n);
}

static void a_message_without_end_is_cut_off(void)
{
	struct smtp_server_config config = near_config();
	static char text[65536];

	config.message_bytes_max = 10;
	session(&config);
	near_say(&n, "DATA\r\n");
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 300 && !n.closed; i++)
		near_feed(&n, span_of(text, sizeof(text)), SIZE_MAX, NULL);
	CU_ASSERT_TRUE(n.closed);
	CU_ASSERT_PTR_NOT_NULL(strstr(near_heard(&n), "421 4.7.0"));
	near_shut(&n);
}

static void strict_listeners_refuse_eight_bit_content_that_was_not_declared(void)
{
	struct smtp_server_config config = near_config();

	config.seven_bit_strict = true;
	session(&config);
	near_say(&n, "DATA\r\n\xc3\xbc\r\n.\r\n");
	near_say(&n, "MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<b@x.test>\r\nDATA\r\n\xc3\xbc\r\n.\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data,
	                       ENVELOPE_EVENTS "DATA BODY_BAD(EIGHT_BIT) MAIL() RCPT(b@x.test) DATA BODY_END ");
	near_shut(&n);
}

static void a_line_over_the_configured_length_is_refused(void)
{
	struct smtp_server_config config = near_config();

	config.text_line_bytes_max = 998;
	session(&config);
	static char text[1100];
	memset(text, 'x', 998);
	memcpy(text + 998, "\r\n.\r\n", 6);
	near_say(&n, "DATA\r\n");
	NEAR_GETS(&n, text, "354");
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA BODY_END ");
	near_say(&n, "MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n");
	near_heard(&n);
	text[998] = 'x';
	memcpy(text + 999, "\r\n.\r\n", 6);
	NEAR_GETS(&n, text, "550 5.6.0 Line too long");
	near_shut(&n);
}

static void chunks_are_one_body_and_dots_are_only_dots(void)
{
	session(NULL);
	NEAR_SAYS(&n, "BDAT 7\r\n.\r\n..\r\nBDAT 3\r\n.\r\nBDAT 4 LAST\r\nlast", CHUNK_OK CHUNK_OK DELIVERED);
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA(chunked) CHUNK CHUNK BODY_END ");
	CU_ASSERT_STRING_EQUAL(n.body.data, ".\r\n..\r\n.\r\nlast");
	near_shut(&n);
}

static void a_chunk_border_may_split_crlf(void)
{
	session(NULL);
	NEAR_SAYS(&n, "BDAT 2\r\na\rBDAT 0\r\nBDAT 2 LAST\r\n\nb", CHUNK_OK CHUNK_OK DELIVERED);
	CU_ASSERT_STRING_EQUAL(n.body.data, "a\r\nb");
	near_shut(&n);
}

static void a_cr_at_the_very_end_of_the_last_chunk_is_bare(void)
{
	session(NULL);
	NEAR_SAYS(&n, "BDAT 2\r\na\rBDAT 0 LAST\r\n", CHUNK_OK BARE);
	NEAR_SAYS(&n, "MAIL FROM:<>\r\n", "250 2.1.0 Sender ok\r\n");
	near_shut(&n);
}

static void an_empty_last_chunk_alone_is_an_empty_message(void)
{
	session(NULL);
	NEAR_SAYS(&n, "BDAT 0 LAST\r\n", DELIVERED);
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA(chunked) BODY_END ");
	near_shut(&n);
}

static void a_bad_chunk_is_eaten_and_so_are_those_pipelined_behind_it(void)
{
	session(NULL);
	NEAR_SAYS(&n, "BDAT 3\r\na\nbBDAT 6\r\nQUIT\r\nBDAT 5 LAST\r\nRSET\nNOOP\r\n",
	          BARE ORDER ORDER "250 2.0.0 Ok\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA(chunked) BODY_BAD(BARE_NEWLINE) ");
	NEAR_SAYS(&n, "MAIL FROM:<>\r\n", "250 2.1.0 Sender ok\r\n");
	near_shut(&n);
}

static void after_a_failed_chunk_only_rset_leads_on(void)
{
	session(NULL);
	n.chunk_answer = SMTP_REPLY_NEXT_LOST;
	NEAR_SAYS(&n, "BDAT 1\r\nxMAIL FROM:<>\r\nDATA\r\nRSET\r\nMAIL FROM:<>\r\n",
	          "451 4.4.2 Connection to the next hop lost, try again later\r\n" ORDER ORDER
	          "250 2.0.0 Ok\r\n250 2.1.0 Sender ok\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA(chunked) CHUNK MAIL() ");
	near_shut(&n);
}

static void a_first_chunk_that_is_refused_is_swallowed_before_the_reply(void)
{
	session(NULL);
	n.data_answer = SMTP_REPLY_NEXT_LOST;
	NEAR_SAYS(&n, "BDAT 6\r\nQUI", "");
	NEAR_SAYS(&n, "T\r", "");
	NEAR_SAYS(&n, "\nNOOP\r\n", "451 4.4.2 Connection to the next hop lost, try again later\r\n250 2.0.0 Ok\r\n");
	NEAR_SAYS(&n, "MAIL FROM:<>\r\n", ORDER);
	near_shut(&n);
	session(NULL);
	n.data_answer = SMTP_REPLY_NEXT_LOST;
	NEAR_SAYS(&n, "BDAT 1 LAST\r\nxMAIL FROM:<>\r\n",
	          "451 4.4.2 Connection to the next hop lost, try again later\r\n250 2.1.0 Sender ok\r\n");
	near_shut(&n);
}

static void bdat_out_of_order_is_swallowed_whole(void)
{
	near_open(&n, NULL);
	near_heard(&n);
	NEAR_SAYS(&n, "BDAT 6\r\nQUIT\r\nNOOP\r\n", ORDER "250 2.0.0 Ok\r\n");
	near_say(&n, "EHLO x\r\n");
	near_heard(&n);
	NEAR_SAYS(&n, "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", ORDER "250 2.0.0 Ok\r\n");
	NEAR_SAYS(&n, "MAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\nRCPT TO:<a@b.test>\r\n",
	          "250 2.1.0 Sender ok\r\n554 5.5.1 No valid recipients\r\n" ORDER);
	CU_ASSERT_STRING_EQUAL(n.events.data, "MAIL() RESET ");
	near_shut(&n);
}

static void a_chunk_whose_size_cannot_be_read_ends_the_session(void)
{
	static const char *const bad[] = { "BDAT\r\n", "BDAT x\r\n", "BDAT 1 2\r\n", "BDAT -1\r\n",
		                           "BDAT 99999999999999999999\r\n" };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		session(NULL);
		NEAR_SAYS(&n, bad[i], "501 5.5.4 Syntax: BDAT count [LAST], closing connection\r\n");
		CU_ASSERT_TRUE(n.closed);
		near_shut(&n);
	}
}

static void data_behind_bdat_is_out_of_order(void)
{
	session(NULL);
	NEAR_SAYS(&n, "BDAT 0\r\nDATA\r\nRCPT TO:<c@d.test>\r\nBDAT 0 LAST\r\nBDAT 0 LAST\r\n",
	          CHUNK_OK ORDER ORDER DELIVERED ORDER);
	near_shut(&n);
}

static void rset_between_chunks_ends_the_transaction(void)
{
	session(NULL);
	NEAR_SAYS(&n, "BDAT 1\r\nxRSET\r\nBDAT 0 LAST\r\n", CHUNK_OK "250 2.0.0 Ok\r\n" ORDER);
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA(chunked) CHUNK RESET ");
	near_shut(&n);
}

static void a_sum_of_chunks_over_the_limit_is_refused(void)
{
	struct smtp_server_config config = near_config();

	config.message_bytes_max = 10;
	session(&config);
	NEAR_SAYS(&n, "BDAT 6\r\nabcdefBDAT 5\r\nghijkRSET\r\n",
	          CHUNK_OK "552 5.3.4 Message size exceeds fixed limit\r\n250 2.0.0 Ok\r\n");
	near_shut(&n);
}

static void quit_within_a_message_closes_without_an_end(void)
{
	session(NULL);
	NEAR_SAYS(&n, "BDAT 1\r\nxQUIT\r\n", CHUNK_OK "221 2.0.0 Bye\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, ENVELOPE_EVENTS "DATA(chunked) CHUNK CLOSE ");
	near_shut(&n);
}

UNIT("smtp/server_body", { "an empty message is a lone dot", an_empty_message_is_a_lone_dot },
     { "a second message needs a new envelope", a_second_message_needs_a_new_envelope },
     { "a DATA that is refused ends the transaction", a_data_that_is_refused_ends_the_transaction },
     { "a message over the limit is eaten and refused", a_message_over_the_limit_is_eaten_and_refused },
     { "a message without end is cut off", a_message_without_end_is_cut_off },
     { "strict listeners refuse 8-bit content that was not declared",
       strict_listeners_refuse_eight_bit_content_that_was_not_declared },
     { "a line over the configured length is refused", a_line_over_the_configured_length_is_refused },
     { "chunks are one body and dots are only dots", chunks_are_one_body_and_dots_are_only_dots },
     { "a chunk border may split CRLF", a_chunk_border_may_split_crlf },
     { "a CR at the very end of the last chunk is bare", a_cr_at_the_very_end_of_the_last_chunk_is_bare },
     { "an empty last chunk alone is an empty message", an_empty_last_chunk_alone_is_an_empty_message },
     { "a bad chunk is eaten and so are those pipelined behind it",
       a_bad_chunk_is_eaten_and_so_are_those_pipelined_behind_it },
     { "after a failed chunk only RSET leads on", after_a_failed_chunk_only_rset_leads_on },
     { "a first chunk that is refused is swallowed before the reply",
       a_first_chunk_that_is_refused_is_swallowed_before_the_reply },
     { "BDAT out of order is swallowed whole", bdat_out_of_order_is_swallowed_whole },
     { "a chunk whose size cannot be read ends the session",
       a_chunk_whose_size_cannot_be_read_ends_the_session },
     { "DATA behind BDAT is out of order", data_behind_bdat_is_out_of_order },
     { "RSET between chunks ends the transaction", rset_between_chunks_ends_the_transaction },
     { "a sum of chunks over the limit is refused", a_sum_of_chunks_over_the_limit_is_refused },
     { "QUIT within a message closes without an end", quit_within_a_message_closes_without_an_end })
