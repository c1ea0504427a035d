internal import JSONText

/// What a running QEMU says of itself.
public struct MachineFacts: Hashable, Sendable {
    public struct VCPU: Hashable, Sendable {
        public var index: Int
        /// Of the host.
        public var threadID: Int?
        /// QEMU's name of the CPU's type, `max-arm-cpu`.
        public var type: String?
    }

    /// `10.0.2`.
    public var version: String
    /// What the distribution calls it, `Debian 1:10.0.2+ds-2`; nil when it says nothing.
    public var package: String?
    /// `kvm`; nil for any other.
    public var accelerator: String?
    /// `virt-10.0-machine`; nil when QEMU does not say.
    public var machineType: String?
    /// By index.
    public var vCPUs: [VCPU]
}

extension MachineFacts {
    /// Asks for all of it; none of these commands makes the VM wait.
    public init(over connection: QMPConnection) throws(QMPError) {
        let version = try connection.execute("query-version")
        self.version = try Self.version(version, connection)
        package = version["package"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        let kvm = try connection.executeIfPossible("query-kvm")
        accelerator = kvm?["enabled"]?.bool == true ? "kvm" : nil
        machineType = try connection.property("type", of: "/machine")
        vCPUs = try Self.vCPUs(connection)
    }

    private static func version(
        _ answer: JSONValue, _ connection: QMPConnection
    ) throws(QMPError) -> String {
        guard let numbers = answer["qemu"], let major = numbers["major"]?.integer,
            let minor = numbers["minor"]?.integer, let micro = numbers["micro"]?.integer
        else {
            throw connection.error(
                .unexpectedAnswer(to: "query-version", missing: "version numbers"))
        }
        return "\(major).\(minor).\(micro)"
    }

    private static func vCPUs(_ connection: QMPConnection) throws(QMPError) -> [VCPU] {
        var result: [VCPU] = []
        for entry in try connection.executeIfPossible("query-cpus-fast")?.array ?? [] {
            guard let index = entry["cpu-index"]?.integer else { continue }
            // Newer than 10.0: before, only the object knows its type.
            var type = entry["qom-type"]?.string
            if type == nil, let object = entry["qom-path"]?.string {
                type = try connection.property("type", of: object)
            }
            result.append(
                VCPU(
                    index: Int(index), threadID: entry["thread-id"]?.integer.map(Int.init),
                    type: type))
        }
        return result.sorted { $0.index < $1.index }
    }
}

extension QMPConnection {
    /// Nil when QEMU refuses, because it does not know the command or has not got the thing.
    func executeIfPossible(
        _ command: String, arguments: [(String, QMPArgument)] = []
    ) throws(QMPError) -> JSONValue? {
        do throws(QMPError) {
            return try execute(command, arguments: arguments)
        } catch {
            guard case .refused = error.problem else { throw error }
            return nil
        }
    }

    /// A property of an object in QEMU's tree that is a string.
    fileprivate func property(_ name: String, of object: String) throws(QMPError) -> String? {
        try executeIfPossible(
            "qom-get", arguments: [("path", .string(object)), ("property", .string(name))])?.string
    }
}
