/*
 * crash.c - dump the flight recorder, then die as intended. See crash.h.
 *
 * Uses base/text (which touches only the caller's buffer) and write(2). Message content never gets into the
 * recorder: its events are literals and numbers.
 */
#include "run/crash.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"

#define LINE_BYTES 256u

static _Thread_local const struct recorder *thread_recorder;
static _Thread_local uint32_t thread_worker;

static void say(const struct text *t)
{
	ssize_t written = write(STDERR_FILENO, t->begin, t->used);
	(void)written; /* there is nobody left to tell */
}

uint32_t crash_event_line(const struct recorder_event *e, char *line, uint32_t bytes)
{
	struct text t = text_of(line, bytes);
	text_str(&t, "  ");
	text_u64(&t, e->at.us);
	text_str(&t, " us ");
	text_str(&t, e->what == NULL ? "?" : e->what);
	text_str(&t, " object=");
	text_hex(&t, e->object, 16);
	text_str(&t, " from=");
	text_u64(&t, e->from);
	text_str(&t, " to=");
	text_u64(&t, e->to);
	text_char(&t, '\n');
	return (uint32_t)t.used;
}

static void recorder_dump(void)
{
	char line[LINE_BYTES];
	const struct recorder *r = thread_recorder;
	struct text t = text_of(line, sizeof(line));
	if (r == NULL) {
		text_str(&t, "weir: (not a worker: no flight recorder)\n");
		say(&t);
		return;
	}
	uint64_t shown = r->count < CRASH_EVENTS_SHOWN ? r->count : CRASH_EVENTS_SHOWN;
	text_str(&t, "weir: worker ");
	text_u64(&t, thread_worker);
	text_str(&t, ", last events, newest last:\n");
	say(&t);
	for (uint64_t i = r->count - shown; i < r->count; i++) {
		t = text_of(line, sizeof(line));
		t.used = crash_event_line(&r->events[i % RECORDER_EVENTS], line, sizeof(line));
		say(&t);
	}
}

static void check_dump(const char *file, int at, const char *fact)
{
	char line[LINE_BYTES];
	struct text t = text_of(line, sizeof(line));
	text_str(&t, "weir: CHECK failed: ");
	text_str(&t, fact);
	text_str(&t, " at ");
	text_str(&t, file);
	text_char(&t, ':');
	text_u64(&t, (uint64_t)at);
	text_char(&t, '\n');
	say(&t);
	recorder_dump();
	signal(SIGILL, SIG_DFL); /* the trap that follows must not dump again */
}

static void fatal_signal(int number)
{
	char line[LINE_BYTES];
	struct text t = text_of(line, sizeof(line));
	text_str(&t, "weir: fatal signal ");
	text_u64(&t, (uint64_t)number);
	text_char(&t, '\n');
	say(&t);
	recorder_dump();
	signal(number, SIG_DFL);
	raise(number);
}

void crash_install(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct sigaction action;
	memset(&action, 0, sizeof(action));
	action.sa_handler = fatal_signal;
	for (size_t i = 0; i < COUNT_OF(fatal); i++)
		sigaction(fatal[i], &action, NULL);
	check_hook_set(check_dump);
}

void crash_recorder_set(const struct recorder *recorder, uint32_t worker)
{
	thread_recorder = recorder;
	thread_worker = worker;
}
