/* What the library needs of the system and Swift cannot do by itself; not for its users, who do not get it. */
#ifndef VCPUSNAP_SYSTEM_H
#define VCPUSNAP_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

int vcpusnap_system_errno(void);
void vcpusnap_system_set_errno(int number);

/* write(2) that raises no SIGPIPE; -errno where it fails. */
int64_t vcpusnap_system_write(int fd, const void *bytes, size_t size);

#endif
