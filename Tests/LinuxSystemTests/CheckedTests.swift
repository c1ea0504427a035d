import LinuxSystem
import Testing

/// Arithmetic on numbers from outside: right where the result fits, not there where it does not, and never
/// a trap.
@Suite struct CheckedTests {
    @Test func whatFitsIsTheNumber() {
        #expect((Checked<Int64>(40) + 2).value == 42)
        #expect((Checked<Int64>(40) - 42).value == -2)
        #expect((Checked<UInt8>(15) * 17).value == 255)
        #expect((Checked<Int64>(1) << 62).value == 1 << 62)
        #expect((Checked<Int8>(-1) << 7).value == -128)
        #expect(Checked<Int>(UInt64(7)).value == 7)
    }

    @Test func whatDoesNotFitIsNotThere() {
        #expect((Checked(Int64.max) + 1).value == nil)
        #expect((Checked(Int64.min) - 1).value == nil)
        #expect((Checked<UInt64>(0) - 1).value == nil)
        #expect((Checked<UInt8>(16) * 16).value == nil)
        #expect((Checked(Int64.min) * -1).value == nil)
        #expect((Checked<Int64>(1) << 63).value == nil)
        #expect(Checked<Int>(UInt64.max).value == nil)
        #expect(Checked<UInt32>(Int(-1)).value == nil)
    }

    @Test(arguments: [-1, 64, 65, Int.max, Int.min])
    func distanceOfAShiftIsForeignToo(distance: Int) {
        #expect((Checked<Int64>(1) << distance).value == nil)
        #expect((Checked<Int64>(0) << distance).value == nil)
    }

    @Test func nothingComesBack() {
        let lost = Checked(Int64.max) + 1
        #expect((lost - 1).value == nil)
        #expect((lost * 0).value == nil)
        #expect((0 - lost).value == nil)
        #expect((lost << 0).value == nil)
    }

    @Test func errorIsTheCallers() {
        #expect(throws: Errno.invalidArgument) {
            try (Checked(Int64.max) * 2).value(or: Errno.invalidArgument)
        }
        #expect((try? Checked<Int64>(1).value(or: Errno.invalidArgument)) == 1)
    }

    /// Against arithmetic of twice the width, which has room for every result.
    @Test func everyResultIsThatOfAWiderType() {
        for a in Int8.min ... .max {
            let (left, wide) = (Checked<Int8>(a), Int(a))
            for b in Int8.min ... .max {
                let results = [left + Checked(b), left - Checked(b), left * Checked(b)]
                let expected = [wide + Int(b), wide - Int(b), wide * Int(b)]
                guard results.map(\.value) != expected.map({ Int8(exactly: $0) }) else { continue }
                Issue.record("\(a), \(b)")
            }
            for distance in 0..<8 {
                #expect((left << distance).value == Int8(exactly: wide << distance))
            }
        }
    }

    @Test func rangesAreInsideOrNotThere() {
        #expect(Range(at: 3, count: 4, inside: 0..<7) == 3..<7)
        #expect(Range(at: 7, count: 0, inside: 0..<7) == 7..<7)
        #expect(Range(at: 4, count: 4, inside: 0..<7) == nil)
        #expect(Range(at: -1, count: 1, inside: 0..<7) == nil)
        #expect(Range(at: 4, count: -1, inside: 0..<7) == nil)
        #expect(Range(at: Int64.max, count: UInt64.max, inside: 0..<Int64.max) == nil)
        #expect(Range(at: Int64(1), count: Int64.max, inside: 0..<Int64.max) == nil)
    }
}

@Suite struct ErrnoResultTests {
    /// Another process has a say in some results.
    @Test(
        arguments: [
            (-1, 1), (-4095, 4095), (-(1 << 31), .max), (.min, .max), (.min + 1, .max),
        ] as [(Int64, Int32)])
    func everyNegativeResultIsAnError(result: Int64, number: Int32) {
        #expect(Errno(result: result) == Errno(rawValue: number))
        #expect(throws: Errno(rawValue: number)) { try Errno.check(result) }
    }

    @Test(arguments: [0, 1, .max] as [Int64])
    func everyOtherResultIsAValue(result: Int64) throws {
        #expect(Errno(result: result) == nil)
        #expect(try Errno.check(result) == result)
        #expect(Errno(result: Int32.min) == Errno(rawValue: .max))
    }
}
