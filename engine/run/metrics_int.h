/*
 * metrics_int.h - what the two files of the exposition share: metrics.c (process, loops, mail, TLS, memory, budget) and
 * metrics_net.c (ports and TCP).
 */
#ifndef WEIR_RUN_METRICS_INT_H
#define WEIR_RUN_METRICS_INT_H

#include <stddef.h>
#include <stdint.h>

#include "run/buffer.h"
#include "run/view.h"

/* HELP and TYPE of the family whose samples follow. */
void metrics_family(struct buffer *out, const char *name, const char *type, const char *help);

struct member { /* a counter inside a struct */
	const char *labels; /* with its braces and commas, behind what all samples of the family have */
	size_t offset;
};

static inline uint64_t member_read(const void *object, size_t offset)
{
	return view_read((const uint64_t *)(const void *)((const char *)object + offset));
}

void metrics_nic(const struct view *v, struct buffer *out);
void metrics_exception(const struct view *v, struct buffer *out);
void metrics_tcp(const struct view *v, struct buffer *out);

#endif
