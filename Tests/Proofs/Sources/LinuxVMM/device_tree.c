#include "parts.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/* A flattened device tree (Devicetree Specification, chapter 5), as far as it is written. */
static struct {
    uint8_t *bytes;
    uint32_t end;
    char strings[512];
    uint32_t strings_size;
} tree;

enum { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, END = 9 };
enum { HEADER_SIZE = 40, RESERVATIONS_SIZE = 16, GIC = 1, ITS = 2 };

static void put(uint32_t value)
{
    value = htobe32(value);
    memcpy(tree.bytes + tree.end, &value, 4);
    tree.end += 4;
}

static void put_bytes(const void *bytes, uint32_t size)
{
    memcpy(tree.bytes + tree.end, bytes, size);
    tree.end = (tree.end + size + 3) & ~3u;
}

static void begin(const char *name)
{
    put(BEGIN_NODE);
    put_bytes(name, strlen(name) + 1);
}

static void end(void) { put(END_NODE); }

static void property(const char *name, const void *value, uint32_t size)
{
    uint32_t offset = 0;

    while (offset < tree.strings_size && strcmp(tree.strings + offset, name) != 0)
        offset += strlen(tree.strings + offset) + 1;
    if (offset == tree.strings_size) {
        strcpy(tree.strings + offset, name);
        tree.strings_size += strlen(name) + 1;
    }
    put(PROPERTY);
    put(size);
    put(offset);
    put_bytes(value, size);
}

static void text(const char *name, const char *value) { property(name, value, strlen(value) + 1); }
static void flag(const char *name) { property(name, "", 0); }

static void cells(const char *name, uint32_t count, const uint32_t *values)
{
    uint32_t big[16];

    for (uint32_t i = 0; i < count; i++)
        big[i] = htobe32(values[i]);
    property(name, big, count * 4);
}

#define CELLS(name, ...) \
    cells(name, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]){__VA_ARGS__})
#define RANGE(address, size) (uint32_t)((address) >> 32), (uint32_t)(address), 0, (uint32_t)(size)

static void processors(void)
{
    char name[16];

    begin("cpus");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 0);
    for (uint32_t i = 0; i < machine.cpus; i++) {
        snprintf(name, sizeof name, "cpu@%x", i);
        begin(name);
        text("device_type", "cpu");
        text("compatible", "arm,armv8");
        text("enable-method", "psci");
        CELLS("reg", i);
        end();
    }
    end();
}

static void interrupts(void)
{
    begin("intc@8000000");
    text("compatible", "arm,gic-v3");
    flag("interrupt-controller");
    CELLS("#interrupt-cells", 3);
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    flag("ranges");
    CELLS("phandle", GIC);
    CELLS("reg", RANGE(DISTRIBUTOR, DISTRIBUTOR_SIZE), RANGE(REDISTRIBUTORS, REDISTRIBUTOR_SIZE * machine.cpus));
    begin("its@8080000");
    text("compatible", "arm,gic-v3-its");
    flag("msi-controller");
    CELLS("#msi-cells", 1);
    CELLS("phandle", ITS);
    CELLS("reg", RANGE(TRANSLATOR, TRANSLATOR_SIZE));
    end();
    end();
    begin("timer");
    text("compatible", "arm,armv8-timer");
    flag("always-on");
    CELLS("interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4); /* PPIs, level: secure, physical, virtual, EL2 */
    end();
}

static void devices(void)
{
    begin("psci");
    property("compatible", "arm,psci-1.0\0arm,psci-0.2", sizeof "arm,psci-1.0\0arm,psci-0.2");
    text("method", "hvc");
    end();
    begin("uart@9000000");
    text("compatible", "arm,sbsa-uart");
    CELLS("current-speed", 115200);
    CELLS("reg", RANGE(CONSOLE, CONSOLE_SIZE));
    CELLS("interrupts", 0, CONSOLE_SPI, 4);
    end();
}

static void header(uint32_t structure_end)
{
    const uint32_t values[HEADER_SIZE / 4] = {
        0xd00dfeed, tree.end, HEADER_SIZE + RESERVATIONS_SIZE, structure_end, HEADER_SIZE, 17, 16, 0,
        tree.strings_size, structure_end - HEADER_SIZE - RESERVATIONS_SIZE,
    };

    tree.end = 0;
    for (uint32_t i = 0; i < HEADER_SIZE / 4; i++)
        put(values[i]);
}

size_t device_tree(uint8_t *bytes, const char *arguments, uint64_t initrd, size_t initrd_size)
{
    uint32_t structure_end, size;

    tree.bytes = bytes;
    tree.strings_size = 0;
    tree.end = HEADER_SIZE + RESERVATIONS_SIZE;
    begin("");
    text("compatible", "linux,dummy-virt");
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    CELLS("interrupt-parent", GIC);
    begin("memory@40000000");
    text("device_type", "memory");
    CELLS("reg", RANGE(MEMORY, machine.memory_size));
    end();
    begin("chosen");
    text("bootargs", arguments);
    CELLS("linux,initrd-start", 0, (uint32_t)initrd);
    CELLS("linux,initrd-end", 0, (uint32_t)(initrd + initrd_size));
    end();
    processors();
    interrupts();
    devices();
    end();
    put(END);
    structure_end = tree.end;
    put_bytes(tree.strings, tree.strings_size);
    size = tree.end;
    header(structure_end);
    return size;
}
