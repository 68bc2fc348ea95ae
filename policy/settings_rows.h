/*
 * settings_rows.h - how the rows of a settings table are spelt: the macros that turn a .def file into an
 * array of struct settings_row.
 *
 *	static const struct settings_row rows[] = {
 *	#include "policy/settings.def"
 *	};
 *
 * weir's own table (settings.def) and the scenarios of the traffic generator are such files. What the
 * columns mean stands at the head of settings.def.
 */
#ifndef WEIR_POLICY_SETTINGS_ROWS_H
#define WEIR_POLICY_SETTINGS_ROWS_H

#include <stddef.h>

#include "policy/settings_table.h"

#define REQUIRED NULL
#define SETTINGS_MEMBER_BYTES(owner, field) sizeof(((struct owner *)0)->field)
#define SETTINGS_GROUP(path_, help_) \
	{ .path = path_, .type = SETTINGS_TYPE_GROUP, .fallback = "", .help = help_ },
#define SETTINGS_LIST(path_, owner, field, count, storage_, min_, max_, help_) \
	{ .path = path_,                                                       \
	  .type = SETTINGS_TYPE_LIST,                                          \
	  .storage = SETTINGS_STORAGE_##storage_,                              \
	  .fallback = (min_) > 0 ? REQUIRED : "",                              \
	  .min = min_,                                                         \
	  .max = max_,                                                         \
	  .help = help_,                                                       \
	  .offset = offsetof(struct owner, field),                             \
	  .bytes = sizeof(((struct owner *)0)->field[0]),                      \
	  .count_offset = offsetof(struct owner, count) },
#define SETTINGS_ITEM(path_, owner, field, type_, unit_, fallback_, min_, max_, help_) \
	{ .path = path_,                                                               \
	  .type = SETTINGS_TYPE_##type_,                                               \
	  .unit = SETTINGS_UNIT_##unit_,                                               \
	  .fallback = fallback_,                                                       \
	  .min = min_,                                                                 \
	  .max = max_,                                                                 \
	  .help = help_,                                                               \
	  .offset = offsetof(struct owner, field),                                     \
	  .bytes = SETTINGS_MEMBER_BYTES(owner, field) },
#define SETTINGS_CHOICE(path_, owner, field, choices_, fallback_, help_) \
	{ .path = path_,                                                 \
	  .type = SETTINGS_TYPE_CHOICE,                                  \
	  .fallback = fallback_,                                         \
	  .choices = choices_,                                           \
	  .help = help_,                                                 \
	  .offset = offsetof(struct owner, field),                       \
	  .bytes = SETTINGS_MEMBER_BYTES(owner, field) },
#define SETTINGS_ARRAY(path_, owner, field, count, type_, min_, max_, help_) \
	{ .path = path_,                                                     \
	  .type = SETTINGS_TYPE_##type_,                                     \
	  .fallback = (min_) > 0 ? REQUIRED : "",                            \
	  .min = min_,                                                       \
	  .max = max_,                                                       \
	  .help = help_,                                                     \
	  .offset = offsetof(struct owner, field),                           \
	  .bytes = SETTINGS_MEMBER_BYTES(owner, field),                               \
	  .count_offset = offsetof(struct owner, count) },

#endif
