/*
 * launch_check.h - the last judgement on a configuration before anything is started.
 */
#ifndef WEIR_RUN_LAUNCH_CHECK_H
#define WEIR_RUN_LAUNCH_CHECK_H

#include <stddef.h>

#include "crypto-offload/tls_openssl.h"
#include "pmd-config/config_file.h"
#include "policy/settings.h"

/* Adds what is wrong with certificates, keys, the trust file, content rules, devices and the log's
 * folder to the mistakes of `config`; settings that are doubted already are left out. config_report() tells the result. */
void launch_check(struct config *config);
/* What the settings say of TLS; the sizes and the secrets of one worker are the caller's to add. The
 * texts are borrowed from the settings. */
void launch_tls_config(const struct settings *s, struct tls_openssl_config *config);

#define LAUNCH_SETTING_BYTES 64u
/* A refusal as folders below us say it, "setting: reason": writes its setting, returns its reason. */
const char *launch_refusal(const char *refusal, char *setting, size_t setting_bytes);

#endif
