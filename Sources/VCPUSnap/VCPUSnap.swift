// What a library user imports: everything but the command line.
@_exported public import Attach
@_exported public import Emulation
@_exported public import KVM
@_exported public import LinuxSystem
@_exported public import Machines
@_exported public import Planning
@_exported public import QEMUStream
@_exported public import Registers
@_exported public import SnapshotFormat
@_exported public import TextFormats
@_exported public import Transfer
@_exported public import VCPUModel
@_exported public import VMMFiles
