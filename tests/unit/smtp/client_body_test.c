/*
 * client_body_test.c - random bodies cross from the client machine to the server machine and arrive
 * byte for byte, through DATA and BDAT, in any pieces, with plenty of blocks and with hardly any.
 */
#include "tests/unit/smtp/pair.h"

#define BODY_MAX 300000u

static struct pair p;
static uint8_t body[BODY_MAX + 8];

/* CRLF lines with leading dots, lone dots, long lines, empty lines, 8-bit; the last line may be
 * unended. */
static size_t random_body(struct prng *rng)
{
	static const size_t sizes[] = { 0, 1, 100, 5000, 70000, BODY_MAX };
	size_t want = sizes[prng_below(rng, COUNT_OF(sizes))];
	size_t bytes = 0;

	while (bytes + 2 < want) {
		size_t line = prng_below(rng, prng_chance(rng, 20) ? 3000 : 90);
		size_t dots = prng_chance(rng, 300) ? prng_below(rng, 4) : 0;
		for (size_t i = 0; i < line && bytes + 2 < want; i++) {
			uint8_t byte = (uint8_t)prng_u64(rng);
			if (byte == '\r' || byte == '\n' || byte == '\0')
				byte = '.';
			body[bytes++] = i < dots ? '.' : byte;
		}
		body[bytes++] = '\r';
		body[bytes++] = '\n';
	}
	if (want > 0 && prng_chance(rng, 300))
		body[bytes++] = prng_chance(rng, 500) ? '.' : 'x';
	return bytes;
}

static void one_message(struct prng *rng, bool chunking)
{
	size_t bytes = random_body(rng);
	bool ended = bytes == 0 || (bytes >= 2 && body[bytes - 1] == '\n');

	p.near.body.bytes = 0;
	pair_events(&p);
	pair_mail(&p, "a@example.test", "b@example.test");
	smtp_client_data(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_STRING_EQUAL_FATAL(pair_events(&p), "REPLY(MAIL 250) REPLY(RCPT 250) REPLY(DATA 354) ");
	pair_body(&p, span_of(body, bytes));
	pair_settle(&p);
	CU_ASSERT_STRING_EQUAL_FATAL(pair_events(&p), "");
	CU_ASSERT_FALSE_FATAL(smtp_client_committed(&p.client));
	smtp_client_body_end(&p.client, p.near.now);
	pair_settle(&p);
	CU_ASSERT_STRING_EQUAL_FATAL(pair_events(&p), "REPLY(END 250) ");
	CU_ASSERT_EQUAL_FATAL(p.near.body.bytes, bytes + (ended || chunking ? 0 : 2));
	CU_ASSERT_EQUAL_FATAL(memcmp(p.near.body.data, body, bytes), 0);
	CU_ASSERT_TRUE(smtp_client_idle(&p.client));
}

/* Takes blocks out of the pool until only `left` are free. */
static uint32_t starve(struct block **kept, uint32_t left)
{
	uint32_t count = 0;

	while (p.near.pool.free_count > left)
		kept[count++] = block_take(&p.near.pool);
	return count;
}

static void exchange(bool chunking, uint32_t blocks_left, uint64_t seeds)
{
	struct block *kept[NEAR_BLOCKS];
	static const size_t pieces[] = { 7, 300, 5000, 65536 };

	for (uint64_t seed = 0; seed < seeds; seed++) {
		pair_open(&p, NULL, chunking, seed);
		pair_settle(&p);
		uint32_t count = starve(kept, blocks_left);
		for (int message = 0; message < 3; message++) {
			p.piece_max = pieces[2 + prng_below(&p.rng, 2)];
			if (seed % 5 == 0 && message == 0)
				p.piece_max = pieces[prng_below(&p.rng, 2)];
			one_message(&p.rng, chunking);
		}
		CU_ASSERT_EQUAL(p.near.pool.free_count, blocks_left);
		while (count > 0)
			block_give(&p.near.pool, kept[--count]);
		pair_shut(&p);
	}
}

static void random_bodies_arrive_through_data(void)
{
	exchange(false, NEAR_BLOCKS, 60);
}

static void random_bodies_arrive_through_bdat(void)
{
	exchange(true, NEAR_BLOCKS, 60);
}

static void random_bodies_arrive_though_blocks_are_few(void)
{
	exchange(false, 24, 20);
	exchange(true, 24, 20);
	exchange(true, 20, 20);
}

static void content_is_gathered_into_large_chunks(void)
{
	pair_open(&p, NULL, true, 1);
	PAIR_GREETS(&p, "250-PIPELINING\r\n250 CHUNKING\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	smtp_client_data(&p.client, p.near.now);
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n250 ok\r\n"));
	memset(body, 'x', sizeof(body));
	for (int i = 0; i < 64; i++) {
		CU_ASSERT_EQUAL(smtp_client_body(&p.client, span_of(body, 1000), p.near.now), 1000);
		CU_ASSERT_STRING_EQUAL(pair_hears(&p), "");
	}
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, span_of(body, 2000), p.near.now), 2000);
	const char *sent = pair_hears(&p);
	CU_ASSERT_NSTRING_EQUAL(sent, "BDAT 65536\r\n", 12);
	CU_ASSERT_EQUAL(strlen(sent), 65536 + 12);
	smtp_client_body_end(&p.client, p.near.now);
	CU_ASSERT_NSTRING_EQUAL(pair_hears(&p), "BDAT 464 LAST\r\n", 15);
	pair_shut(&p);
}

