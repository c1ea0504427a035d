public import LinuxSystem
internal import Registers
internal import TextFormats
public import VCPUModel

/// The vCPUs of a QEMU migration stream: of `migrate file:`, the output of `exec:`, a mapped-ram file, a savevm
/// state, or `xen-save-devices-state`.
///
/// RAM is not read: sections are found from the end, by the stream's own description or by what they look like.
public struct QEMUStream {
    /// The stream, its first byte at offset 0.
    ///
    /// Of one that came through a pipe only the ends are kept (`HeadAndTail`).
    public let bytes: any SeekableBytes
    /// The head, with the machine type.
    public let header: StreamHeader
    /// In the order of the stream.
    public internal(set) var cpus: [CPUSection]
    /// Who ran the vCPUs, as their lists show.
    public let origin: StreamOrigin
    /// Whether the vCPUs' sections were found by what they look like, because nothing reliable said where they are.
    public let isSearched: Bool
    /// Where, after RAM, the stream is not what its description says; nil where it fits, or there is none.
    ///
    /// Either the description is wrong, or the stream is damaged and QEMU does not load it.
    package let misfit: DescriptionMisfit?
    /// Why the stream is not whole and sound; nil where it is.
    ///
    /// Only a stream that was read as `partial` has one.
    public let problem: QEMUStreamError?
    /// The interrupt controller; nil where the stream has none that is understood.
    public private(set) var interrupts: InterruptState?
    /// Why an interrupt controller is left out; nil where it is not, and where there is none.
    package private(set) var interruptProblem: String?
    /// The machine type, by the stream's configuration or by who knows it; nil where neither says.
    package let machineType: String?
    let description: StreamDescription?
    /// Where the stream begins in the file, in bytes, if it follows another one; nil otherwise.
    ///
    /// QEMU loads the first. One before a stream with much RAM is not found, because RAM is not read through.
    public let beginningBehindAnother: Int64?

    /// Whether the stream describes itself.
    public var hasDescription: Bool { description != nil }

    /// The devices that the description names, in the order of the stream; nil where there is none.
    package var devices: [(name: String, instance: UInt32)]? {
        description?.devices.map { (String(decoding: $0.name, as: UTF8.self), $0.instance) }
    }

    /// The same with these vCPUs in place of its own.
    package func with(_ cpus: [CPUSection]) -> QEMUStream {
        var result = self
        result.cpus = cpus
        return result
    }

    /// What a vCPU holds can be read where the interrupt controller's section is of a kind that is not known.
    private mutating func readInterrupts(_ sections: StreamSections) {
        guard !sections.mayLackInterrupts else {
            interruptProblem = "if there is one, nothing reliable says where it is"
            return
        }
        let machine = StreamMachine(vcpuCount: cpus.count, origin, type: machineType)
        do throws(QEMUStreamError) {
            interrupts = try InterruptState.read(sections.interruptSections, of: bytes, machine)
        } catch {
            interruptProblem = "\(error)"
        }
    }

    /// A bank for each vCPU, in the stream's order.
    ///
    /// Each call makes new ones: writes change neither the stream nor the banks of another call.
    public var banks: [QEMUVCPUBank] {
        cpus.map { cpu in
            QEMUVCPUBank(
                cpu, origin: origin, interrupts: interrupts?.ofVCPU(cpu.instance) ?? RegisterList())
        }
    }

    /// What the VM has once; nil where the stream has no interrupt controller that is understood.
    public var vmBank: (any RegisterBank)? { interrupts.map { InterruptBank($0.vm) } }

    /// Parses all of the stream but its RAM.
    /// - Parameter machineType: of a stream that has no configuration in front, where it is known.
    /// - Throws: `notAStream` or `version`; `cutOff` or `damaged` for what is not whole, unless `partial` is asked
    ///   for and a vCPU is found; `noCPUs` when there is no Arm A-profile vCPU.
    public init(
        _ bytes: any SeekableBytes, reading: StreamReading = .whole, machineType: String? = nil
    ) throws(QEMUStreamError) {
        self.bytes = bytes
        header = try StreamHeader(bytes)
        self.machineType = header.machineType ?? machineType
        let sections = try StreamSections(of: bytes, reading: reading)
        (cpus, isSearched, misfit) = (sections.cpus, sections.areSearched, sections.misfit)
        (description, problem) = (sections.description, sections.problem)
        beginningBehindAnother =
            try sections.description == nil
            ? nil
            : StreamHeader.second(
                in: bytes, before: sections.cpus.map(\.place.offset).min() ?? 0)
        guard !cpus.contains(where: \.isMProfile) else {
            throw .noCPUs("its CPU is of the M profile, which KVM does not run")
        }
        origin = StreamOrigin(of: cpus)
        readInterrupts(sections)
    }
}
