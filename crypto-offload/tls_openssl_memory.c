/*
 * tls_openssl_memory.c - wiping what OpenSSL gives back.
 *
 * OpenSSL decrypts in place, in a buffer of 16 KiB that it frees when a session goes idle. Its own
 * way of wiping that (SSL_OP_CLEANSE_PLAINTEXT) goes eight bytes at a time over every record and
 * again over the whole buffer, which shows in the price of each record. A free() of ours that
 * wipes large pieces with the C library's fast memset is nearly free of charge, and covers write
 * buffers as well. Contexts fall back on OpenSSL's own way when tls_openssl_wiping_install() was
 * not called, or came too late.
 *
 * Small pieces are left to OpenSSL, which wipes keys and secrets by itself; wiping the thousands of
 * them that a handshake frees would cost more than it hides.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <malloc.h>
#include <stdlib.h>

#define WIPE_FROM_BYTES 4096u /* record buffers are four times that */

static bool installed; /* set once, at launch, before there are threads */

static void *plain_malloc(size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(bytes);
}

static void *plain_realloc(void *memory, size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(memory, bytes);
}

static void wiping_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	size_t bytes = memory == NULL ? 0 : malloc_usable_size(memory);
	if (bytes >= WIPE_FROM_BYTES)
		explicit_bzero(memory, bytes);
	free(memory);
}

bool tls_openssl_wiping_install(void)
{
	if (!installed)
		installed = CRYPTO_set_mem_functions(plain_malloc, plain_realloc, wiping_free) == 1;
	return installed;
}

uint64_t tls_memory_options(void)
{
	return installed ? 0 : SSL_OP_CLEANSE_PLAINTEXT;
}
