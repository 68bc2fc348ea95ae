/*
 * client_test.c - the next side's machine as a whole: greeting, TLS, deadlines, abandoning,
 * quitting.
 */
#include "tests/unit/smtp/pair.h"

static struct pair p;

static void ready(bool chunking)
{
	pair_open(&p, NULL, chunking, 1);
	PAIR_GREETS(&p, "250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 SIZE 100\r\n");
}

static void one_message(bool chunking)
{
	pair_open(&p, NULL, chunking, 1);
	p.near.auto_tls = true;
	pair_settle(&p);
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	smtp_client_starttls(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_STRING_EQUAL(pair_events(&p), "READY TLS_GO READY ");
	pair_mail(&p, "a@example.test", "b@example.test");
	pair_settle(&p);
	smtp_client_data(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_STRING_EQUAL(pair_events(&p), "REPLY(MAIL 250) REPLY(RCPT 250) REPLY(DATA 354) ");
	pair_body(&p, SPAN("Subject: x\r\n\r\n.\r\n..\r\nend\r\n"));
	pair_settle(&p);
	CU_ASSERT_FALSE(smtp_client_committed(&p.client));
	smtp_client_body_end(&p.client, p.near.now);
	CU_ASSERT_FALSE(smtp_client_committed(&p.client));
	pair_settle(&p);
	CU_ASSERT_TRUE(smtp_client_committed(&p.client));
	CU_ASSERT_STRING_EQUAL(pair_events(&p), "REPLY(END 250) ");
	CU_ASSERT_STRING_EQUAL(p.near.body.data, "Subject: x\r\n\r\n.\r\n..\r\nend\r\n");
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	CU_ASSERT_EQUAL(p.near.pool.free_count, NEAR_BLOCKS);
	smtp_client_quit(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_TRUE(p.near.closed);
	CU_ASSERT_STRING_EQUAL(pair_events(&p), "REPLY(QUIT 221) ");
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

static void a_refused_greeting_is_reported_and_only_quit_is_left(void)
{
	pair_open(&p, NULL, false, 1);
	PAIR_TALK(&p, "554-no\r\n554 service\r\n", "REPLY(GREETING 554) ", "");
	CU_ASSERT_FALSE(smtp_client_can(&p.client, SMTP_REQUEST_MAIL));
	smtp_client_quit(&p.client, p.near.now);
	PAIR_TALK(&p, "", "", "QUIT\r\n");
	PAIR_TALK(&p, "221 bye\r\n", "REPLY(QUIT 221) ", "");
	pair_shut(&p);
}

static void a_next_hop_without_ehlo_gets_helo(void)
{
	pair_open(&p, NULL, true, 1);
	PAIR_TALK(&p, "220 old.test\r\n", "", PAIR_EHLO);
	PAIR_TALK(&p, "500 what?\r\n", "", "HELO weir.test\r\n");
	PAIR_TALK(&p, "250 hello\r\n", "READY ", "");
	CU_ASSERT_EQUAL(smtp_client_extensions(&p.client), 0);
	pair_shut(&p);
	pair_open(&p, NULL, true, 1);
	PAIR_TALK(&p, "220 busy.test\r\n", "", PAIR_EHLO);
	PAIR_TALK(&p, "421 later\r\n", "REPLY(EHLO 421) ", "");
	pair_shut(&p);
}

static void extensions_are_learnt_and_forgotten_with_tls(void)
{
	ready(false);
	CU_ASSERT_EQUAL(smtp_client_extensions(&p.client),
	                SMTP_EXT_PIPELINING | SMTP_EXT_CHUNKING | SMTP_EXT_STARTTLS | SMTP_EXT_SIZE);
	CU_ASSERT_EQUAL(smtp_client_size_limit(&p.client), 100);
	smtp_client_starttls(&p.client, p.near.now);
	PAIR_TALK(&p, "", "", "STARTTLS\r\n");
	PAIR_TALK(&p, "220 go\r\n", "TLS_GO ", PAIR_EHLO); /* the pair starts TLS at once */
	CU_ASSERT_EQUAL(smtp_client_extensions(&p.client), 0);
	PAIR_TALK(&p, "250-next.test\r\n250 STARTTLS\r\n", "READY ", "");
	CU_ASSERT_EQUAL(smtp_client_extensions(&p.client), 0);
	CU_ASSERT_EQUAL(smtp_client_size_limit(&p.client), 0);
	CU_ASSERT_FALSE(smtp_client_can(&p.client, SMTP_REQUEST_STARTTLS));
	pair_shut(&p);
}

static void a_refused_starttls_leaves_the_session_ready(void)
{
	ready(false);
	smtp_client_starttls(&p.client, p.near.now);
	PAIR_TALK(&p, "", "", "STARTTLS\r\n");
	PAIR_TALK(&p, "454 4.7.0 not now\r\n", "REPLY(STARTTLS 454) ", "");
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	pair_shut(&p);
}

static void implicit_tls_needs_no_starttls(void)
{
	pair_open(&p, NULL, false, 1);
	smtp_client_tls_implicit(&p.client);
	PAIR_GREETS(&p, "250 STARTTLS\r\n");
	CU_ASSERT_FALSE(smtp_client_can(&p.client, SMTP_REQUEST_STARTTLS));
	pair_shut(&p);
}

static void bytes_behind_the_220_are_injection(void)
{
	static const char *const said[] = { "220 go\r\n250 evil\r\n", "220 go\r\n\x16", "220 go\r\n\r\n" };

	for (size_t i = 0; i < COUNT_OF(said); i++) {
		struct smtp_client_event event;
		ready(false);
		smtp_client_starttls(&p.client, p.near.now);
		pair_hears(&p);
		size_t eaten = smtp_client_input(&p.client, span_of(said[i], strlen(said[i])), p.near.now, &event);
		CU_ASSERT_EQUAL(eaten, 8);
		CU_ASSERT_EQUAL(event.kind, CLIENT_FAULT);
		CU_ASSERT_EQUAL(event.fault, CLIENT_FAULT_INJECTION);
		CU_ASSERT_STRING_EQUAL(pair_hears(&p), "");
		pair_shut(&p);
		ready(false);
		smtp_client_starttls(&p.client, p.near.now);
		pair_hears(&p);
		eaten = smtp_client_input(&p.client, span_of(said[i], 8), p.near.now, &event);
		CU_ASSERT_EQUAL(event.kind, CLIENT_TLS_GO);
		eaten += smtp_client_input(&p.client, span_of(said[i] + 8, 1), p.near.now, &event);
		CU_ASSERT_EQUAL(eaten, 8);
		CU_ASSERT_EQUAL(event.fault, CLIENT_FAULT_INJECTION);
		pair_shut(&p);
	}
}

static void expect_timeout(uint64_t timeout_us)
{
	CU_ASSERT_EQUAL(smtp_client_deadline(&p.client).us, p.near.now.us + timeout_us);
	p.near.now.us += timeout_us - 1;
	CU_ASSERT_FALSE(smtp_client_expire(&p.client, p.near.now));
	p.near.now.us += 1;
	CU_ASSERT_TRUE(smtp_client_expire(&p.client, p.near.now));
	CU_ASSERT_EQUAL(smtp_client_deadline(&p.client).us, UINT64_MAX);
	CU_ASSERT_STRING_EQUAL(pair_hears(&p), "");
	pair_shut(&p);
}

static void to_body(bool chunking)
{
	ready(chunking);
	pair_mail(&p, "a@b.test", "c@d.test");
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n250 ok\r\n"));
	smtp_client_data(&p.client, p.near.now);
	if (chunking)
		PAIR_TALK(&p, "", "REPLY(MAIL 250) REPLY(RCPT 250) REPLY(DATA 354) ", "");
	else
		PAIR_TALK(&p, "", "REPLY(MAIL 250) REPLY(RCPT 250) ", "DATA\r\n");
	if (!chunking)
		PAIR_TALK(&p, "354 go\r\n", "REPLY(DATA 354) ", "");
}

static void every_wait_has_its_deadline(void)
{
	pair_open(&p, NULL, false, 1);
	expect_timeout(20 * SECOND_US);
	pair_open(&p, NULL, false, 1);
	PAIR_TALK(&p, "220 next.test\r\n", "", PAIR_EHLO);
	expect_timeout(300 * SECOND_US);
	ready(false);
	pair_mail(&p, "a@b.test", "c@d.test");
	expect_timeout(300 * SECOND_US);
	to_body(false);
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, SPAN("stuck\r\n"), p.near.now), 7);
	expect_timeout(120 * SECOND_US);
	to_body(false);
	smtp_client_body_end(&p.client, p.near.now);
	PAIR_TALK(&p, "", "", ".\r\n");
	expect_timeout(600 * SECOND_US);
	ready(false);
	smtp_client_quit(&p.client, p.near.now);
	expect_timeout(300 * SECOND_US);
	ready(false);
	smtp_client_quit(&p.client, p.near.now);
	pair_hears(&p);
	pair_tell(&p, SPAN("221 bye\r\n"));
	expect_timeout(300 * SECOND_US);
	pair_open(&p, NULL, false, 1);
	pair_tell(&p, SPAN("554 no\r\n"));
	expect_timeout(300 * SECOND_US);
}

static void an_idle_session_waits_for_ever_and_a_slow_near_side_is_not_the_next_hops_fault(void)
{
	ready(false);
	CU_ASSERT_EQUAL(smtp_client_deadline(&p.client).us, UINT64_MAX);
	pair_shut(&p);
	to_body(false);
	CU_ASSERT_EQUAL(smtp_client_deadline(&p.client).us, UINT64_MAX);
	p.near.now.us += 1000 * SECOND_US;
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, SPAN("late\r\n"), p.near.now), 6);
	CU_ASSERT_FALSE(smtp_client_expire(&p.client, p.near.now));
	PAIR_TALK(&p, "", "", "late\r\n");
	pair_shut(&p);
}

