#ifndef LEVEE_CPROCESS_H
#define LEVEE_CPROCESS_H

// Nothing is included here: whatever types this module defines, Swift takes away from Glibc.

/// Starts a program in a session and process group of its own, with no descriptor but these: nothing as its input, the end of the file `output` as its
/// output and errors. All signals are as a fresh process has them. Both lists end with NULL.
///
/// Returns 0 and sets `process`, or returns the error number.
int levee_spawn(char *const *arguments, char *const *environment, const char *directory, const char *output, int *process);

/// Starts a program, looked for in PATH where it has no slash, in a process group of its own: nothing as its input, errors to this program's, its output to be read from
/// the descriptor `output`, which is the caller's to close. Both lists end with NULL.
///
/// Returns 0 and sets `output` and `process`, or returns the error number.
int levee_spawn_reading(char *const *arguments, char *const *environment, int *output, int *process);

#endif
