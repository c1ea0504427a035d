internal import Registers
internal import TextFormats
internal import VCPUModel

extension HostProfileParser {
    /// A section from `set` to `end`.
    mutating func readSet(_ directive: Word) throws(DirectiveError) {
        let features = try features()
        try scanner.once(directive, key: Self.key(ofSet: features))
        guard result.featureSets.count < HostProfile.Limit.featureSets else {
            throw scanner.error("a profile has at most \(HostProfile.Limit.featureSets) sets")
        }
        var absent: [RegisterID] = []
        var pairs: [(RegisterID, RegisterValue)] = []
        while let next = try scanner.next() {
            if try isExtension(next) { continue }
            switch next.text {
            case "end":
                guard let registers = RegisterList(pairs) else {
                    throw scanner.error("a register stands twice")
                }
                result.featureSets.append(
                    HostProfile.FeatureSet(
                        features: features, absent: absent, registers: registers))
                return
            case "without": absent.append(try idOfSet(features))
            case "register":
                let id = try idOfSet(features)
                pairs.append((id, try scanner.value(of: id)))
            default:
                throw scanner.unexpected(next, insteadOf: "without, register or end")
            }
        }
        throw scanner.error("expected end, found the end of the file", at: nil)
    }

    /// The features to the end of the line, each once; none is a set too.
    private mutating func features() throws(DirectiveError) -> VCPUFeatures {
        var features: VCPUFeatures = []
        while !scanner.rest.isEmpty {
            let name = try scanner.word("a vCPU feature")
            guard let feature = VCPUFeatures(named: name.text) else {
                throw scanner.unexpected(name, insteadOf: "a vCPU feature such as SVE")
            }
            guard features.isDisjoint(with: feature) else {
                throw scanner.error("the feature \(name.text) stands a second time", at: name)
            }
            features.formUnion(feature)
        }
        return features
    }

    /// A register of the present section, which must be there once.
    private mutating func idOfSet(_ features: VCPUFeatures) throws(DirectiveError) -> RegisterID {
        let name = try scanner.word("a register's name")
        let id = try scanner.registerID(named: name)
        try scanner.once(name, key: Self.key(of: id, inSet: features))
        guard !HostProfile.FeatureSet.isImplied(id) else {
            throw scanner.error("\(id) follows from the features of the set", at: name)
        }
        return id
    }

    static func key(ofSet features: VCPUFeatures) -> String {
        (["set"] + features.names).joined(separator: " ")
    }

    static func key(of id: RegisterID, inSet features: VCPUFeatures) -> String {
        "\(id.hex) in the \(key(ofSet: features))"
    }
}
