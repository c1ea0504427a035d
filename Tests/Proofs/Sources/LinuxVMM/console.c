#include "OwnVMM.h"
#include "parts.h"

#include <linux/kvm.h>
#include <pthread.h>
#include <string.h>

/* As much of a PL011 as a generic UART of the SBSA has. What is written is there at once, so only reading interrupts. */

enum { DATA = 0x00, FLAGS = 0x18, MASK = 0x38, RAW_STATUS = 0x3c, STATUS = 0x40 };
enum { FLAG_NOTHING_TO_READ = 1u << 4, FLAG_ALL_WRITTEN = 1u << 7, INTERRUPT_READ = 1u << 4 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct linux_console console;
static char output[1 << 16];
static size_t output_size;

static uint32_t raw_status(void) { return console.unread ? INTERRUPT_READ : 0; }

/* Tells KVM of the line what has changed. */
static void move_line(void)
{
    uint32_t level = (raw_status() & console.interrupt_mask) != 0;

    if (level == console.line)
        return;
    console.line = level;
    own_vmm_set_line(machine.vm, KVM_ARM_IRQ_TYPE_SPI, 0, LINUX_VMM_CONSOLE_INTID, level);
}

/* The letter that was typed so many letters ago. */
static uint32_t letter(uint32_t ago) { return 'a' + (console.typed - ago) % 26; }

uint32_t console_read(uint64_t offset)
{
    uint32_t value = 0;

    pthread_mutex_lock(&lock);
    switch (offset) {
    case DATA:
        if (!console.unread)
            break;
        value = letter(console.unread--);
        move_line();
        break;
    case FLAGS: value = FLAG_ALL_WRITTEN | (console.unread ? 0 : FLAG_NOTHING_TO_READ); break;
    case MASK: value = console.interrupt_mask; break;
    case RAW_STATUS: value = raw_status(); break;
    case STATUS: value = raw_status() & console.interrupt_mask; break;
    }
    pthread_mutex_unlock(&lock);
    return value;
}

void console_write(uint64_t offset, uint32_t value)
{
    pthread_mutex_lock(&lock);
    if (offset == DATA && output_size < sizeof output)
        output[output_size++] = value;
    if (offset == MASK) {
        console.interrupt_mask = value;
        move_line();
    }
    pthread_mutex_unlock(&lock);
}

void linux_vmm_type(void)
{
    pthread_mutex_lock(&lock);
    if (!console.unread) {
        console.typed++;
        console.unread++;
        move_line();
    }
    pthread_mutex_unlock(&lock);
}

size_t linux_vmm_output(char *bytes, size_t size)
{
    size_t count;

    pthread_mutex_lock(&lock);
    count = output_size < size ? output_size : size;
    memcpy(bytes, output, count);
    output_size -= count;
    memmove(output, output + count, output_size);
    pthread_mutex_unlock(&lock);
    return count;
}

struct linux_console linux_vmm_console(void)
{
    struct linux_console found;

    pthread_mutex_lock(&lock);
    found = console;
    pthread_mutex_unlock(&lock);
    return found;
}

void linux_vmm_set_console(struct linux_console saved) { console = saved; }
