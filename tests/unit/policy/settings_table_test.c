/*
 * settings_table_test.c - the table of settings agrees with itself, and finds what an operator
 * meant.
 */
#include "policy/settings_table.h"

#include <string.h>

#include "policy/settings.h"
#include "tests/unit/unit.h"

static struct span span_str(const char *s)
{
	return span_of(s, strlen(s));
}

static const struct settings_row *row_named(const char *path)
{
	return settings_row_find(span_str(path));
}

static void every_row_has_a_parent_before_it(void)
{
	CU_ASSERT_TRUE(settings_row_count() > 40);
	for (uint32_t i = 0; i < settings_row_count(); i++) {
		const struct settings_row *row = settings_row_at(i);
		uint32_t parents = settings_row_child(row, NULL).bytes > 0;
		for (uint32_t j = 0; j < settings_row_count(); j++) {
			if (settings_row_child(row, settings_row_at(j)).bytes == 0)
				continue;
			enum settings_type type = settings_row_at(j)->type;
			CU_ASSERT_TRUE(type == SETTINGS_TYPE_GROUP || type == SETTINGS_TYPE_LIST);
			CU_ASSERT_TRUE(j < i);
			parents++;
		}
		CU_ASSERT_EQUAL(parents, 1);
		CU_ASSERT_PTR_EQUAL(row_named(row->path), row);
		CU_ASSERT_TRUE(strlen(row->path) < SETTINGS_PATH_BYTES);
	}
}

static void every_row_is_explained_and_bounded(void)
{
	for (uint32_t i = 0; i < settings_row_count(); i++) {
		const struct settings_row *row = settings_row_at(i);
		CU_ASSERT_TRUE(strlen(row->help) > 10 && row->help[strlen(row->help) - 1] != ' ');
		if (row->type == SETTINGS_TYPE_NUMBER) {
			CU_ASSERT_TRUE(row->min <= row->max);
			CU_ASSERT_TRUE(row->bytes == 2 || row->bytes == 4 || row->bytes == 8);
			CU_ASSERT_TRUE(row->bytes == 8 || row->max < (uint64_t)1
									     << (8 * row->bytes));
			CU_ASSERT_TRUE(row->unit >= SETTINGS_UNIT_PLAIN &&
				       row->unit <= SETTINGS_UNIT_SECONDS);
		}
		if (row->type == SETTINGS_TYPE_CHOICE)
			CU_ASSERT_EQUAL(row->bytes, sizeof(enum tls_level));
	}
}

static void every_default_is_allowed(void)
{
	uint32_t defaults = 0;
	for (uint32_t i = 0; i < settings_row_count(); i++) {
		const struct settings_row *row = settings_row_at(i);
		uint64_t value;
		if (row->fallback == NULL || row->fallback[0] == '\0')
			continue;
		defaults++;
		if (row->type == SETTINGS_TYPE_CHOICE) {
			CU_ASSERT_NOT_EQUAL(
				settings_choice_find(row->choices, span_str(row->fallback)), 0);
		} else if (row->type == SETTINGS_TYPE_NUMBER) {
			CU_ASSERT_TRUE(settings_quantity_parse(span_str(row->fallback), row->unit,
							       &value));
			CU_ASSERT_TRUE(value >= row->min && value <= row->max);
		}
	}
	CU_ASSERT_TRUE(defaults > 20);
}

static void choices_are_numbered_like_their_enums(void)
{
	const char *levels = row_named("tls.next[].level")->choices;
	CU_ASSERT_EQUAL(settings_choice_find(levels, SPAN("none")), TLS_LEVEL_NONE);
	CU_ASSERT_EQUAL(settings_choice_find(levels, SPAN("opportunistic")),
			TLS_LEVEL_OPPORTUNISTIC);
	CU_ASSERT_EQUAL(settings_choice_find(levels, SPAN("encrypt")), TLS_LEVEL_ENCRYPT);
	CU_ASSERT_EQUAL(settings_choice_find(levels, SPAN("verify")), TLS_LEVEL_VERIFY);
	CU_ASSERT_EQUAL(settings_choice_at(levels, TLS_LEVEL_COUNT).bytes, 0);
	const char *idle = row_named("workers.idle")->choices;
	CU_ASSERT_EQUAL(settings_choice_find(idle, SPAN("adaptive")), SETTINGS_IDLE_ADAPTIVE);
	CU_ASSERT_EQUAL(settings_choice_find(idle, SPAN("busy")), SETTINGS_IDLE_BUSY);
	const char *near = row_named("listeners[].tls")->choices;
	CU_ASSERT_EQUAL(settings_choice_find(near, SPAN("off")), SETTINGS_NEAR_OFF);
	CU_ASSERT_EQUAL(settings_choice_find(near, SPAN("offer")), SETTINGS_NEAR_OFFER);
	CU_ASSERT_EQUAL(settings_choice_find(near, SPAN("require")), SETTINGS_NEAR_REQUIRE);
	CU_ASSERT_EQUAL(settings_choice_find(near, SPAN("implicit")), SETTINGS_NEAR_IMPLICIT);
	const char *minimum = row_named("tls.next[].minimum")->choices;
	CU_ASSERT_EQUAL(settings_choice_find(minimum, SPAN("TLSv1.2")), SETTINGS_TLS_1_2);
	CU_ASSERT_EQUAL(settings_choice_find(minimum, SPAN("TLSv1.3")), SETTINGS_TLS_1_3);
	const char *failure = row_named("tls.near[].on_failure")->choices;
	CU_ASSERT_EQUAL(settings_choice_find(failure, SPAN("defer")), SETTINGS_ON_FAILURE_DEFER);
	CU_ASSERT_EQUAL(settings_choice_find(failure, SPAN("reject")), SETTINGS_ON_FAILURE_REJECT);
	const char *verdict = row_named("content[].verdict")->choices;
	CU_ASSERT_EQUAL(settings_choice_find(verdict, SPAN("reject")), SETTINGS_VERDICT_REJECT);
	CU_ASSERT_EQUAL(settings_choice_find(verdict, SPAN("defer")), SETTINGS_VERDICT_DEFER);
	CU_ASSERT_EQUAL(settings_choice_find(verdict, SPAN("")), 0);
	CU_ASSERT_EQUAL(settings_choice_find(verdict, SPAN("Reject")), 0);
}

