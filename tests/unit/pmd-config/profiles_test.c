/*
 * profiles_test.c - each ready-made profile is a configuration that is accepted, and starts the
 * device it names; and so is the configuration that README.md shows.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "pmd-config/config_file.h"
#include "pmd-config/eal_args.h"
#include "tests/unit/unit.h"

static char said[8192], path[2048];

/* Tests run at the top of the source tree, unless told where it is. */
static void profile_path(const char *name)
{
	const char *top = getenv("WEIR_SOURCE_ROOT");
	snprintf(path, sizeof(path), "%s/pmd-config/profiles/%s", top != NULL ? top : ".", name);
}

static struct config *load(const char *name)
{
	FILE *errors = fmemopen(said, sizeof(said), "w");
	said[0] = '\0';
	profile_path(name);
	struct config *c = config_load(path, errors);
	fclose(errors);
	if (c == NULL)
		fprintf(stderr, "%s", said);
	return c;
}

static void arguments_hold(const struct settings *s, const char *expected)
{
	static const uint16_t cpus[] = { 0, 1, 2, 3, 4 };
	static struct eal_args args;
	struct text why = text_of(said, sizeof(said));
	struct eal_want want = { .program = "weir",
				 .file_prefix = "weir",
				 .lcores = s->workers.lcores,
				 .cpu_count = 5,
				 .cpus = cpus,
				 .port_count = s->port_count,
				 .words = s->dpdk.eal };
	for (uint32_t i = 0; i < s->port_count; i++)
		want.ports[i] = (struct plan_port_want){ .name = s->ports[i].name,
							 .device = s->ports[i].device,
							 .mtu = s->ports[i].mtu };
	CU_ASSERT_TRUE_FATAL(eal_args_make(&want, &args, &why));
	bool found = false;
	for (uint32_t i = 0; i < args.count; i++)
		found = found || strcmp(args.argv[i], expected) == 0;
	CU_ASSERT_TRUE(found);
}

static void each_profile_starts_its_device(void)
{
	static const struct {
		const char *name, *argument;
		uint32_t workers;
	} profiles[] = {
		{ "af_packet.conf", "--vdev=net_af_packet0,iface=eth1", 1 },
		{ "af_xdp.conf", "--vdev=net_af_xdp0,iface=eth1", 1 },
		{ "memif.conf",
		  "--vdev=net_memif0,role=server,socket=/run/weir/memif.sock,socket-abstract=no",
		  2 },
		{ "tap.conf", "--vdev=net_tap0,iface=weir0", 1 },
		{ "nic.conf", "--allow=0000:01:00.0", 4 },
	};
	for (size_t i = 0; i < COUNT_OF(profiles); i++) {
		struct config *c = load(profiles[i].name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		CU_ASSERT_EQUAL(config_settings(c)->workers.count, profiles[i].workers);
		arguments_hold(config_settings(c), profiles[i].argument);
		config_free(c);
	}
}

static void every_file_of_the_folder_is_accepted(void)
{
	profile_path("");
	DIR *folder = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
	int files = 0;
	for (struct dirent *d = readdir(folder); d != NULL; d = readdir(folder)) {
		if (strstr(d->d_name, ".conf") == NULL)
			continue;
		struct config *c = load(d->d_name);
		CU_ASSERT_PTR_NOT_NULL(c);
		config_free(c);
		files++;
	}
	closedir(folder);
	CU_ASSERT_EQUAL(files, 5);
}

/* The indented lines from "workers" to "log". */
static void what_the_readme_shows_is_accepted(void)
{
	char line[512], text[8192] = "";
	struct text t = text_of(text, sizeof(text));
	const char *top = getenv("WEIR_SOURCE_ROOT");
	bool inside = false;
	snprintf(path, sizeof(path), "%s/README.md", top != NULL ? top : ".");
	FILE *readme = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(readme);
	while (fgets(line, sizeof(line), readme) != NULL) {
		inside = inside || strncmp(line, "\tworkers", 8) == 0;
		if (inside)
			text_str(&t, line);
		inside = inside && strncmp(line, "\tlog", 4) != 0;
	}
	fclose(readme);
	CU_ASSERT_FALSE(t.cut);
	FILE *errors = fmemopen(said, sizeof(said), "w");
	struct config *c = config_load_text(text, "README.md", "", errors);
	fclose(errors);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(config_settings(c)->workers.count, 3);
	config_free(c);
}

UNIT("pmd-config/profiles", { "each profile starts its device", each_profile_starts_its_device },
     { "every file of the folder is accepted", every_file_of_the_folder_is_accepted },
     { "what README.md shows is accepted", what_the_readme_shows_is_accepted })
