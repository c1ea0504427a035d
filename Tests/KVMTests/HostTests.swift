import Foundation
import Testing

@testable import LinuxSystem

@Suite struct HostTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_795_518_593, "2026-11-24T11:09:53Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ])
    func timesAreWrittenAsRFC3339(seconds: Int64, text: String) {
        #expect(SystemClock.utcTimestamp(secondsSinceEpoch: seconds) == text)
    }

    @Test func aTimeWithoutADateIsStillATime() {
        #expect(SystemClock.utcTimestamp(secondsSinceEpoch: .max) == "@\(Int64.max)")
    }

    @Test func theKernelTellsItsRelease() throws {
        let release = try String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
        #expect(HostIdentity.kernelRelease() + "\n" == release)
    }

    @Test func errorNumbersHaveNames() {
        #expect(Errno.invalidArgument.description == "EINVAL (Invalid argument)")
        #expect(Errno(rawValue: 4000).description == "errno 4000 (Unknown error)")
    }
}
