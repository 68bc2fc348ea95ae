/*
 * smuggling_test.c - sequences that some server somewhere reads as end of data, or that hide
 * commands in content: none of them may end a message here, and none may leave on the next side.
 *
 * Each sequence stands between "first" and a second envelope. Only CRLF.CRLF may make that a second
 * message.
 */
#include "smtp/stuff.h"
#include "tests/unit/smtp/near.h"

#define EVIL "MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nevil\r\n.\r\n"
#define ENVELOPE "EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
#define EVENTS "MAIL(a@b.test) RCPT(c@d.test) DATA"

enum fate {
	ENDS = 1,    /* a true end: what follows is a second transaction */
	ENDS_BAD,    /* a true end of a message that is refused for what came before it */
	ENDS_CLOSES, /* a true end, and then a line that ends the session */
	BAD,
	CONTENT,
};

static const struct {
	struct span sequence;
	enum fate fate;
} sequences[] = {
#define S(text, fate) { { (const uint8_t *)(text), sizeof(text) - 1 }, fate }
	S("\r\n.\r\n", ENDS),
	/* one of the two line ends is short */
	S("\n.\n", BAD), S("\n.\r\n", BAD), S("\r\n.\n", BAD), S("\r.\r", BAD), S("\r.\r\n", BAD),
	S("\r\n.\r", BAD), S("\r.\n", BAD), S("\n.\r", BAD), S("\n\n.\n\n", BAD), S("\r\r.\r\r", BAD),
	/* too many of them */
	S("\r\r\n.\r\n", ENDS_BAD), S("\r\n.\r\r\n", BAD), S("\r\r\n.\r\r\n", BAD), S("\n\r\n.\n\r\n", BAD),
	S("\n\r.\n\r", BAD), S("\n\r.\r\n", BAD), S("\r\n.\n\r", BAD), S("\r\n\n.\r\n", BAD),
	S("\n\n.\r\n", BAD), S("\r\n.\n\n", BAD), S("\r\n.\r\n\n", ENDS_CLOSES), S("\r\n\r.\r\n", BAD),
	/* NUL anywhere */
	S("\r\n\0.\r\n", BAD), S("\r\n.\0\r\n", BAD), S("\r\n.\r\0\n", BAD), S("\r\0\n.\r\n", BAD),
	S("\0\r\n.\0\r\n", BAD), S("\n\0.\r\n", BAD), S("\r\0.\r\0", BAD), S("\0.\0", BAD), S("\r\n.\0\n", BAD),
	/* dots and spaces that are content */
	S("\r\n..\r\n", CONTENT), S("\r\n...\r\n", CONTENT), S("\r\n. \r\n", CONTENT), S("\r\n.\t\r\n", CONTENT),
	S("\r\n .\r\n", CONTENT), S("\r\n\t.\r\n", CONTENT), S("\r\n.x\r\n", CONTENT), S(".\r\n", CONTENT),
	S("\r\n\x2e\x2e\r\n", CONTENT),
	/* line ends of other alphabets are letters here */
	S("\x85.\x85", CONTENT), S("\xc2\x85.\xc2\x85", CONTENT), S("\xe2\x80\xa8.\xe2\x80\xa8", CONTENT),
	S("\x0b.\x0b", CONTENT), S("\x0c.\x0c", CONTENT), S("\x8d\x8a.\x8d\x8a", CONTENT),
	S("\r\n\xae\r\n", CONTENT), S("\x1a", CONTENT), S("\x04", CONTENT), S("\\r\\n.\\r\\n", CONTENT),
	/* mixtures */
	S("\r\n.\n.\r\n", BAD), S("\n..\n", BAD), S("\n..\r\n", BAD), S("\r\n..\n", BAD), S("\r\n.\r.\n", BAD),
	S("\r\n.\r\r", BAD), S("\r\r.\n\n", BAD), S("\n.\n\r\n", BAD), S("\r\n.\v\r\n", CONTENT),
#undef S
};

static struct near n;

static void send(const char *before, struct span sequence, const char *behind, size_t piece_max)
{
	near_open(&n, NULL);
	near_say(&n, ENVELOPE);
	near_feed(&n, span_of(before, strlen(before)), piece_max, NULL);
	near_feed(&n, sequence, piece_max, NULL);
	near_feed(&n, span_of(behind, strlen(behind)), piece_max, NULL);
}

static bool evil_seen(void)
{
	return strstr(n.events.data, "evil") != NULL;
}

static void only_crlf_dot_crlf_ends_data(void)
{
	for (size_t i = 0; i < COUNT_OF(sequences); i++) {
		for (size_t piece_max = 1; piece_max < 70; piece_max += 17) {
			send("DATA\r\nfirst", sequences[i].sequence, EVIL, piece_max);
			enum fate fate = sequences[i].fate;
			CU_ASSERT_EQUAL_FATAL(evil_seen(), fate == ENDS || fate == ENDS_BAD);
			if (fate == ENDS_BAD)
				CU_ASSERT_PTR_NOT_NULL(strstr(n.events.data, EVENTS " BODY_BAD("));
			if (fate == ENDS_CLOSES)
				CU_ASSERT_STRING_EQUAL(n.events.data, EVENTS " BODY_END CLOSE ");
			if (fate == BAD)
				CU_ASSERT_STRING_EQUAL(n.events.data, EVENTS " BODY_BAD(BARE_NEWLINE) ");
			if (fate == CONTENT)
				CU_ASSERT_STRING_EQUAL(n.events.data, EVENTS " BODY_END ");
			near_shut(&n);
		}
	}
	CU_ASSERT_TRUE(COUNT_OF(sequences) >= 50);
}