static void abandoning_the_envelope_sends_rset_and_tells_only_its_reply(void)
{
	ready(false);
	pair_mail(&p, "a@b.test", "c@d.test");
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n"));
	CU_ASSERT_STRING_EQUAL(pair_events(&p), "REPLY(MAIL 250) ");
	CU_ASSERT_TRUE(smtp_client_abandon(&p.client, p.near.now));
	CU_ASSERT_TRUE(smtp_client_abandon(&p.client, p.near.now));
	PAIR_TALK(&p, "550 no\r\n", "", "RSET\r\n");
	CU_ASSERT_FALSE(smtp_client_can(&p.client, SMTP_REQUEST_MAIL));
	PAIR_TALK(&p, "250 ok\r\n", "REPLY(RSET 250) ", "");
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	pair_shut(&p);
}

static void a_refused_rset_leaves_only_quit(void)
{
	ready(false);
	pair_mail(&p, "a@b.test", "c@d.test");
	CU_ASSERT_TRUE(smtp_client_abandon(&p.client, p.near.now));
	pair_hears(&p);
	PAIR_TALK(&p, "250 ok\r\n250 ok\r\n500 no\r\n", "REPLY(RSET 500) ", "");
	CU_ASSERT_FALSE(smtp_client_idle(&p.client));
	CU_ASSERT_FALSE(smtp_client_can(&p.client, SMTP_REQUEST_MAIL));
	CU_ASSERT_TRUE(smtp_client_can(&p.client, SMTP_REQUEST_QUIT));
	pair_shut(&p);
}

