#define _GNU_SOURCE
#include "CFuzz.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

// MARK: Memory

int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void *, size_t), void (*free_hook)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *pointer);

static atomic_size_t allocated;
static atomic_size_t peak;

static void count_malloc(const volatile void *pointer, size_t size) {
  (void)pointer;
  size_t now = atomic_fetch_add(&allocated, size) + size;
  size_t most = atomic_load(&peak);
  while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
  }
}

static void count_free(const volatile void *pointer) {
  if (pointer == NULL) return;
  size_t size = __sanitizer_get_allocated_size(pointer);
  size_t now = atomic_load(&allocated);
  // What was allocated before the count began is freed too.
  while (!atomic_compare_exchange_weak(&allocated, &now, now > size ? now - size : 0)) {
  }
}

void cfuzz_count_memory(void) {
  __sanitizer_install_malloc_and_free_hooks(count_malloc, count_free);
}

static size_t start;

void cfuzz_reset_peak(void) {
  start = atomic_load(&allocated);
  atomic_store(&peak, start);
}

size_t cfuzz_peak(void) {
  size_t most = atomic_load(&peak);
  return most > start ? most - start : 0;
}

int64_t cfuzz_processor_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// MARK: Crashes

static int crash_output, crash_errors, crash_report;
static char crash_command[4096];
static struct sigaction before[NSIG];

static void copy(int from) {
  char part[4096];
  off_t place = 0;
  ssize_t count;
  while (place < 1 << 16 && (count = pread(from, part, sizeof part, place)) > 0) {
    if (write(crash_report, part, (size_t)count) < 0) return;
    place += count;
  }
}

static void write_text(const char *text) {
  if (write(crash_report, text, strlen(text)) < 0) return;
}

static void show(int number, siginfo_t *info, void *context) {
  write_text("\n=== crash in: vcpusnap ");
  write_text(crash_command);
  write_text("\n=== its standard error:\n");
  copy(crash_errors);
  write_text("\n===\n");
  sigaction(number, &before[number], NULL);
  if (before[number].sa_flags & SA_SIGINFO) before[number].sa_sigaction(number, info, context);
  else raise(number);
}

void cfuzz_show_on_crash(int output, int errors, int report, const char *what) {
  static int is_set;
  crash_output = output;
  crash_errors = errors;
  crash_report = report;
  strncpy(crash_command, what, sizeof crash_command - 1);
  if (is_set) return;
  is_set = 1;
  const int numbers[] = {SIGILL, SIGTRAP, SIGABRT};
  for (size_t index = 0; index < sizeof numbers / sizeof *numbers; index++) {
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = show;
    sigaction(numbers[index], &action, &before[numbers[index]]);
  }
}

_Noreturn void cfuzz_die(int report, const char *text, size_t length) {
  if (write(report, text, length) < 0) _exit(99);
  abort();
}

void cfuzz_lose_memory(int beyond) {
  volatile char *memory = malloc(16);
  if (memory != NULL) memory[beyond ? 16 : 0] = 1;
}

void cfuzz_take_memory(size_t size) {
  volatile char *memory = malloc(size);
  if (memory != NULL) memory[0] = 1;
  free((void *)memory);
}

// MARK: Files

int cfuzz_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

void cfuzz_empty_directory(void) {
  DIR *directory = opendir(".");
  if (directory == NULL) return;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) unlink(entry->d_name);
  closedir(directory);
}

// CFormatData's, which the program has in it.
const unsigned char *cformat_zstd_dictionary_bytes(size_t index);
size_t cformat_zstd_dictionary_length(size_t index);

ssize_t cfuzz_decompress(uint8_t *to, size_t capacity, const uint8_t *from, size_t size) {
  ZSTD_DCtx *context = ZSTD_createDCtx();
  if (context == NULL) return -1;
  size_t count = ZSTD_decompress_usingDict(
      context, to, capacity, from, size, cformat_zstd_dictionary_bytes(0),
      cformat_zstd_dictionary_length(0));
  ZSTD_freeDCtx(context);
  return ZSTD_isError(count) ? -1 : (ssize_t)count;
}

// MARK: Sockets

int cfuzz_listen(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return -1;
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4) < 0) {
    close(listener);
    return -1;
  }
  return listener;
}

int cfuzz_accept(int listener) {
  int client;
  while ((client = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0 && errno == EINTR) {
  }
  // Who waits for an answer in vain is not waited for.
  struct timeval patience = {.tv_usec = 300000};
  if (client >= 0) setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return client;
}

ssize_t cfuzz_receive(int socket, uint8_t *to, size_t capacity, int *descriptor) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {.iov_base = to, .iov_len = capacity};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  *descriptor = -1;
  ssize_t count;
  while ((count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  struct cmsghdr *first = CMSG_FIRSTHDR(&message);
  if (count > 0 && first != NULL && first->cmsg_type == SCM_RIGHTS)
    memcpy(descriptor, CMSG_DATA(first), sizeof *descriptor);
  return count;
}

void cfuzz_send(int socket, const uint8_t *from, size_t size) {
  while (size > 0) {
    ssize_t count = send(socket, from, size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    from += count;
    size -= (size_t)count;
  }
}

void cfuzz_end(int socket) {
  shutdown(socket, SHUT_RDWR);
  close(socket);
}
