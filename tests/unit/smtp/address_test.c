/*
 * address_test.c - paths that RFC 5321 allows, paths that it does not, and the two tolerances.
 */
#include <stdlib.h>

#include "smtp/address.h"
#include "tests/unit/unit.h"

static struct smtp_mailbox box;
static struct span rest;

static enum smtp_path_outcome parse(const char *text)
{
	return smtp_path_parse(span_of(text, strlen(text)), &box, &rest);
}

#define GOOD(text, local_, domain_)                                                                \
	do {                                                                                       \
		CU_ASSERT_EQUAL(parse(text), SMTP_PATH_OK);                                        \
		CU_ASSERT_TRUE(span_equal(box.local, SPAN(local_)));                               \
		CU_ASSERT_TRUE(span_equal(box.domain, SPAN(domain_)));                             \
		CU_ASSERT_EQUAL(rest.bytes, 0);                                                    \
	} while (0)
#define BAD(text) CU_ASSERT_EQUAL(parse(text), SMTP_PATH_SYNTAX)

static void ordinary_mailboxes_are_taken_as_written(void)
{
	GOOD("<a@b>", "a", "b");
	GOOD("<John.Doe+tag@Example.TEST>", "John.Doe+tag", "Example.TEST");
	GOOD("<!#$%&'*+-/=?^_`{|}~@x-1.test>", "!#$%&'*+-/=?^_`{|}~", "x-1.test");
	CU_ASSERT_EQUAL(parse("<a@b.test>"), SMTP_PATH_OK);
	CU_ASSERT_TRUE(span_equal(box.path, SPAN("a@b.test")));
	CU_ASSERT_FALSE(box.literal);
	CU_ASSERT_FALSE(box.utf8);
}

static void the_null_path_is_its_own_outcome(void)
{
	CU_ASSERT_EQUAL(parse("<> SIZE=1"), SMTP_PATH_NULL);
	CU_ASSERT_EQUAL(box.path.bytes, 0);
	CU_ASSERT_TRUE(span_equal(rest, SPAN(" SIZE=1")));
	BAD("< >");
}

static void only_postmaster_may_lack_a_domain(void)
{
	GOOD("<postmaster>", "postmaster", "");
	GOOD("<PostMaster>", "PostMaster", "");
	BAD("<root>");
	BAD("<a@>");
	BAD("<@b.test>");
}

static void quoted_local_parts_keep_their_quotes(void)
{
	GOOD("<\"a b\"@c.test>", "\"a b\"", "c.test");
	GOOD("<\"a\\\"@x>\"@c.test>", "\"a\\\"@x>\"", "c.test");
	BAD("<\"a@c.test>");
	BAD("<\"a\"b@c.test>");
	BAD("<\"a\tb\"@c.test>");
	BAD("<\"a\\");
	BAD("<a\"b\"@c.test>");
}

static void source_routes_are_accepted_and_ignored(void)
{
	GOOD("<@relay.test,@other.test:a@b.test>", "a", "b.test");
	CU_ASSERT_TRUE(span_equal(box.path, SPAN("a@b.test")));
	BAD("<@relay.test a@b.test>");
	BAD("<@relay.test,a@b.test>");
	BAD("<@:a@b.test>");
	BAD("<@a,@a,@a,@a,@a,@a,@a,@a,@a,@a,@a,@a,@a,@a,@a,@a,@a:a@b.test>");
}

static void address_literals_are_checked(void)
{
	GOOD("<a@[198.18.0.1]>", "a", "[198.18.0.1]");
	CU_ASSERT_TRUE(box.literal);
	GOOD("<a@[IPv6:2001:2::1]>", "a", "[IPv6:2001:2::1]");
	BAD("<a@[198.18.0]>");
	BAD("<a@[2001:2::1]>");
	BAD("<a@[IPv6:198.18.0.1]>");
	BAD("<a@[]>");
	BAD("<a@[198.18.0.1>");
	BAD("<a@[x-tag:data]>");
}

