/*
 * launch_check.c - what the loader cannot judge by itself, because it takes OpenSSL or Hyperscan to
 * do so: certificates, keys, the trust file, content rules. See launch_check.h.
 *
 * Each file is first tried alone, so that one bad file does not hide another; only sound ones are
 * then tried together, which finds a key of another certificate and names given out twice.
 */
#include "run/launch_check.h"

#include <stdio.h>
#include <string.h>

#include "policy/match_hs.h"

#define ERROR_BYTES   512u
#define SETTING_BYTES 64u

static void certificates_check(struct config *config);
static void together_check(struct config *config);
static bool file_check(struct config *config, const char *setting, enum tls_file kind,
		       const char *path);
static void content_check(struct config *config);

void launch_check(struct config *config)
{
	certificates_check(config);
	content_check(config);
}

void launch_tls_config(const struct settings *s, struct tls_openssl_config *config)
{
	*config = (struct tls_openssl_config){
		.certificate_count = s->certificate_count,
		.trust = s->tls.trust,
		.near_minimum = TLS_VERSION_1_2,
		.handshake_timeout_us = s->timeouts.tls_handshake_seconds * SECOND_US,
		.next_sessions_max = s->limits.next_resumptions_max,
	};
	_Static_assert(SETTINGS_CERTIFICATES_MAX <= TLS_CERTIFICATES_MAX, "all configured ones fit");
	for (uint32_t i = 0; i < s->certificate_count; i++)
		config->certificates[i] = (struct tls_certificate_files){
			.name = s->certificates[i].name,
			.chain = s->certificates[i].chain,
			.key = s->certificates[i].key,
		};
}

static void certificates_check(struct config *config)
{
	const struct settings *s = config_settings(config);
	char setting[SETTING_BYTES];
	bool good = file_check(config, "tls.trust", TLS_FILE_TRUST, s->tls.trust);
	for (uint32_t i = 0; i < s->certificate_count; i++) {
		snprintf(setting, sizeof(setting), "certificates[%u].chain", i);
		good = file_check(config, setting, TLS_FILE_CHAIN, s->certificates[i].chain) && good;
		snprintf(setting, sizeof(setting), "certificates[%u].key", i);
		good = file_check(config, setting, TLS_FILE_KEY, s->certificates[i].key) && good;
	}
	if (good && !config_doubted(config, "certificates"))
		together_check(config);
}

/* False: the file is not good, or nobody knows which one is meant. */
static bool file_check(struct config *config, const char *setting, enum tls_file kind,
		       const char *path)
{
	char error[ERROR_BYTES];
	if (config_doubted(config, setting))
		return false;
	if (tls_openssl_check_file(kind, path, error, sizeof(error)))
		return true;
	config_mistake(config, setting, "%s", error);
	return false;
}

static void together_check(struct config *config)
{
	struct tls_openssl_config tls;
	char error[ERROR_BYTES], setting[SETTING_BYTES] = "tls";
	int which;
	launch_tls_config(config_settings(config), &tls);
	if (tls_openssl_check(&tls, &which, error, sizeof(error)))
		return;
	if (which >= 0)
		snprintf(setting, sizeof(setting), "certificates[%d]", which);
	config_mistake(config, setting, "%s", error);
}

static void content_check(struct config *config)
{
	char error[ERROR_BYTES];
	if (config_doubted(config, "content"))
		return;
	struct match_hs_database *db =
		match_hs_compile(config_settings(config), error, sizeof(error));
	if (db == NULL)
		config_mistake(config, "content", "%s", error);
	match_hs_database_free(db);
}
