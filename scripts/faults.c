/* Counts the calls that change files below FAULTS_BELOW, and at the one that is asked for kills the process, or lets
   it and all later ones fail as on a full disk, or lets it alone fail as on a broken one. Preloaded by
   scripts/crash_campaign.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, KILL, FULL, BROKEN };
static atomic_long calls;
static long at;
static int mode;

void faults_arm(int how, long number) { atomic_store(&calls, 0); at = number; mode = how; }
long faults_calls(void) { return atomic_load(&calls); }

static int ours(const char *path) {
    const char *below = getenv("FAULTS_BELOW");
    char here[PATH_MAX], whole[2 * PATH_MAX];
    if (!below || !path) return 0;
    if (path[0] != '/' && getcwd(here, sizeof here)) {
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    return strncmp(path, below, strlen(below)) == 0;
}

static int ours_open(int handle) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return ours(path);
}

/* Return the error of a call that is to fail, 0 for one that goes on; `grows`: it needs room on the disk. */
static int fault(int grows) {
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (mode == KILL && number == at) kill(getpid(), SIGKILL);
    if (mode == FULL && number >= at && grows) return ENOSPC;
    if (mode == BROKEN && number == at) return EIO;
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CALL(mine, grows, name, ...)                      \
    if (mode && (mine)) {                                 \
        int error = fault(grows);                         \
        if (error) { errno = error; return -1; }          \
    }                                                     \
    return REAL(name)(__VA_ARGS__)

ssize_t write(int h, const void *b, size_t n) { CALL(ours_open(h), 1, write, h, b, n); }
ssize_t writev(int h, const struct iovec *v, int n) { CALL(ours_open(h), 1, writev, h, v, n); }
ssize_t pwrite(int h, const void *b, size_t n, off_t o) { CALL(ours_open(h), 1, pwrite, h, b, n, o); }
ssize_t pwrite64(int h, const void *b, size_t n, off64_t o) { CALL(ours_open(h), 1, pwrite64, h, b, n, o); }
int fsync(int h) { CALL(ours_open(h), 1, fsync, h); }
int fdatasync(int h) { CALL(ours_open(h), 1, fdatasync, h); }
int ftruncate(int h, off_t n) { CALL(ours_open(h), 0, ftruncate, h, n); }
int ftruncate64(int h, off64_t n) { CALL(ours_open(h), 0, ftruncate64, h, n); }
int rename(const char *a, const char *b) { CALL(ours(a) || ours(b), 1, rename, a, b); }
int renameat(int d, const char *a, int e, const char *b) { CALL(ours(a) || ours(b), 1, renameat, d, a, e, b); }
int link(const char *a, const char *b) { CALL(ours(b), 1, link, a, b); }
int linkat(int d, const char *a, int e, const char *b, int f) { CALL(ours(b), 1, linkat, d, a, e, b, f); }
int unlink(const char *p) { CALL(ours(p), 0, unlink, p); }
int unlinkat(int d, const char *p, int f) { CALL(d >= 0 ? ours_open(d) : ours(p), 0, unlinkat, d, p, f); }
int rmdir(const char *p) { CALL(ours(p), 0, rmdir, p); }
int mkdir(const char *p, mode_t m) { CALL(ours(p), 1, mkdir, p, m); }

#define OPEN(name)                                                              \
    int name(const char *path, int flags, ...) {                                \
        va_list rest; va_start(rest, flags);                                    \
        mode_t m = va_arg(rest, mode_t); va_end(rest);                          \
        CALL((flags & O_ACCMODE) != O_RDONLY && ours(path),                     \
             (flags & O_CREAT) && access(path, F_OK) != 0, name, path, flags, m); \
    }
#define OPENAT(name)                                                            \
    int name(int dir, const char *path, int flags, ...) {                       \
        va_list rest; va_start(rest, flags);                                    \
        mode_t m = va_arg(rest, mode_t); va_end(rest);                          \
        CALL((flags & O_ACCMODE) != O_RDONLY && ours(path),                     \
             (flags & O_CREAT) && access(path, F_OK) != 0, name, dir, path, flags, m); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