static void utf8_is_taken_when_well_formed(void)
{
	CU_ASSERT_EQUAL(parse("<\xc3\xbc@b\xc3\xbc.test>"), SMTP_PATH_OK);
	CU_ASSERT_TRUE(box.utf8);
	CU_ASSERT_EQUAL(parse("<\"\xe2\x82\xac\"@b.test>"), SMTP_PATH_OK);
	CU_ASSERT_EQUAL(parse("<\xf0\x9f\x98\x80@b.test>"), SMTP_PATH_OK);
	BAD("<\xff@b.test>");
	BAD("<\xc0\xaf@b.test>");
	BAD("<\xe0\x80\xaf@b.test>");
	BAD("<\xed\xa0\x80@b.test>");
	BAD("<\xf4\x90\x80\x80@b.test>");
	BAD("<\xf0\x80\x80\x80@b.test>");
	BAD("<a@b\xc3.test>");
	BAD("<a\xc3");
	BAD("<\"a\\\xc3\xbc\"@b.test>");
}

static void broken_paths_are_refused(void)
{
	BAD("");
	BAD("a@b.test");
	BAD("<a@b.test");
	BAD("<a b@c.test>");
	BAD("<a@b..test>");
	BAD("<a@.test>");
	BAD("<a@b.test.>");
	BAD("<a@-b.test>");
	BAD("<a@b-.test>");
	BAD("<a@b@c.test>");
	BAD("<a@b.test\r>");
	BAD("<a,b@c.test>");
	BAD("<<a@b.test>>");
	BAD("<a(comment)@b.test>");
	BAD("<a@b_%.test>");
}

static void dots_and_underscores_of_real_mail_are_tolerated(void)
{
	GOOD("<a..b.@c.test>", "a..b.", "c.test");
	GOOD("<.a@c_d.test>", ".a", "c_d.test");
}

static enum smtp_path_outcome of_lengths(size_t local, size_t domain)
{
	static char text[1024];
	size_t at = 0;

	text[at++] = '<';
	for (size_t i = 0; i < local; i++)
		text[at++] = 'l';
	text[at++] = '@';
	for (size_t i = 1; i <= domain; i++)
		text[at++] = i % 60 == 0 && i != domain ? '.' : 'd';
	text[at++] = '>';
	return smtp_path_parse(span_of(text, at), &box, &rest);
}

static void lengths_are_bounded(void)
{
	CU_ASSERT_EQUAL(of_lengths(SMTP_LOCAL_PART_MAX, 50), SMTP_PATH_OK);
	CU_ASSERT_EQUAL(of_lengths(SMTP_LOCAL_PART_MAX + 1, 50), SMTP_PATH_LONG);
	CU_ASSERT_EQUAL(of_lengths(10, SMTP_PATH_MAX - 2 - 11), SMTP_PATH_OK);
	CU_ASSERT_EQUAL(of_lengths(10, SMTP_PATH_MAX - 2 - 10), SMTP_PATH_LONG);
	CU_ASSERT_EQUAL(of_lengths(1, SMTP_DOMAIN_MAX + 1), SMTP_PATH_LONG);
	CU_ASSERT_EQUAL(parse("<a@ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd.test>"),
	                SMTP_PATH_OK);
	BAD("<a@dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd.test>");
}

static void what_follows_the_path_is_handed_back(void)
{
	CU_ASSERT_EQUAL(parse("<a@b.test>x"), SMTP_PATH_OK);
	CU_ASSERT_TRUE(span_equal(rest, SPAN("x")));
}

UNIT("smtp/address",
     { "ordinary mailboxes are taken as written", ordinary_mailboxes_are_taken_as_written },
     { "the null path is its own outcome", the_null_path_is_its_own_outcome },
     { "only postmaster may lack a domain", only_postmaster_may_lack_a_domain },
     { "quoted local parts keep their quotes", quoted_local_parts_keep_their_quotes },
     { "source routes are accepted and ignored", source_routes_are_accepted_and_ignored },
     { "address literals are checked", address_literals_are_checked },
     { "UTF-8 is taken when well-formed", utf8_is_taken_when_well_formed },
     { "broken paths are refused", broken_paths_are_refused },
     { "dots and underscores of real mail are tolerated", dots_and_underscores_of_real_mail_are_tolerated },
     { "lengths are bounded", lengths_are_bounded },
     { "what follows the path is handed back", what_follows_the_path_is_handed_back })
