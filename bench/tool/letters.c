/*
 * letters.c - see letters.h.
 */
#include "bench/tool/letters.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_BYTES_MAX 998u /* RFC 5322 2.1.1 */

struct pile {
	struct mail_letter *letters;
	uint32_t count;
	size_t bytes;
	uint8_t *open; /* the letter being made */
	size_t used, room;
	bool eight_bit;
};

static bool file_read(const char *path, uint8_t **data, size_t *bytes)
{
	struct stat about;
	FILE *f = fopen(path, "r");
	*data = NULL;
	if (f == NULL || fstat(fileno(f), &about) != 0 || (size_t)about.st_size > LETTERS_BYTES_MAX) {
		if (f != NULL)
			fclose(f);
		return false;
	}
	*data = malloc((size_t)about.st_size + 1);
	*bytes = *data != NULL ? fread(*data, 1, (size_t)about.st_size, f) : 0;
	fclose(f);
	return *data != NULL;
}

/* A line without its end; longer than may travel becomes several. False: no memory. */
static bool line_add(struct pile *p, const uint8_t *line, size_t bytes)
{
	size_t need = p->used + bytes + 2 * (bytes / LINE_BYTES_MAX + 1);
	if (need > p->room) {
		uint8_t *larger = realloc(p->open, 2 * need + 4096);
		if (larger == NULL)
			return false;
		p->open = larger;
		p->room = 2 * need + 4096;
	}
	for (size_t i = 0, column = 0; i < bytes; i++, column++) {
		if (column == LINE_BYTES_MAX) {
			p->open[p->used++] = '\r';
			p->open[p->used++] = '\n';
			column = 0;
		}
		uint8_t c = line[i];
		p->eight_bit = p->eight_bit || c > 0x7f;
		p->open[p->used++] = c == 0 || c == '\r' ? ' ' : c;
	}
	p->open[p->used++] = '\r';
	p->open[p->used++] = '\n';
	return true;
}

static bool letter_end(struct pile *p)
{
	if (p->used == 0)
		return true;
	if (p->count == LETTERS_MAX || p->bytes + p->used > LETTERS_BYTES_MAX)
		return false;
	struct mail_letter *more = realloc(p->letters, (p->count + 1) * sizeof(*more));
	if (more == NULL)
		return false;
	p->letters = more;
	p->letters[p->count++] =
		(struct mail_letter){ .bytes = span_of(p->open, p->used), .eight_bit = p->eight_bit };
	p->bytes += p->used;
	p->open = NULL;
	p->used = p->room = 0;
	p->eight_bit = false;
	return true;
}

static bool is_quoted_from(const uint8_t *line, size_t bytes)
{
	size_t quotes = 0;
	while (quotes < bytes && line[quotes] == '>')
		quotes++;
	return quotes > 0 && bytes - quotes >= 5 && memcmp(line + quotes, "From ", 5) == 0;
}

/* One file: an mbox of many, or a single message of a Maildir. */
static bool file_add(struct pile *p, const uint8_t *data, size_t bytes, bool mbox)
{
	for (size_t at = 0; at < bytes;) {
		const uint8_t *line = data + at, *end = memchr(line, '\n', bytes - at);
		size_t length = end != NULL ? (size_t)(end - line) : bytes - at;
		at += length + 1;
		length -= length > 0 && line[length - 1] == '\r';
		if (mbox && length >= 5 && memcmp(line, "From ", 5) == 0) {
			if (!letter_end(p))
				return false;
			continue;
		}
		bool quoted = mbox && is_quoted_from(line, length);
		if (!line_add(p, line + quoted, length - quoted))
			return false;
	}
	return letter_end(p);
}

static bool path_add(struct pile *p, const char *path, bool mbox)
{
	uint8_t *data;
	size_t bytes;
	if (!file_read(path, &data, &bytes))
		return false;
	bool good = file_add(p, data, bytes, mbox);
	free(data);
	return good;
}

static bool folder_add(struct pile *p, const char *folder)
{
	char path[2048];
	struct dirent **names;
	bool good = true;
	int count = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		good = good && (names[i]->d_name[0] == '.' || path_add(p, path, false));
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return good;
}

bool letters_load(const char *path, struct mail_mix *mix, char *error, size_t error_bytes)
{
	static struct pile pile;
	struct stat about;
	char folder[2048];
	bool good = stat(path, &about) == 0;
	if (good && S_ISDIR(about.st_mode)) {
		snprintf(folder, sizeof(folder), "%s/cur", path);
		good = folder_add(&pile, folder);
		snprintf(folder, sizeof(folder), "%s/new", path);
		good = good && folder_add(&pile, folder);
	} else {
		good = good && path_add(&pile, path, true);
	}
	if (good && pile.count > 0) {
		mix->letters = pile.letters;
		mix->letter_count = pile.count;
		return true;
	}
	snprintf(error, error_bytes,
	         "%s: is no mbox and no Maildir with messages in it, or more than %u of them", path,
	         LETTERS_MAX);
	return false;
}
