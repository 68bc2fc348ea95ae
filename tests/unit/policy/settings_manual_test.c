/*
 * settings_manual_test.c - the manual says what the table says, and docs/settings.md is the manual
 * of this very table.
 *
 * With WEIR_UPDATE=1 in the environment docs/settings.md is written instead of compared.
 */
#include "policy/settings_table.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/page.h"
#include "tests/unit/unit.h"

static char manual[SETTINGS_MANUAL_BYTES];

static void the_manual_names_every_setting_once(void)
{
	struct text t = text_of(manual, sizeof(manual));
	settings_manual(&t);
	CU_ASSERT_FALSE(t.cut);
	for (uint32_t i = 0; i < settings_row_count(); i++) {
		char heading[SETTINGS_PATH_BYTES + 3];
		snprintf(heading, sizeof(heading), "\n%s\n", settings_row_at(i)->path);
		const char *found = i == 0 ? manual - 1 : strstr(manual, heading);
		CU_ASSERT_PTR_NOT_NULL_FATAL(found);
		CU_ASSERT_PTR_NULL(strstr(found + 2, heading));
	}
}

static void the_manual_fits_a_terminal(void)
{
	struct text t = text_of(manual, sizeof(manual));
	settings_manual(&t);
	for (const char *line = manual; *line != '\0'; line = strchr(line, '\n') + 1)
		CU_ASSERT_TRUE(strcspn(line, "\n") <= 80);
}

static bool rule_is(const char *path, const char *rule, const char *fallback)
{
	char a[256], b[256];
	struct text ta = text_of(a, sizeof(a)), tb = text_of(b, sizeof(b));
	const struct settings_row *row = settings_row_find(span_of(path, strlen(path)));
	settings_row_rule(&ta, row);
	settings_row_fallback(&tb, row);
	return strcmp(a, rule) == 0 && strcmp(b, fallback) == 0;
}

static void rules_say_what_may_be_written(void)
{
	CU_ASSERT_TRUE(rule_is("limits.message_bytes_max", "64K to 1G bytes", "default 50M"));
	CU_ASSERT_TRUE(rule_is("timeouts.next_final_seconds", "1m to 1h", "default 600s"));
	CU_ASSERT_TRUE(
		rule_is("workers.idle", "one of \"adaptive\", \"busy\"", "default adaptive"));
	CU_ASSERT_TRUE(rule_is("limits.memory_bytes", "0 to 1024G bytes", "default 0"));
	CU_ASSERT_TRUE(rule_is("ports[].mtu", "1280 to 9000", "default 1500"));
	CU_ASSERT_TRUE(rule_is("listeners[].address", "an IPv4 or IPv6 address", "required"));
	CU_ASSERT_TRUE(rule_is(
		"log.file", "a file; a relative one is relative to the configuration file's folder",
		"optional"));
	CU_ASSERT_TRUE(
		rule_is("routes", "a list of 1 to 65536 groups ( { ... }, { ... } )", "required"));
}

/* docs/settings.md: one table for each setting of the top. */
static void page_make(struct text *t)
{
	text_str(t, "# Settings\n\n"
		    "Made from `policy/settings.def`; the same as `weir --settings` prints. Do not "
		    "edit: change the table, "
		    "then run the unit test `settings_manual` with `WEIR_UPDATE=1`.\n\n"
		    "The file is in [libconfig syntax](https://hyperrealm.github.io/libconfig/); "
		    "`@include \"FILE\"` takes "
		    "in another file. Bytes may be written with a unit (`\"10M\"`, powers of "
		    "1024), seconds too (`\"5m\"`). "
		    "`[]` stands for one element of a list.\n");
	for (uint32_t i = 0; i < settings_row_count(); i++) {
		const struct settings_row *row = settings_row_at(i);
		if (settings_row_child(row, NULL).bytes > 0)
			page_heading(t, row->path);
		page_row(t, row);
	}
}

static void the_page_in_docs_is_this_tables(void)
{
	page_compare("docs/settings.md", page_make);
}

UNIT("policy/settings_manual",
     { "the manual names every setting once", the_manual_names_every_setting_once },
     { "the manual fits a terminal", the_manual_fits_a_terminal },
     { "rules say what may be written, and what is when nothing is",
       rules_say_what_may_be_written },
     { "docs/settings.md is the page of this table", the_page_in_docs_is_this_tables })
