// libFuzzer, the sanitizers, and what has to be C because it runs at any time: in malloc, in a crash.
#ifndef CFUZZ_H
#define CFUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// libFuzzer.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

// Counts the bytes that are allocated, from now on.
void cfuzz_count_memory(void);
// Begins anew: what is allocated now counts for nothing.
void cfuzz_reset_peak(void);
// The most bytes that were allocated at once since the last reset.
size_t cfuzz_peak(void);

// Processor time of this process, in microseconds.
int64_t cfuzz_processor_time(void);

// On a crash, `output` and `errors` (files) are copied to `report`, after `what`.
void cfuzz_show_on_crash(int output, int errors, int report, const char *what);

// Writes a line to `report` and dies, so that libFuzzer keeps the input.
_Noreturn void cfuzz_die(int report, const char *text, size_t length);

// Allocates memory that nobody frees, and may write behind its end.
void cfuzz_lose_memory(int beyond);
// Allocates so many bytes, uses one and frees them.
void cfuzz_take_memory(size_t size);

// A file in memory; -1 on failure.
int cfuzz_memory_file(const char *name);

// Removes what is in the working directory and is no directory.
void cfuzz_empty_directory(void);

// Decompresses one zstd frame with the format's dictionary. Returns the bytes, or -1.
ssize_t cfuzz_decompress(uint8_t *to, size_t capacity, const uint8_t *from, size_t size);

// A Unix socket that is listened on; -1 on failure.
int cfuzz_listen(const char *path);
// The next client; -1 when there is none any more.
int cfuzz_accept(int listener);
// Receives; the number of a descriptor that came along goes to `descriptor`, else -1.
ssize_t cfuzz_receive(int socket, uint8_t *to, size_t capacity, int *descriptor);
// Sends, or does nothing when nobody is there any more.
void cfuzz_send(int socket, const uint8_t *from, size_t size);
void cfuzz_end(int socket);

#endif
