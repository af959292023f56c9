#ifndef LEVEE_CMICROHTTPD_H
#define LEVEE_CMICROHTTPD_H

#include <microhttpd.h>

// MHD_start_daemon is variadic, which Swift cannot call: see the typed functions below.

#endif
