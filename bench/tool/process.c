/*
 * process.c - the tree below a process, by the parents that /proc/PID/stat names (process.h).
 */
#include "bench/tool/process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCESSES_MAX 4096u
#define STAT_BYTES 1024u

struct row {
	uint32_t pid, parent;
	uint64_t user, system; /* clock ticks, ended children included */
	bool inside;
};

struct table {
	uint32_t count;
	struct row rows[PROCESSES_MAX];
};

/* The name in parentheses may hold anything, also parentheses: fields begin behind the last one. */
static bool row_read(uint32_t pid, struct row *row)
{
	char path[64], text[STAT_BYTES];
	unsigned long user, system;
	long child_user, child_system;
	unsigned parent;
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return false;
	size_t used = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[used] = 0;
	const char *fields = strrchr(text, ')');
	if (fields == NULL ||
	    sscanf(fields + 1, " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &parent,
	           &user, &system, &child_user, &child_system) != 5)
		return false;
	*row = (struct row){ .pid = pid,
		             .parent = parent,
		             .user = user + (unsigned long)child_user,
		             .system = system + (unsigned long)child_system };
	return true;
}

static void table_read(struct table *t)
{
	DIR *dir = opendir("/proc");
	t->count = 0;
	if (dir == NULL)
		return;
	for (struct dirent *e = readdir(dir); e != NULL && t->count < PROCESSES_MAX; e = readdir(dir))
		if (isdigit((unsigned char)e->d_name[0]) &&
		    row_read((uint32_t)strtoul(e->d_name, NULL, 10), &t->rows[t->count]))
			t->count++;
	closedir(dir);
}

static bool is_inside(const struct table *t, uint32_t pid)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->rows[i].pid == pid)
			return t->rows[i].inside;
	return false;
}

/* Parents may stand behind their children: rounds until nothing is added. */
static bool mark_tree(struct table *t, uint32_t root)
{
	bool more = false, found = false;
	for (uint32_t i = 0; i < t->count; i++) {
		t->rows[i].inside = t->rows[i].pid == root;
		more = found = found || t->rows[i].inside;
	}
	while (more) {
		more = false;
		for (uint32_t i = 0; i < t->count; i++) {
			struct row *row = &t->rows[i];
			if (row->inside || !is_inside(t, row->parent))
				continue;
			row->inside = more = true;
		}
	}
	return found;
}

static uint64_t kib_of(const char *path, const char *name)
{
	char line[256];
	unsigned long long kib = 0;
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoull(line + strlen(name), NULL, 10);
	if (f != NULL)
		fclose(f);
	return kib;
}

static uint64_t resident_of(uint32_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/smaps_rollup", pid);
	uint64_t kib = kib_of(path, "Pss:");
	if (kib == 0) {
		snprintf(path, sizeof(path), "/proc/%u/status", pid);
		kib = kib_of(path, "VmRSS:");
	}
	return kib * 1024;
}

bool process_look(uint32_t pid, struct process_use *use)
{
	static struct table table;
	double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
	*use = (struct process_use){ 0 };
	table_read(&table);
	if (!mark_tree(&table, pid))
		return false;
	for (uint32_t i = 0; i < table.count; i++) {
		const struct row *row = &table.rows[i];
		if (!row->inside)
			continue;
		use->user_seconds += tick * (double)row->user;
		use->system_seconds += tick * (double)row->system;
		use->resident_bytes += resident_of(row->pid);
		use->processes++;
	}
	return true;
}
