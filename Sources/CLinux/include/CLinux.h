/*
 * The Linux interfaces that Swift cannot call by itself: variadic functions, ioctl macros,
 * structures with flexible members, and functions hidden behind _GNU_SOURCE.
 *
 * Every function that can fail returns a value >= 0, or -errno. errno is read here, on the line
 * after the call, because Swift may run code of its own (a release, a deinit) in between.
 */
#ifndef CLINUX_H
#define CLINUX_H

#include "CLinuxArguments.h"
#include "CLinuxAttach.h"
#include "CLinuxFiles.h"
#include "CLinuxHost.h"
#include "CLinuxKVM.h"
#include "CLinuxKVMNumbers.h"
#include "CLinuxProcesses.h"
#include "CLinuxSockets.h"
#include "CLinuxTemporaries.h"

#endif
