/*
 * smtp_address.c - fuzz target: one path. What is accepted is framed anew and must parse to the
 * same parts, and holds nothing that could end a line or the path.
 */
#include <stdlib.h>

#include "smtp/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t framed[SMTP_PATH_MAX + 2];
	struct smtp_mailbox box;
	struct smtp_mailbox again;
	struct span rest;

	if (smtp_path_parse(span_of(data, size), &box, &rest) != SMTP_PATH_OK)
		return 0;
	struct writer w = writer_of((struct room){ .data = framed, .bytes = sizeof(framed) });
	writer_u8(&w, '<');
	writer_bytes(&w, box.local);
	if (box.domain.bytes > 0)
		writer_u8(&w, '@');
	writer_bytes(&w, box.domain);
	writer_u8(&w, '>');
	if (!w.ok || smtp_path_parse(writer_span(&w), &again, &rest) != SMTP_PATH_OK || rest.bytes != 0)
		abort();
	if (!span_equal(box.local, again.local) || !span_equal(box.domain, again.domain))
		abort();
	if (!span_equal(box.path, again.path) || box.utf8 != again.utf8 || box.literal != again.literal)
		abort();
	for (size_t i = 0; i < w.used; i++)
		if (framed[i] < ' ' || framed[i] == 0x7f)
			abort();
	return 0;
}
