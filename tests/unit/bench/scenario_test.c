/*
 * scenario_test.c - scenario files: the ready ones load, values arrive where they belong, and every
 * mistake is named by file and line; docs/scenarios.md is the table's page.
 */
#define _GNU_SOURCE /* open_memstream */
#include "bench/tool/scenario.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/page.h"
#include "tests/unit/unit.h"

static char *mistakes_of(const char *text)
{
	char *said = NULL;
	size_t bytes = 0;
	FILE *errors = open_memstream(&said, &bytes);
	CU_ASSERT_PTR_NOT_NULL_FATAL(errors);
	struct scenario_file *file = scenario_load_text(text, "a.conf", errors);
	CU_ASSERT_PTR_NULL(file);
	scenario_free(file);
	fclose(errors);
	return said;
}

static bool says(const char *text, const char *expected)
{
	char *said = mistakes_of(text);
	bool good = strstr(said, expected) != NULL;
	if (!good)
		printf("\nexpected: %s\nsaid: %s\n", expected, said);
	free(said);
	return good;
}

static void mistakes_are_named_by_file_line_and_rule(void)
{
	CU_ASSERT_TRUE(says("name = \"x\";\nduration = \"0s\";",
	                    "a.conf:2: duration: 0 is out of range (1s to 7d)"));
	CU_ASSERT_TRUE(says("name = \"x\";\n\nload: { lop = \"closed\"; };",
	                    "a.conf:3: load.lop: unknown setting (did you mean \"loop\"?)"));
	CU_ASSERT_TRUE(says("name = \"x\";\nconnection: { tls = \"startls\"; };",
	                    "\"startls\" is not known, did you mean \"starttls\"?"));
	CU_ASSERT_TRUE(says("name = \"x\";\nconnection: { clear = \"101%\"; };",
	                    "a.conf:2: connection.clear: 1010 is out of range (0% to 100%)"));
	CU_ASSERT_TRUE(says("duration = \"5s\";", "a.conf: name: is missing"));
	CU_ASSERT_TRUE(says("name = \"x\";\ntrouble: { sinks: { refuse = ( { stage = \"rcpt\"; } ); }; };",
	                    "refuse[0].class: is missing"));
	CU_ASSERT_TRUE(says("name = \"x\";\nload: { loop = \"closed\"", "a.conf:"));
}

static void what_does_not_fit_together_is_named_too(void)
{
	CU_ASSERT_TRUE(says("name = \"x\";\nload: { loop = \"poisson\"; };",
	                    "a.conf:2: load.rate: an open loop needs a rate above 0"));
	CU_ASSERT_TRUE(says("name = \"x\";\nduration = \"5s\";\nwarmup = \"5s\";",
	                    "a.conf:3: warmup: leaves nothing"));
	CU_ASSERT_TRUE(says("name = \"x\";\ntls: { chain = \"a.crt\"; };", "chain and key go together"));
	CU_ASSERT_TRUE(says("name = \"x\";\ntrouble: { sinks: { bad_certificate = 5; }; };",
	                    "needs tls.bad_chain and tls.bad_key"));
	CU_ASSERT_TRUE(says("name = \"x\";\nconnection: { messages_min = 5; messages_max = 2; };",
	                    "connection.messages_max: is less than messages_min"));
}

