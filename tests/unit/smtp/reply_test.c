/*
 * reply_test.c - our texts, their lines, and that neither can smuggle a line end into the other.
 */
#include <stdlib.h>

#include "base/blocks.h"
#include "smtp/reply.h"
#include "tests/unit/unit.h"

static struct block blocks[2] __attribute__((aligned(64)));
static struct smtp_reply r;

static const char *wire(void)
{
	static char text[4096];
	struct block_pool pool;
	struct byteq out = { .bytes = 0 };

	block_pool_init(&pool, blocks, 2);
	smtp_reply_write(&r, &out, &pool);
	size_t bytes = byteq_copy_out(&out, 0, (struct room){ .data = (uint8_t *)text, .bytes = 4095 });
	text[bytes] = '\0';
	return text;
}

/* 1: more lines follow, 0: complete, -1: no reply line */
static int line(const char *text)
{
	bool last;

	if (!smtp_reply_line(&r, span_of(text, strlen(text)), &last))
		return -1;
	return !last;
}

static void the_texts_that_others_rely_on_are_exact(void)
{
	smtp_reply_set(&r, SMTP_REPLY_NEXT_NO_STARTTLS);
	CU_ASSERT_STRING_EQUAL(wire(), "451 4.7.10 Recipient does not support STARTTLS\r\n");
	smtp_reply_set(&r, SMTP_REPLY_NEXT_NO_STARTTLS_REJECT);
	CU_ASSERT_STRING_EQUAL(wire(), "550 5.7.10 Recipient does not support STARTTLS\r\n");
	smtp_reply_set(&r, SMTP_REPLY_NEED_STARTTLS);
	CU_ASSERT_STRING_EQUAL(wire(), "530 5.7.0 Must issue a STARTTLS command first\r\n");
	smtp_reply_set(&r, SMTP_REPLY_ANOTHER_TRANSACTION);
	CU_ASSERT_STRING_EQUAL(wire(), "452 4.5.3 Too many recipients for one transaction, send separately\r\n");
	smtp_reply_set(&r, SMTP_REPLY_NO_VALID_RECIPIENTS);
	CU_ASSERT_STRING_EQUAL(wire(), "554 5.5.1 No valid recipients\r\n");
}

static void every_row_is_a_well_formed_reply_whose_enhanced_class_agrees(void)
{
	for (int id = SMTP_REPLY_NONE + 1; id < SMTP_REPLY_COUNT; id++) {
		smtp_reply_set(&r, (enum smtp_reply_id)id);
		const char *text = wire();
		CU_ASSERT_TRUE(r.code >= 200 && r.code < 600);
		CU_ASSERT_TRUE(strlen(text) <= 512);
		CU_ASSERT_EQUAL(strcmp(text + strlen(text) - 2, "\r\n"), 0);
		if (text[4] >= '2' && text[4] <= '5' && text[5] == '.')
			CU_ASSERT_EQUAL(text[0], text[4]);
		CU_ASSERT_EQUAL(r.lines, 1);
	}
}

static void a_policy_text_replaces_the_words_but_not_the_codes(void)
{
	smtp_reply_set_text(&r, SMTP_REPLY_CONTENT_REJECTED, SPAN("rule 7\r\n250 Ok"));
	CU_ASSERT_STRING_EQUAL(wire(), "550 5.7.1 rule 7??250 Ok\r\n");
	smtp_reply_make(&r, 451, SPAN("4.7.5"), SPAN("certificate expired"));
	CU_ASSERT_STRING_EQUAL(wire(), "451 4.7.5 certificate expired\r\n");
	smtp_reply_make(&r, 250, SPAN(""), SPAN(""));
	CU_ASSERT_STRING_EQUAL(wire(), "250 \r\n");
}

static void a_reply_of_several_lines_is_forwarded_line_by_line(void)
{
	r.code = 0;
	CU_ASSERT_EQUAL(line("550-5.7.1 first"), 1);
	CU_ASSERT_EQUAL(line("550-5.7.1 second"), 1);
	CU_ASSERT_EQUAL(line("550 5.7.1 third"), 0);
	CU_ASSERT_EQUAL(r.lines, 3);
	CU_ASSERT_STRING_EQUAL(wire(), "550-5.7.1 first\r\n550-5.7.1 second\r\n550 5.7.1 third\r\n");
}

