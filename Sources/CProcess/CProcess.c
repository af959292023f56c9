// Changing the directory, closing descriptors and starting a session are extensions of posix_spawn.
#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

static int configure(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, const char *directory, const char *output) {
    sigset_t none, all;
    int code;
    sigemptyset(&none);
    sigfillset(&all);
    if ((code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0))) return code;
    if ((code = posix_spawn_file_actions_addopen(actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0644))) return code;
    if ((code = posix_spawn_file_actions_adddup2(actions, 1, 2))) return code;
    if ((code = posix_spawn_file_actions_addchdir_np(actions, directory))) return code;
    if ((code = posix_spawn_file_actions_addclosefrom_np(actions, 3))) return code;
    if ((code = posix_spawnattr_setsigmask(attributes, &none))) return code;
    if ((code = posix_spawnattr_setsigdefault(attributes, &all))) return code;
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int levee_spawn(char *const *arguments, char *const *environment, const char *directory, const char *output, int *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t started = 0;
    int code = posix_spawn_file_actions_init(&actions);
    if (code) return code;
    if ((code = posix_spawnattr_init(&attributes))) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    code = configure(&actions, &attributes, directory, output);
    if (!code) code = posix_spawn(&started, arguments[0], &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    *process = started;
    return code;
}

int levee_spawn_reading(char *const *arguments, char *const *environment, int *output, int *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int ends[2], code;
    pid_t started = 0;
    if (pipe2(ends, O_CLOEXEC)) return errno;
    if ((code = posix_spawn_file_actions_init(&actions))) goto closed;
    if ((code = posix_spawnattr_init(&attributes))) goto destroyed;
    sigemptyset(&none);
    sigfillset(&all);
    if (!(code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)) &&
        !(code = posix_spawn_file_actions_adddup2(&actions, ends[1], 1)) &&
        !(code = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) &&
        !(code = posix_spawnattr_setsigmask(&attributes, &none)) &&
        !(code = posix_spawnattr_setsigdefault(&attributes, &all)) &&
        !(code = posix_spawnattr_setpgroup(&attributes, 0)) &&
        !(code = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)))
        code = posix_spawnp(&started, arguments[0], &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
destroyed:
    posix_spawn_file_actions_destroy(&actions);
closed:
    close(ends[1]);
    if (code) {
        close(ends[0]);
        return code;
    }
    *output = ends[0];
    *process = started;
    return 0;
}
