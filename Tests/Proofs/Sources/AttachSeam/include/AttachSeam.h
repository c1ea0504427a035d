/*
 * A seam in the program that attaches: between any two steps of a tracer (a call of ptrace(2), a write to the process's
 * memory, the beginning of a wait) signals can be sent to the process, and the time can be up, whatever the clock
 * says, or the tracer be killed. So what comes of that does not depend on how fast the machine is.
 *
 * It is there because this program defines ptrace, waitid, process_vm_writev and clock_gettime, which those of the C
 * library stand behind.
 */
#ifndef ATTACH_SEAM_H
#define ATTACH_SEAM_H

#include <stdbool.h>
#include <stdint.h>

enum { ATTACH_SEAM_SIGNALS = 65 };

/* How a tracer ends before its time. */
enum attach_seam_ending {
    /* The time is up; what it begins to wait for has not happened. */
    ATTACH_SEAM_TIME_IS_UP,
    /* The time is up; what it begins to wait for has happened, unseen. */
    ATTACH_SEAM_STOP_IS_UNSEEN,
    ATTACH_SEAM_KILLED,
    /* It goes on: the process is killed, and threads of it have ended. */
    ATTACH_SEAM_PROCESS_KILLED,
};

/* What happens between the steps of one attach, which are counted from 0. */
struct attach_seam {
    /* Gets the signals, but for one that the thread gets. */
    int process, thread;
    /* Before which step they are sent; none for never. */
    int send_at;
    /* Before which step the tracer ends; none for never. */
    int end_at;
    enum attach_seam_ending ending;
    /* Of random pauses between steps; 0 for no pauses. */
    uint64_t seed;
};

/*
 * Maps the file in which the process counts the signals that come to it, each in the word of its number; null when that
 * fails.
 */
const volatile uint64_t *_Nullable attach_seam_map(const char *_Nonnull path);

/* How many were sent so far of each number, also by children and before there was this program. */
const uint64_t *_Nonnull attach_seam_sent(void);

/* fork(2). */
int attach_seam_fork(void);

/* The seam is in use until its end, which a tracer that is killed does not come to. */
void attach_seam_begin(const struct attach_seam *_Nonnull seam, const volatile uint64_t *_Nonnull arrived);
void attach_seam_end(bool is_complete);

/*
 * How many steps there were until the last end; whether the last at which a tracer was to end began a wait; how often
 * there was a beginning, and an end that was complete. All of it also in children.
 */
int attach_seam_steps(void);
bool attach_seam_was_wait(void);
int attach_seam_begun(void);
int attach_seam_completed(void);

#endif
