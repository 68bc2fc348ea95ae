/*
 * ehlo_test.c - our list of extensions and theirs.
 */
#include <stdlib.h>

#include "smtp/ehlo.h"
#include "tests/unit/unit.h"

static struct block blocks[2] __attribute__((aligned(64)));

static const char *wire(struct span hostname, uint32_t extensions, uint64_t size)
{
	static char text[4096];
	struct block_pool pool;
	struct byteq out = { .bytes = 0 };

	block_pool_init(&pool, blocks, 2);
	smtp_ehlo_write(&out, &pool, hostname, extensions, size);
	size_t bytes = byteq_copy_out(&out, 0, (struct room){ .data = (uint8_t *)text, .bytes = 4095 });
	text[bytes] = '\0';
	return text;
}

static void the_last_line_has_a_space_behind_its_code(void)
{
	CU_ASSERT_STRING_EQUAL(wire(SPAN("mx.test"), 0, 0), "250 mx.test\r\n");
	CU_ASSERT_STRING_EQUAL(wire(SPAN("mx.test"), SMTP_EXT_SIZE, 0), "250-mx.test\r\n250 SIZE\r\n");
	CU_ASSERT_STRING_EQUAL(wire(SPAN("mx.test"), SMTP_EXT_SIZE | SMTP_EXT_CHUNKING, 77),
	                       "250-mx.test\r\n250-SIZE 77\r\n250 CHUNKING\r\n");
}

static void everything_with_the_longest_name_fits(void)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	CU_ASSERT_TRUE(strlen(wire(span_of(name, sizeof(name)), UINT32_MAX, UINT64_MAX)) < SMTP_EHLO_WIRE_MAX);
}

static void their_keywords_are_read_without_case(void)
{
	uint32_t extensions = 0;
	uint64_t size = 0;

	smtp_ehlo_read(SPAN("pipelining"), &extensions, &size);
	smtp_ehlo_read(SPAN("SIZE 10240000"), &extensions, &size);
	smtp_ehlo_read(SPAN("Chunking "), &extensions, &size);
	CU_ASSERT_EQUAL(extensions, SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_CHUNKING);
	CU_ASSERT_EQUAL(size, 10240000);
}

static void unknown_keywords_and_bad_sizes_change_nothing(void)
{
	uint32_t extensions = 0;
	uint64_t size = 5;

	smtp_ehlo_read(SPAN("X-NEW thing"), &extensions, &size);
	smtp_ehlo_read(SPAN("SIZED"), &extensions, &size);
	smtp_ehlo_read(SPAN(""), &extensions, &size);
	CU_ASSERT_EQUAL(extensions, 0);
	smtp_ehlo_read(SPAN("SIZE lots"), &extensions, &size);
	CU_ASSERT_EQUAL(extensions, SMTP_EXT_SIZE);
	CU_ASSERT_EQUAL(size, 5);
}

UNIT("smtp/ehlo",
     { "the last line has a space behind its code", the_last_line_has_a_space_behind_its_code },
     { "everything with the longest name fits", everything_with_the_longest_name_fits },
     { "their keywords are read without case", their_keywords_are_read_without_case },
     { "unknown keywords and bad sizes change nothing", unknown_keywords_and_bad_sizes_change_nothing })