static void values_arrive_where_they_belong(void)
{
	static struct gen_options o;
	struct scenario_file *file = scenario_load_text(
		"name = \"x\"; duration = \"1m\"; warmup = 3; seed = 9;\n"
		"load: { loop = \"constant\"; rate = 250; connections = 40; };\n"
		"connection: { messages_min = 2; messages_max = 7; tls12 = \"10%\"; clear = 5; resume = \"0.5%\"; };\n"
		"mail: { median = \"20K\"; spread = 150; domains = [ \"a.test\", \"b.test\" ]; };\n"
		"trouble: { senders: { abort = \"1%\"; retry_after = \"250ms\"; };\n"
		"  sinks: { delay_end = \"20ms\"; refuse = ( { stage = \"end\"; class = \"4yz\"; share = \"2%\"; } ); }; };\n"
		"crowd: { connections = 100; kind = \"half-tls\"; };\n"
		"target: { addresses = [ \"127.0.0.1:25\" ]; };\n"
		"sinks = ( { address = \"127.0.0.1:2525\"; tls = \"off\"; } );",
		"a.conf", stderr);
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	gen_options_defaults(&o);
	scenario_apply(scenario_of(file), &o);
	const struct gen_sender_config *c = &o.config.sender;
	CU_ASSERT_EQUAL(o.duration_us, MINUTE_US);
	CU_ASSERT_EQUAL(o.warmup_us, 3 * SECOND_US);
	CU_ASSERT_EQUAL(o.config.mix.seed, 9);
	CU_ASSERT_TRUE(c->arrivals == GEN_CONSTANT && c->rate_per_1000s == 250000 && c->connections == 40);
	CU_ASSERT_TRUE(c->messages_per_connection == 2 && c->messages_per_connection_max == 7);
	CU_ASSERT_TRUE(c->tls12_per_mille == 100 && c->clear_per_mille == 50 && c->resume_per_mille == 5);
	CU_ASSERT_TRUE(o.config.mix.spread.median_bytes == 20480 && o.config.mix.mime);
	CU_ASSERT_EQUAL(o.config.mix.spread.deviation_per_mille, 1500);
	CU_ASSERT_EQUAL(o.config.mix.domain_count, 2);
	CU_ASSERT_TRUE(c->abort_per_mille == 10 && c->retry_after_us == 250 * MS_US);
	CU_ASSERT_EQUAL(o.config.sink.refuse[GEN_STAGE_END].transient_per_mille, 20);
	CU_ASSERT_EQUAL(o.config.sink.delay_us_max[GEN_STAGE_END], 20 * MS_US);
	CU_ASSERT_TRUE(o.config.crowd.connections == 100 && o.config.crowd.kind == GEN_CROWD_HALF_TLS);
	CU_ASSERT_TRUE(c->target_count == 1 && c->targets[0].port == 25 && o.kernel);
	CU_ASSERT_TRUE(o.config.sink.listener_count == 1 && o.config.sink.listeners[0].tls == GEN_TLS_NONE);
	scenario_free(file);
}

static const char *top(void)
{
	const char *root = getenv("WEIR_SOURCE_ROOT");
	return root != NULL ? root : ".";
}

static void the_ready_ones_load(void)
{
	char path[1024], folder[900];
	unsigned count = 0;
	snprintf(folder, sizeof(folder), "%s/bench/runs", top());
	DIR *dir = opendir(folder);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		if (strstr(e->d_name, ".conf") == NULL)
			continue;
		snprintf(path, sizeof(path), "%.800s/%.200s", folder, e->d_name);
		struct scenario_file *file = scenario_load(path, stderr);
		CU_ASSERT_PTR_NOT_NULL(file);
		scenario_free(file);
		count++;
	}
	closedir(dir);
	CU_ASSERT_TRUE(count >= 8);
}

static void page_make(struct text *t)
{
	text_str(t, "# Scenarios\n\nMade from `bench/tool/scenario.def`; the same as `weir-bench settings` "
		    "prints. Do not edit: change the table, then run the unit test `scenario` with "
		    "`WEIR_UPDATE=1`.\n\nThe file is in [libconfig syntax](https://hyperrealm.github.io/libconfig/). "
		    "Bytes may be written with a unit (`\"10M\"`), seconds and milliseconds too (`\"5m\"`, "
		    "`\"250ms\"`); shares are per cent with at most one decimal (`\"0.5%\"`). `[]` stands for one "
		    "element of a list. Ready ones are in `bench/runs/`.\n");
	for (uint32_t i = 0; i < scenario_table()->count; i++) {
		const struct settings_row *row = &scenario_table()->rows[i];
		bool first = settings_row_child(row, NULL).bytes > 0;
		bool group = row->type == SETTINGS_TYPE_GROUP || row->type == SETTINGS_TYPE_LIST;
		if (first && (i == 0 || group))
			page_heading(t, group ? row->path : "the run");
		page_row(t, row);
	}
}

static void the_page_in_docs_is_this_tables(void)
{
	page_compare("docs/scenarios.md", page_make);
}

UNIT("bench/scenario",
     { "mistakes are named by file, line, setting and rule", mistakes_are_named_by_file_line_and_rule },
     { "what does not fit together is named too", what_does_not_fit_together_is_named_too },
     { "values arrive where they belong", values_arrive_where_they_belong },
     { "the ready scenarios load", the_ready_ones_load },
     { "docs/scenarios.md is the page of this table", the_page_in_docs_is_this_tables })
