internal import Emulation
internal import KVM
internal import Registers
internal import VCPUModel

extension HostRecorder {
    /// Which devices KVM makes, and what a fresh VM with them holds.
    borrowing func addDevices(
        to profile: inout HostProfile, _ request: VCPUInit
    ) throws {
        for model in GICModel.allCases {
            let scratch = try scratchVM(request)
            guard (try? scratch.vm.makeInterruptController(model)) != nil else { continue }
            profile.devices.insert(model.deviceName)
            if model == .v3, Self.makesTranslator(scratch.vm) {
                profile.devices.insert(GICModel.translationServiceName)
            }
            add(scratch, to: &profile)
            profile.gicRevisions.formUnion(Self.revisions(takenBy: scratch.vm))
        }
        guard profile.features.contains(.hasEL2), profile.devices.contains(GICModel.v3.deviceName)
        else { return }
        let scratch = try scratchVM(
            VCPUInit(target: request.target, features: request.features.union(.hasEL2)))
        try scratch.vm.makeInterruptController(.v3)
        add(scratch, to: &profile)
    }

    private borrowing func scratchVM(_ request: VCPUInit) throws -> ScratchVM {
        let scratch = try ScratchVM(on: system, vcpuCount: 1)
        for bank in scratch.banks { try bank.initialize(with: request) }
        return scratch
    }

    private static func makesTranslator(_ vm: KVMVMBank) -> Bool {
        guard let id = RegisterID.address(ofITS: 0) else { return false }
        return (try? vm.write(RegisterValue(Self.translatorAddress), to: id)) != nil
    }

    /// Anywhere: nothing is in the VM's memory.
    private static let translatorAddress: UInt64 = 0x808_0000

    private func add(_ scratch: ScratchVM, to profile: inout HostProfile) {
        var banks: [any RegisterBank] = [scratch.vm]
        banks += scratch.banks.map { $0 as any RegisterBank }
        for bank in banks {
            // A maintenance interrupt that was not given is not listed, and can be.
            let ids = ((try? bank.list()) ?? []) + [.gicMaintenanceIrq]
            for id in ids where id.isAttributeOfHost {
                guard !profile.attributes.contains(id), let value = try? bank.read(id) else {
                    continue
                }
                profile.attributes.set(value, for: id)
            }
        }
    }

    /// Revisions of GICD_IIDR.
    private static func revisions(takenBy vm: KVMVMBank) -> [UInt8] {
        guard let own = try? vm.read(.gicdIidr).lowBits else { return [] }
        return (0..<16).filter { revision in
            let tried = own & ~0xf000 | UInt64(revision) << 12
            return (try? vm.write(RegisterValue(tried, size: 4), to: .gicdIidr)) != nil
        }
    }
}
