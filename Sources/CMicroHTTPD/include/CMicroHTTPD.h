#ifndef LEVEE_CMICROHTTPD_H
#define LEVEE_CMICROHTTPD_H

#include <microhttpd.h>

// MHD_start_daemon is variadic and some of its constants are cast macros, neither of which Swift can import.

struct levee_mhd_options {
    int listen_fd;                        // owned by the daemon from a successful start on
    unsigned int connection_limit;        // open connections
    unsigned int idle_timeout_seconds;    // for connections that are not suspended
    size_t connection_memory;             // bytes for headers and buffers of one connection
    const char *tls_key_pem;              // null: plain HTTP
    const char *tls_certificate_pem;
    const char *tls_trust_pem;            // null: clients are not asked for a certificate
};

// Starts a daemon that has no thread of its own: the caller polls levee_mhd_epoll_fd and calls MHD_run.
struct MHD_Daemon *levee_mhd_start(const struct levee_mhd_options *options, MHD_AccessHandlerCallback access, MHD_RequestCompletedCallback completed,
                                   void *context);

int levee_mhd_epoll_fd(struct MHD_Daemon *daemon);

// The socket of a connection, -1 if unknown.
int levee_mhd_connection_fd(struct MHD_Connection *connection);

// The peer's address, null if unknown.
const struct sockaddr *levee_mhd_connection_address(struct MHD_Connection *connection);

// A response whose length is unknown: sent chunked, filled by `reader`.
struct MHD_Response *levee_mhd_stream(size_t block_size, MHD_ContentReaderCallback reader, void *context);

static const ssize_t levee_mhd_end_of_stream = -1;
static const ssize_t levee_mhd_end_with_error = -2;

#endif
