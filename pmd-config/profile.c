/*
 * profile.c - drivers by name, and the texts that name devices. See profile.h.
 */
#include "pmd-config/profile.h"

#define VDEV true
#define PCI  false
#define JOINS true
#define APART false
#define PARTIAL true
#define WHOLE false
static const struct profile profiles[] = {
#define PROFILE(driver_, kind_, steering_, queue_argument_, descriptors_, joining_, sums_, needs_) \
	{ .driver = driver_,                                                                \
	  .vdev = kind_,                                                                    \
	  .steering = PLAN_STEER_##steering_,                                               \
	  .queue_argument = queue_argument_,                                                \
	  .descriptors = descriptors_,                                                      \
	  .joins = joining_,                                                                \
	  .partial = sums_,                                                                 \
	  .needs = needs_ },
#include "pmd-config/profiles.def"
#undef PROFILE
};

static bool starts_with(struct span s, const char *prefix)
{
	size_t bytes = 0;
	while (prefix[bytes] != '\0')
		bytes++;
	return s.bytes >= bytes && memcmp(s.data, prefix, bytes) == 0;
}

const struct profile *profile_find(struct span driver_or_device)
{
	for (size_t i = 0; i < COUNT_OF(profiles); i++)
		if (starts_with(driver_or_device, profiles[i].driver))
			return &profiles[i];
	return &profiles[COUNT_OF(profiles) - 1];
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

/* Does the text look like "x" where each 'h' stands for a hexadecimal digit? */
static bool looks_like(struct span s, struct span pattern)
{
	if (s.bytes != pattern.bytes)
		return false;
	for (size_t i = 0; i < s.bytes; i++)
		if (pattern.data[i] == 'h' ? !is_hex(s.data[i]) : s.data[i] != pattern.data[i])
			return false;
	return true;
}

bool device_is_pci(struct span device)
{
	struct span address = span_head(device, span_find(device, ','));
	return looks_like(address, SPAN("hhhh:hh:hh.h")) || looks_like(address, SPAN("hh:hh.h"));
}

bool device_argument(struct span device, struct span name, struct span *value)
{
	for (;;) {
		size_t comma = span_find(device, ',');
		if (comma == device.bytes)
			return false;
		device = span_after(device, comma + 1);
		struct span argument = span_head(device, span_find(device, ','));
		size_t equals = span_find(argument, '=');
		if (equals < argument.bytes && span_equal(span_head(argument, equals), name)) {
			*value = span_after(argument, equals + 1);
			return true;
		}
	}
}
