/*
 * inspect.c - what others may see of connections: copies of their black boxes and numbers, on request or when one
 * ends in disorder. Nothing here changes a connection.
 *
 * Not on a byte's path.
 */
#include "tcp/stack_int.h"

static struct black_box_record record_of(const struct tcp_stack *s, const struct conn *c)
{
	struct black_box_record r = {
		.id = slab_handle(&s->conns, c),
		.local = { .addr = stack_addr(s, c->local), .port = c->local_port },
		.remote = { .addr = c->remote, .port = c->remote_port },
		.last = s->now,
		.state = c->state,
		.why = c->why,
		.send_shift = c->snd_shift,
		.receive_shift = c->rcv_shift,
	};
	const struct black_box *ring = black_box_of(&s->boxes, &c->head);
	if (ring != NULL)
		black_box_copy(ring, &r);
	return r;
}

bool tcp_inspect(const struct tcp_stack *s, struct handle id, struct black_box_record *record,
                 struct tcp_info *info)
{
	const struct conn *c = slab_get(&s->conns, id);
	if (c == NULL)
		return false;
	*record = record_of(s, c);
	conn_info(s, c, info);
	return true;
}

static struct tcp_row row_of(const struct tcp_stack *s, const struct conn *c, uint32_t now_ms)
{
	return (struct tcp_row){ .id = slab_handle(&s->conns, c),
		                 .local = { .addr = stack_addr(s, c->local), .port = c->local_port },
		                 .remote = { .addr = c->remote, .port = c->remote_port },
		                 .state = conn_state_name((enum conn_state)c->state),
		                 .age_ms = now_ms - c->born_ms,
		                 .quiet_ms = now_ms - c->heard_ms,
		                 .unread_bytes = (uint32_t)byteq_bytes(&c->rx),
		                 .unacked_bytes = c->tx_known };
}

uint32_t tcp_rows(const struct tcp_stack *s, uint32_t *slot, uint32_t slots_max, struct tcp_row *rows,
                  uint32_t rows_max, struct instant now)
{
	uint32_t count = 0;
	for (uint32_t seen = 0; seen < slots_max && *slot < s->conns.count && count < rows_max; seen++) {
		const struct conn *c = stack_conn_at(s, *slot);
		if (c->head.magic == s->conns.magic)
			rows[count++] = row_of(s, c, (uint32_t)(now.us / MS_US));
		(*slot)++;
	}
	return count;
}

uint32_t tcp_slots(const struct tcp_stack *s)
{
	return s->conns.count;
}

/* ---- the end of a connection ---- */

static bool worth_telling(const struct tcp_stack *s, const struct conn *c)
{
	const struct black_box *ring = black_box_of(&s->boxes, &c->head);
	bool opened = c->state != CONN_SYN_RECEIVED || (c->flags & CONN_PASSIVE) == 0;
	if (!s->config.black_boxes_told || ring == NULL || !opened)
		return false;
	return c->why != TCP_CLOSE_DONE &&
	       ring->entries[(ring->count - 1) % BLACK_BOX_ENTRIES].mark != BLACK_BOX_ABORTED;
}

void inspect_ended(struct tcp_stack *s, struct conn *c, struct instant now)
{
	bool told = worth_telling(s, c);
	stack_note(s, c, BLACK_BOX_CLOSED, now)->detail = c->why;
	if (!told)
		return;
	struct black_box_record *r = black_box_push(&s->boxes, now);
	if (r == NULL) {
		s->counters.black_boxes_lost++;
		return;
	}
	s->counters.black_boxes++;
	*r = record_of(s, c);
}

bool tcp_black_box_next(struct tcp_stack *s, struct black_box_record *record)
{
	return black_box_pull(&s->boxes, record);
}
