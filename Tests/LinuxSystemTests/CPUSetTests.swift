import LinuxSystem
import Testing

struct CPUSetTests {
    @Test(
        arguments: [
            ([0], "0"), ([3, 2, 1, 0], "0-3"), ([0, 1, 2, 3, 6], "0-3,6"), ([8, 4, 5, 4], "4-5,8"),
            ([-1, 7, CPUSet.limit], "7"), ([], ""),
        ] as [([Int], String)])
    func asLinuxWritesIt(numbers: [Int], text: String) {
        #expect(CPUSet(numbers).description == text)
    }

    /// In one function, which nothing leaves while the thread is held.
    @Test func threadIsHeld() throws {
        let own = try CPUSet.ofThisThread()
        let last = CPUSet(own.numbers.suffix(1))
        try last.holdThisThread()
        let held = try CPUSet.ofThisThread()
        try own.holdThisThread()
        #expect(held == last && last.numbers.count == 1)
        #expect(try CPUSet.ofThisThread() == own)
        #expect(throws: Errno.invalidArgument) { try CPUSet([CPUSet.limit - 1]).holdThisThread() }
    }
}