static void unanswered_chunks_are_bounded(void)
{
	unsigned chunks = 0;

	pair_open(&p, NULL, true, 1);
	PAIR_GREETS(&p, "250-PIPELINING\r\n250 CHUNKING\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	smtp_client_data(&p.client, p.near.now);
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n250 ok\r\n"));
	memset(body, 'x', sizeof(body));
	for (int i = 0; i < 100; i++) {
		(void)!smtp_client_body(&p.client, span_of(body, 65536), p.near.now);
		chunks += pair_hears(&p)[0] == 'B';
	}
	CU_ASSERT_EQUAL(chunks, SMTP_CLIENT_CHUNKS_MAX);
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, span_of(body, 1), p.near.now), 0);
	pair_tell(&p, SPAN("250 ok\r\n"));
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, span_of(body, 1), p.near.now), 1);
	pair_shut(&p);
}

static void without_pipelining_one_chunk_leaves_at_a_time(void)
{
	pair_open(&p, NULL, true, 1);
	PAIR_GREETS(&p, "250 CHUNKING\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	smtp_client_data(&p.client, p.near.now);
	pair_hears(&p);
	PAIR_TALK(&p, "250 ok\r\n", "REPLY(MAIL 250) ", "RCPT TO:<c@d.test>\r\n");
	PAIR_TALK(&p, "250 ok\r\n", "REPLY(RCPT 250) REPLY(DATA 354) ", "");
	memset(body, 'x', sizeof(body));
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, span_of(body, 65536), p.near.now), 65536);
	CU_ASSERT_EQUAL(strlen(pair_hears(&p)), 65536 + 12);
	CU_ASSERT_EQUAL(smtp_client_body(&p.client, span_of(body, 65536), p.near.now), 65536);
	CU_ASSERT_STRING_EQUAL(pair_hears(&p), "");
	pair_tell(&p, SPAN("250 ok\r\n"));
	CU_ASSERT_EQUAL(strlen(pair_hears(&p)), 65536 + 12);
	pair_shut(&p);
}

static void content_that_is_not_taken_out_is_bounded(void)
{
	size_t taken = 0;

	pair_open(&p, NULL, false, 1);
	PAIR_GREETS(&p, "250 PIPELINING\r\n");
	pair_mail(&p, "a@b.test", "c@d.test");
	smtp_client_data(&p.client, p.near.now);
	pair_hears(&p);
	pair_tell(&p, SPAN("250 ok\r\n250 ok\r\n"));
	pair_hears(&p);
	pair_tell(&p, SPAN("354 go\r\n"));
	memset(body, 'x', sizeof(body));
	for (int i = 0; i < 10; i++)
		taken += smtp_client_body(&p.client, span_of(body, 65536), p.near.now);
	CU_ASSERT_EQUAL(taken, SMTP_CLIENT_BACKLOG_BYTES);
	pair_shut(&p);
}

static void the_end_waits_for_a_block_and_is_not_lost(void)
{
	struct block *kept[NEAR_BLOCKS];

	for (int chunking = 0; chunking < 2; chunking++) {
		pair_open(&p, NULL, chunking, 1);
		PAIR_GREETS(&p, "250-PIPELINING\r\n250 CHUNKING\r\n");
		pair_mail(&p, "a@b.test", "c@d.test");
		smtp_client_data(&p.client, p.near.now);
		pair_hears(&p);
		pair_tell(&p, SPAN("250 ok\r\n250 ok\r\n"));
		pair_hears(&p);
		if (!chunking)
			pair_tell(&p, SPAN("354 go\r\n"));
		uint32_t count = starve(kept, 0);
		smtp_client_body_end(&p.client, p.near.now);
		CU_ASSERT_STRING_EQUAL(pair_hears(&p), "");
		CU_ASSERT_FALSE(smtp_client_committed(&p.client));
		CU_ASSERT_TRUE(smtp_client_deadline(&p.client).us < UINT64_MAX);
		while (count > 0)
			block_give(&p.near.pool, kept[--count]);
		CU_ASSERT_STRING_EQUAL(pair_hears(&p), chunking ? "BDAT 0 LAST\r\n" : ".\r\n");
		CU_ASSERT_TRUE(smtp_client_committed(&p.client));
		pair_shut(&p);
	}
}

UNIT("smtp/client_body", { "random bodies arrive through DATA", random_bodies_arrive_through_data },
     { "random bodies arrive through BDAT", random_bodies_arrive_through_bdat },
     { "random bodies arrive though blocks are few", random_bodies_arrive_though_blocks_are_few },
     { "content is gathered into large chunks", content_is_gathered_into_large_chunks },
     { "unanswered chunks are bounded", unanswered_chunks_are_bounded },
     { "without PIPELINING one chunk leaves at a time", without_pipelining_one_chunk_leaves_at_a_time },
     { "content that is not taken out is bounded", content_that_is_not_taken_out_is_bounded },
     { "the end waits for a block and is not lost", the_end_waits_for_a_block_and_is_not_lost })
