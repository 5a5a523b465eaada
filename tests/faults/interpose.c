/* Stands between a process and its writes: counts them, traces them, fails one of them, or kills.
 *
 * Loaded with LD_PRELOAD; the page named by JIAOZI_FAULTS_PAGE is shared with the test, which sets
 * what is to happen (interposer.py has the same layout). Only calls on files below `under` count.
 * Our own seam, LevelDB and SQLite all write through libc, so all three are met here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE = 1, SYNC, RENAME, UNLINK, TRUNCATE, CREATE, RESERVE };
enum { SEGMENT = 1, DROPS, INDEX, MARK, WAL, NAMES, OTHER, TABLE };
enum { FAIL = 1, KILL, TEAR, SHORT, STALL, PAUSE };

struct event { uint8_t op, place, under_way, spare; uint32_t file; };

struct page {
    uint32_t mode;        /* what happens to the call that is hit; 0 nothing */
    int32_t error;        /* errno of FAIL */
    uint32_t ops, places; /* bits 1 << op, 1 << place of the calls that count */
    uint64_t at;          /* which of them is hit, from 1; with `lasting` all from there on */
    uint32_t lasting;
    uint32_t stall_ms;    /* STALL: how long it waits before it kills */
    _Atomic uint64_t seen;
    _Atomic uint32_t hit;
    _Atomic uint32_t hit_op, hit_place;
    _Atomic uint32_t now_op, now_place; /* the call under way */
    _Atomic uint32_t traced;
    uint32_t tracing;
    char under[1024];
    struct event trace[1 << 16];
};

static struct page *page;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("JIAOZI_FAULTS_PAGE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        page = at;
}

