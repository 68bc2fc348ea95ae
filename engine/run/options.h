/*
 * options.h - the command line. Parsing is a function of argv alone.
 */
#ifndef WEIR_RUN_OPTIONS_H
#define WEIR_RUN_OPTIONS_H

#define EXIT_CONFIGURATION 78 /* EX_CONFIG of sysexits.h */
#define OPTIONS_CONFIG_DEFAULT "/etc/weir/weir.conf"

enum options_action {
	OPTIONS_RUN = 1,
	OPTIONS_TEST,     /* -t */
	OPTIONS_SHOW,     /* -T: test, and print the settings in effect */
	OPTIONS_VERSION,  /* -V */
	OPTIONS_SETTINGS, /* --settings */
	OPTIONS_HELP,     /* -h */
	OPTIONS_WRONG,    /* see wrong */
};

struct options {
	enum options_action action;
	const char *config;
	const char *wrong; /* the argument that was not understood; "" with OPTIONS_WRONG: one is missing */
};

void options_parse(int argc, char *const *argv, struct options *options);
const char *options_help(void);

#endif
