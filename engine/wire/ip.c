/*
 * ip.c - see ip.h.
 */
#include "wire/ip.h"

static bool all_zero(const uint8_t *p, unsigned bytes)
{
	unsigned any = 0;
	for (unsigned i = 0; i < bytes; i++)
		any |= p[i];
	return any == 0;
}

bool ip_is_multicast(struct ip_addr a)
{
	if (a.family == IP_V4)
		return (a.bytes[0] & 0xf0) == 0xe0;
	return a.bytes[0] == 0xff;
}

bool ip_source_plausible(struct ip_addr a)
{
	if (a.family == IP_V4) /* 0/8, 127/8, class D and E with broadcast */
		return a.bytes[0] != 0 && a.bytes[0] != 127 && a.bytes[0] < 0xe0;
	if (a.bytes[0] == 0xff)
		return false;
	return !(all_zero(a.bytes, 15) && a.bytes[15] <= 1); /* :: and ::1 */
}
