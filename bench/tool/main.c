/*
 * main.c - weir-bench: its commands. run and send are here; report, compare and micro are programs of
 * their own that this one becomes, as git does.
 *
 * As weir-gen it is `weir-bench send`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/tool/letters.h"
#include "bench/tool/run.h"
#include "bench/tool/scenario.h"
#include "bench/tool/self_signed.h"

#define STATUS_USAGE 2
#define STATUS_INVALID 3
#define PATH_BYTES 4096u

static int command_run(int argc, char **argv);
static int command_send(int argc, char **argv);
static int command_settings(int argc, char **argv);
static int command_other(int argc, char **argv);
static int command_help(int argc, char **argv);

static const struct {
	const char *name, *arguments, *what;
	int (*function)(int argc, char **argv);
} commands[] = {
	{ "run", "SCENARIO.conf [OPTION]...", "run a scenario; options after it win", command_run },
	{ "send", "[OPTION]...", "the same from options alone", command_send },
	{ "settings", "", "the manual of scenario files", command_settings },
	{ "report", "FILE.json... [-o FILE.html]", "make the page of a run, or of a comparison",
	  command_other },
	{ "compare", "[OPTION]...", "weir beside other mail servers, by the same scenario", command_other },
	{ "micro", "[NAME]...", "what single steps of the engine cost", command_other },
	{ "help", "[options]", "this text, or the list of options", command_help },
};

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	name = name != NULL ? name + 1 : argv[0];
	if (strcmp(name, "weir-gen") == 0)
		return command_send(argc, argv);
	for (size_t i = 0; argc > 1 && i < COUNT_OF(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].function(argc - 1, argv + 1);
	command_help(0, NULL);
	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		return EXIT_SUCCESS;
	if (argc > 1)
		fprintf(stderr, "weir-bench: there is no command \"%s\"\n", argv[1]);
	return STATUS_USAGE;
}

/* ---- run and send ---- */

static int perform(struct gen_options *o)
{
	static struct report report;
	static struct run run;
	if (!run_start(&run, o, &report))
		return EXIT_FAILURE;
	run_finish(&run);
	self_signed_remove();
	report_judge(o, &report);
	report_table(stdout, o, &report);
	fflush(stdout);
	bool written = o->json == NULL || report_json(o->json, o, &report);
	if (!written)
		fprintf(stderr, "weir-bench: %s cannot be written\n", o->json);
	run_free(&run);
	if (!report.accounted || !written)
		return EXIT_FAILURE;
	return o->scenario != NULL && !report.valid ? STATUS_INVALID : EXIT_SUCCESS;
}

/* The page is another program's work, out of the JSON file. */
static int page(const struct gen_options *o, int status)
{
	char report[] = "report", to[] = "-o";
	char *words[] = { report, (void *)(uintptr_t)o->json, to, (void *)(uintptr_t)o->html, NULL };
	pid_t child = fork();
	if (child == 0)
		_exit(command_other(4, words));
	int how = 1;
	if (child > 0 && waitpid(child, &how, 0) == child && how == 0)
		return status;
	fprintf(stderr, "weir-bench: %s could not be made\n", o->html);
	return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

static int go(struct gen_options *o)
{
	static char json[PATH_BYTES];
	char error[512] = "";
	if (o->html != NULL && o->json == NULL) {
		snprintf(json, sizeof(json), "%s.json", o->html);
		o->json = json;
	}
	bool good = gen_options_conclude(o, error, sizeof(error));
	if (good && o->source != NULL)
		good = letters_load(o->source, &o->config.mix, error, sizeof(error));
	if (!good) {
		self_signed_remove();
		fprintf(stderr, "weir-bench: %s\n", error);
		return STATUS_USAGE;
	}
	int status = perform(o);
	return o->html != NULL ? page(o, status) : status;
}

static int command_send(int argc, char **argv)
{
	static struct gen_options o;
	char error[GEN_OPTIONS_ERROR_BYTES];
	gen_options_defaults(&o);
	if (!gen_options_parse(argc, argv, &o, error, sizeof(error))) {
		fprintf(stderr, "weir-bench send: %s\n", error);
		return STATUS_USAGE;
	}
	if (!o.help)
		return go(&o);
	printf("weir-bench send [OPTION]...\n\n");
	gen_options_list();
	return EXIT_SUCCESS;
}

static int command_run(int argc, char **argv)
{
	static struct gen_options o;
	char error[GEN_OPTIONS_ERROR_BYTES];
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "weir-bench run: which scenario? weir-bench run SCENARIO.conf [OPTION]...\n");
		return STATUS_USAGE;
	}
	struct scenario_file *file = scenario_load(argv[1], stderr);
	if (file == NULL)
		return STATUS_USAGE;
	gen_options_defaults(&o);
	scenario_apply(scenario_of(file), &o);
	o.scenario_path = argv[1];
	bool good = gen_options_parse(argc - 1, argv + 1, &o, error, sizeof(error));
	if (!good)
		fprintf(stderr, "weir-bench run: %s\n", error);
	if (good && !self_signed_provide(&o)) {
		fprintf(stderr, "weir-bench run: no certificate for the sinks could be made\n");
		good = false;
	}
	o.argc = argc;
	o.argv = argv;
	int status = good ? go(&o) : STATUS_USAGE;
	scenario_free(file);
	return status;
}

/* ---- the others ---- */

static int command_settings(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	scenario_manual(stdout);
	return EXIT_SUCCESS;
}

static int command_help(int argc, char **argv)
{
	printf("weir-bench: mail traffic through any mail system, and what it measured\n\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		printf("  weir-bench %-8s %-30s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].what);
	printf("\nExit status: 0 every message is accounted for; 1 not, or something could not be started;\n"
	       "2 the command line or the scenario is wrong; 3 accounted for, but the generator was too\n"
	       "busy for its timings to be trusted.\n");
	if (argc > 1 && strcmp(argv[1], "options") == 0) {
		printf("\n");
		gen_options_list();
	}
	return EXIT_SUCCESS;
}

/* weir-bench-NAME: where WEIR_BENCH_PROGRAMS says, beside this program, where it was installed, or in
 * the source tree that it was built from. */
static int command_other(int argc, char **argv)
{
	char own[PATH_BYTES] = "", path[PATH_BYTES + 64];
	ssize_t bytes = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash = bytes > 0 ? strrchr(own, '/') : NULL;
	if (slash != NULL)
		*slash = 0;
	const char *const folders[] = { getenv("WEIR_BENCH_PROGRAMS"), own, WEIR_BENCH_LIBEXEC,
		                        WEIR_BENCH_SOURCES };
	(void)argc;
	if (setenv("WEIR_BENCH", own, 0) != 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		if (folders[i] == NULL || folders[i][0] == 0)
			continue;
		snprintf(path, sizeof(path), "%s/weir-bench-%s", folders[i], argv[0]);
		if (access(path, X_OK) == 0)
			execv(path, argv);
	}
	fprintf(stderr, "weir-bench: there is no program weir-bench-%s\n", argv[0]);
	return EXIT_FAILURE;
}
