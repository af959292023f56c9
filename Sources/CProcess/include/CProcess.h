#ifndef LEVEE_CPROCESS_H
#define LEVEE_CPROCESS_H

// Nothing is included here: whatever types this module defines, Swift takes away from Glibc.

/// Starts a program in a session and process group of its own, with no descriptor but these: nothing as its input, the end of the file `output` as its
/// output and errors. All signals are as a fresh process has them. Both lists end with NULL.
///
/// Returns 0 and sets `process`, or returns the error number.
int levee_spawn(char *const *arguments, char *const *environment, const char *directory, const char *output, int *process);

#endif
