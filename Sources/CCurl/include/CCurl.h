#ifndef LEVEE_CCURL_H
#define LEVEE_CCURL_H

#include <curl/curl.h>

// curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt are variadic, which Swift cannot call: one typed function per argument type.

CURLcode levee_curl_set_long(CURL *easy, CURLoption option, long value);
CURLcode levee_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value);
// Strings are copied by curl, except where its manual says otherwise.
CURLcode levee_curl_set_string(CURL *easy, CURLoption option, const char *value);
CURLcode levee_curl_set_pointer(CURL *easy, CURLoption option, void *value);
// The bytes are copied.
CURLcode levee_curl_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t count);

typedef size_t (*levee_curl_transfer_function)(char *buffer, size_t size, size_t count, void *context);
typedef int (*levee_curl_seek_function)(void *context, curl_off_t offset, int origin);

// All callbacks of a transfer get the same context.
void levee_curl_set_callbacks(CURL *easy, void *context, levee_curl_transfer_function header, levee_curl_transfer_function write,
                              levee_curl_transfer_function read, levee_curl_seek_function seek);

// 0 if unknown.
long levee_curl_get_long(CURL *easy, CURLINFO info);
curl_off_t levee_curl_get_offset(CURL *easy, CURLINFO info);

CURLMcode levee_curl_multi_set_long(CURLM *multi, CURLMoption option, long value);

// Takes the next finished transfer; null when there is none.
CURL *levee_curl_multi_next_done(CURLM *multi, CURLcode *result);

// curl_global_init with its default flags, a cast macro.
CURLcode levee_curl_initialize(void);

static const size_t levee_curl_write_pause = CURL_WRITEFUNC_PAUSE;
static const size_t levee_curl_read_pause = CURL_READFUNC_PAUSE;
static const size_t levee_curl_read_abort = CURL_READFUNC_ABORT;

#endif
