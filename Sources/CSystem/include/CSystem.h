#ifndef LEVEE_CSYSTEM_H
#define LEVEE_CSYSTEM_H

// Nothing else may be included: whatever types this module defines, Swift takes away from Glibc.
#include <stdint.h>

// Calls of Linux that Swift's Glibc module leaves out, because it is built without _GNU_SOURCE. Each sets errno as the call itself does.

/// Names the calling thread for ps and debuggers; at most 15 bytes.
void levee_name_this_thread(const char *name);

/// How many CPUs this process may run on, or -1.
int levee_allowed_cpus(void);

/// Renames; fails with EEXIST where the target exists.
int levee_rename_exclusive(int from_directory, const char *from, int to_directory, const char *to);

/// Opens a file without a name in a directory, for writing. It vanishes when closed unless levee_link_open_file gives it a name.
int levee_open_unnamed(int directory, unsigned mode);

/// Gives the open file a name; fails with EEXIST where there is one.
int levee_link_open_file(int file, int directory, const char *name);

/// Starts writing a range of a file back to the disk, without waiting.
int levee_start_writeback(int file, int64_t offset, int64_t length);

/// Copies within the kernel; returns the number of bytes copied, which may be fewer than asked for, or -1.
int64_t levee_copy_file_range(int from, int64_t from_offset, int to, int64_t length);

/// Has the signals written, a byte each, to a pipe whose reading end is returned, instead of what they do otherwise; or -1.
int levee_watch_signals(const int *signals, int count);

#endif
