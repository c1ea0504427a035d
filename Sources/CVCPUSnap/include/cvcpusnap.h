/* What the library needs of the system and Swift cannot do by itself; not for its users, who do not get it. */
#ifndef CVCPUSNAP_H
#define CVCPUSNAP_H

#include <stddef.h>
#include <stdint.h>

int cvcpusnap_errno(void);
void cvcpusnap_set_errno(int number);

/* write(2) that raises no SIGPIPE; -errno where it fails. */
int64_t cvcpusnap_write(int fd, const void *bytes, size_t size);

#endif
