internal import Registers
internal import TextFormats
internal import VCPUModel

extension HostProfileParser {
    /// The profile of all lines, which must go together.
    mutating func finish() throws(DirectiveError) -> HostProfile {
        for directive in ["name", "kernel"] where scanner.line(of: directive) == nil {
            throw scanner.error("the directive \"\(directive)\" is missing")
        }
        guard let registers = RegisterList(pairs) else {
            throw scanner.error("a register stands twice")
        }
        result.registers = registers
        result.attributes = RegisterList(attributes) ?? RegisterList()
        try checkInit()
        try checkRunState()
        for set in result.featureSets { try check(set) }
        return result
    }

    private func error(of key: String, _ message: String) -> DirectiveError {
        var error = scanner.error(message)
        error.line = scanner.line(of: key) ?? scanner.line
        return error
    }

    private func error(of id: RegisterID, _ message: String) -> DirectiveError {
        error(of: "register \(id.hex)", message)
    }

    private func checkInit() throws(DirectiveError) {
        guard let used = result.vcpuInit else {
            throw scanner.error("the register VCPU_INIT is missing")
        }
        guard !used.hasFurtherFeatures else {
            throw error(of: .vcpuInit, "VCPU_INIT has features above bit 31, which no kernel has")
        }
        if let problem = problem(of: used.features) {
            throw error(of: .vcpuInit, "VCPU_INIT has \(problem)")
        }
        guard !used.features.contains(.sve) || result.registers.contains(.sveVLS) else {
            throw scanner.error("VCPU_INIT has the feature SVE and the register SVE_VLS is missing")
        }
    }

    /// What is wrong with a vCPU's features; nil for those a vCPU of the host can be made with.
    private func problem(of features: VCPUFeatures) -> String? {
        let extra = features.subtracting(result.features)
        if !extra.isEmpty {
            return "features the host is not said to have: " + extra.names.joined(separator: ", ")
        }
        if features.contains(.powerOff) {
            return "the feature POWER_OFF, which tells how a vCPU starts and not what it has"
        }
        let pointerAuthentication = features.intersection(.pointerAuthentication)
        let isHalf =
            !pointerAuthentication.isEmpty
            && pointerAuthentication != .pointerAuthentication
        return isHalf
            ? "one of PTRAUTH_ADDRESS and PTRAUTH_GENERIC, which exist only together" : nil
    }

    /// What follows from VCPU_INIT, and what a fresh vCPU is: there is one value for each.
    private func checkRunState() throws(DirectiveError) {
        let expected: [(RegisterID, RegisterValue?)] = [
            (.vcpuFinalized, result.vcpuInit?.features.finalizedValue),
            (.mpState, RegisterValue(0, size: 4)), (.vcpuEvents, VCPUEvents.none.value),
        ]
        for (id, value) in expected {
            guard let found = result.registers[id], found != value else { continue }
            throw error(
                of: id,
                value.map { "expected \($0) as \(id) of a fresh vCPU, found \(found)" }
                    ?? "VCPU_INIT has no feature that is finalized, so there is no \(id)")
        }
    }

    private func check(_ set: HostProfile.FeatureSet) throws(DirectiveError) {
        let key = Self.key(ofSet: set.features)
        if let problem = problem(of: set.features) {
            throw error(of: key, "the set has \(problem)")
        }
        guard set.features != result.vcpuInit?.features else {
            throw error(
                of: key, "the set has the features of VCPU_INIT, whose registers stand above")
        }
        for id in set.absent where !result.registers.contains(id) {
            throw error(
                of: Self.key(of: id, inSet: set.features), "the profile does not have \(id) anyway")
        }
        for (id, value) in set.registers where result.registers[id] == value {
            throw error(
                of: Self.key(of: id, inSet: set.features),
                "\(id) has the value \(value) without the set too")
        }
        let hasLengths = result.recordedRegisters(of: set.features)?.contains(.sveVLS)
        guard !set.features.contains(.sve) || hasLengths == true else {
            throw error(of: key, "the set has the feature SVE and no SVE_VLS")
        }
    }
}
