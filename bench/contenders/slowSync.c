/* Loaded before a program (LD_PRELOAD): whatever syncs a file takes a millisecond longer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void wait_more(void) {
  struct timespec millisecond = {0, 1000000};
  nanosleep(&millisecond, 0);
}

static void wait_if_synced(int fd) {
  if (fcntl(fd, F_GETFL) & O_DSYNC) wait_more();
}

#define NEXT(name) \
  static __typeof__(name) *next; \
  if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

int fdatasync(int fd) {
  NEXT(fdatasync);
  int answer = next(fd);
  wait_more();
  return answer;
}

int fsync(int fd) {
  NEXT(fsync);
  int answer = next(fd);
  wait_more();
  return answer;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t position) {
  NEXT(pwrite64);
  ssize_t answer = next(fd, bytes, count, position);
  wait_if_synced(fd);
  return answer;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t position) {
  NEXT(pwritev);
  ssize_t answer = next(fd, parts, count, position);
  wait_if_synced(fd);
  return answer;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t position) {
  NEXT(pwritev64);
  ssize_t answer = next(fd, parts, count, position);
  wait_if_synced(fd);
  return answer;
}