static void the_nearest_row_is_a_likely_one(void)
{
	const struct settings_row *limits = row_named("limits");
	CU_ASSERT_PTR_EQUAL(settings_row_nearest(limits, SPAN("recipient_max")),
			    row_named("limits.recipients_max"));
	CU_ASSERT_PTR_EQUAL(settings_row_nearest(limits, SPAN("mesage_bytes_max")),
			    row_named("limits.message_bytes_max"));
	CU_ASSERT_PTR_EQUAL(settings_row_nearest(NULL, SPAN("Limit")), limits);
	CU_ASSERT_PTR_EQUAL(settings_row_nearest(NULL, SPAN("mtu")), row_named("ports[].mtu"));
	CU_ASSERT_PTR_NULL(settings_row_nearest(NULL, SPAN("antivirus")));
	CU_ASSERT_PTR_NULL(settings_row_nearest(row_named("tls.next"), SPAN("xx")));
	char longest[300];
	memset(longest, 'a', sizeof(longest));
	CU_ASSERT_PTR_NULL(settings_row_nearest(NULL, span_of(longest, sizeof(longest))));
}

static void spelling_distance_counts_slips(void)
{
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN("verify"), SPAN("verify")), 0);
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN("verify"), SPAN("VERIFY")), 0);
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN("verify"), SPAN("verfy")), 1);
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN("verify"), SPAN("verfiy")), 1);
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN("verify"), SPAN("verrify")), 1);
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN("verify"), SPAN("varify")), 1);
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN("kitten"), SPAN("sitting")), 3);
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN(""), SPAN("abc")), 3);
	CU_ASSERT_EQUAL(settings_spelling_distance(SPAN("abc"), SPAN("")), 3);
}

static bool quantity(const char *text, enum settings_unit unit, uint64_t expected)
{
	uint64_t value = 1;
	return settings_quantity_parse(span_str(text), unit, &value) && value == expected;
}

static void quantities_are_read_in_their_unit(void)
{
	uint64_t value;
	CU_ASSERT_TRUE(quantity("10M", SETTINGS_UNIT_BYTES, 10485760));
	CU_ASSERT_TRUE(quantity("10 mib", SETTINGS_UNIT_BYTES, 10485760));
	CU_ASSERT_TRUE(quantity("1k", SETTINGS_UNIT_BYTES, 1024));
	CU_ASSERT_TRUE(quantity("12", SETTINGS_UNIT_BYTES, 12));
	CU_ASSERT_TRUE(quantity("5s", SETTINGS_UNIT_SECONDS, 5));
	CU_ASSERT_TRUE(quantity("5m", SETTINGS_UNIT_SECONDS, 300));
	CU_ASSERT_TRUE(quantity("2d", SETTINGS_UNIT_SECONDS, 172800));
	CU_ASSERT_TRUE(quantity("7", SETTINGS_UNIT_PLAIN, 7));
	static const char *const wrong[] = {
		"", "M", "1x", "1.5M", "-1", "0x10", "99999999999999999999", "1MM"
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		CU_ASSERT_FALSE(
			settings_quantity_parse(span_str(wrong[i]), SETTINGS_UNIT_BYTES, &value));
	CU_ASSERT_FALSE(
		settings_quantity_parse(SPAN("18014398509481985K"), SETTINGS_UNIT_BYTES, &value));
	CU_ASSERT_TRUE(
		settings_quantity_parse(SPAN("18014398509481983K"), SETTINGS_UNIT_BYTES, &value));
	CU_ASSERT_FALSE(settings_quantity_parse(SPAN("1k"), SETTINGS_UNIT_PLAIN, &value));
	CU_ASSERT_FALSE(settings_quantity_parse(SPAN("1ms"), SETTINGS_UNIT_SECONDS, &value));
}

UNIT("policy/settings_table",
     { "every row has exactly one parent, and stands behind it", every_row_has_a_parent_before_it },
     { "every row is explained and fits its field", every_row_is_explained_and_bounded },
     { "every default is allowed", every_default_is_allowed },
     { "choices are numbered like their enums", choices_are_numbered_like_their_enums },
     { "the nearest row is a likely one, or none", the_nearest_row_is_a_likely_one },
     { "the spelling distance counts slips of the pen", spelling_distance_counts_slips },
     { "quantities are read in their unit", quantities_are_read_in_their_unit })
