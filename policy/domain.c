/*
 * domain.c - domain names and the table that finds the policy's row for one. See domain.h.
 *
 * The table is a hash over the pattern's bytes from the last to the first. Walking a name from its
 * end, the hash of every suffix comes for free, so that a name of n bytes costs n steps and one
 * probe a label however many patterns there are. The keys are the operator's, so the hash needs no
 * secret.
 */
#include "policy/domain.h"

#include "base/prng.h"

struct domain_entry {
	struct span pattern; /* without the leading dot of a suffix */
	uint64_t hash;
	uint32_t value;
	bool suffix;
	bool used;
};

static bool label_byte_is_valid(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

static bool label_is_valid(struct span label)
{
	if (label.bytes == 0 || label.bytes > DOMAIN_LABEL_BYTES_MAX)
		return false;
	for (size_t i = 0; i < label.bytes; i++)
		if (!label_byte_is_valid(label.data[i]))
			return false;
	return label.data[0] != '-' && label.data[label.bytes - 1] != '-';
}

bool domain_is_valid(struct span name)
{
	if (name.bytes == 0 || name.bytes > DOMAIN_BYTES_MAX)
		return false;
	for (;;) {
		size_t dot = span_find(name, '.');
		if (!label_is_valid(span_head(name, dot)))
			return false;
		if (dot == name.bytes)
			return true;
		name = span_after(name, dot + 1);
	}
}

bool domain_pattern_is_valid(struct span pattern)
{
	if (span_equal(pattern, SPAN("*")))
		return true;
	bool suffix = pattern.bytes > 0 && pattern.data[0] == '.';
	return domain_is_valid(span_after(pattern, suffix ? 1 : 0));
}

bool domain_is_comparable(struct span name)
{
	for (size_t i = 0; i < name.bytes; i++)
		if (name.data[i] <= 0x20 || name.data[i] >= 0x7f)
			return false;
	return true;
}

struct span domain_lower(struct span name, struct room room)
{
	if (name.bytes > 0 && name.data[name.bytes - 1] == '.')
		name.bytes--;
	if (name.bytes >= room.bytes)
		return SPAN_NONE;
	for (size_t i = 0; i < name.bytes; i++)
		room.data[i] = ascii_lower(name.data[i]);
	room.data[name.bytes] = 0;
	return span_of(room.data, name.bytes);
}

bool domain_table_init(struct domain_table *t, struct arena *arena, uint32_t patterns)
{
	uint64_t slots = 2;
	while (slots < (uint64_t)patterns * 2)
		slots *= 2;
	*t = (struct domain_table){ .mask = (uint32_t)(slots - 1), .value_any = DOMAIN_NONE };
	t->entries = arena_take(arena, "policy domains", slots * sizeof(struct domain_entry));
	return t->entries != NULL;
}

static uint64_t hash_before(uint64_t hash, const uint8_t *byte)
{
	return hash_bytes(hash, span_of(byte, 1));
}

static uint64_t hash_backwards(struct span s)
{
	uint64_t hash = HASH_START;
	for (size_t i = s.bytes; i > 0; i--)
		hash = hash_before(hash, &s.data[i - 1]);
	return hash;
}

/* The entry of that pattern, or the free slot where it would be. Ends: half of the slots are free.
 */
static struct domain_entry *domain_slot(const struct domain_table *t, uint64_t hash,
					struct span name, bool suffix)
{
	uint32_t slot = (uint32_t)(hash ^ (hash >> 32)) & t->mask;
	while (t->entries[slot].used) {
		struct domain_entry *e = &t->entries[slot];
		if (e->hash == hash && e->suffix == suffix && span_equal(e->pattern, name))
			return e;
		slot = (slot + 1) & t->mask;
	}
	return &t->entries[slot];
}

void domain_table_add(struct domain_table *t, struct span pattern, uint32_t value)
{
	if (span_equal(pattern, SPAN("*"))) {
		if (t->value_any == DOMAIN_NONE)
			t->value_any = value;
		return;
	}
	bool suffix = pattern.bytes > 0 && pattern.data[0] == '.';
	struct span name = span_after(pattern, suffix ? 1 : 0);
	uint64_t hash = hash_backwards(name);
	struct domain_entry *e = domain_slot(t, hash, name, suffix);
	if (e->used)
		return;
	CHECK(t->count < t->mask / 2 + 1);
	*e = (struct domain_entry){
		.pattern = name, .hash = hash, .value = value, .suffix = suffix, .used = true
	};
	t->count++;
}

uint32_t domain_table_find(const struct domain_table *t, struct span lower)
{
	uint32_t best = t->value_any;
	uint64_t hash = HASH_START;
	for (size_t i = lower.bytes; i > 0; i--) {
		if (lower.data[i - 1] == '.' && i < lower.bytes) {
			/* What stands behind this dot is a whole number of labels: a suffix that
			 * may be listed. */
			const struct domain_entry *e = domain_slot(t, hash, span_after(lower, i),
								   true);
			if (e->used)
				best = e->value;
		}
		hash = hash_before(hash, &lower.data[i - 1]);
	}
	const struct domain_entry *exact = domain_slot(t, hash, lower, false);
	return exact->used ? exact->value : best;
}
