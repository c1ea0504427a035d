internal import TextFormats

/// The migration capabilities and parameters that are changed for a capture, and what they were.
struct MigrationSettings {
    /// Those that are switched, and what they were.
    private let capabilities: [(name: String, was: Bool)]
    private let parameters: [(name: String, was: Int64, becomes: Int64)]

    /// Those that are on, as far as QEMU has them; all others are off, for some need a QEMU at the other
    /// end.
    ///
    /// Shared RAM is not sent, and QEMU waits for an answer before it calls the migration a success.
    private static let usedCapabilities: Set<String> = ["x-ignore-shared", "return-path"]

    private static let usedParameters: [(name: String, value: Int64)] = [
        // Bytes per second: what is read here is dropped, so there is no network to be spared.
        ("max-bandwidth", 1 << 40),
        // Milliseconds of RAM that QEMU may still have to send when it stops the VM.
        ("downtime-limit", 10),
    ]

    typealias Command = (name: String, arguments: [(String, QMPArgument)])

    /// Asks QEMU for what there is; changes nothing.
    init(over connection: QMPConnection) throws(QMPError) {
        let capabilities = try connection.execute("query-migrate-capabilities").array ?? []
        self.capabilities = Self.switched(capabilities)
        try Self.requireReturnPath(capabilities, connection)
        let parameters = try connection.execute("query-migrate-parameters")
        self.parameters = Self.usedParameters.compactMap { name, value in
            parameters[name]?.integer.map { (name, $0, value) }
        }
        try Self.requirePlainText(parameters, connection)
    }

    private static func switched(_ capabilities: [JSONValue]) -> [(name: String, was: Bool)] {
        capabilities.compactMap { entry in
            guard let name = entry["capability"]?.string, let state = entry["state"]?.bool,
                state != usedCapabilities.contains(name)
            else { return nil }
            return (name, state)
        }
    }

    var changes: [Command] {
        Self.commands(
            capabilities.map { ($0.name, !$0.was) }, parameters.map { ($0.name, $0.becomes) })
    }

    var restoration: [Command] {
        Self.commands(
            capabilities.map { ($0.name, $0.was) }, parameters.map { ($0.name, $0.was) })
    }

    /// For a VM that changes its RAM too fast to be stopped for so short a time.
    var ordinaryDowntime: [Command] {
        Self.commands(
            [], parameters.filter { $0.name == "downtime-limit" }.map { ($0.name, $0.was) })
    }

    private static func commands(
        _ capabilities: [(name: String, state: Bool)], _ parameters: [(name: String, value: Int64)]
    ) -> [Command] {
        var result: [Command] = []
        if !capabilities.isEmpty {
            let list = capabilities.map { name, state -> QMPArgument in
                .object([("capability", .string(name)), ("state", .bool(state))])
            }
            result.append(("migrate-set-capabilities", [("capabilities", .array(list))]))
        }
        if !parameters.isEmpty {
            let list = parameters.map { ($0.name, QMPArgument.integer($0.value)) }
            result.append(("migrate-set-parameters", list))
        }
        return result
    }
}

// MARK: What is in the way

extension MigrationSettings {
    private static func requireReturnPath(
        _ capabilities: [JSONValue], _ connection: QMPConnection
    ) throws(QMPError) {
        guard capabilities.contains(where: { $0["capability"]?.string == "return-path" }) else {
            throw connection.error(
                .obstacle(
                    "this QEMU's migration has no return path, without which the VM would depend on "
                        + "this program", nextStep: "use QEMU 4.0 or newer"))
        }
    }

    private static func requirePlainText(
        _ parameters: JSONValue, _ connection: QMPConnection
    ) throws(QMPError) {
        guard parameters["tls-creds"]?.string?.isEmpty ?? true else {
            throw connection.error(
                .obstacle(
                    "migration is set up for TLS, which this program does not support",
                    nextStep: "clear the migration parameter tls-creds"))
        }
    }
}
