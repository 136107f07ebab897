/* Preloaded below a program, between SQLite and the kernel: writes down what reaches the files that it
 * watches, in order, and makes calls fail as a disk would. Test code; see `src/shim.rs`.
 *
 * DENIZEN_FIRE_WATCH   beginnings of file names, separated by `:`; other files are left alone
 * DENIZEN_FIRE_TRACE   the file that is written
 * DENIZEN_FIRE_FAULTS  kind:call:ending:number[+], separated by `,`. The call is `write`, `sync`, `read` or
 *                      `truncate`; the ending of the file's name may be empty; the number counts such
 *                      calls from 1, and `+` means from there on. Kinds: `eio` (nothing is done),
 *                      `eiodone` (done, but failed), `enospc`, `short` (half is written, and then there
 *                      is no room), `lost` (nothing is done, and it is said to be), `flip` (one bit of
 *                      what is read is another)
 * DENIZEN_FIRE_GATE    if set, faults count and happen only while this file is there
 *
 * A record of the trace: call (1 byte), file (4), offset (8), length (8), then that many bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FDS 4096
#define FILES 256
#define FAULTS 16
#define DIRECTORY 0xffffffffu

struct file { uint32_t id; char path[512]; };
struct fault { char kind[8], call[9], ending[32]; long from; int on, seen_short; long count; };

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static uint32_t fd_file[FDS]; /* 0: not watched */
static char fd_path[FDS][512];
static struct file names[FILES];
static uint32_t next_id = 1;
static struct fault faults[FAULTS];
static int fault_count, trace_fd = -1, drop_sync, started;
static const char *watch, *gate;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off64_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static void start(void) {
  if (started) return;
  started = 1;
  real_open = dlsym(RTLD_NEXT, "open64");
  real_openat = dlsym(RTLD_NEXT, "openat64");
  real_close = dlsym(RTLD_NEXT, "close");
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_read = dlsym(RTLD_NEXT, "read");
  real_pread = dlsym(RTLD_NEXT, "pread64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rename = dlsym(RTLD_NEXT, "rename");
  watch = getenv("DENIZEN_FIRE_WATCH");
  gate = getenv("DENIZEN_FIRE_GATE");
  const char *trace = getenv("DENIZEN_FIRE_TRACE");
  if (trace) trace_fd = real_open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  char all[1024] = "", *rest = all, *one;
  const char *spec = getenv("DENIZEN_FIRE_FAULTS");
  if (spec) strncpy(all, spec, sizeof all - 1);
  while ((one = strsep(&rest, ",")) && fault_count < FAULTS) {
    if (!strcmp(one, "dropsync")) { drop_sync = 1; continue; }
    struct fault *f = &faults[fault_count];
    char *kind = strsep(&one, ":"), *call = strsep(&one, ":"), *ending = strsep(&one, ":");
    if (!kind || !call || !ending || !one) continue;
    snprintf(f->kind, sizeof f->kind, "%s", kind);
    snprintf(f->call, sizeof f->call, "%s", call);
    snprintf(f->ending, sizeof f->ending, "%s", ending);
    f->from = strtol(one, &one, 10);
    f->on = *one == '+';
    fault_count++;
  }
}

static const char *base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int watched(const char *path) {
  const char *name = base(path), *w = watch;
  while (w && *w) {
    size_t n = strcspn(w, ":");
    if (n && !strncmp(name, w, n)) return 1;
    w += n + (w[n] == ':');
  }
  return 0;
}

static void note(char call, uint32_t file, uint64_t offset, const void *bytes, uint64_t length, int with) {
  if (trace_fd < 0) return;
  unsigned char head[21];
  head[0] = (unsigned char)call;
  memcpy(head + 1, &file, 4);
  memcpy(head + 5, &offset, 8);
  uint64_t kept = with ? length : 0;
  memcpy(head + 13, &kept, 8);
  if (real_write(trace_fd, head, sizeof head) != sizeof head) abort();
  const char *rest = bytes;
  while (kept) {
    ssize_t n = real_write(trace_fd, rest, kept);
    if (n <= 0) abort();
    rest += n;
    kept -= (uint64_t)n;
  }
}

static struct file *known(const char *path) {
  for (int i = 0; i < FILES; i++)
    if (names[i].id && !strcmp(names[i].path, path)) return &names[i];
  return 0;
}

static void opened(int fd, const char *path, int flags) {
  if (fd < 0 || fd >= FDS) return;
  fd_file[fd] = 0;
  if (!watch) return;
  struct stat st;
  if (!watched(path)) {
    if (trace_fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode)) fd_file[fd] = DIRECTORY;
    return;
  }
  struct file *f = known(path);
  if (!f) {
    for (int i = 0; i < FILES && !f; i++)
      if (!names[i].id) f = &names[i];
    if (!f) abort();
    f->id = next_id++;
    snprintf(f->path, sizeof f->path, "%s", path);
    note('o', f->id, 0, base(path), strlen(base(path)), 1);
  } else if (flags & O_TRUNC) {
    note('t', f->id, 0, 0, 0, 0);
  }
  fd_file[fd] = f->id;
  snprintf(fd_path[fd], sizeof fd_path[fd], "%s", base(path));
}

static int is_watched(int fd) { return fd >= 0 && fd < FDS && fd_file[fd] && fd_file[fd] != DIRECTORY; }

