/*
 * header_test.c - fields unfolded whatever the cuts, the end of the header, and both bounds.
 */
#include <stdlib.h>

#include "base/prng.h"
#include "mime/header.h"
#include "tests/unit/unit.h"

#define BLOCKS 4u

static struct block blocks[BLOCKS] __attribute__((aligned(64)));
static struct block_pool pool;
static char seen[65536];
static size_t eaten_all;

static void note(const struct mime_header_event *event)
{
	size_t at = strlen(seen);

	if (event->kind == MIME_FIELD)
		snprintf(seen + at, sizeof(seen) - at, "%.*s=%.*s%s|", (int)event->name.bytes,
		         (const char *)event->name.data, (int)event->value.bytes,
		         (const char *)event->value.data, event->cut ? "(cut)" : "");
	if (event->kind == MIME_HEADER_END)
		snprintf(seen + at, sizeof(seen) - at, "END%s%.*s", event->cut ? "(cut)" : "",
		         (int)event->value.bytes, (const char *)event->value.data);
}

/* Feeds in pieces of 1..piece_max (seeded) or exactly piece_max; then ends the message where `end`
 * says so. */
static const char *read_header(struct span all, size_t piece_max, struct prng *rng, bool end)
{
	struct mime_header h;
	struct mime_header_event event = { .kind = MIME_NONE };

	block_pool_init(&pool, blocks, BLOCKS);
	mime_header_init(&h, &pool);
	seen[0] = '\0';
	eaten_all = 0;
	while (eaten_all < all.bytes && event.kind != MIME_HEADER_END) {
		size_t want = rng != NULL ? 1 + prng_below(rng, piece_max) : piece_max;
		struct span piece = span_head(span_after(all, eaten_all), want);
		eaten_all += mime_header_input(&h, piece, &event);
		note(&event);
	}
	for (int i = 0; end && i < 3 && event.kind != MIME_HEADER_END; i++) {
		mime_header_end(&h, &event);
		note(&event);
	}
	mime_header_fini(&h);
	CU_ASSERT_EQUAL(pool.free_count, BLOCKS);
	return seen;
}

#define READS(text, wanted) CU_ASSERT_STRING_EQUAL(read_header(SPAN(text), SIZE_MAX, NULL, true), wanted)

static void fields_are_reported_unfolded_and_trimmed(void)
{
	READS("Subject: hello\r\nTo:\ta@b.test ,\r\n  c@d.test\t\r\nX-Empty:\r\n\r\nbody\r\n",
	      "Subject=hello|To=a@b.test ,  c@d.test|X-Empty=|END");
	CU_ASSERT_EQUAL(eaten_all, 57);
}

static void the_body_behind_the_empty_line_is_not_eaten(void)
{
	read_header(SPAN("A: 1\r\n\r\nB: 2\r\n"), SIZE_MAX, NULL, false);
	CU_ASSERT_STRING_EQUAL(seen, "A=1|END");
	CU_ASSERT_EQUAL(eaten_all, 8);
}

static void a_message_without_header_ends_at_once(void)
{
	READS("\r\nbody", "END");
	READS("", "END");
}

static void a_line_that_is_no_field_ends_the_header_and_is_handed_back(void)
{
	READS("A: 1\r\nno field here\r\n", "A=1|ENDno ");
	READS(": no name\r\n", "END");
	READS(" folded without a field\r\n", "END");
	READS("A: 1\r\nna\xc3\xafve: x\r\n", "A=1|ENDna");
	READS("Na me: x\r\n", "ENDNa ");
}

static void white_space_before_the_colon_is_accepted(void)
{
	READS("Subject : x\r\n\r\n", "Subject=x|END");
}

static void a_message_that_ends_in_its_header_reports_the_open_field(void)
{
	READS("A: 1\r\nB: 2", "A=1|B=2|END");
	READS("A: 1\r\nB: 2\r\n", "A=1|B=2|END");
	READS("A: 1\r\nB", "A=1|ENDB");
}

static void colons_in_values_and_white_lines_within_a_fold_stay(void)
{
	READS("A: b:c\r\n \r\n d\r\n\r\n", "A=b:c  d|END");
}

