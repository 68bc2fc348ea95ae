/*
 * profile.h - what is known of each driver beforehand: the rows of profiles.def (pure).
 */
#ifndef WEIR_PMD_CONFIG_PROFILE_H
#define WEIR_PMD_CONFIG_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "pmd-config/plan.h"

struct profile {
	const char *driver; /* the beginning of the driver's name */
	bool vdev;
	enum plan_steering steering;
	const char *queue_argument; /* "": none */
	uint16_t descriptors;
	bool joins; /* segments, if the port can (LRO) */
	bool partial; /* "no checksum" is said of frames that need none, not of those that nobody verified */
	const char *needs; /* why there cannot be more workers */
};

/* By the driver's name or a device text ("net_af_packet0,iface=eth1"). Of an unknown driver: the
 * last row, a physical port like any other. Never NULL. */
const struct profile *profile_find(struct span driver_or_device);
/* "0000:01:00.0" or "01:00.0" (with or without arguments behind a comma)? */
bool device_is_pci(struct span device);
/* The value of "name=" among a device's arguments. False: it is not there. */
bool device_argument(struct span device, struct span name, struct span *value);

#endif