static int ends(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* Where a path lies in the home; 0 when it doesn't. */
static int place_of(const char *path, uint32_t *file) {
    size_t n;
    if (!page || !page->under[0])
        return 0;
    n = strlen(page->under);
    if (strncmp(path, page->under, n) || (path[n] && path[n] != '/'))
        return 0;
    path += n;
    *file = 2166136261u;
    for (const char *c = path; *c; c++)
        *file = (*file ^ (uint8_t)*c) * 16777619u;
    if (!strncmp(path, "/segments", 9))
        return ends(path, ".drops") ? DROPS : SEGMENT;
    if (!strncmp(path, "/index/LOG", 10) || !strcmp(path, "/index/LOCK"))
        return 0;
    if (!strncmp(path, "/index/", 7) && ends(path, ".ldb"))
        return TABLE;
    if (!strcmp(path, "/index") || !strncmp(path, "/index/", 7))
        return INDEX;
    if (!strncmp(path, "/index.", 7) || !strcmp(path, "/ballast") || !path[0])
        return MARK;
    if (!strcmp(path, "/names.db-wal"))
        return WAL;
    if (!strncmp(path, "/names.db", 9))
        return ends(path, "-shm") ? 0 : NAMES;
    return OTHER;
}

static int place_of_fd(int fd, uint32_t *file) {
    char link[64], path[2048];
    ssize_t n;
    if (!page || !page->under[0])
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = 0;
    if (n > 10 && ends(path, " (deleted)"))
        path[n - 10] = 0;
    return place_of(path, file);
}

static int place_of_name(int dir, const char *name, uint32_t *file) {
    char path[2048];
    ssize_t n = 0;
    if (!page || !page->under[0])
        return 0;
    if (name[0] == '/')
        return place_of(name, file);
    if (dir == AT_FDCWD) {
        if (!getcwd(path, 1024))
            return 0;
        n = strlen(path);
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        n = readlink(link, path, 1024);
        if (n <= 0)
            return 0;
    }
    snprintf(path + n, sizeof path - n, "/%s", name);
    return place_of(path, file);
}

static void note(int op, int place, uint32_t file, int begins) {
    if (!page->tracing)
        return;
    uint32_t at = atomic_fetch_add(&page->traced, 1);
    if (at < sizeof page->trace / sizeof page->trace[0])
        page->trace[at] = (struct event){op, place, begins, 0, file};
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Returns the mode when this call is the one to be hit, else 0. */
static int enter(int op, int place, uint32_t file) {
    if (!place)
        return 0;
    note(op, place, file, 1);
    atomic_store(&page->now_place, place);
    atomic_store(&page->now_op, op);
    if (!(page->ops >> op & 1) || !(page->places >> place & 1))
        return 0;
    uint64_t seen = atomic_fetch_add(&page->seen, 1) + 1;
    if (!page->mode || !page->at || (page->lasting ? seen < page->at : seen != page->at))
        return 0;
    atomic_store(&page->hit_op, op);
    atomic_store(&page->hit_place, place);
    atomic_store(&page->hit, 1);
    if (page->mode == PAUSE) { /* until the test disarms */
        struct timespec wait = {0, 1000000L};
        while (*(volatile uint32_t *)&page->mode == PAUSE)
            nanosleep(&wait, NULL);
        return 0;
    }
    if (page->mode == STALL) {
        struct timespec wait = {page->stall_ms / 1000, page->stall_ms % 1000 * 1000000L};
        nanosleep(&wait, NULL);
        die();
    }
    if (page->mode == KILL)
        die();
    return page->mode;
}

static void leave(int op, int place, uint32_t file, int done) {
    if (!place)
        return;
    if (done)
        note(op, place, file, 0);
    atomic_store(&page->now_op, 0);
    atomic_store(&page->now_place, 0);
}

static int failed(int op, int place, uint32_t file) {
    leave(op, place, file, 0);
    errno = page->error;
    return -1;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

/* SIZE is what is to be written, HALF an expression that writes the first HALF_SIZE of it. */
#define WRITING(size, half, whole)                                  \
    uint32_t file = 0;                                              \
    int place = place_of_fd(fd, &file);                             \
    int mode = enter(WRITE, place, file);                           \
    ssize_t half_size = (ssize_t)(size) / 2, done;                  \
    if (mode == FAIL)                                               \
        return failed(WRITE, place, file);                          \
    if (mode == TEAR) {                                             \
        if (half_size > 0)                                          \
            (void)!(half);                                          \
        die();                                                      \
    }                                                               \
    done = mode == SHORT && half_size > 0 ? (half) : (whole);       \
    leave(WRITE, place, file, done >= 0);                           \
    return done;

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    WRITING(size, real(fd, data, half_size), real(fd, data, size))
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    WRITING(size, real(fd, data, half_size, at), real(fd, data, size, at))
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    WRITING(size, real(fd, data, half_size, at), real(fd, data, size, at))
}

/* The first half of a vector's bytes go out as plain writes, part by part. */
static ssize_t some_of(int fd, const struct iovec *parts, int count, ssize_t size, off_t at) {
    static ssize_t (*plain)(int, const void *, size_t, off_t);
    ssize_t sum = 0;
    if (!plain)
        plain = dlsym(RTLD_NEXT, "pwrite64");
    for (int i = 0; i < count && sum < size; i++) {
        size_t part = parts[i].iov_len;
        if (part > (size_t)(size - sum))
            part = size - sum;
        ssize_t done = plain(fd, parts[i].iov_base, part, at + sum);
        if (done < 0)
            return sum ? sum : done;
        sum += done;
    }
    return sum;
}

static ssize_t all_of(const struct iovec *parts, int count) {
    ssize_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += parts[i].iov_len;
    return sum;
}

#define VECTORS(name, type)                                                                      \
    ssize_t name(int fd, const struct iovec *parts, int count, type at) {                        \
        REAL(name);                                                                              \
        WRITING(all_of(parts, count), some_of(fd, parts, count, half_size, at),                  \
                real(fd, parts, count, at))                                                      \
    }
#define VECTORS2(name, type)                                                                     \
    ssize_t name(int fd, const struct iovec *parts, int count, type at, int flags) {             \
        REAL(name);                                                                              \
        WRITING(all_of(parts, count), some_of(fd, parts, count, half_size, at),                  \
                real(fd, parts, count, at, flags))                                               \
    }
VECTORS(pwritev, off_t)
VECTORS(pwritev64, off64_t)
VECTORS2(pwritev2, off_t)
VECTORS2(pwritev64v2, off64_t)

#define SIMPLE(op, where, call)                \
    uint32_t file = 0;                         \
    int place = where;                         \
    int mode = enter(op, place, file);         \
    if (mode == TEAR)                          \
        die();                                 \
    if (mode == FAIL)                          \
        return failed(op, place, file);        \
    int done = call;                           \
    int kept = errno;                          \
    leave(op, place, file, done >= 0);         \
    errno = kept;                              \
    return done;

int fsync(int fd) {
    REAL(fsync);
    SIMPLE(SYNC, place_of_fd(fd, &file), real(fd))
}

int fdatasync(int fd) {
    REAL(fdatasync);
    SIMPLE(SYNC, place_of_fd(fd, &file), real(fd))
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    SIMPLE(TRUNCATE, place_of_fd(fd, &file), real(fd, size))
}

int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    SIMPLE(TRUNCATE, place_of_fd(fd, &file), real(fd, size))
}

int rename(const char *from, const char *to) {
    REAL(rename);
    SIMPLE(RENAME, place_of_name(AT_FDCWD, to, &file), real(from, to))
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    REAL(renameat);
    SIMPLE(RENAME, place_of_name(to_dir, to, &file), real(from_dir, from, to_dir, to))
}

int unlink(const char *path) {
    REAL(unlink);
    SIMPLE(UNLINK, place_of_name(AT_FDCWD, path, &file), real(path))
}

int unlinkat(int dir, const char *path, int flags) {
    REAL(unlinkat);
    SIMPLE(UNLINK, place_of_name(dir, path, &file), real(dir, path, flags))
}

#define RESERVES(name, type)                                                        \
    int name(int fd, type at, type size) {                                          \
        REAL(name);                                                                 \
        uint32_t file = 0;                                                          \
        int place = place_of_fd(fd, &file);                                         \
        int mode = enter(RESERVE, place, file);                                     \
        if (mode == TEAR)                                                           \
            die();                                                                  \
        int done = mode == FAIL ? page->error : real(fd, at, size);                 \
        leave(RESERVE, place, file, !done);                                         \
        return done;                                                                \
    }
RESERVES(posix_fallocate, off_t)
RESERVES(posix_fallocate64, off64_t)

#define OPENS(name, parameters, directory, call)                                    \
    int name parameters {                                                           \
        REAL(name);                                                                 \
        mode_t rights = 0;                                                          \
        if (flags & O_CREAT) {                                                      \
            va_list rest;                                                           \
            va_start(rest, flags);                                                  \
            rights = va_arg(rest, int);                                             \
            va_end(rest);                                                           \
        }                                                                           \
        if (!(flags & (O_CREAT | O_TRUNC)))                                         \
            return call;                                                            \
        SIMPLE(CREATE, place_of_name(directory, path, &file), call)                 \
    }
OPENS(open, (const char *path, int flags, ...), AT_FDCWD, real(path, flags, rights))
OPENS(open64, (const char *path, int flags, ...), AT_FDCWD, real(path, flags, rights))
OPENS(openat, (int dir, const char *path, int flags, ...), dir, real(dir, path, flags, rights))
OPENS(openat64, (int dir, const char *path, int flags, ...), dir, real(dir, path, flags, rights))
