/*
 * steer.h - which workers must see a received frame, when several share a port. Pure functions of the frame.
 */
#ifndef WEIR_RUN_STEER_H
#define WEIR_RUN_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* An ARP reply or a neighbour advertisement: it answers one worker's question, but the device brought it to
 * whichever queue it liked, so that all workers get it. Looks behind a VLAN tag. */
bool frame_is_neighbour_news(struct span frame);

#endif
