/*
 * Preloaded in the lab: the kernel calls itself $RELEASE, as one of a vendor that has taken in newer code does.
 * Built without the C library, as interrupted.c is.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

int uname(struct utsname *name)
{
    const char *release = getenv("RELEASE");
    register long x8 __asm__("x8") = SYS_uname, x0 __asm__("x0") = (long)name;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8) : "memory", "cc");
    if (release != NULL && strlen(release) < sizeof name->release)
        strcpy(name->release, release);
    return 0;
}
