#include "GuestPrograms.h"

#if defined(__aarch64__)

/* In guest.S. */
extern const uint8_t guest_program_start[];
extern const uint8_t guest_program_end[];

const void *guest_program(size_t *size)
{
    *size = (size_t)(guest_program_end - guest_program_start);
    return guest_program_start;
}

#else

const void *guest_program(size_t *size)
{
    *size = 0;
    return NULL;
}

#endif
