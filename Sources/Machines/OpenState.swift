internal import LinuxSystem
public import Registers
internal import Transfer
public import VCPUModel

/// Registers that can be written, and what becomes of them afterward.
///
/// A command opens a source, writes its banks, takes a last `capture` if a file is to be written, then calls `letGo`,
/// and at last `write`, where the source is a file that is rewritten or `--output` names one. The vCPUs stand in the
/// order of the snapshot that is restored; `open` throws where their numbers or their count differ. A trial (`keeps`
/// is false for every `--dry-run`) changes nothing that lasts: a source that cannot be written for a trial says so by
/// `NamedSource.objection(to:)`.
public protocol OpenState: AnyObject {
    /// In ascending order of their numbers.
    var vcpus: [OpenVCPU] { get }
    /// The VM's own state; nil for one that has none.
    var vm: (any RegisterBank)? { get }
    /// What is known of their host.
    var provenance: Provenance { get }
    /// The kernel whose KVM they are of, where it is known.
    var kernel: KernelVersion? { get }
    /// The capabilities enabled on a VM that was made for them.
    var enabled: [KVMCapability] { get }

    /// Lets a guest that was stopped go on; a source that has held its writes back carries them out, if it was opened
    /// to keep them.
    ///
    /// It is not called where a command failed. A strict restore that took everything back calls it.
    /// - Throws: where the guest cannot be let go, or what was held back cannot be written.
    func letGo() throws(SourceError)

    /// Writes the changed registers to a file, which may be the one that they were read from.
    /// - Throws: where the location is no file that it can be written to.
    func write(_ result: Snapshot, to location: Location) throws(SourceError)
}

/// A vCPU that is open.
public struct OpenVCPU {
    /// The vCPU's number.
    public let index: UInt32
    /// The registers: reads and writes go straight to them.
    public let bank: any RegisterBank

    /// Pairs a vCPU's number with its registers.
    public init(index: UInt32, bank: any RegisterBank) {
        self.index = index
        self.bank = bank
    }
}

extension OpenState {
    /// By default the version in the provenance's kernel release.
    public var kernel: KernelVersion? { provenance.kernelVersion }

    /// By default a VM without state of its own.
    public var vm: (any RegisterBank)? { nil }

    /// None by default.
    public var enabled: [KVMCapability] { [] }

    /// Does nothing by default.
    /// - Throws: never by itself.
    public func letGo() throws(SourceError) {}

    /// By default writes a snapshot, also in the place of a file of another kind, which has to override this: one that only its owner can read; `-` is standard output.
    /// - Throws: when the location is not a file, or cannot be written.
    public func write(_ result: Snapshot, to location: Location) throws(SourceError) {
        try SourceKinds.ofResults.write(result, to: location)
    }

    /// Ends what was begun: reads what the registers hold, if that is to be kept, lets go, and writes the files.
    /// - Throws: what `capture`, `letGo` and `write` throw.
    package func finish(writing files: [Location]) throws(SourceError) {
        let result = files.isEmpty ? nil : try capture().snapshot
        try letGo()
        guard let result else { return }
        for file in files { try write(result, to: file) }
    }

    /// What the registers hold now.
    /// - Throws: where a vCPU cannot list its registers; one that cannot be read is told in the
    ///   result.
    public func capture() throws(SourceError) -> StateCapture {
        try StateCapture(of: vcpus, provenance, vm: vm)
    }
}

extension StateCapture {
    /// Reads all banks into one snapshot.
    /// - Throws: where a bank cannot list its registers; a register that cannot be read is told in
    ///   `unreadable`.
    public init(
        of vcpus: [OpenVCPU], _ provenance: Provenance, vm: (any RegisterBank)? = nil
    ) throws(SourceError) {
        self.init(Snapshot(provenance: provenance, vcpus: []))
        if let vm { snapshot.vm = try read(vm, of: .vm) }
        for vcpu in vcpus {
            let registers = try read(vcpu.bank, of: .vcpu(vcpu.index))
            snapshot.vcpus.append(VCPUState(index: vcpu.index, registers: registers))
        }
    }

    private mutating func read(
        _ bank: any RegisterBank, of unit: UnitID
    ) throws(SourceError) -> RegisterList {
        let capture = try SourceError.passing { try Capture(of: bank) }
        unreadable += capture.unreadable.map { UnreadableRegister(unit: unit, error: $0) }
        return capture.registers
    }
}
