internal import Emulation
internal import Registers
internal import VCPUModel

extension Baseline {
    /// Firecracker's custom CPU template; what it cannot say, a baseline for it does not have.
    var template: CPUTemplate {
        var template = CPUTemplate()
        let added = features.subtracting(.psci02)
        // What is not in the template, Firecracker does not look for before it makes the vCPUs.
        let needed = VCPUFeature.all.filter { added.contains(VCPUFeatures($0)) }
            .compactMap { $0.capability.flatMap(KVMCapability.named) }
        template.capabilities = (needed + capabilities).map { "\($0.number)" }
        template.features = BitPattern(UInt64(added.rawValue), in: UInt64(added.rawValue))
        template.modifiers = writes.compactMap { id, value in
            BitPattern(all: value).map { CPUTemplate.Modifier(register: id, pattern: $0) }
        }
        return template
    }
}
