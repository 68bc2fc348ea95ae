/*
 * settings_show.h - all settings in effect, one per line, for `weir -T`.
 */
#ifndef WEIR_RUN_SETTINGS_SHOW_H
#define WEIR_RUN_SETTINGS_SHOW_H

#include "policy/settings.h"
#include "run/buffer.h"

void settings_show(const struct settings *settings, struct buffer *out);

#endif
