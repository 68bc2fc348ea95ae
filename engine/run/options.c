/*
 * options.c - the command line and its manual. See options.h.
 *
 * Written by hand: there are seven options, and getopt keeps its place in globals.
 */
#include "run/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"

static const struct {
	const char *brief, *full;
	enum options_action action;
} switches[] = {
	{ "-t", "--test", OPTIONS_TEST },       { "-T", "--show", OPTIONS_SHOW },
	{ "-V", "--version", OPTIONS_VERSION }, { "--settings", "--settings", OPTIONS_SETTINGS },
	{ "-h", "--help", OPTIONS_HELP },
};

static enum options_action switch_find(const char *argument)
{
	for (size_t i = 0; i < COUNT_OF(switches); i++)
		if (strcmp(argument, switches[i].brief) == 0 || strcmp(argument, switches[i].full) == 0)
			return switches[i].action;
	return OPTIONS_WRONG;
}

/* "-c FILE", "-cFILE", "--config FILE", "--config=FILE". True when argv[*at] was one of them. */
static bool config_take(int argc, char *const *argv, int *at, const char **config)
{
	const char *argument = argv[*at];
	if (strncmp(argument, "--config=", 9) == 0) {
		*config = argument + 9;
	} else if (strcmp(argument, "-c") == 0 || strcmp(argument, "--config") == 0) {
		*config = *at + 1 < argc ? argv[++*at] : "";
	} else if (strncmp(argument, "-c", 2) == 0) {
		*config = argument + 2;
	} else {
		return false;
	}
	return true;
}

void options_parse(int argc, char *const *argv, struct options *options)
{
	*options = (struct options){ .action = OPTIONS_RUN, .config = OPTIONS_CONFIG_DEFAULT };
	for (int i = 1; i < argc; i++) {
		if (config_take(argc, argv, &i, &options->config)) {
			if (options->config[0] != '\0')
				continue;
			*options = (struct options){ .action = OPTIONS_WRONG, .wrong = "" };
			return;
		}
		enum options_action action = switch_find(argv[i]);
		options->action = action;
		if (action == OPTIONS_WRONG) {
			options->wrong = argv[i];
			return;
		}
		if (action == OPTIONS_HELP)
			return;
	}
}

const char *options_help(void)
{
	return "NAME\n"
	       "    weir - inline inspection of SMTP over TLS, on DPDK\n"
	       "SYNOPSIS\n"
	       "    weir [-c FILE]            run\n"
	       "    weir -t|-T [-c FILE]      check the configuration and end\n"
	       "    weir -V | --settings | -h\n"
	       "DESCRIPTION\n"
	       "    Accepts mail on its own TCP/IP stack, opens a second connection to the next\n"
	       "    hop, inspects the message as it flows, and answers 250 only because the next\n"
	       "    hop did. Ports, addresses, routes and rules are in the configuration.\n"
	       "OPTIONS\n"
	       "    -c, --config FILE  the configuration (" OPTIONS_CONFIG_DEFAULT ")\n"
	       "    -t, --test         check it, certificates and content rules too: a mistake\n"
	       "                       is told as FILE:LINE: SETTING: what is wrong\n"
	       "    -T, --show         the same, and print all settings in effect\n"
	       "    -V, --version      print the version\n"
	       "    --settings         print the manual of all settings\n"
	       "    -h, --help         print this page\n"
	       "SIGNALS\n"
	       "    TERM, INT          take no sessions, let transactions end (at most 30 s);\n"
	       "                       a second one stops at once\n"
	       "    HUP, USR1          reopen the log\n"
	       "EXIT STATUS\n"
	       "    0   stopped when asked to, or the configuration is good\n"
	       "    1   could not start or go on: memory, devices, log file\n"
	       "    78  the command line or the configuration is wrong; nothing was started\n"
	       "FILES\n"
	       "    metrics.listen answers HTTP: /metrics (Prometheus), /healthz\n"
	       "    /run/dpdk/weir-PID/dpdk_telemetry.v2 answers /weir/workers, /weir/relay,\n"
	       "    /weir/tcp and /weir/budget (dpdk-telemetry.py -f weir-PID; weir alone where\n"
	       "    dpdk.secondary is on);\n"
	       "    weirctl asks it for single connections\n";
}
