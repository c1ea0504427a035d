import Glibc
import OwnVMM
import VCPUSnap

/// A VM with a GICv3, made without the library, and what it lends to that.
struct LentMachine {
    let banks: KVMMachine
    let vm: Int32
    let vcpus: [Int32]
    private let controllers: [Int32]

    init(vcpuCount: Int32, interrupts: UInt32, hasITS: Bool) throws {
        vm = own_vmm_create_vm()
        let target = own_vmm_target(vm)
        let features = own_vmm_features(vm)
        var lent: [KVMMachine.LentVCPU] = []
        for index in 0..<vcpuCount {
            let vcpu = own_vmm_create_vcpu(vm, index)
            guard own_vmm_initialize(vcpu, target, features) == 0 else {
                throw ProofError("KVM made no vCPU")
            }
            lent.append(
                .init(
                    descriptor: vcpu, index: UInt32(index),
                    initializedWith: VCPUInit(
                        target: target, features: VCPUFeatures(rawValue: features))))
        }
        let gic = own_vmm_create_gic(vm, interrupts)
        let translators = hasITS ? [own_vmm_create_its(vm)] : []
        guard gic >= 0, own_vmm_initialize_device(gic) == 0, translators.allSatisfy({ $0 >= 0 })
        else { throw ProofError("KVM made no interrupt controller") }
        banks = try KVMMachine(
            borrowing: vm, vcpus: lent,
            controller: .init(.v3, descriptor: gic, translators: translators))
        vcpus = lent.map(\.descriptor)
        controllers = [gic] + translators
    }

    var isOpen: Bool { ([vm] + vcpus + controllers).allSatisfy { fcntl($0, F_GETFD) >= 0 } }

    func snapshot() throws -> Snapshot { try Snapshot(reading: banks.vcpus, vm: banks.vm) }
}

extension Snapshot {
    /// All that these banks hold.
    init(reading vcpus: [KVMVCPUBank], vm: KVMVMBank) throws {
        self.init(
            provenance: Provenance(),
            vcpus: try vcpus.map { bank in
                VCPUState(index: bank.index, registers: try RegisterList(reading: bank))
            }, vm: try RegisterList(reading: vm))
    }
}

extension RegisterList {
    fileprivate init(reading bank: any RegisterBank) throws {
        let capture = try Capture(of: bank)
        if let failure = capture.unreadable.first { throw failure }
        self = capture.registers
    }
}

extension RegisterID {
    init(named name: String) throws {
        guard let id = RegisterID(parsing: name) else { throw ProofError("no register \(name)") }
        self = id
    }
}
