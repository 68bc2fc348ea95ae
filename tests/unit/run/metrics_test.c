/*
 * metrics_test.c - made-up counters as Prometheus text.
 */
#include "run/metrics.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"

#define WORKERS 2u

static struct worker_counters loops[WORKERS];
static struct port_counters ports[WORKERS];
static struct tcp_counters tcps[WORKERS];
static uint64_t relays[WORKERS][RELAY_COUNTER_COUNT];
static struct histogram budgets[WORKERS][RELAY_STAGE_COUNT + 1];
static struct block_pool pools[WORKERS];
static struct tls_engine_head tls;
static struct content_head contents[WORKERS];
static struct view view;

/* Worker 1 has no TLS. */
static void view_make(void)
{
	memset(loops, 0, sizeof(loops));
	memset(ports, 0, sizeof(ports));
	memset(tcps, 0, sizeof(tcps));
	memset(relays, 0, sizeof(relays));
	memset(budgets, 0, sizeof(budgets));
	memset(&tls, 0, sizeof(tls));
	view = (struct view){ .version = "1.2.3", .tsc_hz = 2000000000, .worker_count = WORKERS };
	for (uint32_t w = 0; w < WORKERS; w++) {
		view.workers[w] = (struct view_worker){
			.index = w,
			.lcore = (uint16_t)(w + 4),
			.loop = &loops[w],
			.stack_count = 1,
			.stacks = { { .port = "wire0", .io = &ports[w], .tcp = &tcps[w] } },
			.relay = relays[w],
			.pool = &pools[w],
			.tls = w == 0 ? &tls : NULL,
			.content = &contents[w],
		};
		for (uint32_t s = 0; s <= RELAY_STAGE_COUNT; s++)
			view.workers[w].budget[s] = &budgets[w][s];
	}
}

static bool page_has(const char *line)
{
	struct buffer out = { .data = NULL };
	char wanted[256];
	metrics_write(&view, &out);
	CU_ASSERT_FALSE(out.failed);
	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	bool found = strstr(out.data, wanted) != NULL;
	buffer_free(&out);
	return found;
}

static void busy_cycles_become_seconds(void)
{
	view_make();
	loops[1].busy_cycles = 3000000000;
	CU_ASSERT_TRUE(page_has("weir_worker_busy_seconds_total{core=\"5\"} 1.500000000"));
	CU_ASSERT_TRUE(page_has("weir_worker_busy_seconds_total{core=\"4\"} 0.000000000"));
}

static void without_a_clock_rate_nothing_is_divided(void)
{
	view_make();
	view.tsc_hz = 0;
	loops[0].busy_cycles = 5;
	CU_ASSERT_TRUE(page_has("weir_worker_busy_seconds_total{core=\"4\"} 0.000000000"));
}

static void each_relay_counter_is_a_family_in_lower_case(void)
{
	view_make();
	relays[0][RELAY_DELIVERED] = 7;
	relays[1][RELAY_DELIVERED] = UINT64_MAX;
	CU_ASSERT_TRUE(page_has("weir_relay_delivered_total{worker=\"0\"} 7"));
	CU_ASSERT_TRUE(page_has("weir_relay_delivered_total{worker=\"1\"} 18446744073709551615"));
	CU_ASSERT_TRUE(page_has("# TYPE weir_relay_delivered_total counter"));
}

static void drops_carry_their_reason(void)
{
	char line[256];
	view_make();
	for (enum tcp_drop d = 0; d < TCP_DROP_COUNT; d++)
		tcps[1].drops[d] = 100u + d;
	for (enum tcp_drop d = 0; d < TCP_DROP_COUNT; d++) {
		snprintf(line, sizeof(line),
		         "weir_tcp_drops_total{worker=\"1\",port=\"wire0\",reason=\"%s\"} %u",
		         label_of(tcp_drop_name(d)).text, 100u + d);
		CU_ASSERT_TRUE(page_has(line));
	}
}

static void opens_are_told_apart_by_side(void)
{
	view_make();
	tcps[0].opened_passive = 3;
	tcps[0].opened_active = 4;
	CU_ASSERT_TRUE(page_has("weir_tcp_opens_total{worker=\"0\",port=\"wire0\",side=\"near\"} 3"));
	CU_ASSERT_TRUE(page_has("weir_tcp_opens_total{worker=\"0\",port=\"wire0\",side=\"next\"} 4"));
}

static void an_exception_path_is_counted_where_there_is_one(void)
{
	const struct exception_counters x = { .in_limited = 7, .out_ours = 2 };
	view_make();
	CU_ASSERT_FALSE(page_has("weir_exception_frames_total{port=\"wire0\",queue=\"0\",direction=\"in\","
	                         "outcome=\"limited\"} 0"));
	view.workers[1].stacks[0].exception = &x;
	CU_ASSERT_TRUE(page_has("weir_exception_frames_total{port=\"wire0\",queue=\"1\",direction=\"in\","
	                        "outcome=\"limited\"} 7"));
	CU_ASSERT_TRUE(page_has("weir_exception_frames_total{port=\"wire0\",queue=\"1\",direction=\"out\","
	                        "outcome=\"our_address\"} 2"));
}