/* The fault for this call, if any. */
static struct fault *fault_for(int fd, const char *call) {
  if (!fault_count || !is_watched(fd)) return 0;
  if (gate && access(gate, F_OK)) return 0;
  struct fault *found = 0;
  for (int i = 0; i < fault_count; i++) {
    struct fault *f = &faults[i];
    size_t n = strlen(fd_path[fd]), m = strlen(f->ending);
    if (strcmp(f->call, call) || m > n || strcmp(fd_path[fd] + n - m, f->ending)) continue;
    f->count++;
    if (!found && (f->count == f->from || (f->on && f->count > f->from) || f->seen_short)) found = f;
  }
  return found;
}

static int is(const struct fault *f, const char *kind) { return f && !strcmp(f->kind, kind); }

int open64(const char *path, int flags, ...) {
  start();
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  pthread_mutex_lock(&lock);
  int fd = real_open(path, flags, mode), saved = errno;
  opened(fd, path, flags);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  return open64(path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
  start();
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  pthread_mutex_lock(&lock);
  int fd = real_openat(at, path, flags, mode), saved = errno;
  opened(fd, path, flags);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return fd;
}

int openat(int at, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  return openat64(at, path, flags, mode);
}

int close(int fd) {
  start();
  pthread_mutex_lock(&lock);
  if (fd >= 0 && fd < FDS) fd_file[fd] = 0;
  int done = real_close(fd), saved = errno;
  pthread_mutex_unlock(&lock);
  errno = saved;
  return done;
}

static ssize_t written(int fd, const void *bytes, size_t count, off64_t at, int positioned) {
  pthread_mutex_lock(&lock);
  if (!positioned) at = lseek64(fd, 0, SEEK_CUR);
  struct fault *f = fault_for(fd, "write");
  ssize_t done;
  int saved = 0;
  if (is(f, "eio")) done = -1, saved = EIO;
  else if (is(f, "enospc") || (f && f->seen_short)) done = -1, saved = ENOSPC;
  else if (is(f, "lost")) {
    done = (ssize_t)count;
    if (!positioned) lseek64(fd, done, SEEK_CUR);
  } else {
    size_t most = is(f, "short") && count > 1 ? count / 2 : count;
    done = positioned ? real_pwrite(fd, bytes, most, at) : real_write(fd, bytes, most);
    saved = errno;
    if (done > 0) note('w', fd_file[fd], (uint64_t)at, bytes, (uint64_t)done, 1);
    if (is(f, "short")) f->seen_short = f->on = 1;
    if (is(f, "eiodone")) done = -1, saved = EIO;
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return done;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  start();
  return is_watched(fd) ? written(fd, bytes, count, 0, 0) : real_write(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  start();
  return is_watched(fd) ? written(fd, bytes, count, at, 1) : real_pwrite(fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

static ssize_t bent(int fd, void *bytes, ssize_t done) {
  int saved = errno;
  pthread_mutex_lock(&lock);
  struct fault *f = fault_for(fd, "read");
  pthread_mutex_unlock(&lock);
  errno = saved;
  if (is(f, "eio")) return errno = EIO, -1;
  if (is(f, "short") && done > 1) return done / 2;
  if (is(f, "flip") && done > 0) ((unsigned char *)bytes)[f->count * 7919 % done] ^= 1u << (f->count % 8);
  return done;
}

ssize_t read(int fd, void *bytes, size_t count) {
  start();
  ssize_t done = real_read(fd, bytes, count);
  return fault_count && is_watched(fd) ? bent(fd, bytes, done) : done;
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
  start();
  ssize_t done = real_pread(fd, bytes, count, at);
  return fault_count && is_watched(fd) ? bent(fd, bytes, done) : done;
}

ssize_t pread(int fd, void *bytes, size_t count, off_t at) { return pread64(fd, bytes, count, at); }

static int synced(int fd, int (*real)(int)) {
  if (fd < 0 || fd >= FDS || !fd_file[fd]) return real(fd);
  pthread_mutex_lock(&lock);
  struct fault *f = fault_for(fd, "sync");
  int done = 0, saved = 0;
  if (is(f, "eio")) done = -1, saved = EIO;
  else if (is(f, "enospc")) done = -1, saved = ENOSPC;
  else if (!is(f, "lost") && !drop_sync) {
    done = real(fd), saved = errno;
    if (!done) note(fd_file[fd] == DIRECTORY ? 'd' : 's', fd_file[fd], 0, 0, 0, 0);
    if (is(f, "eiodone")) done = -1, saved = EIO;
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return done;
}

int fsync(int fd) { start(); return synced(fd, real_fsync); }

int fdatasync(int fd) { start(); return synced(fd, real_fdatasync); }

int ftruncate64(int fd, off64_t length) {
  start();
  if (!is_watched(fd)) return real_ftruncate(fd, length);
  pthread_mutex_lock(&lock);
  struct fault *f = fault_for(fd, "truncate");
  int done, saved;
  if (is(f, "eio")) done = -1, saved = EIO;
  else if (is(f, "lost")) done = saved = 0;
  else {
    done = real_ftruncate(fd, length), saved = errno;
    if (!done) note('t', fd_file[fd], (uint64_t)length, 0, 0, 0);
    if (is(f, "eiodone")) done = -1, saved = EIO;
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
  start();
  pthread_mutex_lock(&lock);
  int done = real_unlink(path), saved = errno;
  struct file *f = done ? 0 : known(path);
  if (f) {
    note('u', f->id, 0, base(path), strlen(base(path)), 1);
    f->id = 0;
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return done;
}

int rename(const char *from, const char *to) {
  start();
  pthread_mutex_lock(&lock);
  int done = real_rename(from, to), saved = errno;
  struct file *f = done ? 0 : known(from), *old = done ? 0 : known(to);
  if (old) note('u', old->id, 0, base(to), strlen(base(to)), 1), old->id = 0;
  if (f) f->id = 0;
  pthread_mutex_unlock(&lock);
  errno = saved;
  return done;
}
