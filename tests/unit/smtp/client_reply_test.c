/*
 * client_reply_test.c - what replies mean, and next hops that break the protocol.
 */
#include "tests/unit/smtp/pair.h"

static struct pair p;

static void ready(void)
{
	pair_open(&p, NULL, true, 1);
	PAIR_GREETS(&p, "250-PIPELINING\r\n250 CHUNKING\r\n");
}

static void to_body(void)
{
	ready();
	pair_mail(&p, "a@b.test", "c@d.test");
	smtp_client_data(&p.client, p.near.now);
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n250 ok\r\n"));
	CU_ASSERT_STRING_EQUAL(pair_events(&p), "REPLY(MAIL 250) REPLY(RCPT 250) REPLY(DATA 354) ");
}

static void broken(const char *said, enum smtp_client_fault fault)
{
	p.fault = CLIENT_FAULT_NONE;
	pair_tell(&p, span_of(said, strlen(said)));
	CU_ASSERT_EQUAL(p.fault, fault);
	CU_ASSERT_STRING_EQUAL(pair_hears(&p), "");
	pair_events(&p);
	pair_tell(&p, SPAN("250 ok\r\n"));
	CU_ASSERT_STRING_EQUAL(pair_events(&p), ""); /* a broken machine hears nothing any more */
	pair_shut(&p);
}

static void a_reply_nobody_waits_for_is_a_fault(void)
{
	ready();
	broken("250 ok\r\n", CLIENT_FAULT_UNASKED);
	ready();
	broken("421 going down\r\n", CLIENT_FAULT_UNASKED);
	pair_open(&p, NULL, true, 1);
	broken("220 hello\r\n250 too much\r\n", CLIENT_FAULT_UNASKED);
	ready(); /* queued, but not yet allowed to leave: no reply can be due */
	pair_mail(&p, "a@b.test", "c@d.test");
	broken("250 ok\r\n250 ok\r\n250 ok\r\n", CLIENT_FAULT_UNASKED);
}

static void what_is_no_reply_is_a_fault(void)
{
	static const char *const said[] = { "hello\r\n", "22\r\n", "220-a\r\n221 b\r\n", "220 a\n", "220 a\rb\r\n",
		                            "120 wait\r\n", "SSH-2.0-x\r\n", "\r\n", "354 go\r\n" };

	for (size_t i = 0; i < COUNT_OF(said); i++) {
		pair_open(&p, NULL, true, 1);
		broken(said[i], CLIENT_FAULT_SYNTAX);
	}
}

static void an_endless_reply_is_a_fault(void)
{
	static char text[SMTP_CLIENT_REPLY_LINE_MAX + 8];

	memset(text, 'x', sizeof(text));
	memcpy(text, "220-", 4);
	memcpy(text + sizeof(text) - 3, "\r\n", 3);
	pair_open(&p, NULL, true, 1);
	broken(text, CLIENT_FAULT_LONG);
	pair_open(&p, NULL, true, 1);
	for (unsigned i = 0; i < SMTP_CLIENT_REPLY_BYTES_MAX / 8; i++)
		pair_tell(&p, SPAN("220-abc\r\n"));
	CU_ASSERT_EQUAL(p.fault, CLIENT_FAULT_LONG);
	pair_shut(&p);
}

static void a_long_ehlo_answer_is_read_to_its_end(void)
{
	pair_open(&p, NULL, true, 1);
	PAIR_TALK(&p, "220 next.test\r\n", "", PAIR_EHLO);
	pair_tell(&p, SPAN("250-next.test\r\n"));
	for (unsigned i = 0; i < 100; i++)
		pair_tell(&p, SPAN("250-X-EXTENSION-OF-OURS\r\n"));
	PAIR_TALK(&p, "250 CHUNKING\r\n", "READY ", "");
	CU_ASSERT_EQUAL(smtp_client_extensions(&p.client), SMTP_EXT_CHUNKING);
	pair_shut(&p);
}

static void the_first_line_of_ehlo_is_no_extension(void)
{
	pair_open(&p, NULL, true, 1);
	PAIR_TALK(&p, "220 next.test\r\n", "", PAIR_EHLO);
	PAIR_TALK(&p, "250 CHUNKING\r\n", "READY ", "");
	CU_ASSERT_EQUAL(smtp_client_extensions(&p.client), 0);
	pair_shut(&p);
}

static void a_3yz_to_anything_but_data_is_a_fault(void)
{
	ready();
	pair_mail(&p, "a@b.test", "c@d.test");
	pair_hears(&p);
	broken("354 go\r\n", CLIENT_FAULT_SYNTAX);
	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 HELP\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n"));
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n"));
	smtp_client_data(&p.client, p.near.now);
	pair_hears(&p);
	broken("250 thanks\r\n", CLIENT_FAULT_SYNTAX);
}

static void a_refused_data_leaves_the_envelope_to_be_abandoned(void)
{
	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 PIPELINING\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	smtp_client_data(&p.client, p.near.now);
	pair_hears(&p);
	PAIR_TALK(&p, "250 ok\r\n550 no\r\n554 no valid recipients\r\n",
	          "REPLY(MAIL 250) REPLY(RCPT 550) REPLY(DATA 554) ", "");
	CU_ASSERT_FALSE(smtp_client_can(&p.client, SMTP_REQUEST_CHUNK));
	CU_ASSERT_TRUE(smtp_client_abandon(&p.client, p.near.now));
	PAIR_TALK(&p, "", "", "RSET\r\n");
	pair_shut(&p);
}