static void a_worker_without_tls_has_no_tls_samples(void)
{
	struct buffer out = { .data = NULL };
	view_make();
	tls.handshakes_near = 9;
	tls.failures[TLS_FAILURE_NAME] = 2;
	CU_ASSERT_TRUE(page_has("weir_tls_handshakes_total{worker=\"0\",side=\"near\"} 9"));
	metrics_write(&view, &out);
	CU_ASSERT_PTR_NULL(strstr(out.data, "weir_tls_handshakes_total{worker=\"1\""));
	CU_ASSERT_PTR_NULL(strstr(out.data, "weir_tls_errors_total{worker=\"1\""));
	buffer_free(&out);
}

static void the_budget_sums_workers_and_is_exact_at_its_bounds(void)
{
	view_make();
	histogram_add(&budgets[0][RELAY_STAGE_COUNT], 10000);
	histogram_add(&budgets[1][RELAY_STAGE_COUNT], 10001);
	histogram_add(&budgets[1][RELAY_STAGE_COUNT], 15001);
	CU_ASSERT_TRUE(page_has("weir_message_engine_seconds_bucket{stage=\"message\",le=\"0.01\"} 1"));
	CU_ASSERT_TRUE(page_has("weir_message_engine_seconds_bucket{stage=\"message\",le=\"0.015\"} 2"));
	CU_ASSERT_TRUE(page_has("weir_message_engine_seconds_bucket{stage=\"message\",le=\"+Inf\"} 3"));
	CU_ASSERT_TRUE(page_has("weir_message_engine_seconds_count{stage=\"message\"} 3"));
	CU_ASSERT_TRUE(page_has("weir_message_engine_seconds_sum{stage=\"message\"} 0.035002"));
	CU_ASSERT_TRUE(page_has("weir_message_engine_seconds_max{stage=\"message\"} 0.015001"));
	CU_ASSERT_TRUE(page_has("weir_message_engine_seconds_count{stage=\"body\"} 0"));
}

/* "name{...} number" or "name number": the rules of the text format for samples without escapes. */
static bool is_sample(const char *line)
{
	size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_");
	const char *rest = line + name;
	if (name == 0)
		return false;
	if (*rest == '{')
		rest = strchr(rest, '}') == NULL ? rest : strchr(rest, '}') + 1;
	if (*rest != ' ')
		return false;
	char *end;
	(void)strtod(rest + 1, &end);
	return end != rest + 1 && *end == '\0';
}

static void every_line_is_a_sample_of_the_family_announced_last(void)
{
	struct buffer out = { .data = NULL };
	char family[128] = "", *state = NULL;
	unsigned samples = 0, wrong = 0;
	view_make();
	metrics_write(&view, &out);
	for (char *line = strtok_r(out.data, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state)) {
		if (sscanf(line, "# HELP %127s", family) == 1 || strncmp(line, "# TYPE ", 7) == 0)
			continue;
		samples++;
		wrong += !is_sample(line) || strncmp(line, family, strlen(family)) != 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(samples > 100);
	buffer_free(&out);
}

static void no_family_is_announced_twice(void)
{
	struct buffer out = { .data = NULL };
	char wanted[160], name[128];
	unsigned families = 0;
	view_make();
	metrics_write(&view, &out);
	for (const char *at = strstr(out.data, "# TYPE "); at != NULL; at = strstr(at + 1, "# TYPE ")) {
		CU_ASSERT_EQUAL_FATAL(sscanf(at, "# TYPE %127s", name), 1);
		snprintf(wanted, sizeof(wanted), "# TYPE %s ", name);
		CU_ASSERT_PTR_NULL(strstr(at + 1, wanted));
		families++;
	}
	CU_ASSERT_TRUE(families > (unsigned)RELAY_COUNTER_COUNT);
	buffer_free(&out);
}

UNIT("run/metrics", { "busy cycles become seconds", busy_cycles_become_seconds },
     { "without a clock rate nothing is divided", without_a_clock_rate_nothing_is_divided },
     { "each relay counter is a family in lower case", each_relay_counter_is_a_family_in_lower_case },
     { "drops carry their reason", drops_carry_their_reason },
     { "opens are told apart by side", opens_are_told_apart_by_side },
     { "an exception path is counted where there is one", an_exception_path_is_counted_where_there_is_one },
     { "a worker without TLS has no TLS samples", a_worker_without_tls_has_no_tls_samples },
     { "the budget sums workers and is exact at its bounds",
       the_budget_sums_workers_and_is_exact_at_its_bounds },
     { "every line is a sample of the family announced last",
       every_line_is_a_sample_of_the_family_announced_last },
     { "no family is announced twice", no_family_is_announced_twice })
