/*
 * tls_openssl_test.c - the OpenSSL engine: the cases every engine must pass, one engine per thread,
 * and making.
 */
#include <pthread.h>

#include "openssl_kit.h"
#include "tls_cases.h"

static void error_queue_stays_empty(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_open(&p, &want_verify);
	queue_put(&p, &p.near.cipher_in, SPAN("this is no TLS at all, is it"));
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	pair_end(&p);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

struct worker {
	pthread_t thread;
	unsigned handshakes;
	bool good;
};

static bool worker_round(struct pair *p)
{
	bool good = true;
	p->now.us++;
	good &= tls_ops_of(p->near.engine)
			->near_open(p->near.engine, 0, p->now, &p->near.session) == TLS_CALL_OK;
	good &= tls_ops_of(p->next.engine)
			->next_open(p->next.engine, &want_verify, p->now, &p->next.session) ==
		TLS_CALL_OK;
	for (int i = 0; good && i < 8; i++)
		(void)pair_step(p);
	good &= tls_phase(p->near.session) == TLS_PHASE_ESTABLISHED &&
	        tls_phase(p->next.session) == TLS_PHASE_ESTABLISHED;
	pair_shut(p, true);
	return good;
}

static void *worker_run(void *argument)
{
	struct worker *w = argument;
	struct pair p;
	pair_begin(&p, &kit_plain);
	w->good = true;
	for (int i = 0; i < 40; i++)
		w->handshakes += worker_round(&p);
	pair_end(&p);
	w->good = w->handshakes == 40;
	return NULL;
}

static void two_workers_share_nothing(void)
{
	struct worker workers[2] = { { .handshakes = 0 }, { .handshakes = 0 } };
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(workers[i].thread, NULL);
	CU_ASSERT_TRUE(workers[0].good);
	CU_ASSERT_TRUE(workers[1].good);
}

/* Made here, used there, freed here: as the main thread does for its workers. */
static void *worker_borrowed(void *argument)
{
	struct pair *p = argument;
	CU_ASSERT_TRUE(worker_round(p));
	return NULL;
}

static void made_on_one_thread_used_on_another(void)
{
	struct pair p;
	pthread_t thread;
	pair_begin(&p, &kit_plain);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, worker_borrowed, &p), 0);
	pthread_join(thread, NULL);
	pair_end(&p);
}

static void engine_freed_with_sessions_frees_them(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_verify);
	p.near.session = p.next.session = NULL;
	side_clear(&p, &p.near);
	side_clear(&p, &p.next);
	tls_ops_of(p.near.engine)->engine_free(p.near.engine);
	tls_ops_of(p.next.engine)->engine_free(p.next.engine);
	CU_ASSERT_EQUAL(p.pool.free_count, p.pool.total);
	free(p.memory);
}

static void check_fails(const struct tls_openssl_config *config, int which, const char *words)
{
	char error[256] = "";
	int found = 99;
	CU_ASSERT_FALSE(tls_openssl_check(config, &found, error, sizeof(error)));
	CU_ASSERT_EQUAL(found, which);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, words));
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	struct block_pool none = { .free = NULL };
	CU_ASSERT_PTR_NULL(tls_openssl_make(config, &none, error, sizeof(error)));
}

static void wrong_files_are_refused_by_name(void)
{
	struct tls_openssl_config config = config_with("mx");
	int which;
	char error[64];
	config_certificate(&config, "wild");
	CU_ASSERT_TRUE(tls_openssl_check(&config, &which, error, sizeof(error)));
	config.certificates[1].key = config.certificates[0].key;
	check_fails(&config, 1, config.certificates[0].key);
	config.certificates[1].key = "/nonexistent/mx.key";
	check_fails(&config, 1, "/nonexistent/mx.key");
	config.certificates[0].chain = "/nonexistent/mx.crt";
	check_fails(&config, 0, "No such file");
	config = config_with("mx");
	config.certificates[0].chain = config.certificates[0].key;
	check_fails(&config, 0, "mx.key");
	config = config_with("mx");
	config.trust = "/nonexistent/ca.pem";
	check_fails(&config, -1, "/nonexistent/ca.pem");
	config.trust = config.certificates[0].key;
	check_fails(&config, -1, "mx.key");
}

