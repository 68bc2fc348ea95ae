/*
 * client_test.c - the next side's machine against our own server machine and against scripted next hops.
 */
#include "tests/unit/smtp/pair.h"

static struct pair p;

static void one_message(bool chunking)
{
	pair_open(&p, NULL, chunking, 1);
	p.near.auto_tls = true;
	pair_settle(&p);
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	smtp_client_starttls(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_STRING_EQUAL(p.events.data, "READY TLS_GO READY ");
	p.events.bytes = 0;
	pair_mail(&p, "a@example.test", "b@example.test");
	pair_settle(&p);
	smtp_client_data(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_STRING_EQUAL(p.events.data, "REPLY(MAIL 250) REPLY(RCPT 250) REPLY(DATA 354) ");
	pair_body(&p, SPAN("Subject: x\r\n\r\n.\r\n..\r\nend\r\n"));
	pair_settle(&p);
	CU_ASSERT_FALSE(smtp_client_committed(&p.client));
	smtp_client_body_end(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_TRUE(smtp_client_committed(&p.client));
	CU_ASSERT_STRING_EQUAL(p.near.body.data, "Subject: x\r\n\r\n.\r\n..\r\nend\r\n");
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	smtp_client_quit(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_TRUE(p.near.closed);
	CU_ASSERT_EQUAL(p.client.phase, CLIENT_PHASE_QUITTING);
	pair_shut(&p);
}

static void a_message_goes_through_data_after_starttls(void)
{
	one_message(false);
}

static void a_message_goes_through_bdat_after_starttls(void)
{
	one_message(true);
}

UNIT("smtp/client",
     { "a message goes through DATA after STARTTLS", a_message_goes_through_data_after_starttls },
     { "a message goes through BDAT after STARTTLS", a_message_goes_through_bdat_after_starttls })
