/* Other programs, with their standard streams connected to this one. */
#ifndef CLINUX_PROCESSES_H
#define CLINUX_PROCESSES_H

#include <stddef.h>
#include <stdint.h>

/* Sets the signals right that this program's own parent may have set otherwise: called once, at its start. */
void clinux_set_signals(void);

/*
 * Puts something into the place of each standard stream that is closed, whose use fails. To be called before
 * anything is opened.
 */
void clinux_fill_standard_streams(void);

/* A running program and our ends of what it is connected to; all are close-on-exec. */
struct clinux_child {
    int pid;
    int output; /* a pipe: its standard output */
    int errors; /* a pipe: its standard error */
    int feed;   /* a socket, for clinux_send: its standard input; -1 when it was given a file */
};

/*
 * posix_spawnp(3), whose attributes and actions are opaque: starts a program found on PATH. `words` are its
 * name and its arguments, `count` of them, at least one: one behind another, each with its NUL. Its standard
 * input is `input`, from that descriptor's own position on; -1 makes a socket instead. Its descriptor
 * CLINUX_PASSED is `passed`; -1 for none. A program that cannot be started is an error here: -ENOENT when PATH
 * has none.
 */
int clinux_spawn(const char *_Nonnull words, int count, int input, int passed,
                 struct clinux_child *_Nonnull child);

enum { CLINUX_PASSED = 3 };

enum clinux_child_ready {
    CLINUX_OUTPUT_READY = 1,
    CLINUX_ERRORS_READY = 2,
    CLINUX_FEED_READY = 4,
};

/*
 * poll(2), repeated while a signal interrupts it: waits until something can be read from the first two
 * or written to the third, or the other side has gone. Returns enum clinux_child_ready bits, none when the
 * time is up. A descriptor of -1 is left out; a negative time waits for ever.
 */
int clinux_wait_for_child(int output, int errors, int feed, int milliseconds);

/*
 * waitpid(2): waits for the program's end and frees its process id, which is then never to be used
 * again. Returns its exit status, or 256 + the number of the signal that ended it.
 */
int clinux_wait_for_exit(int pid);

/* The same with WNOHANG: -EAGAIN where it has not ended. */
int clinux_exit_now(int pid);

/* kill(2) with SIGKILL, then the same. */
int clinux_kill_child(int pid);

/* lseek(2) with SEEK_SET: where a program that is given the descriptor begins to read. */
int clinux_set_position(int fd, int64_t offset);

#endif
