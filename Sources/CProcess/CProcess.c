// Changing the directory, closing descriptors and starting a session are extensions of posix_spawn.
#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

// What every program gets, behind the actions of its own: no input, no descriptors but the first three, no signals blocked or ignored.
static int configure(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, short group) {
    sigset_t none, all;
    int code;
    sigemptyset(&none);
    sigfillset(&all);
    if ((code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0))) return code;
    if ((code = posix_spawn_file_actions_addclosefrom_np(actions, 3))) return code;
    if ((code = posix_spawnattr_setsigmask(attributes, &none))) return code;
    if ((code = posix_spawnattr_setsigdefault(attributes, &all))) return code;
    return posix_spawnattr_setflags(attributes, group | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int place(posix_spawn_file_actions_t *actions, const char *directory, const char *output) {
    int code;
    if ((code = posix_spawn_file_actions_addopen(actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0644))) return code;
    if ((code = posix_spawn_file_actions_adddup2(actions, 1, 2))) return code;
    return posix_spawn_file_actions_addchdir_np(actions, directory);
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
    if (!(code = place(&actions, directory, output)) && !(code = configure(&actions, &attributes, POSIX_SPAWN_SETSID)))
        code = posix_spawn(&started, arguments[0], &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    *process = started;
    return code;
}

int levee_spawn_reading(char *const *arguments, char *const *environment, int *output, int *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int ends[2], code;
    pid_t started = 0;
    if (pipe2(ends, O_CLOEXEC)) return errno;
    if ((code = posix_spawn_file_actions_init(&actions))) goto closed;
    if ((code = posix_spawnattr_init(&attributes))) goto destroyed;
    // A process group of its own (0).
    if (!(code = posix_spawn_file_actions_adddup2(&actions, ends[1], 1)) && !(code = posix_spawnattr_setpgroup(&attributes, 0)) &&
        !(code = configure(&actions, &attributes, POSIX_SPAWN_SETPGROUP)))
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
