#ifndef LEVEE_CGNUTLS_H
#define LEVEE_CGNUTLS_H

#include <stddef.h>

/// Makes an ECDSA P-256 key and a certificate for it that signs itself, for a TLS server on this machine's loopback addresses.
///
/// Both are PEM texts that the caller frees. `now` is in seconds since the epoch; the certificate is valid for ten years.
/// Returns 0, or a GnuTLS error code (see levee_gnutls_error).
int levee_make_loopback_certificate(const char *common_name, long now, char **certificate, char **key);

/// What a GnuTLS error code means.
const char *levee_gnutls_error(int code);

#endif
