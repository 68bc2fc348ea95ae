/*
 * http.c - the metrics endpoint. See http.h.
 *
 * Only GET and HEAD, only two pages, no request body: what else a client sends is answered 404 or 405. Connections
 * are few and short-lived by libmicrohttpd's own bounds.
 */
#include "run/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/metrics.h"

#define HTTP_CONNECTIONS_MAX 64u
#define HTTP_TIMEOUT_S 10u

struct http {
	struct MHD_Daemon *daemon;
	const struct http_pages *pages;
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              const struct buffer *page)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(page->used, page->data,
	                                                                MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	enum MHD_Result queued = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result request(void *context, struct MHD_Connection *c, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_bytes, void **seen)
{
	static int first_call;
	struct http *h = context;
	struct buffer page = { .data = NULL };
	const char *type = "text/plain; charset=utf-8";
	unsigned status = MHD_HTTP_NOT_FOUND;
	(void)version;
	(void)upload;
	if (*seen == NULL) { /* only the header has come; answering now would break keep-alive */
		*seen = &first_call;
		return MHD_YES;
	}
	if (*upload_bytes != 0) { /* a body: thrown away, answered at its end */
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
		buffer_printf(&page, "GET or HEAD\n");
	} else if (strcmp(url, "/metrics") == 0) {
		status = MHD_HTTP_OK;
		type = METRICS_CONTENT_TYPE;
		h->pages->metrics(h->pages->context, &page);
	} else if (strcmp(url, "/healthz") == 0) {
		status = h->pages->health(h->pages->context, &page);
	} else {
		buffer_printf(&page, "/metrics or /healthz\n");
	}
	if (page.failed)
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	enum MHD_Result queued = answer(c, status, type, &page);
	buffer_free(&page);
	return queued;
}

static socklen_t address_make(struct endpoint listen_at, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (listen_at.addr.family == IP_V4) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(listen_at.port);
		memcpy(&in->sin_addr, listen_at.addr.bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(listen_at.port);
	memcpy(&in6->sin6_addr, listen_at.addr.bytes, 16);
	return sizeof(*in6);
}

/* We make the socket, since libmicrohttpd does not say why it could not. -1: see errno. */
static int socket_listen(struct endpoint listen_at)
{
	struct sockaddr_storage address;
	socklen_t bytes = address_make(listen_at, &address);
	const int on = 1;
	int s = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return -1;
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&address, bytes) == 0 && listen(s, (int)HTTP_CONNECTIONS_MAX) == 0)
		return s;
	int why = errno;
	close(s);
	errno = why;
	return -1;
}

struct http *http_open(struct endpoint listen_at, const struct http_pages *pages, char *error,
                       size_t error_bytes)
{
	struct http *h = calloc(1, sizeof(*h));
	int s = h == NULL ? -1 : socket_listen(listen_at);
	if (s < 0) {
		snprintf(error, error_bytes, "metrics.listen: the address cannot be used: %s", strerror(errno));
		free(h);
		return NULL;
	}
	h->pages = pages;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, request, h, MHD_OPTION_LISTEN_SOCKET, s,
	                             MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
	                             MHD_OPTION_CONNECTION_TIMEOUT, HTTP_TIMEOUT_S, MHD_OPTION_END);
	if (h->daemon == NULL) {
		snprintf(error, error_bytes, "metrics.listen: no memory or descriptors to serve it");
		close(s);
		free(h);
		return NULL;
	}
	return h;
}

int http_descriptor(const struct http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	return info == NULL ? -1 : info->epoll_fd;
}

void http_turn(struct http *h)
{
	(void)MHD_run(h->daemon);
}

void http_close(struct http *h)
{
	MHD_stop_daemon(h->daemon);
	free(h);
}
