#define _GNU_SOURCE
#include "CLinux.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

int levee_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int levee_epoll_add(int epoll_fd, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events, .data = {.u64 = tag}};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int levee_epoll_remove(int epoll_fd, int fd) {
    struct epoll_event event = {0};
    return epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &event);
}

int levee_epoll_wait(int epoll_fd, uint64_t *tags, int capacity, int timeout_milliseconds) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll_fd, events, capacity < 64 ? capacity : 64, timeout_milliseconds);
    for (int i = 0; i < count; i++) tags[i] = events[i].data.u64;
    return count < 0 ? 0 : count;
}

void levee_name_thread(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
}
