package import TextFormats

/// Something that happened in QEMU, as its monitor reports it.
package struct QMPEvent: Sendable {
    /// `STOP`, `RESUME`, `MIGRATION`.
    package let name: String
    /// When, in microseconds since 1970-01-01T00:00:00Z by the host's clock; nil when QEMU could not
    /// read it.
    package let microseconds: Int64?
    /// The member `data` of the event's message; nil when there is none.
    package let data: JSONValue?
    /// Of the message, in bytes.
    let length: Int

    /// Nil for a message that is no event.
    init?(_ message: JSONValue) {
        guard let name = message["event"]?.string else { return nil }
        self.name = name
        microseconds = message["timestamp"].flatMap(Self.microseconds)
        data = message["data"]
        length = message.range.count
    }

    private static func microseconds(_ timestamp: JSONValue) -> Int64? {
        guard let seconds = timestamp["seconds"]?.integer,
            let rest = timestamp["microseconds"]?.integer, seconds >= 0, rest >= 0
        else { return nil }
        let (product, tooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, stillTooLarge) = product.addingReportingOverflow(rest)
        return tooLarge || stillTooLarge ? nil : sum
    }
}
