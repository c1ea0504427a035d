#include "CLinuxAttach.h"

/*
 * Position-independent and without a stack: it runs in a thread of another process, between signal
 * frames that put all registers back. It neither calls nor touches anything but its table.
 *
 *   x19   the first entry: { uint32_t fd, unused; uint64_t request, argument; int64_t result; }
 *   x20   the end of the entries
 *   x21   process id     x22   thread id     x23   signal, which says that the results are there
 *   x30   where it returns to
 */
static const uint32_t routine[] = {
    /* next: */
    0xeb14027f, /* cmp  x19, x20         */
    0x54000122, /* b.hs done             */
    0xb9400260, /* ldr  w0, [x19]        */
    0xf9400661, /* ldr  x1, [x19, #8]    */
    0xf9400a62, /* ldr  x2, [x19, #16]   */
    0xd28003a8, /* mov  x8, #29          ioctl */
    0xd4000001, /* svc  #0               */
    0xf9000e60, /* str  x0, [x19, #24]   */
    0x91008273, /* add  x19, x19, #32    */
    0x17fffff7, /* b    next             */
    /* done: */
    0xaa1503e0, /* mov  x0, x21          */
    0xaa1603e1, /* mov  x1, x22          */
    0xaa1703e2, /* mov  x2, x23          */
    0xd2801068, /* mov  x8, #131         tgkill */
    0xd4000001, /* svc  #0               */
    0xd65f03c0, /* ret                   */
};

const uint32_t *clinux_attach_routine(size_t *count)
{
    *count = sizeof(routine) / sizeof(routine[0]);
    return routine;
}
