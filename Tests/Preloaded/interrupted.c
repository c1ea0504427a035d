/*
 * Preloaded in the lab: each KVM ioctl but KVM_RUN is interrupted by a signal, as it were, before it has done anything, and
 * done when it is called again. The file "interruptions" in the working directory gets a byte for each.
 * Built without the C library, with which the lab's programs are linked statically; the program has its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

enum { KVM_TYPE = 0xae, KVM_RUN_NUMBER = 0x80 };

static long call(long number, long first, long second, long third, long fourth)
{
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = first, x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third, x3 __asm__("x3") = fourth;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory", "cc");
    return x0;
}

static void record(void)
{
    long file = call(SYS_openat, AT_FDCWD, (long)"interruptions", O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (file >= 0) {
        call(SYS_write, file, (long)".", 1, 0);
        call(SYS_close, file, 0, 0, 0);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    static unsigned long interrupted;
    va_list arguments;
    long result, argument;

    va_start(arguments, request);
    argument = va_arg(arguments, long);
    va_end(arguments);
    if ((request >> 8 & 0xff) == KVM_TYPE && (request & 0xff) != KVM_RUN_NUMBER && interrupted != request) {
        interrupted = request;
        record();
        errno = EINTR;
        return -1;
    }
    interrupted = 0;
    result = call(SYS_ioctl, fd, (long)request, argument, 0);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return (int)result;
}
