/*
 * client_request_test.c - what leaves, in which form, and when: re-framing and pipelining.
 */
#include "tests/unit/smtp/pair.h"

static struct pair p;

#define MAIL_SENT "MAIL FROM:<a@b.test>\r\n"
#define RCPT_SENT "RCPT TO:<c@d.test>\r\n"

static void with_pipelining_the_envelope_leaves_at_once(void)
{
	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 PIPELINING\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	struct smtp_mailbox other = pair_box("e@f.test");
	smtp_client_rcpt(&p.client, &other, p.near.now);
	PAIR_TALK(&p, "", "", MAIL_SENT RCPT_SENT "RCPT TO:<e@f.test>\r\n");
	smtp_client_data(&p.client, p.near.now);
	PAIR_TALK(&p, "250 ok\r\n550 no\r\n", "REPLY(MAIL 250) REPLY(RCPT 550) ", "DATA\r\n");
	PAIR_TALK(&p, "250-two\r\n250 lines\r\n354 go\r\n", "REPLY(RCPT 250) REPLY(DATA 354) ", "");
	pair_shut(&p);
}

static void without_pipelining_each_command_waits_for_the_reply_before(void)
{
	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 HELP\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	smtp_client_data(&p.client, p.near.now);
	PAIR_TALK(&p, "", "", MAIL_SENT);
	PAIR_TALK(&p, "250 ok\r\n", "REPLY(MAIL 250) ", RCPT_SENT);
	PAIR_TALK(&p, "250 ok\r\n", "REPLY(RCPT 250) ", "DATA\r\n");
	PAIR_TALK(&p, "354 go\r\n", "REPLY(DATA 354) ", "");
	pair_shut(&p);
}

static void output_respects_the_room_within_a_command(void)
{
	struct byteq queue = { .bytes = 0 };

	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 HELP\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	CU_ASSERT_EQUAL(smtp_client_output(&p.client, &queue, 5, p.near.now), 5);
	CU_ASSERT_EQUAL(smtp_client_output(&p.client, &queue, 500, p.near.now), strlen(MAIL_SENT) - 5);
	CU_ASSERT_EQUAL(smtp_client_output(&p.client, &queue, 500, p.near.now), 0);
	byteq_clear(&queue, &p.near.pool);
	pair_shut(&p);
}

static void parameters_are_sent_only_where_offered(void)
{
	struct smtp_mail mail = { .sender = pair_box("a@b.test"), .size = 77, .body = SMTP_BODY_8BITMIME,
		                  .smtputf8 = true };

	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250-SIZE\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n");
	smtp_client_mail(&p.client, &mail, p.near.now);
	PAIR_TALK(&p, "", "", "MAIL FROM:<a@b.test> SIZE=77 BODY=8BITMIME SMTPUTF8\r\n");
	pair_shut(&p);
	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 HELP\r\n");
	smtp_client_mail(&p.client, &mail, p.near.now);
	PAIR_TALK(&p, "", "", MAIL_SENT);
	pair_shut(&p);
	mail = (struct smtp_mail){ .body = SMTP_BODY_7BIT };
	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250-SIZE\r\n250 8BITMIME\r\n");
	smtp_client_mail(&p.client, &mail, p.near.now);
	PAIR_TALK(&p, "", "", "MAIL FROM:<>\r\n");
	pair_shut(&p);
}

static void addresses_are_framed_anew_from_their_parts(void)
{
	static const char *const boxes[] = { "\"a b\\\"\"@[198.18.0.1]", "postmaster", "\xc3\xbc@x.test" };
	static const char *const sent[] = { "RCPT TO:<\"a b\\\"\"@[198.18.0.1]>\r\n", "RCPT TO:<postmaster>\r\n",
		                            "RCPT TO:<\xc3\xbc@x.test>\r\n" };

	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 PIPELINING\r\n");
	pair_mail(&p, "a@b.test", "@relay.test,@relay2.test:c@d.test");
	PAIR_TALK(&p, "", "", MAIL_SENT RCPT_SENT);
	for (size_t i = 0; i < COUNT_OF(boxes); i++) {
		struct smtp_mailbox box = pair_box(boxes[i]);
		smtp_client_rcpt(&p.client, &box, p.near.now);
		PAIR_TALK(&p, "", "", sent[i]);
	}
	pair_shut(&p);
}

static void requests_are_bounded_and_none_is_lost(void)
{
	struct smtp_mailbox box = pair_box("c@d.test");
	unsigned count = 1;

	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 PIPELINING\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	while (smtp_client_can(&p.client, SMTP_REQUEST_RCPT)) {
		smtp_client_rcpt(&p.client, &box, p.near.now);
		count++;
	}
	CU_ASSERT_TRUE(count > 100);
	CU_ASSERT_TRUE(count < SMTP_CLIENT_PENDING_MAX);
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n"));
	for (unsigned i = 0; i < count; i++)
		pair_tell(&p, SPAN("250 ok\r\n"));
	CU_ASSERT_EQUAL(p.fault, CLIENT_FAULT_NONE);
	CU_ASSERT_TRUE(smtp_client_can(&p.client, SMTP_REQUEST_RCPT));
	CU_ASSERT_TRUE(smtp_client_abandon(&p.client, p.near.now));
	PAIR_TALK(&p, "", pair_events(&p), "RSET\r\n");
	pair_shut(&p);
}

static void without_blocks_nothing_can_be_asked_and_what_is_owed_waits(void)
{
	struct block *kept[NEAR_BLOCKS + 1];
	uint32_t count = 0;

	pair_open(&p, NULL, false, 1);
	while ((kept[count] = block_take(&p.near.pool)) != NULL)
		count++;
	PAIR_TALK(&p, "220 next.test\r\n", "", "");
	block_give(&p.near.pool, kept[--count]);
	PAIR_TALK(&p, "", "", PAIR_EHLO);
	kept[count++] = block_take(&p.near.pool);
	PAIR_TALK(&p, "250 next.test\r\n", "READY ", "");
	CU_ASSERT_FALSE(smtp_client_can(&p.client, SMTP_REQUEST_MAIL));
	while (count > 0)
		block_give(&p.near.pool, kept[--count]);
	CU_ASSERT_TRUE(smtp_client_can(&p.client, SMTP_REQUEST_MAIL));
	pair_shut(&p);
}

UNIT("smtp/client_request",
     { "with PIPELINING the envelope leaves at once", with_pipelining_the_envelope_leaves_at_once },
     { "without PIPELINING each command waits for the reply before",
       without_pipelining_each_command_waits_for_the_reply_before },
     { "output respects the room within a command", output_respects_the_room_within_a_command },
     { "parameters are sent only where offered", parameters_are_sent_only_where_offered },
     { "addresses are framed anew from their parts", addresses_are_framed_anew_from_their_parts },
     { "requests are bounded and none is lost", requests_are_bounded_and_none_is_lost },
     { "without blocks nothing can be asked and what is owed waits",
       without_blocks_nothing_can_be_asked_and_what_is_owed_waits })
