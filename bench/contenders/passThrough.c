/*
 * The least that a fan-out can be: one upgrade per watcher, and from then on bytes of the source copied to each as they
 * come. It looks at no event, knows no cursor and bounds nothing. `passThrough SOURCE_PORT ACCEPT`: watchers all send the
 * same key, and ACCEPT is the answer to it. One connection to the source for each path that is asked for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 16384, MAX_HUBS = 64, MAX_HEAD = 8192, CHUNK = 1 << 18 };

struct hub {
  char path[512];
  int fd;
  /* What the source says at first goes to every watcher: the answer to the upgrade is cut off. */
  char *first;
  size_t first_length;
  int upgraded;
  /* Its first event has come: the introduction is over. */
  int live;
  int *watchers;
  int count;
};

struct peer {
  enum { NOBODY, WATCHER, SOURCE } kind;
  struct hub *hub;
  char head[MAX_HEAD];
  size_t head_length;
  /* What the socket did not take. */
  char *waiting;
  size_t waiting_length;
};

static struct peer *peers[MAX_FD];
static struct hub hubs[MAX_HUBS];
static int hub_count, poll_fd, source_port;
static const char *accept_key;
static char chunk[CHUNK];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void attend(int fd, unsigned events, int operation) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poll_fd, operation, fd, &event) < 0) die("epoll_ctl");
}

static struct peer *meet(int fd, int kind) {
  int on = 1;
  if (fd < 0 || fd >= MAX_FD) die("descriptor");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  peers[fd] = calloc(1, sizeof(struct peer));
  peers[fd]->kind = kind;
  attend(fd, EPOLLIN, EPOLL_CTL_ADD);
  return peers[fd];
}

static void leave(int fd) {
  struct peer *peer = peers[fd];
  if (peer->kind == WATCHER && peer->hub != NULL) {
    struct hub *hub = peer->hub;
    for (int at = 0; at < hub->count; at++)
      if (hub->watchers[at] == fd) hub->watchers[at] = hub->watchers[--hub->count];
  }
  free(peer->waiting);
  free(peer);
  peers[fd] = NULL;
  close(fd);
}

static void give(int fd, const char *bytes, size_t length) {
  struct peer *peer = peers[fd];
  if (peer->waiting_length == 0) {
    ssize_t taken = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0 && errno != EAGAIN) return;
    if (taken < 0) taken = 0;
    bytes += taken;
    length -= taken;
    if (length == 0) return;
    attend(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  peer->waiting = realloc(peer->waiting, peer->waiting_length + length);
  memcpy(peer->waiting + peer->waiting_length, bytes, length);
  peer->waiting_length += length;
}

static void give_more(int fd) {
  struct peer *peer = peers[fd];
  ssize_t taken = send(fd, peer->waiting, peer->waiting_length, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (taken <= 0) return;
  peer->waiting_length -= taken;
  memmove(peer->waiting, peer->waiting + taken, peer->waiting_length);
  if (peer->waiting_length == 0) attend(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static struct hub *hub_of(const char *path) {
  for (int at = 0; at < hub_count; at++)
    if (strcmp(hubs[at].path, path) == 0) return &hubs[at];
  if (hub_count == MAX_HUBS) die("too many paths");
  struct hub *hub = &hubs[hub_count++];
  snprintf(hub->path, sizeof hub->path, "%s", path);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(source_port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  hub->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(hub->fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  char request[1024];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                        "Sec-WebSocket-Protocol: worker-events.v1\r\n\r\n",
                        path);
  if (write(hub->fd, request, length) != length) die("write");
  meet(hub->fd, SOURCE)->hub = hub;
  return hub;
}

/* The source speaks: before anything else it introduces itself, and the bench lets it do so before events begin. */
static void from_source(struct hub *hub, const char *bytes, size_t length) {
  if (hub->upgraded && !hub->live) hub->live = memmem(bytes, length, "\"text\":\"#", 9) != NULL;
  if (!hub->live) {
    hub->first = realloc(hub->first, hub->first_length + length + 1);
    memcpy(hub->first + hub->first_length, bytes, length);
    hub->first_length += length;
    hub->first[hub->first_length] = 0;
    if (!hub->upgraded) {
      char *end = strstr(hub->first, "\r\n\r\n");
      if (end == NULL) return;
      hub->upgraded = 1;
      size_t head = end + 4 - hub->first;
      hub->first_length -= head;
      memmove(hub->first, end + 4, hub->first_length);
      bytes = hub->first;
      length = hub->first_length;
    }
  }
  for (int at = 0; at < hub->count; at++) give(hub->watchers[at], bytes, length);
}

static void from_watcher(int fd, const char *bytes, size_t length) {
  struct peer *peer = peers[fd];
  if (peer->hub != NULL) return;
  if (peer->head_length + length >= MAX_HEAD) return leave(fd);
  memcpy(peer->head + peer->head_length, bytes, length);
  peer->head_length += length;
  peer->head[peer->head_length] = 0;
  if (strstr(peer->head, "\r\n\r\n") == NULL) return;
  char path[512];
  if (sscanf(peer->head, "GET %511s", path) != 1) return leave(fd);
  struct hub *hub = hub_of(path);
  char answer[512];
  int answered = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: worker-events.v1\r\n\r\n",
                          accept_key);
  give(fd, answer, answered);
  if (hub->upgraded) give(fd, hub->first, hub->first_length);
  peer->hub = hub;
  hub->watchers = realloc(hub->watchers, (hub->count + 1) * sizeof(int));
  hub->watchers[hub->count++] = fd;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  source_port = atoi(arguments[1]);
  accept_key = arguments[2];
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 4096) < 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  poll_fd = epoll_create1(0);
  attend(listener, EPOLLIN, EPOLL_CTL_ADD);
  printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  struct epoll_event events[1024];
  while (1) {
    int ready = epoll_wait(poll_fd, events, 1024, -1);
    for (int at = 0; at < ready; at++) {
      int fd = events[at].data.fd;
      if (fd == listener) {
        meet(accept(listener, NULL, NULL), WATCHER);
        continue;
      }
      struct peer *peer = peers[fd];
      if (peer == NULL) continue;
      if (events[at].events & EPOLLOUT) give_more(fd);
      if ((events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) continue;
      ssize_t length = recv(fd, chunk, CHUNK, MSG_DONTWAIT);
      if (length < 0 && errno == EAGAIN) continue;
      if (length <= 0) {
        leave(fd);
        continue;
      }
      if (peer->kind == WATCHER) from_watcher(fd, chunk, length);
      else from_source(peer->hub, chunk, length);
    }
  }
}
