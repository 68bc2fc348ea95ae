/*
 * main.c - weir's command: options -> checked configuration -> launch -> control -> exit status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "crypto-offload/tls_openssl.h"
#include "pmd-config/config_file.h"
#include "policy/settings_table.h"
#include "run/control.h"
#include "run/crash.h"
#include "run/engine.h"
#include "run/launch.h"
#include "run/launch_check.h"
#include "run/log.h"
#include "run/options.h"
#include "run/settings_show.h"

#ifndef WEIR_VERSION /* the build defines it */
#define WEIR_VERSION "unversioned"
#endif

static int manual_print(void)
{
	char *page = malloc(SETTINGS_MANUAL_BYTES);
	if (page == NULL)
		return EXIT_FAILURE;
	struct text t = text_of(page, SETTINGS_MANUAL_BYTES);
	settings_manual(&t);
	fputs(page, stdout);
	free(page);
	return EXIT_SUCCESS;
}

static int config_test(const struct config *config, const struct options *options)
{
	struct buffer page = { .data = NULL };
	if (options->action == OPTIONS_SHOW) {
		settings_show(config_settings(config), &page);
		if (page.used > 0)
			fputs(page.data, stdout);
		buffer_free(&page);
	}
	fprintf(stderr, "%s: the configuration is good\n", options->config);
	return EXIT_SUCCESS;
}

/* Keys and plaintext are in our memory: nobody may read it, and no core file may hold it. */
static void memory_hide(void)
{
	const struct rlimit none = { 0, 0 };
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
}

static int engine_run(const struct config *config)
{
	char error[512];
	struct engine *e = calloc(1, sizeof(*e));
	if (e == NULL)
		return EXIT_FAILURE;
	e->version = WEIR_VERSION;
	memory_hide();
	control_signals_block();
	crash_install();
	e->log = log_open(config_settings(config)->log.file, error, sizeof(error));
	if (e->log == NULL) {
		fprintf(stderr, "weir: %s\n", error);
		free(e);
		return EXIT_FAILURE;
	}
	enum launch_outcome outcome = launch_start(e, config, stderr);
	int status = outcome == LAUNCH_REFUSED ? EXIT_CONFIGURATION : EXIT_FAILURE;
	if (outcome == LAUNCH_RUNNING) {
		status = control_run(e);
		launch_stop(e);
		fprintf(stderr, "weir: stopped\n");
	}
	log_close(e->log);
	free(e);
	return status;
}

static int config_use(const struct options *options)
{
	/* First of all, since it must come before OpenSSL's first allocation. */
	if (!tls_openssl_wiping_install())
		fprintf(stderr, "weir: OpenSSL was in use before us: TLS buffers are wiped the slow way\n");
	struct config *config = config_examine(options->config, stderr);
	if (config == NULL)
		return EXIT_CONFIGURATION;
	launch_check(config);
	int status = EXIT_CONFIGURATION;
	if (config_report(config, stderr))
		status = options->action == OPTIONS_RUN ? engine_run(config) :
							  config_test(config, options);
	config_free(config);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	options_parse(argc, argv, &options);
	switch (options.action) {
	case OPTIONS_RUN:
	case OPTIONS_TEST:
	case OPTIONS_SHOW:
		return config_use(&options);
	case OPTIONS_VERSION:
		printf("weir %s\n", WEIR_VERSION);
		return EXIT_SUCCESS;
	case OPTIONS_SETTINGS:
		return manual_print();
	case OPTIONS_HELP:
		fputs(options_help(), stdout);
		return EXIT_SUCCESS;
	case OPTIONS_WRONG:
		break;
	}
	if (options.wrong[0] == '\0')
		fprintf(stderr, "weir: -c needs a file; weir --help\n");
	else
		fprintf(stderr, "weir: %s is no option of weir; weir --help\n", options.wrong);
	return EXIT_CONFIGURATION;
}
