internal import CLinux
public import LinuxSystem

/// Running a vCPU. This project saves and restores vCPUs that others run; only the proof of it, a
/// small VMM in a package of its own (`Tests/Proofs`), runs one itself: `@_spi(Guests)` is for it alone.
extension VCPU {
    /// Maps what the vCPU and its VMM exchange, `struct kvm_run`.
    /// - Throws: the errno of `mmap`; `EINVAL` for a vCPU whose descriptor is borrowed, of which
    ///   the size is not known.
    @_spi(Guests) public borrowing func mapRunArea() throws(Errno) -> RunArea {
        var address: UnsafeMutableRawPointer?
        let size = runSize
        _ = try call { clinux_map_shared($0, size, &address) }
        guard let address else { throw .noMemory }
        return RunArea(mapped: address, size: size)
    }

    /// Runs the guest until it needs the VMM.
    ///
    /// The corresponding ioctl is `KVM_RUN`.
    /// - Throws: `EINTR` when a signal or `RunArea.immediateExit` ended it.
    @_spi(Guests) public borrowing func run() throws(Errno) {
        _ = try call(clinux_kvm_run)
    }
}

/// The mapping of a vCPU's `struct kvm_run`.
@_spi(Guests) public struct RunArea: ~Copyable {
    /// Why the last run ended.
    public enum Exit: Hashable, Sendable {
        /// The guest stored to an address without memory; `data` is as wide as the store.
        case mmioStore(address: UInt64, data: UInt64)
        /// The guest loads from one, and waits for what is there.
        case mmioLoad(address: UInt64)
        /// `KVM_EXIT_*`.
        case other(reason: UInt32)
    }

    private let run: UnsafeMutablePointer<clinux_kvm_run>
    private let size: Int

    fileprivate init(mapped address: UnsafeMutableRawPointer, size: Int) {
        // SAFETY: the mapping is page aligned, and far larger than the head of struct kvm_run.
        run = address.bindMemory(to: clinux_kvm_run.self, capacity: 1)
        self.size = size
    }

    deinit {
        _ = clinux_unmap(run, size)
    }

    /// While this is not 0, `KVM_RUN` completes what the last exit left open and returns `EINTR`
    /// without entering the guest.
    ///
    /// A signal handler may set it.
    public var immediateExit: UnsafeMutablePointer<UInt8> {
        // SAFETY: the field lies inside the mapping, which the caller keeps alive.
        UnsafeMutableRawPointer(run).advanced(
            by: MemoryLayout<clinux_kvm_run>.offset(of: \.immediate_exit) ?? 1
        ).assumingMemoryBound(to: UInt8.self)
    }

    /// Gives the guest the value of the load that ended the last run; the next `KVM_RUN` delivers it.
    public func answerLoad(with value: UInt64) {
        withUnsafeMutableBytes(of: &run.pointee.mmio.data) { data in
            data.storeBytes(of: value.littleEndian, as: UInt64.self)
        }
    }

    /// Why the last run ended.
    public var exit: Exit {
        guard run.pointee.exit_reason == UInt32(CLINUX_KVM_EXIT_MMIO) else {
            return .other(reason: run.pointee.exit_reason)
        }
        let mmio = run.pointee.mmio
        guard mmio.is_write != 0 else { return .mmioLoad(address: mmio.physical_address) }
        let data = withUnsafeBytes(of: mmio.data) { bytes in
            bytes.prefix(Int(mmio.length)).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        return .mmioStore(address: mmio.physical_address, data: data)
    }
}
