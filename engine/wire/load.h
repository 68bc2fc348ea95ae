/*
 * load.h - big-endian integers out of bytes whose length was already checked.
 *
 * Only for bytes that a reader_take() or a length test vouched for: a parser takes a whole fixed
 * header once and then picks its fields from known offsets. Nothing here looks at a length.
 */
#ifndef WEIR_WIRE_LOAD_H
#define WEIR_WIRE_LOAD_H

#include <stdint.h>

static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
