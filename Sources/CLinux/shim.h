// What Swift's Glibc module leaves out: it is built without _GNU_SOURCE, and not of all headers.
#ifndef SONO_CLINUX_H
#define SONO_CLINUX_H

#include <fcntl.h>
#include <malloc.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/xattr.h>

/// rename(2) relative to directory descriptors, with flags (Linux 3.15, glibc 2.28).
extern int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned int flags);

/// renameat2: fail with EEXIST instead of replacing.
static const unsigned int RENAME_NOREPLACE = 1;

/// accept(2) with flags for the connection.
extern int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags);

/// pipe(2) with flags for both ends.
extern int pipe2(int ends[2], int flags);

/// Exchanges two files in one step; both must be there.
static inline int rename_exchanging(const char *one, const char *other) {
    return renameat2(AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */);
}

/// sync(2) for the one file system the descriptor is on.
extern int syncfs(int descriptor);

/// prctl(2) is variadic, which Swift cannot call: send us this signal when the thread that started us ends.
static inline int set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

/// Names the thread that calls; 15 bytes of it are kept.
static inline int set_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

#ifndef O_PATH
/// open(2): a handle on a directory that one may search but not list.
static const int O_PATH = __O_PATH;
#endif

#endif
