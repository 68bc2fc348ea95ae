/*
 * tcp_options.c - fuzz target: the bytes between a TCP header and its payload.
 */
#include <stdlib.h>

#include "wire/tcp_seg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcp_options o;
	size_t bytes = size < TCP_OPTION_BYTES_MAX ? size : TCP_OPTION_BYTES_MAX;
	(void)!tcp_options_parse(span_of(data, bytes), &o);
	if (o.shift > TCP_SHIFT_MAX || o.sack_count > TCP_SACK_BLOCKS_MAX)
		abort();
	return 0;
}
