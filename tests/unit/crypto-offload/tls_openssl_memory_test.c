/*
 * tls_openssl_memory_test.c - no plaintext stays behind in the heap: with our wiping free,
 * installed first of all.
 */
#include <inttypes.h>

#include "openssl_kit.h"
#include "tls_cases.h"

/* Made at run time, so that the pattern itself lies on the stack only. */
static void secret_make(char secret[33])
{
	for (int i = 0; i < 32; i++)
		secret[i] = (char)('a' + (i * 7 + 3) % 26);
	secret[32] = '\0';
}

/* How often the heap of this process holds the secret. (A sanitizer's heap is elsewhere: not for
 * ASan.) */
static unsigned heap_count(const char *secret)
{
	unsigned count = 0;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(maps);
	uintptr_t from = 0;
	uintptr_t to = 0;
	while (fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, "[heap]") != NULL &&
		    sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2)
			break;
	fclose(maps);
	CU_ASSERT_TRUE_FATAL(to > from);
	for (const char *at = (const char *)from; at + 32 <= (const char *)to; at++)
		count += *at == *secret && memcmp(at, secret, 32) == 0;
	return count;
}

static void heap_holds_no_plaintext(void)
{
	struct pair p;
	char secret[33];
	secret_make(secret);
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	for (int i = 0; i < 400; i++)
		queue_put(&p, i % 2 ? &p.next.plain_out : &p.near.plain_out, span_of(secret, 32));
	pair_run(&p);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), 200 * 32);
	side_clear(&p, &p.near);
	side_clear(&p, &p.next);
	CU_ASSERT_EQUAL(heap_count(secret), 0);
	char *witness = malloc(64);
	memcpy(witness, secret, 33);
	CU_ASSERT_EQUAL(heap_count(secret), 1);
	explicit_bzero(witness, 64);
	free(witness);
	pair_end(&p);
	CU_ASSERT_EQUAL(heap_count(secret), 0);
}

static void contexts_leave_the_wiping_to_us(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	CU_ASSERT_EQUAL(SSL_CTX_get_options(p.near.engine->near[0]) & SSL_OP_CLEANSE_PLAINTEXT, 0);
	pair_end(&p);
	CU_ASSERT_TRUE(tls_openssl_wiping_install());
}

int main(void)
{
	static const struct unit_test tests[] = {
		{ "installed: contexts leave the wiping to it", contexts_leave_the_wiping_to_us },
		{ "data that was passed on is nowhere in the heap", heap_holds_no_plaintext },
		TLS_CASES, /* are none the worse for it */
	};
	if (!tls_openssl_wiping_install())
		return 1;
	kit_begin();
	int status = unit_main("crypto-offload/tls_openssl_memory", tests, COUNT_OF(tests));
	shop_close(&shop);
	return status;
}
