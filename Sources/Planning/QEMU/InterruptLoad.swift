internal import Emulation
public import LinuxSystem
internal import QEMUStream
public import Registers
public import VCPUModel

/// A value of the stream's interrupt controller that KVM refuses, upon which QEMU aborts (`kvm_device_access` with
/// `error_abort`).
public struct InterruptRefusal: Hashable, Sendable {
    /// Whose register it is.
    public var unit: UnitID
    /// The register, whose `deviceAttribute` has the group.
    public var id: RegisterID
    /// The attribute's number as QEMU prints it, with the vCPU's affinity in the upper half.
    public var attribute: UInt64
    /// The stream's value.
    public var incoming: RegisterValue
    /// What the destination's device holds; nil where that cannot be read.
    public var held: RegisterValue?
    /// KVM's answer.
    public var errno: Errno
}

/// Loads the interrupt controller of a stream into one of KVM as QEMU does (`kvm_arm_gicv3_put`,
/// `hw/intc/arm_gicv3_kvm.c`, and `kvm_arm_its_post_load`): as far as the first value that KVM refuses.
struct InterruptLoad {
    private let interrupts: InterruptState
    private let vcpus: [EmulatedCPU]
    private let bank: EmulatedVMBank
    /// Of each vCPU, in the upper half of attributes.
    private let affinities: [UInt64]

    /// What keeps QEMU from loading a stream's interrupt controller on a host; nil where nothing does, and where the profile
    /// does not say which devices there are, or who ran the vCPUs is not known.
    static func blocker(of stream: QEMUStream, on profile: HostProfile) -> LoadBlocker? {
        guard let interrupts = stream.interrupts, !profile.devices.isEmpty,
            stream.origin == .kvm,
            let model = interrupts.vm[.gicModel].flatMap({ GICModel(bits: $0.lowBits) })
        else { return nil }
        let needed =
            interrupts.translators.isEmpty
            ? [model.deviceName] : [model.deviceName, GICModel.translationServiceName]
        if let absent = needed.first(where: { !profile.devices.contains($0) }) {
            return .absentController(absent)
        }
        return InterruptLoad(of: stream, interrupts, model, on: profile)?.refusal.map {
            .refusedInterrupts($0)
        }
    }

    /// Nil where no such VM can be made.
    private init?(
        of stream: QEMUStream, _ interrupts: InterruptState, _ model: GICModel,
        on profile: HostProfile
    ) {
        self.interrupts = interrupts
        (vcpus, bank) = EmulatedHost(profile).makeVM(vcpuCount: stream.cpus.count)
        let banks = stream.banks.sorted { $0.section.instance < $1.section.instance }
        affinities = banks.map { vcpu in
            let bits = (try? vcpu.read(.mpidrEL1))?.lowBits ?? 0
            return UInt64(UInt32(affinityIn: bits)) << 32
        }
        do throws(RegisterBankError) {
            for vcpu in vcpus {
                try vcpu.initialize(with: profile.vcpuInit ?? VCPUInit(features: []))
            }
            try bank.makeInterruptController(model)
            for number in interrupts.translators {
                guard let id = RegisterID.address(ofITS: number) else { return nil }
                try bank.write(interrupts.vm[id] ?? RegisterValue(0, size: 8), to: id)
            }
        } catch {
            return nil
        }
    }

    /// The first one, in QEMU's order; of other attributes than these KVM takes any value.
    private var refusal: InterruptRefusal? {
        for (position, registers) in interrupts.vcpus.enumerated() {
            for id in Self.cpuInterface(registers) {
                if let refusal = write(id, of: registers, to: position) { return refusal }
            }
        }
        for number in interrupts.translators {
            for id in Self.translator(number) {
                if let refusal = write(id, of: interrupts.vm, to: nil) { return refusal }
            }
        }
        return nil
    }

    /// - Parameter position: the vCPU's; nil for the VM.
    private func write(
        _ id: RegisterID, of registers: RegisterList, to position: Int?
    ) -> InterruptRefusal? {
        guard let value = registers[id], let attribute = id.deviceAttribute else { return nil }
        let target: any RegisterBank = position.map { vcpus[$0] } ?? bank
        do throws(RegisterBankError) {
            try target.write(value, to: id)
            return nil
        } catch {
            // What the profile does not have was not recorded.
            guard error.errno == .invalidArgument else { return nil }
            return InterruptRefusal(
                unit: position.map { .vcpu(UInt32(clamping: $0)) } ?? .vm, id: id,
                attribute: attribute.attribute | (position.map { affinities[$0] } ?? 0),
                incoming: value, held: try? target.read(id), errno: error.errno)
        }
    }

    /// The registers of a CPU interface, as many of active priorities as its bits of priority ask for.
    private static func cpuInterface(_ registers: RegisterList) -> [RegisterID] {
        let active = [RegisterID.iccAP0R0EL1, .iccAP1R0EL1].flatMap { first in
            [3, 2, 1, 0].map { RegisterID(rawValue: first.rawValue | $0) }
        }
        return [
            .iccSREEL1, .iccCTLREL1, .iccIGRPEN0EL1, .iccIGRPEN1EL1, .iccPMREL1, .iccBPR0EL1,
            .iccBPR1EL1,
        ] + active.filter(registers.contains)
    }

    /// In the order in which QEMU writes them; the tables are in the guest's memory.
    private static func translator(_ number: UInt8) -> [RegisterID] {
        let kinds: [RegisterID] = [
            .gitsIidr, .gitsCbaser, .gitsCreadr, .gitsCwriter, .gitsBaser0, .gitsBaser1,
            .gitsBaser2, .gitsBaser3, .gitsBaser4, .gitsBaser5, .gitsBaser6, .gitsBaser7,
            .gitsCtlr,
        ]
        return kinds.map { $0.ofITS(number) }
    }
}
