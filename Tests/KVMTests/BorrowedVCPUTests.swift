import Glibc
import Testing
import VCPUSnap

/// How a VMM that owns its vCPUs saves them and restores into them; it compiles everywhere, and runs on real KVM in
/// `kvm-proof borrowed`.
enum VMMOfItsOwn {
    /// Saves the vCPUs of a VM that is paused.
    /// - Parameters:
    ///   - descriptors: of the vCPUs, by number.
    ///   - request: what the VMM called `KVM_ARM_VCPU_INIT` with.
    static func save(_ descriptors: [Int32], initializedWith request: VCPUInit) throws -> Snapshot {
        var snapshot = Snapshot(provenance: Provenance(), vcpus: [])
        for (index, descriptor) in descriptors.enumerated() {
            let bank = try KVMVCPUBank(borrowing: descriptor, initializedWith: request)
            snapshot.vcpus.append(
                VCPUState(index: UInt32(index), registers: try Capture(of: bank).registers))
        }
        return snapshot
    }

    /// Restores into vCPUs that were made and not initialized yet.
    /// - Returns: what became of each register of each vCPU.
    static func restore(
        _ snapshot: Snapshot, into descriptors: [Int32], of vm: Int32
    ) throws -> [RestoreReport] {
        let machine = VM(borrowing: vm)
        var banks: [KVMVCPUBank] = []
        for descriptor in descriptors {
            banks.append(try KVMVCPUBank(borrowing: descriptor, of: machine))
        }
        return Array(try Restore.perform(snapshot.units, into: banks, options: Restore.Options()))
    }
}

@Suite("Descriptors that are somebody else's") struct BorrowedDescriptorTests {
    @Test("A descriptor that is borrowed stays open, one that is owned is closed")
    func staysOpen() throws {
        let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
        try #require(number >= 0)
        do { _ = FileDescriptor(borrowing: number) }
        try FileDescriptor(borrowing: number).close()
        do { _ = VM(borrowing: number) }
        do { _ = KVMDevice(borrowing: number) }
        #expect(fcntl(number, F_GETFD) >= 0)
        #expect(close(number) == 0)
    }

    @Test("What is no vCPU is refused, and stays open")
    func noVCPU() throws {
        let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
        try #require(number >= 0)
        let error = #expect(throws: KVMError.self) {
            try VMMOfItsOwn.save([number], initializedWith: VCPUInit(features: []))
        }
        #expect(error?.call == "KVM_GET_REG_LIST")
        #expect(error?.errno.symbol == "ENOTTY")
        #expect(fcntl(number, F_GETFD) >= 0)
        #expect(close(number) == 0)
    }

    @Test("A descriptor that is not open is said to be that")
    func notOpen() {
        let device = KVMDevice(borrowing: -2)
        let attribute = KVMDevice.Attribute(group: 0, number: 0)
        let isThere = device.has(attribute)
        #expect(!isThere)
        var error: KVMError?
        do throws(KVMError) { _ = try device.value(of: attribute, size: 8) } catch let other {
            error = other
        }
        #expect(error?.errno == .badFileDescriptor)
        do throws(KVMError) { try device.set(attribute, to: [0]) } catch let other { error = other }
        #expect(error?.call == "KVM_SET_DEVICE_ATTR")
    }
}
