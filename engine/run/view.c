/*
 * view.c - sums over the workers. See view.h.
 */
#include "run/view.h"

void view_budget(const struct view *view, enum relay_stage stage, struct histogram *sum)
{
	*sum = (struct histogram){ .count = 0 };
	for (uint32_t i = 0; i < view->worker_count; i++)
		histogram_merge(sum, view->workers[i].budget[stage]);
}

struct label view_stage_name(enum relay_stage stage)
{
	return label_of(stage == RELAY_STAGE_COUNT ? "message" : relay_stage_name(stage));
}