static void a_code_alone_is_a_reply(void)
{
	r.code = 0;
	CU_ASSERT_EQUAL(line("250"), 0);
	CU_ASSERT_STRING_EQUAL(wire(), "250 \r\n");
	r.code = 0;
	CU_ASSERT_EQUAL(line("250-"), 1);
	CU_ASSERT_EQUAL(line("250"), 0);
	CU_ASSERT_STRING_EQUAL(wire(), "250-\r\n250 \r\n");
}

static void what_is_no_reply_line_is_refused(void)
{
	static const char *const bad[] = { "", "25", "2500 x", "25x x", "ok", "199 x", "600 x", "099 x",
		                           "250_x", " 250 x", "+250", "-25" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r.code = 0;
		CU_ASSERT_EQUAL(line(bad[i]), -1);
	}
	r.code = 0;
	CU_ASSERT_EQUAL(line("250-a"), 1);
	CU_ASSERT_EQUAL(line("251 b"), -1);
}

static void control_characters_of_a_next_hop_become_question_marks(void)
{
	r.code = 0;
	CU_ASSERT_EQUAL(line("550 a\tb\x1b[2J\x7f\xc3\xbc"), 0);
	CU_ASSERT_STRING_EQUAL(wire(), "550 a?b?[2J?\xc3\xbc\r\n");
}

static void too_many_or_too_long_lines_are_cut_at_a_line(void)
{
	char text[1500] = "550-";

	r.code = 0;
	for (unsigned i = 0; i < 40; i++)
		CU_ASSERT_EQUAL(line("550-x"), 1);
	CU_ASSERT_EQUAL(line("550 end"), 0);
	CU_ASSERT_EQUAL(r.lines, SMTP_REPLY_LINES_MAX);
	r.code = 0;
	memset(text + 4, 'y', 600);
	CU_ASSERT_EQUAL(line(text), 1);
	CU_ASSERT_EQUAL(line(text), 1);
	CU_ASSERT_EQUAL(line("550 end"), 0);
	CU_ASSERT_EQUAL(r.lines, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(wire(), "y\r\n550 end\r\n"));
	r.code = 0;
	memset(text + 4, 'z', 1400);
	CU_ASSERT_EQUAL(line(text), 1);
	CU_ASSERT_EQUAL(line("550 end"), 0);
	CU_ASSERT_EQUAL(r.bytes, SMTP_REPLY_TEXT_MAX);
	CU_ASSERT_EQUAL(strlen(wire()), SMTP_REPLY_TEXT_MAX + 6);
}

static void names_are_those_of_the_rows(void)
{
	CU_ASSERT_STRING_EQUAL(smtp_reply_name(SMTP_REPLY_LOOP), "LOOP");
	r.code = 354;
	CU_ASSERT_TRUE(smtp_reply_positive(&r));
	r.code = 452;
	CU_ASSERT_FALSE(smtp_reply_positive(&r));
	CU_ASSERT_TRUE(smtp_reply_transient(&r));
}

UNIT("smtp/reply",
     { "the texts that others rely on are exact", the_texts_that_others_rely_on_are_exact },
     { "every row is a well-formed reply whose enhanced class agrees",
       every_row_is_a_well_formed_reply_whose_enhanced_class_agrees },
     { "a policy text replaces the words but not the codes",
       a_policy_text_replaces_the_words_but_not_the_codes },
     { "a reply of several lines is forwarded line by line",
       a_reply_of_several_lines_is_forwarded_line_by_line },
     { "a code alone is a reply", a_code_alone_is_a_reply },
     { "what is no reply line is refused", what_is_no_reply_line_is_refused },
     { "control characters of a next hop become question marks",
       control_characters_of_a_next_hop_become_question_marks },
     { "too many or too long lines are cut at a line", too_many_or_too_long_lines_are_cut_at_a_line },
     { "names are those of the rows", names_are_those_of_the_rows })