static void the_reply_keeps_code_and_text_of_the_next_hop(void)
{
	struct smtp_client_event event;

	ready();
	pair_mail(&p, "a@b.test", "c@d.test");
	pair_hears(&p);
	CU_ASSERT_EQUAL(smtp_client_input(&p.client, SPAN("451-4.7.1 grey\r\n451 4.7.1 listed\r\n"), p.near.now,
	                                  &event),
	                34);
	CU_ASSERT_EQUAL(event.kind, CLIENT_REPLY);
	CU_ASSERT_EQUAL(event.reply->code, 451);
	CU_ASSERT_EQUAL(event.reply->lines, 2);
	CU_ASSERT_TRUE(span_equal(span_of(event.reply->text, event.reply->bytes),
	                          SPAN("4.7.1 grey\n4.7.1 listed")));
	pair_shut(&p);
}

static void fill(size_t bytes)
{
	static uint8_t text[SMTP_CLIENT_CHUNK_BYTES];

	memset(text, 'x', sizeof(text));
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, span_of(text, bytes), p.near.now), bytes);
}

static void a_refused_chunk_is_told_once_and_the_rest_swallowed(void)
{
	to_body();
	fill(SMTP_CLIENT_CHUNK_BYTES);
	CU_ASSERT_EQUAL(strlen(pair_hears(&p)), SMTP_CLIENT_CHUNK_BYTES + strlen("BDAT 65536\r\n"));
	fill(SMTP_CLIENT_CHUNK_BYTES);
	pair_hears(&p);
	fill(100);
	PAIR_TALK(&p, "552 5.3.4 too big\r\n503 bad\r\n", "REPLY(CHUNK 552) ", "");
	fill(1000);
	smtp_client_body_end(&p.client, p.near.now); /* no commit comes of it */
	PAIR_TALK(&p, "", "", "");
	CU_ASSERT_FALSE(smtp_client_committed(&p.client));
	CU_ASSERT_TRUE(smtp_client_abandon(&p.client, p.near.now));
	PAIR_TALK(&p, "", "", "RSET\r\n");
	PAIR_TALK(&p, "250 ok\r\n", "REPLY(RSET 250) ", "");
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	pair_shut(&p);
}

static void a_chunk_refused_after_the_end_was_ordered_is_the_answer_to_the_end(void)
{
	to_body();
	fill(SMTP_CLIENT_CHUNK_BYTES);
	pair_hears(&p);
	fill(3);
	smtp_client_body_end(&p.client, p.near.now);
	PAIR_TALK(&p, "", "", "BDAT 3 LAST\r\nxxx");
	PAIR_TALK(&p, "552 5.3.4 too big\r\n", "REPLY(END 552) ", "");
	PAIR_TALK(&p, "503 bad\r\n", "", "RSET\r\n");
	PAIR_TALK(&p, "250 ok\r\n", "REPLY(RSET 250) ", "");
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
	pair_shut(&p);
}

static void an_acceptance_that_comes_before_the_commit_is_a_fault(void)
{
	struct byteq queue = { .bytes = 0 };

	to_body();
	fill(100);
	smtp_client_body_end(&p.client, p.near.now);
	CU_ASSERT_EQUAL(smtp_client_output(&p.client, &queue, 20, p.near.now), 20);
	byteq_clear(&queue, &p.near.pool);
	CU_ASSERT_FALSE(smtp_client_committed(&p.client));
	broken("250 thanks\r\n", CLIENT_FAULT_UNASKED);
}

static void cut_anywhere_replies_mean_the_same(void)
{
	static const char said[] = "250 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n";
	struct prng rng;

	for (uint64_t seed = 0; seed < 200; seed++) {
		ready();
		pair_mail(&p, "a@b.test", "c@d.test");
		pair_hears(&p);
		prng_seed(&rng, seed);
		for (size_t at = 0; at < sizeof(said) - 1;) {
			size_t bytes = 1 + prng_below(&rng, 9);
			struct span piece = span_head(span_of(said + at, sizeof(said) - 1 - at), bytes);
			pair_tell(&p, piece);
			at += piece.bytes;
		}
		CU_ASSERT_STRING_EQUAL(pair_events(&p), "REPLY(MAIL 250) REPLY(RCPT 550) ");
		CU_ASSERT_EQUAL(p.client.reply.lines, 2);
		pair_shut(&p);
	}
}

UNIT("smtp/client_reply", { "a reply nobody waits for is a fault", a_reply_nobody_waits_for_is_a_fault },
     { "what is no reply is a fault", what_is_no_reply_is_a_fault },
     { "an endless reply is a fault", an_endless_reply_is_a_fault },
     { "a long EHLO answer is read to its end", a_long_ehlo_answer_is_read_to_its_end },
     { "the first line of EHLO is no extension", the_first_line_of_ehlo_is_no_extension },
     { "a 3yz to anything but DATA is a fault", a_3yz_to_anything_but_data_is_a_fault },
     { "a refused DATA leaves the envelope to be abandoned",
       a_refused_data_leaves_the_envelope_to_be_abandoned },
     { "the reply keeps code and text of the next hop", the_reply_keeps_code_and_text_of_the_next_hop },
     { "a refused chunk is told once and the rest swallowed",
       a_refused_chunk_is_told_once_and_the_rest_swallowed },
     { "a chunk refused after the end was ordered is the answer to the end",
       a_chunk_refused_after_the_end_was_ordered_is_the_answer_to_the_end },
     { "an acceptance that comes before the commit is a fault",
       an_acceptance_that_comes_before_the_commit_is_a_fault },
     { "cut anywhere, replies mean the same", cut_anywhere_replies_mean_the_same })
