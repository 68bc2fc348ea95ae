/*
 * label.h - the names in our lists (RELAY counters, stages, drops) as they appear outside: in lower case.
 */
#ifndef WEIR_RUN_LABEL_H
#define WEIR_RUN_LABEL_H

#include <stddef.h>

#include "base/check.h"
#include "base/span.h"

struct label {
	char text[64];
};

/* Cut at 63 bytes, which no row of our lists has. */
static inline struct label label_of(const char *name)
{
	struct label l = { { 0 } };
	for (size_t i = 0; name[i] != '\0' && i + 1 < sizeof(l.text); i++)
		l.text[i] = (char)ascii_lower((uint8_t)name[i]);
	return l;
}

#endif
