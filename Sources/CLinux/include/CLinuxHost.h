/* Error texts, the clock, and what kind of machine this is. */
#ifndef CLINUX_HOST_H
#define CLINUX_HOST_H

#include <stddef.h>
#include <stdint.h>

/* The sentence for an error number. strerror(3) is not thread-safe; this is. */
const char *_Nonnull clinux_strerror(int number);

/* The symbol of an error number ("EINVAL"), NULL when unknown. GNU strerrorname_np(3) is hidden
 * behind _GNU_SOURCE. */
const char *_Nullable clinux_strerrorname(int number);

/* The kernel release, `uname -r`. struct utsname imports into Swift as tuples of 65 elements.
 * Returns the length without the terminating NUL; -ERANGE when the buffer is too small. */
int clinux_kernel_release(char *_Nonnull buffer, size_t size);

/* Seconds since 1970-01-01T00:00:00Z, time(2). */
int64_t clinux_realtime_seconds(void);

/* Nanoseconds since 1970-01-01T00:00:00Z. */
int64_t clinux_realtime_nanoseconds(void);

/* CLOCK_MONOTONIC in nanoseconds; async-signal-safe. */
int64_t clinux_monotonic_nanoseconds(void);

/* "2026-11-24T11:09:53Z" (RFC 3339) for such a number. struct tm and strftime(3) stay in C.
 * Returns the length without the terminating NUL; -ERANGE when the buffer is too small. */
int clinux_format_utc(int64_t seconds, char *_Nonnull buffer, size_t size);

/* The CPUs that the calling thread may run on, a bit each, least significant first: sched_getaffinity(2) without glibc's limit of 1024.
 * Returns the number of bytes that the kernel wrote; -EINVAL when the buffer is too small. */
int clinux_cpus_of_thread(uint8_t *_Nonnull bits, size_t size);

/* Keeps the calling thread on these CPUs from now on: sched_setaffinity(2). */
int clinux_set_cpus_of_thread(const uint8_t *_Nonnull bits, size_t size);

/* getenv(3), NULL when unset. */
const char *_Nullable clinux_getenv(const char *_Nonnull name);

/* CNTFRQ_EL0, the frequency of the generic timer in Hz; it is not a register of KVM's list and
 * needs an instruction. 0 on machines that are not arm64. */
uint64_t clinux_counter_frequency(void);

#endif
