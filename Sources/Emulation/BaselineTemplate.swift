package import Registers
public import TextFormats
public import VCPUModel

/// What a baseline's file says about how guests are started (Formats/vbaseline-v1.md).
public struct BaselineTemplate: Sendable {
    /// The names of the hosts that it is for.
    public private(set) var hosts: [String] = []
    /// What vCPUs are made with.
    public private(set) var features: VCPUFeatures = []
    /// What is written into each of them before it runs, by id.
    public private(set) var registers = RegisterList()
    /// How many registers keep it from being a promise.
    public private(set) var obstacleCount = 0
    /// Whether the file has its last line; files of vcpusnap 0.1 have none.
    public private(set) var hasEnd = false

    /// Reads a baseline.
    /// - Parameter file: what to call the text in errors.
    /// - Throws: the line at fault, with what was expected there.
    public init(
        parsing text: some Collection<UInt8>, file: String
    ) throws(DirectiveError) {
        var scanner = try DirectiveScanner(
            text, file: file, format: "vbaseline 1",
            nextStep: "see Formats/vbaseline-v1.md, or compute it again with vcpusnap baseline",
            limits: DirectiveScanner.Limits(
                size: Limit.size, line: HostProfile.Limit.line, word: HostProfile.Limit.word))
        while let directive = try scanner.next() { try read(directive, &scanner) }
        guard !hosts.isEmpty else { throw scanner.error("a baseline names at least one host") }
    }

    /// What a file may have at most.
    package enum Limit {
        /// Bytes: some lines for each of thousands of hosts.
        package static let size = 1 << 24
    }

    private enum Directive: String, CaseIterable {
        case host, feature, enable, register, implementation, lost
        case lostFeature = "lost-feature"
        case obstacle, more, end
    }

    private mutating func read(
        _ directive: DirectiveScanner.Word, _ scanner: inout DirectiveScanner
    ) throws(DirectiveError) {
        guard !directive.text.hasPrefix("x-") else { return scanner.skipLine() }
        guard !hasEnd else { throw scanner.unexpected(directive, insteadOf: "nothing behind end") }
        switch try scanner.known(directive, as: Directive.self) {
        case .host:
            let name = try scanner.word("a host's name")
            try scanner.once(name, key: "host \(name.text)")
            hosts.append(String(name.text))
        case .feature: features.formUnion(try scanner.feature())
        case .register: try readRegister(&scanner)
        case .obstacle:
            obstacleCount += 1
            scanner.skipLine()
        // What else there is does not change how a guest is started: a restore enables what it needs.
        case .enable, .implementation, .lost, .lostFeature, .more: scanner.skipLine()
        case .end: hasEnd = true
        }
    }

    private mutating func readRegister(
        _ scanner: inout DirectiveScanner
    ) throws(DirectiveError) {
        let name = try scanner.word("a register's name")
        let id = try scanner.registerID(named: name)
        try scanner.once(name, key: "register \(id.hex)")
        guard registers.count < HostProfile.Limit.registers else {
            throw scanner.error("a baseline has at most \(HostProfile.Limit.registers) registers")
        }
        registers.set(try scanner.value(of: id), for: id)
    }

    /// What to make and write the vCPUs of a guest with on a host.
    package func registers(on profile: HostProfile) -> RegisterList {
        let target = profile.vcpuInit?.target ?? VCPUInit.genericTarget
        return VCPUInit(target: target, features: features).registers(with: registers)
    }

    /// The registers that a guest has with other values, on any of its vCPUs, by id.
    package func differences(from guest: Snapshot) -> [RegisterID] {
        registers.ids.filter { id in
            guest.vcpus.contains { $0.registers[id] != registers[id] }
        }
    }
}

extension VCPUInit {
    /// All that is written into a vCPU which is made like this.
    package func registers(with others: RegisterList) -> RegisterList {
        var all = others
        all.set(value, for: .vcpuInit)
        if let finalized = features.finalizedValue { all.set(finalized, for: .vcpuFinalized) }
        return all
    }
}
