import Glibc
import LinuxVMM
import VCPUSnap

/// The one guest of this process: its VMM, and what that lends to the library.
struct LinuxGuest {
    let machine: KVMMachine
    let memory: UnsafeMutableRawBufferPointer

    /// Newer kernels take a third of it for devices that there are none of.
    private static let memorySize = 192 << 20

    /// Makes a VM that has never run.
    init(cpus: Int) throws {
        guard linux_vmm_create(UInt32(cpus), Self.memorySize) == 0, let own = linux_vmm_machine()
        else { throw ProofError("KVM made no such VM: \(String(cString: strerror(errno)))") }
        let lent = own.pointee
        memory = UnsafeMutableRawBufferPointer(start: lent.memory, count: lent.memory_size)
        machine = try KVMMachine(
            borrowing: lent.vm, vcpus: Self.vcpus(lent),
            controller: .init(.v3, descriptor: lent.gic, translators: [lent.its]), unknown: [])
    }

    private static func vcpus(_ lent: linux_machine) -> [KVMMachine.LentVCPU] {
        withUnsafeBytes(of: lent.vcpus) { descriptors in
            withUnsafeBytes(of: lent.features) { features in
                zip(descriptors.bindMemory(to: Int32.self), features.bindMemory(to: UInt32.self))
                    .prefix(Int(lent.cpus)).enumerated().map { number, vcpu in
                        .init(
                            descriptor: vcpu.0, index: UInt32(number),
                            initializedWith: VCPUInit(
                                target: lent.target, features: VCPUFeatures(rawValue: vcpu.1)))
                    }
            }
        }
    }

    /// Boots a kernel whose first program says so many beats.
    func boot(_ kernel: String, _ program: String, beats: Int) throws {
        let arguments = "console=ttyAMA0 panic=-1 loglevel=6 mitigations=off beats=\(beats)"
        guard linux_vmm_load(kernel, program, arguments) == 0 else {
            throw ProofError("\(kernel) or \(program): \(String(cString: strerror(errno)))")
        }
        try run()
    }

    /// Lets all vCPUs run.
    func run() throws {
        guard linux_vmm_start() == 0 else { throw ProofError("there is no thread for a vCPU") }
    }

    /// Stops all vCPUs and types a letter, which the guest is interrupted for when it goes on.
    ///
    /// A guest that is in the handler of the letter before would read it there, without another interrupt.
    func stop() throws {
        linux_vmm_stop()
        guard let id = RegisterID(parsing: "GICD_ISACTIVER1") else {
            throw ProofError("GICD_ISACTIVER1 is no register")
        }
        let active = try machine.vm.read(id).lowBits
        if active >> UInt64(LINUX_VMM_CONSOLE_INTID % 32) & 1 == 0 { linux_vmm_type() }
    }

    /// What the vCPUs and the VM hold; the guest stands still.
    func capture() throws -> Snapshot {
        try machine.saveTables()
        var vcpus: [VCPUState] = []
        for bank in machine.vcpus {
            vcpus.append(
                VCPUState(index: UInt32(vcpus.count), registers: try registers(of: bank)))
        }
        return Snapshot(
            provenance: Provenance(), vcpus: vcpus, vm: try registers(of: machine.vm))
    }

    private func registers(of bank: any RegisterBank) throws -> RegisterList {
        let capture = try Capture(of: bank)
        if let failure = capture.unreadable.first { throw failure }
        return capture.registers
    }

    /// Writes a snapshot to a VM that has the guest's memory and has never run.
    /// - Returns: what was lost, a line each.
    func restore(_ snapshot: Snapshot, options: Restore.Options) throws -> [String] {
        var refusal: KVMError?
        let account = try Restore.perform(
            snapshot, into: machine.vcpus, vm: machine.vm, options: options
        ) {
            do throws(KVMError) { try machine.restoreTables() } catch { refusal = error }
        }
        if let refusal { throw refusal }
        return account.flatMap { report in
            report.losses.map { "\($0.id.name) \($0.outcome.name) \($0.reason ?? "")" }
        }
    }

    /// Sets the clock to where it was when the guest was saved, so that this one, too, does not see that it stood still.
    func setClock(as snapshot: Snapshot) throws {
        guard let count = snapshot.vm[.clockCntvct] else { return }
        try machine.vm.write(count, to: .clockCntvct)
    }
}
