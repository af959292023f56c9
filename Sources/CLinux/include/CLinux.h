#ifndef LEVEE_CLINUX_H
#define LEVEE_CLINUX_H

#include <stdint.h>
#include <sys/epoll.h>

// What Swift's Glibc module leaves out: eventfd, epoll's packed union, thread names.

// A non-blocking, close-on-exec eventfd; -1 and errno on failure.
int levee_eventfd(void);

// The tag is the 64-bit member of the event's data.
int levee_epoll_add(int epoll_fd, int fd, uint32_t events, uint64_t tag);
int levee_epoll_remove(int epoll_fd, int fd);
// Returns how many tags were filled; 0 on timeout or EINTR.
int levee_epoll_wait(int epoll_fd, uint64_t *tags, int capacity, int timeout_milliseconds);

static const uint32_t levee_epoll_readable = EPOLLIN;
static const uint32_t levee_epoll_hangup = EPOLLRDHUP;

// Names the calling thread; longer names are cut to 15 bytes.
void levee_name_thread(const char *name);

#endif
