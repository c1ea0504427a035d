#include "GuestPrograms.h"

#if defined(__aarch64__)

/* In guest.S, exceptions.S, unlisted.S and interrupts.S. */
extern const uint8_t guest_program_start[];
extern const uint8_t guest_program_end[];
extern const uint8_t guest_exceptions_start[];
extern const uint8_t guest_exceptions_end[];
extern const uint8_t guest_unlisted_start[];
extern const uint8_t guest_unlisted_end[];
extern const uint8_t guest_interrupts_start[];
extern const uint8_t guest_interrupts_end[];

const void *guest_program(size_t *size)
{
    *size = (size_t)(guest_program_end - guest_program_start);
    return guest_program_start;
}

const void *guest_exceptions(size_t *size)
{
    *size = (size_t)(guest_exceptions_end - guest_exceptions_start);
    return guest_exceptions_start;
}

const void *guest_unlisted(size_t *size)
{
    *size = (size_t)(guest_unlisted_end - guest_unlisted_start);
    return guest_unlisted_start;
}

const void *guest_interrupts(size_t *size)
{
    *size = (size_t)(guest_interrupts_end - guest_interrupts_start);
    return guest_interrupts_start;
}

#else

const void *guest_program(size_t *size)
{
    *size = 0;
    return NULL;
}

const void *guest_exceptions(size_t *size)
{
    *size = 0;
    return NULL;
}

const void *guest_unlisted(size_t *size)
{
    *size = 0;
    return NULL;
}

const void *guest_interrupts(size_t *size)
{
    *size = 0;
    return NULL;
}

#endif
