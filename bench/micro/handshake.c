/*
 * handshake.c - what stock OpenSSL spends on the two sides of one TLS handshake, and nothing else.
 *
 *	handshake CHAIN KEY TRUST NAME [SECONDS [CORE]]
 *
 * A client and a server of the same process shake hands over two memory BIOs, again and again: TLS
 * 1.3, X25519, one ticket, no resumption; the client verifies the chain (CHAIN, KEY are the server's,
 * PEM) against TRUST and the name NAME. This is the floor under any program that takes a message on a new TLS
 * connection and hands it on over another: it must do one server's side and one client's.
 *
 * Method: thread CPU time (CLOCK_THREAD_CPUTIME_ID) in rounds of ROUND_HANDSHAKES, both sides apart;
 * rounds until SECONDS (2) have passed. A round that was disturbed is longer and never shorter, so
 * the least and the median are told. Making and freeing the SSL objects is part of it, and so is
 * reading the ticket. The last line is for programs: `handshake: least_us=N median_us=N ...`.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUND_HANDSHAKES 50u
#define ROUNDS_MAX	 4096u
#define FLIGHTS_MAX	 16u /* a TLS 1.3 handshake takes three */

struct sides {
	double server_us, client_us;
};

static double now_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(bool fact, const char *what)
{
	if (fact)
		return;
	fprintf(stderr, "handshake: %s failed\n", what);
	ERR_print_errors_fp(stderr);
	exit(EXIT_FAILURE);
}

static SSL_CTX *context_make(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);
	must(c != NULL, "SSL_CTX_new");
	must(SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1, "TLS 1.3");
	must(SSL_CTX_set1_groups_list(c, "X25519") == 1, "X25519");
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	return c;
}

static SSL_CTX *server_context(const char *chain, const char *key)
{
	SSL_CTX *c = context_make(TLS_server_method());
	must(SSL_CTX_use_certificate_chain_file(c, chain) == 1, chain);
	must(SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) == 1, key);
	must(SSL_CTX_set_num_tickets(c, 1) == 1, "one ticket");
	return c;
}

static SSL_CTX *client_context(const char *trust)
{
	SSL_CTX *c = context_make(TLS_client_method());
	must(SSL_CTX_load_verify_file(c, trust) == 1, trust);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return c;
}

static bool goes_on(const SSL *ssl, int result)
{
	return result == 1 || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ;
}

/* One side works on what the other has sent; the time goes to *us. */
static void side_work(SSL *ssl, double *us)
{
	double begin = now_us(CLOCK_THREAD_CPUTIME_ID);
	must(goes_on(ssl, SSL_do_handshake(ssl)), "SSL_do_handshake");
	*us += now_us(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static void ticket_read(SSL *client, double *us)
{
	char byte;
	double begin = now_us(CLOCK_THREAD_CPUTIME_ID);
	must(SSL_read(client, &byte, 1) < 0, "reading the ticket alone");
	*us += now_us(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static SSL *side_make(SSL_CTX *context, BIO *in, BIO *out, double *us)
{
	double begin = now_us(CLOCK_THREAD_CPUTIME_ID);
	SSL *ssl = SSL_new(context);
	must(ssl != NULL, "SSL_new");
	BIO_up_ref(in);
	BIO_up_ref(out);
	SSL_set_bio(ssl, in, out);
	*us += now_us(CLOCK_THREAD_CPUTIME_ID) - begin;
	return ssl;
}

static void side_free(SSL *ssl, double *us)
{
	double begin = now_us(CLOCK_THREAD_CPUTIME_ID);
	SSL_free(ssl);
	*us += now_us(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static void handshake(SSL_CTX *near, SSL_CTX *next, const char *name, struct sides *spent)
{
	BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
	SSL *server = side_make(near, to_server, to_client, &spent->server_us);
	SSL *client = side_make(next, to_client, to_server, &spent->client_us);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	must(SSL_set_tlsext_host_name(client, name) == 1 && SSL_set1_host(client, name) == 1, name);
	for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
		side_work(client, &spent->client_us);
		side_work(server, &spent->server_us);
		if (SSL_is_init_finished(client) && SSL_is_init_finished(server))
			break;
	}
	must(SSL_is_init_finished(server), "the handshake");
	ticket_read(client, &spent->client_us);
	side_free(client, &spent->client_us);
	side_free(server, &spent->server_us);
	BIO_free(to_server);
	BIO_free(to_client);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void report(double *both, double *server, double *client, unsigned rounds)
{
	qsort(both, rounds, sizeof(*both), compare);
	qsort(server, rounds, sizeof(*server), compare);
	qsort(client, rounds, sizeof(*client), compare);
	unsigned middle = rounds / 2;
	printf("%s, TLS 1.3, X25519, both sides of a full handshake in memory, %u rounds of %u\n",
	       OpenSSL_version(OPENSSL_VERSION), rounds, ROUND_HANDSHAKES);
	printf("  us        least    median\n");
	printf("  server %8.1f  %8.1f\n", server[0], server[middle]);
	printf("  client %8.1f  %8.1f\n", client[0], client[middle]);
	printf("  both   %8.1f  %8.1f\n", both[0], both[middle]);
	printf("handshake: least_us=%.1f median_us=%.1f server_median_us=%.1f "
	       "client_median_us=%.1f rounds=%u\n",
	       both[0], both[middle], server[middle], client[middle], rounds);
}

static void core_take(const char *core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(strtoul(core, NULL, 10), &set);
	must(sched_setaffinity(0, sizeof(set), &set) == 0, "going to that core");
}

int main(int argc, char **argv)
{
	static double both[ROUNDS_MAX], server[ROUNDS_MAX], client[ROUNDS_MAX];
	if (argc < 5 || argc > 7) {
		fprintf(stderr, "usage: handshake CHAIN KEY TRUST NAME [SECONDS [CORE]]\n");
		return EXIT_FAILURE;
	}
	double seconds = argc > 5 ? strtod(argv[5], NULL) : 2;
	if (argc > 6)
		core_take(argv[6]);
	SSL_CTX *near = server_context(argv[1], argv[2]);
	SSL_CTX *next = client_context(argv[3]);
	double end = now_us(CLOCK_MONOTONIC) + seconds * 1e6;
	unsigned rounds = 0;
	while (rounds < ROUNDS_MAX && (rounds < 3 || now_us(CLOCK_MONOTONIC) < end)) {
		struct sides spent = { 0 };
		for (unsigned i = 0; i < ROUND_HANDSHAKES; i++)
			handshake(near, next, argv[4], &spent);
		server[rounds] = spent.server_us / ROUND_HANDSHAKES;
		client[rounds] = spent.client_us / ROUND_HANDSHAKES;
		both[rounds] = server[rounds] + client[rounds];
		rounds++;
	}
	report(both, server, client, rounds);
	SSL_CTX_free(near);
	SSL_CTX_free(next);
	return EXIT_SUCCESS;
}