static bool file_is_good(enum tls_file kind, const char *path)
{
	char error[256] = "";
	bool good = tls_openssl_check_file(kind, path, error, sizeof(error));
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	CU_ASSERT_EQUAL(good, error[0] == '\0');
	CU_ASSERT_TRUE(good || strstr(error, path) == error);
	return good;
}

static void each_file_is_judged_by_itself(void)
{
	struct tls_openssl_config config = config_with("mx");
	const char *chain = config.certificates[0].chain, *key = config.certificates[0].key;
	CU_ASSERT_TRUE(file_is_good(TLS_FILE_CHAIN, chain));
	CU_ASSERT_TRUE(file_is_good(TLS_FILE_KEY, key));
	CU_ASSERT_TRUE(file_is_good(TLS_FILE_TRUST, chain));
	CU_ASSERT_FALSE(file_is_good(TLS_FILE_CHAIN, key));
	CU_ASSERT_FALSE(file_is_good(TLS_FILE_KEY, chain));
	CU_ASSERT_FALSE(file_is_good(TLS_FILE_TRUST, key));
	for (enum tls_file kind = TLS_FILE_CHAIN; kind <= TLS_FILE_TRUST; kind++)
		CU_ASSERT_FALSE(file_is_good(kind, "/nonexistent/mx.pem"));
}

/* It must not ask a terminal. */
static void key_under_a_passphrase_is_refused(void)
{
	struct tls_openssl_config config = config_with("mx");
	EVP_PKEY *key = shop_key(false);
	const char *path = shop_path(&shop, "locked", ".key");
	file_write(path, key, NULL, "a passphrase");
	EVP_PKEY_free(key);
	config.certificates[0].key = path;
	check_fails(&config, 0, "locked.key");
}

static void error_text_is_cut_not_overrun(void)
{
	struct tls_openssl_config config = config_with("mx");
	char error[8];
	int which;
	config.trust = "/nonexistent/ca.pem";
	memset(error, 'x', sizeof(error));
	CU_ASSERT_FALSE(tls_openssl_check(&config, &which, error, 5));
	CU_ASSERT_STRING_EQUAL(error, "/non");
	CU_ASSERT_EQUAL(error[5], 'x');
}

static void ops_of_a_synchronous_backend(void)
{
	struct pair p;
	uint64_t user;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	CU_ASSERT_STRING_EQUAL(tls_ops_of(p.near.engine)->name, "openssl");
	CU_ASSERT_EQUAL(tls_ops_of(p.near.engine)->poll(p.near.engine, p.now), 0);
	CU_ASSERT_FALSE(tls_ops_of(p.near.engine)->next_ready(p.near.engine, &user));
	CU_ASSERT_EQUAL(tls_engine_head(p.near.engine)->parked, 0);
	pair_end(&p);
}

UNIT_WITH_SHOP("crypto-offload/tls_openssl", TLS_CASES,
               { "whatever fails, OpenSSL's error queue is empty afterwards",
                 error_queue_stays_empty },
               { "two workers at once, each with its own engines", two_workers_share_nothing },
               { "an engine made on one thread works on another",
                 made_on_one_thread_used_on_another },
               { "an engine takes its sessions with it", engine_freed_with_sessions_frees_them },
               { "wrong files are refused, with the file's name", wrong_files_are_refused_by_name },
               { "each file is judged by itself, whatever the others are like",
                 each_file_is_judged_by_itself },
               { "a key under a passphrase is refused", key_under_a_passphrase_is_refused },
               { "a short error buffer is respected", error_text_is_cut_not_overrun },
               { "this backend never parks", ops_of_a_synchronous_backend })
