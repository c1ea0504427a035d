/* Unix sockets, descriptors passed over them, and a process that speaks when this one has died. */
#ifndef CLINUX_SOCKETS_H
#define CLINUX_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

/*
 * socket(2) and connect(2) to a Unix stream socket; the descriptor is close-on-exec and does not
 * block. -ENAMETOOLONG for a path that struct sockaddr_un cannot hold (more than 107 bytes), -EAGAIN
 * while too many clients already wait to be accepted.
 */
int clinux_connect_unix(const char *_Nonnull path);

/*
 * sendmsg(2) without SIGPIPE and without blocking; may send less than asked. `descriptor` goes along
 * with the bytes (SCM_RIGHTS, unix(7)) unless it is -1. The macros of cmsg(3) stay in C.
 */
int64_t clinux_send(int fd, const void *_Nonnull bytes, size_t count, int descriptor);

/*
 * poll(2), repeated while a signal interrupts it: 1 when reading (or writing) will not block, which
 * includes the end and errors; 0 when the time is up; -errno. A negative time waits for ever.
 */
int clinux_wait_readable(int fd, int milliseconds);
int clinux_wait_writable(int fd, int milliseconds);

/*
 * memfd_create(2), hidden behind _GNU_SOURCE: a file without a name in no file system, open for
 * reading and writing. `label` is what /proc shows.
 */
int clinux_create_memory_file(const char *_Nonnull label);

/*
 * open(2) of what `fd` has open, by its name in /proc: a second descriptor for writing only, with an
 * offset of its own.
 */
int clinux_reopen_for_writing(int fd);

/* socketpair(2) of Unix stream sockets, close-on-exec: what is sent to one is received at the other. */
int clinux_socket_pair(int ends[_Nonnull 2]);

/*
 * Starts a process that does nothing until this one has died, however it died, and then says
 * `words` on `socket`. The words are lines of QMP; each is said until an answer comes that has
 * "return" and `sign` in it, for at most ten seconds, and then the next.
 *
 * The process is a fork(2) that calls nothing but async-signal-safe functions, in a session of its
 * own, with every signal blocked, and with no descriptor but the socket and a line from here. It sees
 * the death as the end of that line. Returns this end of the line, or -errno; *process is its id.
 */
int clinux_guard_start(int socket, const char *_Nonnull words, const char *_Nonnull sign,
                       int *_Nonnull process);

/* Ends that process without a word, closes the line, and waits until it is gone. */
int clinux_guard_release(int line, int process);

#endif
