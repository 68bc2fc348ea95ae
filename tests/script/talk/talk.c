/*
 * talk.c - plays dialogues between near, weir and next against the real engine, under virtual time.
 *
 *	talk [-v] FILE.talk...     each file is one case; ends with `talk: N passed, N failed`
 *
 * A script is lines; `#` starts a comment, and the first comment is the story. At its head, `set NAME = VALUE` (set.c).
 * Every other line may begin with a time: `12.5` counts from the start of the script, `+12.5` from the line before,
 * `~12.5` gives a line that listens so much time, `...` or nothing means now. Then one of these, PEER being near, near2, next, next2, ...:
 *
 *	PEER> WORDS          says one line (CRLF is added), with all that `>>` gathered, in as few segments as it fits
 *	PEER>> WORDS         gathers a line to be said together with the next one, or with the FIN
 *	PEER>. WORDS         says one line one byte at a time, a millisecond apart
 *	PEER>= "BYTES"       says bytes as they are; escapes \r \n \t \0 \\ \" \xHH; `>>=` gathers them
 *	PEER< WORDS          hears exactly this line from weir; `*` stands for anything
 *	PEER<< WORDS         hears any lines up to and with this one
 *	PEER<= "BYTES"       hears exactly these bytes
 *	PEER fills N / PEER hears fill N          N bytes of counted content lines of 64 bytes
 *	PEER hears anything  forgets what it has heard so far
 *	near opens [PORT]    next accepts [PORT]  connections; next, next2... take their names in order of accepting
 *	near hello NAME      hears the greeting, says EHLO, hears the extensions
 *	next hello EXT...    says the greeting, hears EHLO, answers with these extensions (SIZE=1000 becomes SIZE 1000)
 *	next ehlo EXT...     the same without the greeting, as after TLS
 *	PEER tls / PEER tls fails                 does a handshake (near as client, next as server)
 *	PEER closes / PEER resets                 FIN behind what was said / RST
 *	PEER sees end / PEER sees reset           what weir did to the connection
 *	PEER stalls / PEER goes on                stops reading, so that its window closes / reads again
 *	PEER is stuck / PEER is flushed           whether weir has taken all that PEER said
 *	silence SECONDS                           nobody hears anything, no connection comes or goes
 *	drain                                     weir is asked to stop
 *	blocks left N|all                         all but N free blocks of weir are taken away / given back
 *	outcome WORD [CODE]                       the next transaction report
 *	count NAME N, sessions N, legs N          what weir counts and holds
 *	repeat N LINE
 *
 * Silence is asserted throughout: see play.c. At the end each near connection must be over; then weir is drained and
 * everything must have been given back: see stage_end().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

#define SCRIPT_LINE_BYTES 80000u

static struct play play; /* one at a time; the hook below needs it too */

/* A CHECK that a script reaches is what that script was written to find: it fails, the others go on. */
static void check_told(const char *file, int line, const char *fact)
{
	play_fail(&play, "%s:%d: CHECK(%s) failed", file, line, fact);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

static void story_keep(char story[160], const char *line)
{
	if (story[0] == '\0' && line[0] == '#')
		snprintf(story, 160, "%s", line + 1 + strspn(line + 1, " "));
}

static void lines_play(FILE *in, char story[160])
{
	static char line[SCRIPT_LINE_BYTES];
	while (fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		play.line++;
		story_keep(story, line);
		play_line(&play, line);
	}
	play_end(&play);
}

static bool script_passes(const char *file, bool verbose)
{
	char story[160] = "";
	FILE *in = fopen(file, "r");
	memset(&play, 0, sizeof(play));
	check_hook_set(check_told);
	play.file = file;
	talk_settings_init(&play.set);
	if (in == NULL) {
		printf("%s: cannot be opened\n", file);
		return false;
	}
	bool passed = setjmp(play.failed) == 0;
	if (passed)
		lines_play(in, story);
	fclose(in);
	if (passed)
		printf("ok      %-40s %s\n", base_name(file), story);
	else
		printf("FAILED  %-40s %s\n  %s:%u: %s\n", base_name(file), story, file, play.line,
		       play.why);
	if (!passed || verbose)
		printf("  the dialogue so far:\n%s\n", play.transcript);
	return passed;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1 + verbose; i < argc; i++) {
		if (script_passes(argv[i], verbose))
			passed++;
		else
			failed++;
	}
	printf("talk: %u passed, %u failed\n", passed, failed);
	return failed > 0 || passed == 0;
}
