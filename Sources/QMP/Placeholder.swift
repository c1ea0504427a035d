internal import LinuxSystem
