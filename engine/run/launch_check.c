/*
 * launch_check.c - what the loader cannot judge by itself, because it takes OpenSSL, Hyperscan, DPDK's
 * drivers or the file system to do so: certificates, keys, the trust file, content rules, devices,
 * the log's folder. See launch_check.h.
 *
 * Each file is first tried alone, so that one bad file does not hide another; only sound ones are
 * then tried together, which finds a key of another certificate and names given out twice.
 */
#include "run/launch_check.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "pmd-config/eal_args.h"
#include "pmd-config/plan.h"
#include "policy/match_hs.h"

#define ERROR_BYTES   512u
#define SETTING_BYTES 64u

static void certificates_check(struct config *config);
static void together_check(struct config *config);
static bool file_check(struct config *config, const char *setting, enum tls_file kind,
		       const char *path);
static void content_check(struct config *config);
static void devices_check(struct config *config);
static void words_check(struct config *config);
static void refusal_note(struct config *config, const char *refusal);
static void log_check(struct config *config);
static void black_box_check(struct config *config);

void launch_check(struct config *config)
{
	certificates_check(config);
	content_check(config);
	devices_check(config);
	words_check(config);
	log_check(config);
	black_box_check(config);
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

/* Only whether a driver could take it: the machine may be another one. */
static void devices_check(struct config *config)
{
	const struct settings *s = config_settings(config);
	char setting[SETTING_BYTES], text[ERROR_BYTES];
	if (config_doubted(config, "workers.lcores"))
		return;
	for (uint32_t i = 0; i < s->port_count; i++) {
		struct plan_port_want port = { .device = s->ports[i].device, .mtu = s->ports[i].mtu };
		struct text why = text_of(text, sizeof(text));
		snprintf(setting, sizeof(setting), "ports[%u].device", i);
		if (!config_doubted(config, setting) &&
		    !eal_args_port_check(&port, i, s->workers.count, &why))
			refusal_note(config, text);
	}
}

/* The operator's own words for DPDK, among arguments as they will be; every core counts as ours. */
static void words_check(struct config *config)
{
	const struct settings *s = config_settings(config);
	uint16_t lcores[PLAN_LCORES_MAX];
	char text[ERROR_BYTES];
	struct text why = text_of(text, sizeof(text));
	struct eal_args args;
	struct eal_want want = { .program = "weir",
				 .file_prefix = "weir-0",
				 .lcores = s->workers.lcores,
				 .cpus = lcores,
				 .secondary = s->dpdk.secondary == SETTINGS_ON,
				 .words = s->dpdk.eal };
	if (config_doubted(config, "workers.lcores") || config_doubted(config, "dpdk.eal") ||
	    !plan_lcores_parse(span_of(want.lcores, strlen(want.lcores)), lcores, &want.cpu_count))
		return;
	if (!eal_args_make(&want, &args, &why))
		refusal_note(config, text);
}

const char *launch_refusal(const char *refusal, char *setting, size_t setting_bytes)
{
	const char *reason = strstr(refusal, ": ");
	CHECK(reason != NULL);
	snprintf(setting, setting_bytes, "%.*s", (int)(reason - refusal), refusal);
	return reason + strlen(": ");
}

static void refusal_note(struct config *config, const char *refusal)
{
	char setting[LAUNCH_SETTING_BYTES];
	const char *reason = launch_refusal(refusal, setting, sizeof(setting));
	config_mistake(config, setting, "%s", reason);
}

/* The log itself is made at the start; here only whether that can be done. */
static void log_check(struct config *config)
{
	const char *file = config_settings(config)->log.file;
	char folder[PATH_MAX];
	struct stat about;
	if (file == NULL || config_doubted(config, "log.file"))
		return;
	if (stat(file, &about) == 0) {
		if (S_ISDIR(about.st_mode))
			config_mistake(config, "log.file", "%s is a folder (a file to append to)", file);
		else if (access(file, W_OK) != 0)
			config_mistake(config, "log.file", "%s cannot be written: %s", file,
				       strerror(errno));
		return;
	}
	const char *slash = strrchr(file, '/');
	size_t bytes = slash == NULL || slash == file ? 1 : (size_t)(slash - file);
	snprintf(folder, sizeof(folder), "%.*s", (int)bytes, slash == NULL ? "." : file);
	if (access(folder, W_OK | X_OK) != 0)
		config_mistake(config, "log.file", "%s cannot be made there: %s", file, strerror(errno));
}

/* Nobody makes a folder for us: a mistyped one would be made too. */
static void black_box_check(struct config *config)
{
	const char *folder = config_settings(config)->log.black_box;
	struct stat about;
	if (folder == NULL || config_doubted(config, "log.black_box"))
		return;
	if (stat(folder, &about) != 0)
		config_mistake(config, "log.black_box", "%s: %s", folder, strerror(errno));
	else if (!S_ISDIR(about.st_mode))
		config_mistake(config, "log.black_box", "%s is no folder", folder);
	else if (access(folder, W_OK | X_OK) != 0)
		config_mistake(config, "log.black_box", "%s cannot be written: %s", folder, strerror(errno));
}