static void a_field_longer_than_the_bound_is_cut_and_flagged(void)
{
	size_t bytes = MIME_FIELD_MAX + 100;
	uint8_t *text = malloc(bytes + 8);

	memset(text, 'x', bytes);
	memcpy(text, "L: ", 3);
	memcpy(text + bytes, "\r\nM: 1\r\n", 8);
	read_header(span_of(text, bytes + 8), 37, NULL, true);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen, "xxx(cut)|M=1|END"));
	CU_ASSERT_EQUAL(strlen(seen), MIME_FIELD_MAX - 1 + strlen("(cut)|M=1|END"));
	free(text);
}

static void a_header_longer_than_the_bound_is_ended_and_flagged(void)
{
	size_t bytes = MIME_HEADER_MAX + 5000;
	uint8_t *text = malloc(bytes);

	memset(text, 'x', bytes);
	memcpy(text, "L: ", 3);
	read_header(span_of(text, bytes), 4096, NULL, true);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen, "xxx(cut)|END(cut)"));
	for (size_t i = 0; i + 6 <= bytes; i += 6)
		memcpy(text + i, "A: 1\r\n", 6);
	struct mime_header h;
	struct mime_header_event event = { .kind = MIME_NONE };
	mime_header_init(&h, &pool);
	for (size_t at = 0; at < bytes && event.kind != MIME_HEADER_END;)
		at += mime_header_input(&h, span_of(text + at, bytes - at), &event);
	CU_ASSERT_EQUAL(event.kind, MIME_HEADER_END);
	CU_ASSERT_TRUE(event.cut);
	mime_header_fini(&h);
	free(text);
}

static void without_a_block_the_field_is_skipped_and_flagged(void)
{
	struct block_pool empty = { .free = NULL };
	struct mime_header h;
	struct mime_header_event event;
	struct span text = SPAN("Subject: x\r\nTo: y\r\n\r\n");

	mime_header_init(&h, &empty);
	size_t at = mime_header_input(&h, text, &event);
	CU_ASSERT_EQUAL(event.kind, MIME_FIELD);
	CU_ASSERT_TRUE(event.cut);
	CU_ASSERT_EQUAL(event.value.bytes, 0);
	at += mime_header_input(&h, span_after(text, at), &event);
	CU_ASSERT_EQUAL(event.kind, MIME_FIELD);
	at += mime_header_input(&h, span_after(text, at), &event);
	CU_ASSERT_EQUAL(event.kind, MIME_HEADER_END);
	CU_ASSERT_EQUAL(at, text.bytes);
	mime_header_fini(&h);
}

static void cuts_anywhere_change_nothing(void)
{
	static const char text[] = "Received: from a\r\n\tby b\r\n ; date\r\nSubject :  x y \r\nEmpty:\r\n"
				   "Long: 0123456789012345678901234567890123456789\r\n\r\nbody: no\r\n";
	struct span all = span_of(text, sizeof(text) - 1);
	char whole[sizeof(seen)];
	struct prng rng;

	read_header(all, SIZE_MAX, NULL, true);
	memcpy(whole, seen, sizeof(seen));
	CU_ASSERT_STRING_EQUAL(read_header(all, 1, NULL, true), whole);
	for (uint64_t seed = 0; seed < 300; seed++) {
		prng_seed(&rng, seed);
		CU_ASSERT_STRING_EQUAL(read_header(all, 20, &rng, true), whole);
	}
}

UNIT("mime/header",
     { "fields are reported unfolded and trimmed", fields_are_reported_unfolded_and_trimmed },
     { "the body behind the empty line is not eaten", the_body_behind_the_empty_line_is_not_eaten },
     { "a message without header ends at once", a_message_without_header_ends_at_once },
     { "a line that is no field ends the header and is handed back",
       a_line_that_is_no_field_ends_the_header_and_is_handed_back },
     { "white space before the colon is accepted", white_space_before_the_colon_is_accepted },
     { "a message that ends in its header reports the open field",
       a_message_that_ends_in_its_header_reports_the_open_field },
     { "colons in values and white lines within a fold stay",
       colons_in_values_and_white_lines_within_a_fold_stay },
     { "a field longer than the bound is cut and flagged", a_field_longer_than_the_bound_is_cut_and_flagged },
     { "a header longer than the bound is ended and flagged",
       a_header_longer_than_the_bound_is_ended_and_flagged },
     { "without a block the field is skipped and flagged", without_a_block_the_field_is_skipped_and_flagged },
     { "cuts anywhere change nothing", cuts_anywhere_change_nothing })
