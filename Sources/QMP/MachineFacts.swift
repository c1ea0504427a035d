internal import TextFormats

/// What a running QEMU says of itself.
package struct MachineFacts: Hashable, Sendable {
    /// A vCPU as `query-cpus-fast` lists it.
    package struct VCPUInfo: Hashable, Sendable {
        /// QEMU's `cpu-index`, which the stream's sections have as their instance.
        package var index: Int
        /// The id of the vCPU's thread on the host; nil when QEMU does not say.
        package var threadID: Int?
        /// QEMU's name for the CPU type, `max-arm-cpu`; nil when it does not say.
        package var type: String?
    }

    /// `10.0.2`.
    package var version: String
    /// The distribution's name for it, `Debian 1:10.0.2+ds-2`; nil when there is none.
    package var package: String?
    /// `kvm`; nil for any other.
    package var accelerator: String?
    /// `virt-10.0-machine`; nil when QEMU does not say.
    package var machineType: String?
    /// In ascending order of index; empty when QEMU does not say.
    package var vCPUs: [VCPUInfo]
}

extension MachineFacts {
    /// Asks QEMU for all of it, by commands that do not make the VM wait.
    /// - Throws: where QEMU does not answer, or with what is no answer.
    package init(over connection: any QMPMonitor) throws(QMPError) {
        let version = try connection.execute("query-version")
        self.version = try Self.version(version, connection)
        package = version["package"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        let kvm = try connection.executeIfPossible("query-kvm")
        accelerator = kvm?["enabled"]?.bool == true ? "kvm" : nil
        machineType = try connection.property("type", of: "/machine")
        vCPUs = try Self.vCPUs(connection)
    }

    private static func version(
        _ answer: JSONValue, _ connection: any QMPMonitor
    ) throws(QMPError) -> String {
        guard let numbers = answer["qemu"], let major = numbers["major"]?.integer,
            let minor = numbers["minor"]?.integer, let micro = numbers["micro"]?.integer
        else {
            throw connection.error(
                .unexpectedAnswer(to: "query-version", missing: "version numbers"))
        }
        return "\(major).\(minor).\(micro)"
    }

    private static func vCPUs(_ connection: any QMPMonitor) throws(QMPError) -> [VCPUInfo] {
        var result: [VCPUInfo] = []
        for entry in try connection.executeIfPossible("query-cpus-fast")?.array ?? [] {
            guard let index = entry["cpu-index"]?.integer else { continue }
            // Newer than 10.0: before, only the object knows its type.
            var type = entry["qom-type"]?.string
            if type == nil, let object = entry["qom-path"]?.string {
                type = try connection.property("type", of: object)
            }
            result.append(
                VCPUInfo(
                    index: Int(index), threadID: entry["thread-id"]?.integer.map(Int.init),
                    type: type))
        }
        return result.sorted { $0.index < $1.index }
    }
}

extension QMPMonitor {
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
