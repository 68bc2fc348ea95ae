/*
 * steer_test.c - which frames all workers must see.
 */
#include "run/steer.h"

#include <string.h>

#include "../unit.h"

#define ARP_BYTES 28u
#define IPV6_BYTES 40u

/* Ethernet, `tags` VLAN tags, `type`, then zeros; returns where the payload begins. */
static size_t frame_begin(uint8_t frame[128], unsigned tags, uint16_t type)
{
	size_t at = 12;
	memset(frame, 0, 128);
	for (unsigned i = 0; i < tags; i++) {
		frame[at++] = i == 0 && tags > 1 ? 0x88 : 0x81;
		frame[at++] = i == 0 && tags > 1 ? 0xa8 : 0x00;
		at += 2;
	}
	frame[at++] = (uint8_t)(type >> 8);
	frame[at++] = (uint8_t)type;
	return at;
}

static struct span arp(uint8_t frame[128], unsigned tags, uint8_t operation)
{
	size_t at = frame_begin(frame, tags, 0x0806);
	frame[at + 7] = operation;
	return span_of(frame, at + ARP_BYTES);
}

static struct span icmp6(uint8_t frame[128], unsigned tags, uint8_t next_header, uint8_t type)
{
	size_t at = frame_begin(frame, tags, 0x86dd);
	frame[at + 6] = next_header;
	frame[at + IPV6_BYTES] = type;
	return span_of(frame, at + IPV6_BYTES + 24);
}

static void an_arp_reply_is_news_with_and_without_tags(void)
{
	uint8_t frame[128];
	for (unsigned tags = 0; tags <= 1; tags++)
		CU_ASSERT_TRUE(frame_is_neighbour_news(arp(frame, tags, 2)));
}

static void an_arp_request_is_not(void)
{
	uint8_t frame[128];
	CU_ASSERT_FALSE(frame_is_neighbour_news(arp(frame, 0, 1)));
}

static void a_neighbour_advertisement_is_news_with_and_without_tags(void)
{
	uint8_t frame[128];
	for (unsigned tags = 0; tags <= 1; tags++)
		CU_ASSERT_TRUE(frame_is_neighbour_news(icmp6(frame, tags, 58, 136)));
}

static void a_solicitation_an_echo_and_tcp_are_not(void)
{
	uint8_t frame[128];
	CU_ASSERT_FALSE(frame_is_neighbour_news(icmp6(frame, 0, 58, 135)));
	CU_ASSERT_FALSE(frame_is_neighbour_news(icmp6(frame, 0, 58, 128)));
	CU_ASSERT_FALSE(frame_is_neighbour_news(icmp6(frame, 0, 6, 136)));
}

static void two_tags_are_not_looked_behind(void)
{
	uint8_t frame[128];
	CU_ASSERT_FALSE(frame_is_neighbour_news(arp(frame, 2, 2)));
}

static void a_frame_cut_anywhere_before_its_news_is_none(void)
{
	uint8_t frame[128];
	struct span whole = arp(frame, 1, 2);
	for (size_t bytes = 0; bytes < 12 + 4 + 2 + 8; bytes++)
		CU_ASSERT_FALSE(frame_is_neighbour_news(span_head(whole, bytes)));
	whole = icmp6(frame, 0, 58, 136);
	for (size_t bytes = 0; bytes <= 12 + 2 + IPV6_BYTES; bytes++)
		CU_ASSERT_FALSE(frame_is_neighbour_news(span_head(whole, bytes)));
}

UNIT("run/steer", { "an ARP reply is news, with and without tags", an_arp_reply_is_news_with_and_without_tags },
     { "an ARP request is not", an_arp_request_is_not },
     { "a neighbour advertisement is news, with and without tags",
       a_neighbour_advertisement_is_news_with_and_without_tags },
     { "a solicitation, an echo and TCP are not", a_solicitation_an_echo_and_tcp_are_not },
     { "two tags are not looked behind", two_tags_are_not_looked_behind },
     { "a frame cut anywhere before its news is none", a_frame_cut_anywhere_before_its_news_is_none })
