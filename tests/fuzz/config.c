/*
 * config.c - fuzz target: the text of a configuration, through libconfig, loader and checks, into a
 * policy.
 *
 * What is accepted must be whole: every name set, every index in range, every domain findable.
 * Texts with an
 * @include are left out: they would read whatever file the fuzzer makes up a name for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "pmd-config/config_file.h"
#include "pmd-config/plan.h"
#include "policy/policy.h"

#define TEXT_BYTES_MAX 16384u
#define ARENA_BYTES    (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig's scanner forgets the text under construction when its parser meets a syntax error. */
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_\nleak:libconfig_yy\n";
}

static void must(bool fact)
{
	if (!fact)
		abort();
}

static void settings_are_whole(const struct settings *s)
{
	uint16_t lcores[PLAN_LCORES_MAX];
	uint32_t count = 0;
	must(s->hostname != NULL && s->dpdk.eal != NULL);
	must(plan_lcores_parse(span_of(s->workers.lcores, strlen(s->workers.lcores)), lcores,
			       &count));
	must(count == s->workers.count && count > 0);
	must(s->port_count >= 1 && s->listener_count >= 1 && s->route_count >= 1);
	for (uint32_t i = 0; i < s->port_count; i++)
		must(s->ports[i].name != NULL && s->ports[i].device != NULL &&
		     s->ports[i].address_count >= 1);
	for (uint32_t i = 0; i < s->listener_count; i++) {
		const struct settings_listener *l = &s->listeners[i];
		must(l->name != NULL && l->local.port != 0 && l->local.addr.family != IP_NONE);
		must(l->certificate < s->certificate_count ||
		     (l->certificate == UINT32_MAX && l->tls == SETTINGS_NEAR_OFF));
	}
	for (uint32_t i = 0; i < s->content_count; i++)
		must(s->content[i].name != NULL && s->content[i].literals.count >= 1 &&
		     s->content[i].verdict != 0);
}

static void policy_finds_every_domain(const struct settings *s)
{
	static uint64_t memory[ARENA_BYTES / sizeof(uint64_t)] __attribute__((aligned(64)));
	struct arena arena;
	arena_init(&arena, memory, sizeof(memory));
	struct policy *p = policy_make(&arena, s);
	must(p != NULL);
	for (uint32_t i = 0; i < s->route_count; i++) {
		for (uint32_t d = 0; d < s->routes[i].domains.count; d++) {
			uint8_t scratch[POLICY_SCRATCH_BYTES];
			const char *domain = s->routes[i].domains.items[d];
			struct policy_next next;
			if (domain[0] == '.' || domain[0] == '*')
				continue;
			policy_next_find(p, span_of(domain, strlen(domain)),
					 (struct room){ scratch, sizeof(scratch) }, &next);
			must(next.routed && next.route == &s->routes[i] && next.tls != NULL &&
			     next.level != 0);
			must(policy_judge_next(&next, NEXT_FACT_UNKNOWN).kind == VERDICT_DEFER);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_BYTES_MAX + 1], said[65536];
	if (size > TEXT_BYTES_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (strstr(text, "@include") != NULL)
		return 0;
	said[0] = '\0';
	FILE *errors = fmemopen(said, sizeof(said), "w");
	must(errors != NULL);
	struct config *c = config_load_text(text, "fuzz.conf", "/nonexistent", errors);
	(void)fclose(errors);
	must((c == NULL) == (said[0] != '\0'));
	if (c == NULL)
		return 0;
	settings_are_whole(config_settings(c));
	policy_finds_every_domain(config_settings(c));
	config_free(c);
	return 0;
}
