/*
 * tls_openssl_failure.c - OpenSSL's many reasons -> our few failures, by table.
 *
 * The first reason of OpenSSL's SSL library that is in the table decides; an alert from the peer is
 * any reason of 1000 and more. What is in no table is a protocol error: the peer sent what we could
 * not take.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

struct reason_row {
	int reason;
	enum tls_failure failure;
};

static const struct reason_row reasons[] = {
	{ SSL_R_UNSUPPORTED_PROTOCOL, TLS_FAILURE_VERSION },
	{ SSL_R_VERSION_TOO_LOW, TLS_FAILURE_VERSION },
	{ SSL_R_VERSION_TOO_HIGH, TLS_FAILURE_VERSION },
	{ SSL_R_WRONG_SSL_VERSION, TLS_FAILURE_VERSION },
	{ SSL_R_BAD_PROTOCOL_VERSION_NUMBER, TLS_FAILURE_VERSION },
	{ SSL_R_NO_PROTOCOLS_AVAILABLE, TLS_FAILURE_VERSION },
	{ SSL_R_INAPPROPRIATE_FALLBACK, TLS_FAILURE_VERSION },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, TLS_FAILURE_VERSION },
	{ SSL_R_NO_SHARED_CIPHER, TLS_FAILURE_CIPHER },
	{ SSL_R_NO_SHARED_GROUPS, TLS_FAILURE_CIPHER },
	{ SSL_R_NO_SUITABLE_GROUPS, TLS_FAILURE_CIPHER },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, TLS_FAILURE_CIPHER },
	{ SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_FAILURE_CIPHER },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_FAILURE_CIPHER },
	{ SSL_R_UNKNOWN_CIPHER_RETURNED, TLS_FAILURE_CIPHER },
	{ SSL_R_WRONG_CIPHER_RETURNED, TLS_FAILURE_CIPHER },
	{ SSL_R_WRONG_CURVE, TLS_FAILURE_CIPHER },
	{ SSL_R_EXCESSIVE_MESSAGE_SIZE, TLS_FAILURE_LIMIT },
	{ SSL_R_RECORD_TOO_SMALL, TLS_FAILURE_LIMIT }, /* OpenSSL's own bound on empty records */
	{ ERR_R_MALLOC_FAILURE, TLS_FAILURE_RESOURCES },
};

static const struct reason_row results[] = {
	{ X509_V_ERR_HOSTNAME_MISMATCH, TLS_FAILURE_NAME },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, TLS_FAILURE_NAME },
	{ X509_V_ERR_CERT_HAS_EXPIRED, TLS_FAILURE_EXPIRED },
	{ X509_V_ERR_CERT_NOT_YET_VALID, TLS_FAILURE_EXPIRED },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, TLS_FAILURE_UNTRUSTED },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, TLS_FAILURE_UNTRUSTED },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, TLS_FAILURE_UNTRUSTED },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, TLS_FAILURE_UNTRUSTED },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, TLS_FAILURE_UNTRUSTED },
	{ X509_V_ERR_CERT_UNTRUSTED, TLS_FAILURE_UNTRUSTED },
	{ X509_V_ERR_CERT_REJECTED, TLS_FAILURE_UNTRUSTED },
	{ X509_V_ERR_OUT_OF_MEM, TLS_FAILURE_RESOURCES },
};

static enum tls_failure row_find(const struct reason_row *rows, size_t count, int reason)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].reason == reason)
			return rows[i].failure;
	return TLS_FAILURE_NONE;
}

enum tls_failure tls_failure_of_verification(long result)
{
	enum tls_failure failure = row_find(results, COUNT_OF(results), (int)result);
	return failure == TLS_FAILURE_NONE ? TLS_FAILURE_CERTIFICATE : failure;
}

static enum tls_failure failure_of_reason(const struct tls_session *t, unsigned long error)
{
	int reason = ERR_GET_REASON(error);
	if (ERR_GET_LIB(error) != ERR_LIB_SSL && reason != ERR_R_MALLOC_FAILURE)
		return TLS_FAILURE_NONE;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return tls_failure_of_verification(SSL_get_verify_result(t->ssl));
	enum tls_failure failure = row_find(reasons, COUNT_OF(reasons), reason);
	bool alert = reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256;
	/* After establishment there is no version left to disagree about. */
	if (alert && (failure == TLS_FAILURE_NONE || t->was_established))
		return TLS_FAILURE_ALERT;
	return failure;
}

enum tls_failure tls_failure_of_errors(const struct tls_session *t)
{
	enum tls_failure failure = TLS_FAILURE_NONE;
	unsigned long error;
	while ((error = ERR_get_error()) != 0)
		if (failure == TLS_FAILURE_NONE)
			failure = failure_of_reason(t, error);
	return failure == TLS_FAILURE_NONE ? TLS_FAILURE_PROTOCOL : failure;
}

/* Clearing walks all sixteen places of the queue; asking first is cheaper, since it is nearly
 * always empty. */
void tls_errors_clear(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}
