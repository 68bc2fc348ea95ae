/*
 * server_test.c - whole dialogues with the near side's machine: order, deadlines, goodbye, room,
 * and that the way the input is cut into pieces changes nothing.
 */
#include "tests/unit/smtp/near.h"

#define EHLO "EHLO client.test\r\n"
#define ENVELOPE EHLO "MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\n"

static struct near n;

static void a_plain_message_passes_from_greeting_to_quit(void)
{
	near_open(&n, NULL);
	NEAR_SAYS(&n, "", "220 mx.weir.test ESMTP\r\n");
	NEAR_SAYS(&n, EHLO,
	          "250-mx.weir.test\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-STARTTLS\r\n"
	          "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n");
	NEAR_SAYS(&n, "MAIL FROM:<a@example.test>\r\n", "250 2.1.0 Sender ok\r\n");
	NEAR_SAYS(&n, "RCPT TO:<b@example.test>\r\n", "250 2.1.5 Recipient ok\r\n");
	NEAR_SAYS(&n, "DATA\r\n", "354 End data with <CR><LF>.<CR><LF>\r\n");
	NEAR_SAYS(&n, "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n", "250 2.0.0 Message accepted by the next hop\r\n");
	NEAR_SAYS(&n, "QUIT\r\n", "221 2.0.0 Bye\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data,
	                       "MAIL(a@example.test) RCPT(b@example.test) DATA BODY_END CLOSE ");
	CU_ASSERT_STRING_EQUAL(n.body.data, "Subject: x\r\n\r\n.dot\r\nend\r\n");
	near_shut(&n);
}

