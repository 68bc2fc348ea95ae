/*
 * config_text.h - for tests of what the loader says of a text: loading it, and looking at what was said.
 */
#ifndef WEIR_TESTS_CONFIG_TEXT_H
#define WEIR_TESTS_CONFIG_TEXT_H

#include <stdio.h>
#include <string.h>

#include "pmd-config/config_file.h"

#define CERTIFICATES "certificates = ( { name = \"mx\"; chain = \"a\"; key = \"b\"; } );\n"
#define LISTENERS \
	"listeners = ( { name = \"in\"; address = \"198.18.0.2\"; certificate = \"mx\"; } );\n"
#define ROUTES "routes = ( { domains = [ \"*\" ]; next = [ \"198.18.0.1:25\" ]; } );\n"

static char said[16384]; /* what the loader wrote */

static inline struct config *load_in(const char *text, const char *folder)
{
	FILE *errors = fmemopen(said, sizeof(said), "w");
	said[0] = '\0';
	struct config *c = config_load_text(text, "weir.conf", folder, errors);
	fclose(errors);
	return c;
}

static inline struct config *load(const char *text)
{
	return load_in(text, "/etc/weir");
}

/* Is the text refused, and does every part stand in what was said? */
static inline bool refused(const char *text, const char *part)
{
	struct config *c = load(text);
	bool is = c == NULL && strstr(said, part) != NULL;
	if (!is)
		fprintf(stderr, "%s: expected \"%s\", said:\n%s\n",
			c == NULL ? "refused" : "accepted", part, said);
	config_free(c);
	return is;
}

static inline uint32_t lines_said(void)
{
	uint32_t lines = 0;
	for (const char *p = said; *p != '\0'; p++)
		lines += *p == '\n';
	return lines;
}

#endif
