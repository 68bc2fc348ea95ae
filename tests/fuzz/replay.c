/*
 * replay.c - a main() for fuzz targets: runs LLVMFuzzerTestOneInput() once for every file given
 * (and for every file in a directory given), each in a process of its own, so that one crash does
 * not hide the next. Ends with `NAME: N passed, N failed`, NAME being the program's.
 *
 * So that a corpus is a test wherever there is a C compiler, without libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_BYTES_MAX (1u << 20)
#define SECONDS_MAX 20u /* a longer run is a hang */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned passed, failed;

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return 2;
	uint8_t *room = malloc(INPUT_BYTES_MAX);
	size_t bytes = fread(room, 1, INPUT_BYTES_MAX, f);
	(void)fclose(f);
	uint8_t *exact = malloc(bytes > 0 ? bytes : 1); /* its end is where a checker looks */
	memcpy(exact, room, bytes);
	free(room);
	int status = LLVMFuzzerTestOneInput(exact, bytes);
	free(exact);
	return status;
}

static void try_file(const char *path)
{
	int status = 0;
	(void)fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		(void)alarm(SECONDS_MAX);
		exit(run_file(path));
	}
	if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0) {
		passed++;
		return;
	}
	failed++;
	printf("%s: failed (status %#x)\n", path, (unsigned)status);
}

static void try_directory(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char file[4096];
		struct stat st;
		(void)snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
			try_file(file);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			try_directory(argv[i]);
		else
			try_file(argv[i]);
	}
	printf("%s: %u passed, %u failed\n", slash != NULL ? slash + 1 : argv[0], passed, failed);
	return failed != 0 || passed == 0;
}