static void pipelined_commands_are_answered_in_order(void)
{
	near_open(&n, NULL);
	near_say(&n, EHLO);
	near_heard(&n);
	NEAR_SAYS(&n,
	          "MAIL FROM:<a@x.test>\r\nRCPT TO:<bad@x.test>\r\nRCPT TO:<c@x.test>\r\n"
	          "RCPT TO:<later@x.test>\r\nRCPT TO:<broken\r\nDATA\r\n",
	          "250 2.1.0 Sender ok\r\n550 5.1.2 No route to the recipient's domain\r\n"
	          "250 2.1.5 Recipient ok\r\n451 4.4.1 Next hop unreachable, try again later\r\n"
	          "501 5.1.3 Bad recipient address syntax\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
	NEAR_SAYS(&n, "x\r\n.\r\nRSET\r\nMAIL FROM:<>\r\nQUIT\r\n",
	          "250 2.0.0 Message accepted by the next hop\r\n250 2.0.0 Ok\r\n250 2.1.0 Sender ok\r\n"
	          "221 2.0.0 Bye\r\n");
	CU_ASSERT_STRING_EQUAL(n.events.data, "MAIL(a@x.test) RCPT(bad@x.test) RCPT(c@x.test) "
	                                      "RCPT(later@x.test) DATA BODY_END MAIL() CLOSE ");
	near_shut(&n);
}

static void nothing_is_eaten_while_an_answer_is_owed(void)
{
	struct smtp_server_event event;
	struct span text = SPAN(EHLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n");

	near_open(&n, NULL);
	size_t eaten = smtp_server_input(&n.server, text, n.now, &event);
	CU_ASSERT_EQUAL(event.kind, SERVER_MAIL);
	CU_ASSERT_TRUE(smtp_server_waits_for_answer(&n.server));
	CU_ASSERT_EQUAL(smtp_server_input(&n.server, span_after(text, eaten), n.now, &event), 0);
	CU_ASSERT_EQUAL(event.kind, SERVER_NONE);
	smtp_server_answer_id(&n.server, SMTP_REPLY_SENDER_OK, n.now);
	CU_ASSERT_FALSE(smtp_server_waits_for_answer(&n.server));
	CU_ASSERT_EQUAL(smtp_server_input(&n.server, span_after(text, eaten), n.now, &event), 20);
	CU_ASSERT_EQUAL(event.kind, SERVER_RCPT);
	CU_ASSERT_TRUE(span_equal(event.recipient.domain, SPAN("x.test")));
	near_shut(&n); /* with the answer still owed: all blocks come back */
}

static const char *const dialogues[] = {
	ENVELOPE "DATA\r\nSubject: x\r\n\r\n..a\r\n.\r\nQUIT\r\n",
	ENVELOPE "DATA\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<\"a b\"@c.test>\r\nDATA\r\n\r\n\r\n.b\r\n.\r\nNOOP\r\n",
	ENVELOPE "BDAT 10\r\n.\r\n..\r\nab\rBDAT 3\r\n\ncdBDAT 0 LAST\r\nQUIT\r\n",
	ENVELOPE "BDAT 5 LAST\r\nab\ncdBDAT 3\r\nxyzRSET\r\nQUIT\r\n",
	ENVELOPE "BDAT 5\r\nab\rcdBDAT 3\r\nxyzBDAT 2 LAST\r\nabMAIL FROM:<>\r\nQUIT\r\n",
	ENVELOPE "DATA\r\na\rb\r\n\n.\n\r\n.\r\nQUIT\r\n",
	EHLO "NOOP\r\nVRFY x\r\nHELP\r\nEXPN y\r\nFOO\r\nRCPT TO:<a@b.test>\r\nDATA\r\nBDAT 3\r\nabcHELO x\r\n",
	"QUIT\r\nNOOP\r\n",
	"ehlo x\r\nmail from: <a@b.test> \r\nrcpt to: <b@c.test> \r\nrset \r\nEHLO y\r\n",
	EHLO "MAIL FROM:<bad@x.test>\r\nRCPT TO:<a@b.test>\r\nMAIL FROM:<a@b.test>\r\nDATA\r\nQUIT\r\n",
	EHLO "NO\rOP\r\nNOOP\r\r\nNOOP\r\nRSET\nNOOP\r\n",
	EHLO "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	EHLO "BDAT x\r\nNOOP\r\n",
	ENVELOPE "EHLO again\r\nMAIL FROM:<a@b.test>\r\nHELO old\r\n",
	ENVELOPE "DATA now\r\nDATA\r\n..\r\n..\r\n...\r\n.\r\n.\r\n",
	EHLO "STARTTLS\r\nEHLO inside\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<r@x.test>\r\nBDAT 1 LAST\r\nxQUIT\r\n",
};

/* With auto_tls the pieces must end behind STARTTLS, or the rest is injection (which has its own
 * tests). */
static void play(struct near *near, const char *dialogue, size_t piece_max, struct prng *rng)
{
	const char *tls = strstr(dialogue, "STARTTLS\r\n");
	size_t head = tls != NULL ? (size_t)(tls - dialogue) + 10 : strlen(dialogue);

	near_open(near, NULL);
	near->auto_tls = true;
	near_feed(near, span_of(dialogue, head), piece_max, rng);
	near_feed(near, span_of(dialogue + head, strlen(dialogue) - head), piece_max, rng);
}

static void cuts_anywhere_change_neither_events_nor_replies(void)
{
	static struct near cut;
	struct prng rng;

	for (size_t d = 0; d < COUNT_OF(dialogues); d++) {
		play(&n, dialogues[d], SIZE_MAX, NULL);
		for (uint64_t seed = 0; seed < 60; seed++) {
			prng_seed(&rng, seed);
			play(&cut, dialogues[d], seed == 0 ? 1 : 30, seed == 0 ? NULL : &rng);
			CU_ASSERT_STRING_EQUAL(cut.replies.data, n.replies.data);
			CU_ASSERT_STRING_EQUAL(cut.events.data, n.events.data);
			CU_ASSERT_EQUAL(cut.body.bytes, n.body.bytes);
			CU_ASSERT_EQUAL(memcmp(cut.body.data, n.body.data, n.body.bytes), 0);
			CU_ASSERT_EQUAL(cut.eaten, n.eaten);
			near_shut(&cut);
		}
		near_shut(&n);
	}
}

static void an_idle_session_holds_no_block(void)
{
	near_open(&n, NULL);
	near_say(&n, ENVELOPE "DATA\r\nx\r\n.\r\n");
	CU_ASSERT_EQUAL(n.pool.free_count, NEAR_BLOCKS);
	near_feed(&n, SPAN("MAIL FROM:<a@b.test>\r\n"), 1, NULL);
	CU_ASSERT_EQUAL(n.pool.free_count, NEAR_BLOCKS);
	near_shut(&n);
}

static void silence_ends_with_421_when_the_deadline_comes(void)
{
	near_open(&n, NULL);
	near_say(&n, EHLO);
	near_heard(&n);
	CU_ASSERT_EQUAL(smtp_server_deadline(&n.server).us, n.now.us + 300 * SECOND_US);
	n.now.us += 300 * SECOND_US - 1;
	CU_ASSERT_FALSE(smtp_server_expire(&n.server, n.now));
	n.now.us += 1;
	CU_ASSERT_TRUE(smtp_server_expire(&n.server, n.now));
	NEAR_SAYS(&n, "", "421 4.4.2 Timeout, closing connection\r\n");
	NEAR_SAYS(&n, "NOOP\r\n", "");
	near_piece(&n, SPAN_NONE);
	CU_ASSERT_STRING_EQUAL(n.events.data, "CLOSE ");
	CU_ASSERT_FALSE(smtp_server_expire(&n.server, n.now));
	near_shut(&n);
}

static void a_line_that_trickles_in_gets_no_more_time(void)
{
	near_open(&n, NULL);
	near_say(&n, EHLO "NO");
	n.now.us += 299 * SECOND_US;
	near_say(&n, "O");
	n.now.us += 1 * SECOND_US;
	CU_ASSERT_TRUE(smtp_server_expire(&n.server, n.now));
	near_shut(&n);
}

static void content_that_flows_keeps_the_body_deadline_away(void)
{
	near_open(&n, NULL);
	near_say(&n, ENVELOPE "DATA\r\n");
	for (int i = 0; i < 10; i++) {
		n.now.us += 179 * SECOND_US;
		CU_ASSERT_FALSE(smtp_server_expire(&n.server, n.now));
		near_say(&n, "x\r\n");
	}
	n.now.us += 180 * SECOND_US;
	CU_ASSERT_TRUE(smtp_server_expire(&n.server, n.now));
	near_heard(&n);
	near_piece(&n, SPAN_NONE);
	CU_ASSERT_TRUE(n.closed);
	near_shut(&n);
}

static void every_phase_but_closed_has_a_deadline(void)
{
	static const char *const ways[] = { "", EHLO, ENVELOPE, ENVELOPE "DATA\r\n", ENVELOPE "BDAT 5\r\n",
		                            ENVELOPE "BDAT 0\r\n", "BDAT 5\r\n", EHLO "STARTTLS\r\n" };

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		near_open(&n, NULL);
		near_say(&n, ways[i]);
		n.now = smtp_server_deadline(&n.server);
		CU_ASSERT_TRUE(n.now.us < 1000 + 301 * SECOND_US);
		CU_ASSERT_TRUE(smtp_server_expire(&n.server, n.now));
		near_piece(&n, SPAN_NONE);
		CU_ASSERT_TRUE(n.closed);
		CU_ASSERT_EQUAL(smtp_server_deadline(&n.server).us, UINT64_MAX);
		near_shut(&n);
	}
}

static void an_answer_that_comes_after_the_deadline_is_ignored(void)
{
	struct smtp_server_event event;

	near_open(&n, NULL);
	size_t eaten = smtp_server_input(&n.server, SPAN(EHLO "MAIL FROM:<a@x.test>\r\n"), n.now, &event);
	CU_ASSERT_EQUAL(eaten, 40);
	n.now = smtp_server_deadline(&n.server);
	CU_ASSERT_TRUE(smtp_server_expire(&n.server, n.now));
	smtp_server_answer_id(&n.server, SMTP_REPLY_SENDER_OK, n.now);
	near_flush(&n);
	CU_ASSERT_PTR_NULL(strstr(n.replies.data, "Sender ok"));
	CU_ASSERT_PTR_NOT_NULL(strstr(n.replies.data, "421 4.4.2"));
	near_shut(&n);
}

static void goodbye_waits_for_the_answer_that_is_owed(void)
{
	struct smtp_server_event event;
	struct span text = SPAN(EHLO "MAIL FROM:<a@x.test>\r\nNOOP\r\n");

	near_open(&n, NULL);
	size_t eaten = smtp_server_input(&n.server, text, n.now, &event);
	smtp_server_goodbye(&n.server, SMTP_REPLY_SHUTTING_DOWN, n.now);
	near_heard(&n);
	NEAR_SAYS(&n, "", "");
	smtp_server_answer_id(&n.server, SMTP_REPLY_SENDER_OK, n.now);
	CU_ASSERT_EQUAL(smtp_server_input(&n.server, span_after(text, eaten), n.now, &event), 0);
	CU_ASSERT_EQUAL(event.kind, SERVER_CLOSE);
	CU_ASSERT_STRING_EQUAL(near_heard(&n), "250 2.1.0 Sender ok\r\n"
	                                       "421 4.3.2 Service shutting down, try again later\r\n");
	near_shut(&n);
}

static void goodbye_in_a_body_waits_for_its_end(void)
{
	near_open(&n, NULL);
	near_say(&n, ENVELOPE "DATA\r\nx\r\n");
	near_heard(&n);
	smtp_server_goodbye(&n.server, SMTP_REPLY_SHUTTING_DOWN, n.now);
	NEAR_SAYS(&n, "y\r\n", "");
	NEAR_SAYS(&n, ".\r\nNOOP\r\n", "250 2.0.0 Message accepted by the next hop\r\n"
	                               "421 4.3.2 Service shutting down, try again later\r\n");
	CU_ASSERT_TRUE(n.closed);
	near_shut(&n);
}

static void goodbye_before_the_greeting_stands_in_its_place(void)
{
	near_open(&n, NULL);
	smtp_server_goodbye(&n.server, SMTP_REPLY_TOO_MANY_CONNECTIONS, n.now);
	NEAR_SAYS(&n, "", "421 4.7.0 Too many connections, try again later\r\n");
	near_piece(&n, SPAN_NONE);
	CU_ASSERT_TRUE(n.closed);
	near_shut(&n);
}

static void a_peer_that_talks_before_the_greeting_still_gets_it_first(void)
{
	near_open(&n, NULL);
	n.keep_output = true;
	near_say(&n, "NOOP\r\nQUIT\r\n");
	CU_ASSERT_STRING_EQUAL(near_heard(&n), "220 mx.weir.test ESMTP\r\n250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n");
	near_shut(&n);
}

static void unsent_replies_stop_the_eating(void)
{
	near_open(&n, NULL);
	n.keep_output = true;
	static char many[60000];
	for (size_t i = 0; i + 8 <= sizeof(many); i += 8)
		memcpy(many + i, "NOOP  \r\n", 8);
	size_t eaten = 0;
	for (int i = 0; i < 12; i++) { /* junk is bounded too; count it down to see only the room */
		n.server.junk = 0;
		eaten += near_piece(&n, span_of(many + eaten, 8 * 80));
	}
	CU_ASSERT_TRUE(byteq_bytes(&n.server.out) < SMTP_SERVER_OUTPUT_MAX + SMTP_REPLY_WIRE_MAX);
	CU_ASSERT_TRUE(eaten < 12 * 8 * 80);
	near_flush(&n);
	n.server.junk = 0;
	CU_ASSERT_TRUE(near_piece(&n, SPAN("NOOP\r\n")) == 6);
	near_shut(&n);
}

static void without_blocks_nothing_is_eaten_and_nothing_is_lost(void)
{
	struct block *kept[NEAR_BLOCKS + 1];
	uint32_t count = 0;

	near_open(&n, NULL);
	near_say(&n, ENVELOPE "DATA\r\n");
	near_heard(&n);
	while ((kept[count] = block_take(&n.pool)) != NULL)
		count++;
	CU_ASSERT_EQUAL(near_piece(&n, SPAN("x\r\n.\r\n")), 0);
	smtp_server_goodbye(&n.server, SMTP_REPLY_SHUTTING_DOWN, n.now);
	while (count > 0)
		block_give(&n.pool, kept[--count]);
	NEAR_SAYS(&n, "x\r\n.\r\n", "250 2.0.0 Message accepted by the next hop\r\n"
	                            "421 4.3.2 Service shutting down, try again later\r\n");
	CU_ASSERT_STRING_EQUAL(n.body.data, "x\r\n");
	near_shut(&n);
}

static void an_expiry_without_blocks_is_told_when_there_are_some(void)
{
	struct block *kept[NEAR_BLOCKS + 1];
	uint32_t count = 0;

	near_open(&n, NULL);
	near_say(&n, EHLO);
	near_heard(&n);
	while ((kept[count] = block_take(&n.pool)) != NULL)
		count++;
	n.now = smtp_server_deadline(&n.server);
	CU_ASSERT_TRUE(smtp_server_expire(&n.server, n.now));
	NEAR_SAYS(&n, "", "");
	near_piece(&n, SPAN_NONE);
	CU_ASSERT_TRUE(n.closed);
	while (count > 0)
		block_give(&n.pool, kept[--count]);
	NEAR_SAYS(&n, "", "421 4.4.2 Timeout, closing connection\r\n");
	near_shut(&n);
}

static void output_moves_no_more_than_there_is_room(void)
{
	struct byteq out = { .bytes = 0 };

	near_open(&n, NULL);
	CU_ASSERT_EQUAL(smtp_server_output(&n.server, &out, 10, n.now), 10);
	CU_ASSERT_EQUAL(smtp_server_output(&n.server, &out, 0, n.now), 0);
	CU_ASSERT_EQUAL(smtp_server_output(&n.server, &out, 100, n.now), strlen("220 mx.weir.test ESMTP\r\n") - 10);
	byteq_clear(&out, &n.pool);
	near_shut(&n);
}

static void what_the_session_said_is_kept(void)
{
	near_open(&n, NULL);
	CU_ASSERT_EQUAL(smtp_server_helo(&n.server).bytes, 0);
	near_say(&n, "HELO old.test\r\n");
	CU_ASSERT_FALSE(smtp_server_is_esmtp(&n.server));
	CU_ASSERT_TRUE(span_equal(smtp_server_helo(&n.server), SPAN("old.test")));
	near_say(&n, EHLO);
	CU_ASSERT_TRUE(smtp_server_is_esmtp(&n.server));
	CU_ASSERT_TRUE(span_equal(smtp_server_helo(&n.server), SPAN("client.test")));
	CU_ASSERT_FALSE(smtp_server_tls_on(&n.server));
	near_shut(&n);
}

UNIT("smtp/server",
     { "a plain message passes from greeting to QUIT", a_plain_message_passes_from_greeting_to_quit },
     { "pipelined commands are answered in order", pipelined_commands_are_answered_in_order },
     { "nothing is eaten while an answer is owed", nothing_is_eaten_while_an_answer_is_owed },
     { "cuts anywhere change neither events nor replies", cuts_anywhere_change_neither_events_nor_replies },
     { "an idle session holds no block", an_idle_session_holds_no_block },
     { "silence ends with 421 when the deadline comes", silence_ends_with_421_when_the_deadline_comes },
     { "a line that trickles in gets no more time", a_line_that_trickles_in_gets_no_more_time },
     { "content that flows keeps the body deadline away", content_that_flows_keeps_the_body_deadline_away },
     { "every phase but CLOSED has a deadline", every_phase_but_closed_has_a_deadline },
     { "an answer that comes after the deadline is ignored",
       an_answer_that_comes_after_the_deadline_is_ignored },
     { "goodbye waits for the answer that is owed", goodbye_waits_for_the_answer_that_is_owed },
     { "goodbye in a body waits for its end", goodbye_in_a_body_waits_for_its_end },
     { "goodbye before the greeting stands in its place", goodbye_before_the_greeting_stands_in_its_place },
     { "a peer that talks before the greeting still gets it first",
       a_peer_that_talks_before_the_greeting_still_gets_it_first },
     { "unsent replies stop the eating", unsent_replies_stop_the_eating },
     { "without blocks nothing is eaten and nothing is lost",
       without_blocks_nothing_is_eaten_and_nothing_is_lost },
     { "an expiry without blocks is told when there are some",
       an_expiry_without_blocks_is_told_when_there_are_some },
     { "output moves no more than there is room", output_moves_no_more_than_there_is_room },
     { "what the session said is kept", what_the_session_said_is_kept })
