internal import LinuxSystem

/// An argument of a QMP command.
package enum QMPArgument: Sendable {
    case bool(Bool)
    case integer(Int64)
    case string(String)
    case array([QMPArgument])
    /// In this order.
    case object([(String, QMPArgument)])
}

extension QMPArgument {
    /// The JSON text (RFC 8259), on one line.
    package var json: String {
        switch self {
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .string(let text): Self.quoted(text)
        case .array(let elements): "[" + elements.map(\.json).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.map { Self.quoted($0.0) + ": " + $0.1.json }.joined(separator: ", ")
                + "}"
        }
    }

    private static func quoted(_ text: String) -> String { "\"\(Shown.json(text))\"" }
}
