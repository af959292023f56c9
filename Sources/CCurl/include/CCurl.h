#ifndef LEVEE_CCURL_H
#define LEVEE_CCURL_H

#include <curl/curl.h>

// curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt are variadic, which Swift cannot call: one typed function per argument type.

#endif