static void inside_data_only_closing_abandons(void)
{
	ready(false);
	CU_ASSERT_TRUE(smtp_client_abandon(&p.client, p.near.now)); /* nothing was begun */
	PAIR_TALK(&p, "", "", "");
	pair_shut(&p);
	to_body(false);
	CU_ASSERT_FALSE(smtp_client_abandon(&p.client, p.near.now));
	smtp_client_quit(&p.client, p.near.now); /* does nothing here: QUIT would be content */
	PAIR_TALK(&p, "", "", "");
	smtp_client_body_end(&p.client, p.near.now);
	CU_ASSERT_FALSE(smtp_client_abandon(&p.client, p.near.now));
	pair_shut(&p);
}

static void between_chunks_rset_abandons_without_an_end(void)
{
	to_body(true);
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, SPAN("half a message\r\n"), p.near.now), 16);
	CU_ASSERT_TRUE(smtp_client_abandon(&p.client, p.near.now));
	PAIR_TALK(&p, "", "", "RSET\r\n"); /* what was not framed never leaves */
	PAIR_TALK(&p, "250 ok\r\n", "REPLY(RSET 250) ", "");
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	CU_ASSERT_EQUAL(p.near.pool.free_count, NEAR_BLOCKS);
	pair_shut(&p);
}

static void a_machine_that_ends_midway_gives_all_blocks_back(void)
{
	to_body(true);
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, SPAN("half"), p.near.now), 4);
	CU_ASSERT_TRUE(p.near.pool.free_count < NEAR_BLOCKS);
	pair_shut(&p);
	to_body(false);
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, SPAN("half"), p.near.now), 4);
	pair_tell(&p, SPAN("25"));
	pair_shut(&p);
}

static void phases_have_names(void)
{
	ready(false);
	CU_ASSERT_STRING_EQUAL(smtp_client_phase_name(smtp_client_phase(&p.client)), "READY");
	pair_shut(&p);
}

UNIT("smtp/client",
     { "a message goes through DATA after STARTTLS", a_message_goes_through_data_after_starttls },
     { "a message goes through BDAT after STARTTLS", a_message_goes_through_bdat_after_starttls },
     { "a refused greeting is reported and only QUIT is left",
       a_refused_greeting_is_reported_and_only_quit_is_left },
     { "a next hop without EHLO gets HELO", a_next_hop_without_ehlo_gets_helo },
     { "extensions are learnt and forgotten with TLS", extensions_are_learnt_and_forgotten_with_tls },
     { "a refused STARTTLS leaves the session ready", a_refused_starttls_leaves_the_session_ready },
     { "implicit TLS needs no STARTTLS", implicit_tls_needs_no_starttls },
     { "bytes behind the 220 are injection", bytes_behind_the_220_are_injection },
     { "every wait has its deadline", every_wait_has_its_deadline },
     { "an idle session waits for ever and a slow near side is not the next hop's fault",
       an_idle_session_waits_for_ever_and_a_slow_near_side_is_not_the_next_hops_fault },
     { "abandoning the envelope sends RSET and tells only its reply",
       abandoning_the_envelope_sends_rset_and_tells_only_its_reply },
     { "a refused RSET leaves only QUIT", a_refused_rset_leaves_only_quit },
     { "inside DATA only closing abandons", inside_data_only_closing_abandons },
     { "between chunks RSET abandons without an end", between_chunks_rset_abandons_without_an_end },
     { "a machine that ends midway gives all blocks back", a_machine_that_ends_midway_gives_all_blocks_back },
     { "phases have names", phases_have_names })
