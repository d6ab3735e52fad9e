/* What bare_loop.py does, in C: epoll, recvmsg with the kernel's stamps, a stamp, the bytes kept. Nothing is
 * parsed; nothing may fail. Its processor time tells how fast this machine's system calls are.
 *
 * bare_loop PORT STREAMS REQUESTS READS
 *   REQUESTS: a file of requests, each its length (4 bytes) and its text
 *   READS: is written after the run: of each read its request, its stamp in ns, its length (4, 8, 4 bytes), the
 *          bytes; a read of no length: the request was sent
 * Numbers are the machine's own. Says the nanoseconds of processor time, from the first connection to the last
 * read.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { READ_BYTES = 65536, AT_ONCE = 256 };

struct request { uint32_t length; const char *text; };
struct __attribute__((packed)) lead { uint32_t request; uint64_t at_ns; uint32_t length; };

static struct request *requests;
static uint32_t count, next_one;
static char *kept;
static size_t used, room;

static void must(int holds, const char *what) {
  if (!holds) { perror(what); exit(1); }
}

static uint64_t now_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static char *make_room(size_t wanted) {
  while (room - used < wanted) {
    room = room ? 2 * room : (size_t)1 << 24;
    must((kept = realloc(kept, room)) != NULL, "memory");
  }
  return kept + used;
}

static void keep(uint32_t request, uint64_t at_ns, uint32_t length) {
  struct lead lead = {request, at_ns, length};
  memcpy(kept + used, &lead, sizeof lead);
  used += sizeof lead + length;
}

static uint32_t send_next(int sock) {
  uint32_t one = next_one++;
  make_room(sizeof(struct lead));
  keep(one, now_ns(CLOCK_MONOTONIC), 0);
  must(send(sock, requests[one].text, requests[one].length, 0) == requests[one].length, "send");
  return one;
}

static void load(const char *path) {
  FILE *file = fopen(path, "rb");
  must(file != NULL, path);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file), at = 0;
  rewind(file);
  char *all = malloc(size);
  must(all != NULL && fread(all, 1, size, file) == size, path);
  fclose(file);
  must((requests = malloc((size / 4 + 1) * sizeof *requests)) != NULL, "memory");
  while (at < size) {
    memcpy(&requests[count].length, all + at, 4);
    requests[count].text = all + at + 4;
    at += 4 + requests[count++].length;
  }
}

int main(int argc, char **argv) {
  must(argc == 5, "arguments");
  uint32_t streams = (uint32_t)atoi(argv[2]);
  load(argv[3]);
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  uint64_t before_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  int poll = epoll_create1(0), yes = 1;
  int *socks = malloc(streams * sizeof *socks);
  uint32_t *under_way = malloc(streams * sizeof *under_way), left = count;
  must(socks != NULL && under_way != NULL, "memory");
  for (uint32_t i = 0; i < streams; i++) {
    must((socks[i] = socket(AF_INET, SOCK_STREAM, 0)) >= 0, "socket");
    must(connect(socks[i], (struct sockaddr *)&place, sizeof place) == 0, "connect");
    setsockopt(socks[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(socks[i], SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
  }
  for (uint32_t i = 0; i < streams; i++) {
    struct epoll_event wanted = {.events = EPOLLIN, .data.u32 = i};
    must(epoll_ctl(poll, EPOLL_CTL_ADD, socks[i], &wanted) == 0, "epoll");
    under_way[i] = send_next(socks[i]);
  }
  while (left) {
    struct epoll_event found[AT_ONCE];
    int ready = epoll_wait(poll, found, AT_ONCE, -1);
    for (int k = 0; k < ready; k++) {
      uint32_t i = found[k].data.u32;
      char ancillary[CMSG_SPACE(sizeof(struct timespec))];
      char *data = make_room(sizeof(struct lead) + READ_BYTES) + sizeof(struct lead);
      struct iovec piece = {data, READ_BYTES};
      struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = ancillary,
                               .msg_controllen = sizeof ancillary};
      ssize_t length = recvmsg(socks[i], &message, 0);
      must(length > 0, "recvmsg");
      keep(under_way[i], now_ns(CLOCK_MONOTONIC), (uint32_t)length);
      if (length >= 5 && memcmp(data + length - 5, "0\r\n\r\n", 5) == 0) {
        left--;
        if (next_one < count) under_way[i] = send_next(socks[i]);
      }
    }
  }
  uint64_t cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - before_ns;
  FILE *file = fopen(argv[4], "wb");
  must(file != NULL && fwrite(kept, 1, used, file) == used && fclose(file) == 0, argv[4]);
  printf("%llu\n", (unsigned long long)cpu_ns);
  return 0;
}
