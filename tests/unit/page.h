/*
 * page.h - pages of docs/ that are made from tables of settings: how a row looks, and the comparison with the page that
 * is there. With WEIR_UPDATE=1 in the environment the page is written instead.
 */
#ifndef WEIR_TESTS_UNIT_PAGE_H
#define WEIR_TESTS_UNIT_PAGE_H

#include <stdio.h>
#include <stdlib.h>

#include "policy/settings_table.h"
#include "tests/unit/unit.h"

#define PAGE_BYTES (2 * SETTINGS_MANUAL_BYTES)

static inline void page_heading(struct text *t, const char *heading)
{
	text_str(t, "\n## ");
	text_str(t, heading);
	text_str(t, "\n\n| setting | value | without it | meaning |\n|---|---|---|---|\n");
}

static inline void page_row(struct text *t, const struct settings_row *row)
{
	text_str(t, "| `");
	text_str(t, row->path);
	text_str(t, "` | ");
	settings_row_rule(t, row);
	text_str(t, " | ");
	settings_row_fallback(t, row);
	text_str(t, " | ");
	text_str(t, row->help);
	text_str(t, " |\n");
}

/* Tests run at the top of the source tree, unless told where it is. `path`: from there. */
static inline void page_compare(const char *path, void (*make)(struct text *t))
{
	static char page[PAGE_BYTES], stored[PAGE_BYTES], whole[1024];
	const char *top = getenv("WEIR_SOURCE_ROOT"), *update = getenv("WEIR_UPDATE");
	struct text t = text_of(page, sizeof(page));
	make(&t);
	CU_ASSERT_FALSE_FATAL(t.cut);
	snprintf(whole, sizeof(whole), "%s/%s", top != NULL ? top : ".", path);
	FILE *f = fopen(whole, update != NULL ? "w" : "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	if (update != NULL)
		fwrite(page, 1, t.used, f);
	else
		stored[fread(stored, 1, sizeof(stored) - 1, f)] = '\0';
	fclose(f);
	if (update == NULL)
		CU_ASSERT_STRING_EQUAL(stored, page);
}

#endif
