#include "CGnuTLS.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

static const long ten_years = 10L * 365 * 24 * 3600;

static char *text_of(gnutls_datum_t *pem) {
    char *text = malloc(pem->size + 1);
    if (text) {
        memcpy(text, pem->data, pem->size);
        text[pem->size] = 0;
    }
    gnutls_free(pem->data);
    return text;
}

static int fill(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, const char *common_name, long now) {
    unsigned char serial[16];
    const unsigned char loopback4[4] = {127, 0, 0, 1};
    const unsigned char loopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN;
    int code;
    if ((code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial)) < 0) return code;
    serial[0] &= 0x7f;
    if ((code = gnutls_x509_crt_set_version(certificate, 3)) < 0) return code;
    if ((code = gnutls_x509_crt_set_serial(certificate, serial, sizeof serial)) < 0) return code;
    if ((code = gnutls_x509_crt_set_activation_time(certificate, now - 24 * 3600)) < 0) return code;
    if ((code = gnutls_x509_crt_set_expiration_time(certificate, now + ten_years)) < 0) return code;
    if ((code = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, common_name, strlen(common_name))) < 0) return code;
    if ((code = gnutls_x509_crt_set_key(certificate, key)) < 0) return code;
    if ((code = gnutls_x509_crt_set_basic_constraints(certificate, 1, 0)) < 0) return code;
    if ((code = gnutls_x509_crt_set_key_usage(certificate, usage)) < 0) return code;
    if ((code = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0)) < 0) return code;
    if ((code = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_SET)) < 0) return code;
    if ((code = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, loopback4, sizeof loopback4, GNUTLS_FSAN_APPEND)) < 0) return code;
    if ((code = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, loopback6, sizeof loopback6, GNUTLS_FSAN_APPEND)) < 0) return code;
    return gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
}

int levee_make_loopback_certificate(const char *common_name, long now, char **certificate_pem, char **key_pem) {
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t certificate = NULL;
    gnutls_datum_t pem = {NULL, 0};
    int code = gnutls_x509_privkey_init(&key);
    *certificate_pem = NULL;
    *key_pem = NULL;
    if (code >= 0) code = gnutls_x509_crt_init(&certificate);
    if (code >= 0) code = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (code >= 0) code = fill(certificate, key, common_name, now);
    if (code >= 0 && (code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem)) >= 0) *certificate_pem = text_of(&pem);
    if (code >= 0 && (code = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem)) >= 0) *key_pem = text_of(&pem);
    if (code >= 0 && (!*certificate_pem || !*key_pem)) code = GNUTLS_E_MEMORY_ERROR;
    if (certificate) gnutls_x509_crt_deinit(certificate);
    if (key) gnutls_x509_privkey_deinit(key);
    return code < 0 ? code : 0;
}

const char *levee_gnutls_error(int code) { return gnutls_strerror(code); }