static void a_bad_message_is_refused_with_550_5_6_11(void)
{
	for (size_t i = 0; i < COUNT_OF(sequences); i++) {
		if (sequences[i].fate != BAD)
			continue;
		send("DATA\r\nfirst", sequences[i].sequence, EVIL, SIZE_MAX);
		CU_ASSERT_PTR_NOT_NULL(strstr(n.replies.data, "\r\n550 5.6.11 "));
		near_shut(&n);
	}
}

/* What was accepted must still be one message for whoever reads it next, however sloppily: once
 * stuffed, no line end of any kind is followed by a lone dot before the real end. */
static void what_is_accepted_leaves_without_a_second_end(void)
{
	uint8_t text[4096];

	for (size_t i = 0; i < COUNT_OF(sequences); i++) {
		if (sequences[i].fate != CONTENT)
			continue;
		send("DATA\r\nfirst", sequences[i].sequence, EVIL, SIZE_MAX);
		struct smtp_stuff s;
		struct byteq q = { .bytes = 0 };
		size_t written;
		smtp_stuff_init(&s);
		CU_ASSERT_EQUAL(smtp_stuff_write(&s, &q, &n.pool, span_of(n.body.data, n.body.bytes), &written),
		                n.body.bytes);
		size_t bytes = byteq_copy_out(&q, 0, (struct room){ .data = text, .bytes = sizeof(text) });
		for (size_t at = 0; at + 3 <= bytes; at++) {
			bool end_before = text[at] == '\r' || text[at] == '\n';
			bool end_behind = text[at + 2] == '\r' || text[at + 2] == '\n';
			CU_ASSERT_FALSE_FATAL(end_before && text[at + 1] == '.' && end_behind);
		}
		byteq_clear(&q, &n.pool);
		near_shut(&n);
	}
}

static void chunks_get_the_same_judgement_but_for_dots(void)
{
	char head[64];

	for (size_t i = 0; i < COUNT_OF(sequences); i++) {
		struct span s = sequences[i].sequence;
		snprintf(head, sizeof(head), "BDAT %u LAST\r\nfirst", (unsigned)(5 + s.bytes + strlen(EVIL)));
		bool spoilt = sequences[i].fate != ENDS && sequences[i].fate != CONTENT;
		for (size_t piece_max = 1; piece_max < 70; piece_max += 17) {
			send(head, s, EVIL, piece_max);
			CU_ASSERT_STRING_EQUAL(n.events.data,
			                       spoilt ? EVENTS "(chunked) BODY_BAD(BARE_NEWLINE) "
						      : EVENTS "(chunked) BODY_END ");
			near_shut(&n);
		}
	}
}

static void commands_hidden_behind_other_line_ends_are_not_commands(void)
{
	static const char *const lines[] = {
		"NOOP x\rMAIL FROM:<evil@x.test>\r\n", "NOOP x\nMAIL FROM:<evil@x.test>\r\n",
		"NOOP x\r\rMAIL FROM:<evil@x.test>\r\n", "RSET\r\r\nMAIL FROM:<a@b.test>\rMAIL FROM:<evil@x.test>\r\n",
		"VRFY \x85MAIL FROM:<evil@x.test>\r\n", "HELP\x0bMAIL FROM:<evil@x.test>\r\n",
		"NOOP\n\rMAIL FROM:<evil@x.test>\n\r", "NOOP \xe5\x98\x8a\xe5\x98\x8dMAIL FROM:<evil@x.test>\r\n",
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		near_open(&n, NULL);
		near_say(&n, "EHLO client.test\r\n");
		near_say(&n, lines[i]);
		CU_ASSERT_FALSE(evil_seen());
		near_shut(&n);
	}
}

static void addresses_cannot_carry_line_ends_or_brackets(void)
{
	static const char *const lines[] = {
		"MAIL FROM:<evil@x.test\rRCPT TO:<b@x.test>\r\n", "MAIL FROM:<\"evil\r\"@x.test>\r\n",
		"MAIL FROM:<\"evil\\\r\"@x.test>\r\n",             "MAIL FROM:<evil@x.test>>\r\n",
		"MAIL FROM:<evil@x.test><b@x.test>\r\n",           "MAIL FROM:<evil@x.test\x7f>\r\n",
		"MAIL FROM:<evil@[198.18.0.1> x]>\r\n",            "MAIL FROM:<evil\x01@x.test>\r\n",
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		near_open(&n, NULL);
		near_say(&n, "EHLO client.test\r\n");
		near_say(&n, lines[i]);
		CU_ASSERT_FALSE(evil_seen());
		near_shut(&n);
	}
}

UNIT("smtp/smuggling", { "only CRLF.CRLF ends DATA", only_crlf_dot_crlf_ends_data },
     { "a bad message is refused with 550 5.6.11", a_bad_message_is_refused_with_550_5_6_11 },
     { "what is accepted leaves without a second end", what_is_accepted_leaves_without_a_second_end },
     { "chunks get the same judgement but for dots", chunks_get_the_same_judgement_but_for_dots },
     { "commands hidden behind other line ends are not commands",
       commands_hidden_behind_other_line_ends_are_not_commands },
     { "addresses cannot carry line ends or brackets", addresses_cannot_carry_line_ends_or_brackets })
