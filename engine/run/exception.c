/*
 * exception.c - see exception.h.
 */
#include "run/exception.h"

#include "run/steer.h"

void exception_init(struct exception *x, const struct tcp_config *config, struct port_queue *tap, uint32_t per_second)
{
	const struct instant start = { 0 };
	uint32_t depth = per_second / EXCEPTION_BURST_SHARE;
	if (depth < EXCEPTION_BURST_MIN)
		depth = EXCEPTION_BURST_MIN;
	*x = (struct exception){ .config = config, .tap = tap };
	bucket_init(&x->in, per_second, depth, start);
	bucket_init(&x->out, per_second, depth, start);
}

static void to_kernel(struct exception *x, struct port_queue *q, uint32_t index)
{
	if (!port_forward(q, index, x->tap))
		x->counters.in_full++; /* whether the others are taken shows when they are offered */
}

/* By way of the first worker. News of neighbours it gets from us anyway, as all workers do. */
static void to_first_worker(struct exception *x, struct port_queue *q, uint32_t index, enum tcp_share share)
{
	x->counters.in_handed++;
	if (share == TCP_SHARE_KERNEL)
		port_hand_over(q, index, 0, PORT_HOPS_NONE + 1);
	else
		port_copy_over(q, index, 0);
}

bool exception_input(struct exception *x, struct port_queue *q, uint32_t index, struct span frame, struct instant now)
{
	enum tcp_share share = tcp_frame_share(frame, x->config);
	if (share == TCP_SHARE_OURS)
		return false;
	bool first = x->tap != NULL;
	if (!first && (port_hops(q, index) > PORT_HOPS_NONE || frame_is_neighbour_news(frame)))
		return false;
	if (!bucket_take(&x->in, now))
		x->counters.in_limited++;
	else if (first)
		to_kernel(x, q, index);
	else
		to_first_worker(x, q, index, share);
	return share == TCP_SHARE_KERNEL;
}

static void from_kernel(struct exception *x, uint32_t index, struct span frame, struct port_queue *q)
{
	if (!tcp_frame_may_leave(frame, x->config))
		x->counters.out_ours++;
	else if (port_forward(x->tap, index, q))
		x->counters.out_passed++;
	else
		x->counters.out_full++;
}

bool exception_turn(struct exception *x, struct port_queue *q, struct instant now)
{
	struct tcp_frame frames[PORT_BURST];
	if (x->tap == NULL)
		return false;
	uint32_t refused = 0;
	x->counters.in_passed += port_tx_offer(x->tap, &refused);
	x->counters.in_full += refused;
	if (!bucket_has(&x->out, now))
		return false;
	uint32_t count = port_rx(x->tap, frames);
	for (uint32_t i = 0; i < count; i++)
		from_kernel(x, i, frames[i].head, q);
	bucket_spend(&x->out, count);
	return count > 0;
}
