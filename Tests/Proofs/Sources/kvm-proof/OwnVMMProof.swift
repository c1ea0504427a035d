import Glibc
import OwnVMM
import VCPUSnap

/// A VMM that made its VM and vCPUs itself lends them to be saved, and fresh ones to be restored into; nothing of what it
/// owns is closed.
struct OwnVMMProof {
    private let vm: Int32
    private let vcpus: [Int32]
    private let request: VCPUInit

    private static let count: Int32 = 2

    init() throws {
        vm = own_vmm_create_vm()
        guard vm >= 0 else { throw ProofError("KVM made no VM") }
        vcpus = (0..<Self.count).map { [vm] in own_vmm_create_vcpu(vm, $0) }
        guard vcpus.allSatisfy({ $0 >= 0 }) else { throw ProofError("KVM made no vCPU") }
        request = VCPUInit(
            target: own_vmm_target(vm),
            features: VCPUFeatures(rawValue: own_vmm_features(vm)))
    }

    /// Saves the vCPUs of this VM and restores them in another one.
    func run() throws -> Bool {
        let banks = try initializedBanks()
        for (number, bank) in banks.enumerated() {
            try bank.write(RegisterValue(0x1000 + UInt64(number)), to: .x(1))
        }
        let saved = try states(of: banks)
        let other = try OwnVMMProof()
        let machine = VM(borrowing: other.vm)
        var fresh: [KVMVCPUBank] = []
        for vcpu in other.vcpus { fresh.append(try KVMVCPUBank(borrowing: vcpu, of: machine)) }
        let reports = try Restore.perform(
            saved.map(\.unit), into: fresh, options: Restore.Options())
        let isComplete = reports.allSatisfy(\.isComplete)
        let found = try states(of: fresh)
        let isSame = SnapshotDifference(snapshot(saved), snapshot(found)).isSame
        let areOpen = (vcpus + other.vcpus + [vm, other.vm]).allSatisfy {
            fcntl($0, F_GETFD) >= 0
        }
        print(
            "\(saved.map(\.registers.count)) registers of vCPUs that are somebody else's; restored:",
            isComplete, "same:", isSame, "still open:", areOpen)
        return isComplete && isSame && areOpen
    }

    private func initializedBanks() throws -> [KVMVCPUBank] {
        var banks: [KVMVCPUBank] = []
        for vcpu in vcpus {
            let features = request.features.rawValue
            guard own_vmm_initialize(vcpu, request.target, features) == 0 else {
                throw ProofError("KVM did not initialize a vCPU")
            }
            banks.append(try KVMVCPUBank(borrowing: vcpu, initializedWith: request))
        }
        return banks
    }

    private func states(of banks: [KVMVCPUBank]) throws -> [VCPUState] {
        var states: [VCPUState] = []
        for bank in banks {
            let capture = try Capture(of: bank)
            if let failure = capture.unreadable.first { throw failure }
            states.append(
                VCPUState(index: UInt32(states.count), registers: capture.registers))
        }
        return states
    }

    private func snapshot(_ vcpus: [VCPUState]) -> Snapshot {
        Snapshot(provenance: Provenance(), vcpus: vcpus)
    }
}
