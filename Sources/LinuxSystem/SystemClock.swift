internal import CLinux

/// The host's clock.
package enum SystemClock {
    /// The time now in UTC, RFC 3339 with seconds: `2026-11-24T11:09:53Z`.
    package static func utcTimestamp() -> String {
        utcTimestamp(secondsSinceEpoch: clinux_realtime_seconds())
    }

    /// The time now, in nanoseconds since 1970-01-01T00:00:00Z.
    package static func nanosecondsSinceEpoch() -> UInt64 {
        UInt64(clamping: clinux_realtime_nanoseconds())
    }

    /// The RFC 3339 form of a Unix time; the number itself, after `@`, where the C library has none.
    static func utcTimestamp(secondsSinceEpoch seconds: Int64) -> String {
        let text = TextBuffer.read { clinux_format_utc(seconds, $0, $1) }
        return text ?? "@\(seconds)"
    }
}
