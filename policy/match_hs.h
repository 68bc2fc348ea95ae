/*
 * match_hs.h - the content rules through Hyperscan, streaming mode (not pure: links libhs, uses the
 * heap at launch).
 *
 * The database is compiled once and shared read-only; each worker has its own scratch and pool of
 * streams, made here at launch, so that scanning never allocates.
 */
#ifndef WEIR_POLICY_MATCH_HS_H
#define WEIR_POLICY_MATCH_HS_H

#include <stddef.h>

#include "policy/content.h"

struct match_hs_database;

/* NULL on failure with the reason in `error`. With no content rules the database is empty and
 * matches nothing. */
MUST_USE struct match_hs_database *match_hs_compile(const struct settings *settings, char *error,
						    size_t error_bytes);
void match_hs_database_free(struct match_hs_database *db);
/* One per worker. NULL: no memory. The database outlives it. */
MUST_USE struct content *match_hs_make(const struct match_hs_database *db, uint32_t streams_max);

#endif
