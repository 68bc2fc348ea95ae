/*
 * rss_choice.h - the local ports of pmd-config/rss.h as a stack asks for them: the two folders do not know each other.
 */
#ifndef WEIR_RUN_RSS_CHOICE_H
#define WEIR_RUN_RSS_CHOICE_H

#include "pmd-config/rss.h"
#include "tcp/tcp.h"

static inline uint32_t rss_choice_candidates(const void *ports, struct ip_addr local)
{
	return rss_candidates(ports, local);
}

static inline bool rss_choice_pick(const void *ports, struct ip_addr local, struct endpoint remote, uint32_t turn,
                                   uint32_t candidate, uint16_t *port)
{
	return rss_port_pick(ports, local, remote, turn, candidate, port);
}

static inline uint16_t rss_choice_owner(const void *ports, struct endpoint remote, struct endpoint local)
{
	return rss_queue_of(ports, remote, local);
}

/* `ports` outlive the stack. */
static inline struct tcp_port_choice rss_choice(const struct rss_ports *ports)
{
	return (struct tcp_port_choice){ .context = ports,
		                         .candidates = rss_choice_candidates,
		                         .pick = rss_choice_pick,
		                         .owner = rss_choice_owner };
}

#endif
