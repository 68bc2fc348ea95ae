/*
 * tls_failure.c - the names of TLS failures, for logs, metrics and test messages. Pure.
 */
#include "crypto-offload/tls.h"

static const char *const names[] = {
#define FAILURE(enumerator, name) [TLS_FAILURE_##enumerator] = name,
#include "crypto-offload/tls_failures.def"
#undef FAILURE
};

_Static_assert(COUNT_OF(names) == TLS_FAILURE_COUNT, "a name for every failure");

const char *tls_failure_name(enum tls_failure failure)
{
	CHECK((unsigned)failure < TLS_FAILURE_COUNT);
	return names[failure];
}
