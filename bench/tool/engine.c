/*
 * engine.c - one GET of /metrics by HTTP/1.0, and sums over its rows (engine.h).
 */
#include "bench/tool/engine.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_SECONDS 2
#define HOST_BYTES 256u

static int open_to(const char *where)
{
	char host[HOST_BYTES];
	const struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *found;
	const char *port = strrchr(where, ':');
	if (port == NULL || (size_t)(port - where) >= sizeof(host))
		return -1;
	bool brackets = where[0] == '[';
	size_t bytes = (size_t)(port - where) - (brackets ? 2 : 0);
	memcpy(host, where + brackets, bytes);
	host[bytes] = 0;
	if (getaddrinfo(host, port + 1, &hints, &found) != 0)
		return -1;
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	}
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

bool engine_read(const char *where, char *text, size_t bytes)
{
	static const char ask[] = "GET /metrics HTTP/1.0\r\n\r\n";
	size_t used = 0;
	text[0] = 0;
	int fd = open_to(where);
	if (fd < 0)
		return false;
	if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(ask) - 1) {
		ssize_t got;
		while (used + 1 < bytes && (got = recv(fd, text + used, bytes - 1 - used, 0)) > 0)
			used += (size_t)got;
	}
	close(fd);
	text[used] = 0;
	return strstr(text, ENGINE_WORKER_BUSY) != NULL;
}

double engine_sum(const char *text, const char *name)
{
	double sum = 0;
	size_t bytes = strlen(name);
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (*line == 0)
			break;
		if (strncmp(line, name, bytes) != 0 || (line[bytes] != '{' && line[bytes] != ' '))
			continue;
		const char *value = line + bytes;
		if (*value == '{')
			value = strchr(value, '}');
		sum += value != NULL ? strtod(value + 1, NULL) : 0;
	}
	return sum;
}
