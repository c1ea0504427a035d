import LinuxSystem
import QEMUStream
import Registers
import TestFiles
import Testing

/// A stream of vCPUs with lists of three, X1 the vCPU's number times 0x11.
private func crafted(_ count: Int, isDescribed: Bool = true, hasCommon: Bool = true)
    -> CraftedStream
{
    var stream = CraftedStream(isDescribed: isDescribed)
    stream.cpus = (0..<count).map { number in
        var cpu = CraftedCPU()
        (cpu.instance, cpu.number) = (UInt32(number), UInt32(20 + number))
        cpu.set(0x11 * UInt64(number + 1), 8, at: 72)
        cpu.list += [(RegisterID.sctlrEL1.rawValue, 1), (RegisterID.psciVersion.rawValue, 2)]
        cpu.subsections = [CraftedSubsection("cpu/irq-line-state", [0, 0, 0, 0])]
        return cpu
    }
    stream.hasCommon = hasCommon
    if isDescribed { stream.head = CraftedStream.configuredHead }
    return stream
}

/// A section of any device.
private func device(_ name: String, _ number: UInt32, _ body: [UInt8]) -> [UInt8] {
    [4] + bigEndian(number, 4) + [UInt8(name.utf8.count)] + Array(name.utf8) + bigEndian(0, 4)
        + bigEndian(1, 4) + body + [0x7e] + bigEndian(number, 4)
}

/// X1 of each vCPU by its number, or why there are none.
private func outcome(
    _ bytes: [UInt8], _ reading: StreamReading = .whole
) -> Result<[UInt32: UInt64], QEMUStreamError> {
    Result { () throws(QEMUStreamError) in
        let cpus = try QEMUStream(bytes, reading: reading).cpus
        return Dictionary(
            uniqueKeysWithValues: cpus.map { cpu in
                (cpu.instance, cpu.body[72..<80].reduce(0) { $0 << 8 | UInt64($1) })
            })
    }
}

private func expectDamaged(
    _ bytes: [UInt8], _ reading: StreamReading = .whole, naming words: String...,
    location: SourceLocation = #_sourceLocation
) {
    switch outcome(bytes, reading) {
    case .failure(let error):
        guard case .damaged(_, let offset, _, _) = error else {
            Issue.record("\(error)", sourceLocation: location)
            return
        }
        #expect(0...Int64(bytes.count) ~= offset, sourceLocation: location)
        for word in words {
            #expect(error.description.contains(word), sourceLocation: location)
        }
    case .success(let found):
        Issue.record("it was taken: \(found)", sourceLocation: location)
    }
}

private func place(of part: [UInt8], in bytes: [UInt8]) throws -> Int {
    try #require(bytes.indices.first { bytes[$0...].starts(with: part) })
}

/// Where the section of that name and number begins.
private func section(_ name: String, _ instance: UInt32, in bytes: [UInt8]) throws -> Int {
    let header = [UInt8(name.utf8.count)] + Array(name.utf8) + bigEndian(instance, 4)
    return try place(of: header, in: bytes) - 5
}

@Suite("Sections of vCPUs: none is passed over")
struct PassedOverTests {
    @Test("A device with the section id of a vCPU's section swallows none", arguments: [1, 2, 3])
    func swallowed(count: Int) throws {
        var stream = crafted(count, isDescribed: false)
        let whole = try outcome(stream.bytes).get()
        #expect(whole.count == count)
        let later = stream.cpus.flatMap { [$0.number + 100, $0.number] }
        for number in later {
            for flash in 0..<2 {
                var bytes = stream.head
                for index in 0..<2 {
                    let front = device("flash", UInt32(3 + index), [UInt8](repeating: 1, count: 9))
                    bytes += front
                    guard index == flash else { continue }
                    bytes.replaceSubrange(
                        bytes.count - front.count + 1..<bytes.count - front.count + 5,
                        with: bigEndian(number, 4))
                }
                bytes += stream.bytes.dropFirst(stream.head.count)
                expectDamaged(bytes, naming: "cpu_common 0")
            }
        }
        // The sections of vCPUs among themselves.
        let ids = Set(later)
        for cpu in stream.cpus.indices {
            for id in ids where id != stream.cpus[cpu].number {
                let bytes = stream.bytes
                var damaged = bytes
                let start = try section("cpu", UInt32(cpu), in: bytes)
                damaged.replaceSubrange(start + 1..<start + 5, with: bigEndian(id, 4))
                expectDamaged(damaged)
            }
        }
        stream.last = nil
        #expect(try outcome(stream.bytes).get() == whole)
    }

    @Test("No flipped bit of a section id of a real stream loses a vCPU")
    func realSwallowed() throws {
        let bytes = try StreamFixture.kvmDevices.bytes
        let whole = try outcome(bytes).get()
        let last = try place(of: Array("globalstate".utf8), in: bytes)
        var start = 8
        while start < last - 6 {
            for bit in 0..<32 {
                var damaged = bytes
                damaged[start + 4 - bit / 8] ^= 1 << UInt8(bit % 8)
                guard case .success(let found) = outcome(damaged) else { continue }
                #expect(found == whole, "bit \(bit) of the id at \(start)")
            }
            let footer = [0x7e] + bytes[start + 1..<start + 5] + [4]
            start = try place(of: footer, in: Array(bytes[start...])) + start + 5
        }
    }

    @Test("A chain does not begin behind a damaged vCPU", arguments: [true, false])
    func behindDamage(hasCommon: Bool) throws {
        var stream = crafted(3, isDescribed: false, hasCommon: hasCommon)
        stream.head = CraftedStream.configuredHead
        let bytes = stream.bytes
        let whole = try outcome(bytes, .undescribed).get()
        #expect(whole == [0: 0x11, 1: 0x22, 2: 0x33])
        for instance in 0..<3 as Range<UInt32> {
            let start = try section("cpu", instance, in: bytes)
            let footer = start + 17 + stream.cpus[Int(instance)].body.count
            // Without a cpu_common section a vCPU of another name was never there.
            let header = hasCommon ? Array(start..<start + 17) : []
            for position in header + Array(footer..<footer + 5) {
                for bit in 0..<8 {
                    var damaged = bytes
                    damaged[position] ^= 1 << UInt8(bit)
                    let result = outcome(damaged, .undescribed)
                    #expect((try? result.get()) == nil, "byte \(position), bit \(bit)")
                }
            }
        }
        var damaged = bytes
        let second = try section("cpu", 1, in: bytes)
        damaged[second - 1] ^= 1
        expectDamaged(damaged, .undescribed)
    }

    @Test("No bit of the footer of a real stream's first vCPU makes the second one all")
    func realFooter() throws {
        let fixture = StreamFixture.kvmN1
        let bytes = Array(try fixture.bytes[..<23_216])
        let whole = try outcome(bytes, .undescribed).get()
        #expect(whole.count == 2)
        let end = try #require(fixture.sections.first).upperBound
        for position in end - 5..<end {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[position] ^= 1 << UInt8(bit)
                expectDamaged(damaged, .undescribed, naming: "byte 11319", "cpu")
            }
        }
    }
}

@Suite("Sections of vCPUs: numbers and ids")
struct SectionNumberTests {
    @Test(
        "vCPUs are numbered from 0 on",
        arguments: [[1], [0, 2], [1, 0], [1, 2], [0, 1, 3], [0, 0], [0xffff_ffff]] as [[UInt32]])
    func holes(numbers: [UInt32]) {
        for hasCommon in [true, false] {
            for isDescribed in [true, false] {
                var stream = crafted(
                    numbers.count, isDescribed: isDescribed, hasCommon: hasCommon)
                for (index, number) in numbers.enumerated() {
                    stream.cpus[index].instance = number
                }
                expectDamaged(stream.bytes)
            }
        }
    }

    @Test("A description that leaves out vCPUs is damage", arguments: [0, 1, 2])
    func notDescribed(missing: Int) {
        for hasCommon in [true, false] {
            var stream = crafted(3, hasCommon: hasCommon)
            var less = stream
            less.cpus.remove(at: missing)
            stream.json = less.description
            expectDamaged(stream.bytes)
            // With a device beside it that is not as described, too.
            stream.json = less.description.replacing("\"pio\"", with: "\"pix\"")
            expectDamaged(stream.bytes)
        }
        var stream = crafted(2)
        stream.json = stream.description.replacing(
            "\"devices\": [", with: "\"devices\": [], \"devices\": [")
        expectDamaged(stream.bytes, naming: "twice")
    }

    @Test("Two sections of one id are damage", arguments: [true, false])
    func repeatedID(isDescribed: Bool) throws {
        var stream = crafted(2, isDescribed: isDescribed)
        for number in stream.cpus.flatMap({ [$0.number + 100, $0.number] }) {
            var device = try #require(stream.last)
            device.replaceSubrange(1..<5, with: bigEndian(number, 4))
            device.replaceSubrange(device.count - 4..<device.count, with: bigEndian(number, 4))
            var other = stream
            other.last = device
            expectDamaged(other.bytes)
        }
        stream.cpus[1].number = stream.cpus[0].number
        expectDamaged(stream.bytes)
    }
}

@Suite("Sections of vCPUs: found by search with a description")
struct DescribedSearchTests {
    @Test("Bytes inserted into a vCPU or taken out of it are damage", arguments: 1...24)
    func shifted(count: Int) throws {
        for fixture in [StreamFixture.kvmN1, .kvmMax, .tcgA15] {
            let bytes = try fixture.bytes
            let start = try #require(fixture.sections.last).lowerBound
            for offset in [17, 17 + 100, 17 + 400, 17 + 568, 17 + 700] {
                var longer = bytes
                longer.insert(
                    contentsOf: [UInt8](repeating: 0, count: count), at: start + offset)
                expectDamaged(longer)
                var shorter = bytes
                shorter.removeSubrange(start + offset..<start + offset + count)
                expectDamaged(shorter)
            }
        }
    }

    @Test("A stream that was sent as text is damaged", arguments: StreamFixture.allCases)
    func text(fixture: StreamFixture) throws {
        let bytes = try fixture.bytes
        let encoded = bytes.flatMap { Array(String(UnicodeScalar($0)).utf8) }
        let lines = bytes.flatMap { $0 == 10 ? [13, 10] : [$0] }
        let decoded = Array(String(decoding: bytes, as: UTF8.self).utf8)
        for other in [encoded, lines, decoded] where other != bytes {
            #expect(throws: QEMUStreamError.self) { try QEMUStream(other) }
        }
    }

    @Test("A copy of a vCPU in RAM does not stand for the damaged one", arguments: [0, 1])
    func staleCopy(instance: Int) throws {
        let stream = crafted(2)
        var copy = stream.cpus[instance]
        copy.set(0xdead_beef, 8, at: 72)
        let whole = try outcome(stream.bytes).get()
        for distance in [0, 1, 100, 5000] {
            var other = stream
            other.head += copy.section + [UInt8](repeating: 0, count: distance)
            let bytes = other.bytes
            #expect(try outcome(bytes).get() == whole)
            let real = try place(of: stream.cpus[instance].section, in: bytes)
            let footer = real + stream.cpus[instance].section.count - 5
            for position in [0, 1, 4, 5, 6, 7, 8, 9, 12, 13, 16].map({ real + $0 })
                + Array(footer..<footer + 5)
            {
                var damaged = bytes
                damaged[position] ^= 2
                expectDamaged(damaged)
            }
            // What no vCPU has part in.
            var longer = bytes
            longer.insert(0, at: try place(of: Array("pio".utf8), in: bytes) + 11)
            if case .success(let found) = outcome(longer) {
                #expect(found == whole)
            } else {
                #expect(distance < 5000)
            }
        }
    }

    @Test(
        "A list of another length than is described is damage",
        arguments: ["4", "2", "0", "4611686018427387904", "-3"])
    func listLength(length: String) {
        var stream = crafted(2)
        stream.json = stream.description.replacing(
            "\"array_len\": 3", with: "\"array_len\": \(length)")
        expectDamaged(stream.bytes, naming: "cpu 0", "as the description says")
        // Another list in the stream, with everything else as it must be.
        stream = crafted(2)
        stream.json = stream.description
        stream.cpus[1].list.removeLast()
        expectDamaged(stream.bytes, naming: "cpu 1", "as the description says")
    }

    @Test("A section without footer is none where others have one")
    func oneFooter() throws {
        for instance in 0..<2 {
            for size in [5, 568] {
                var stream = crafted(2)
                stream.cpus[instance].hasFooter = false
                expectDamaged(stream.bytes)
                stream.json = stream.description.replacing(
                    "\"size\": \(size),", with: "\"size\": \(size - 1),")
                expectDamaged(stream.bytes, naming: "footer")
            }
        }
        var stream = crafted(2)
        stream.hasFooters = false
        let whole = try outcome(crafted(2).bytes).get()
        #expect(try outcome(stream.bytes).get() == whole)
        stream.json = stream.description.replacing("\"size\": 568", with: "\"size\": 567")
        #expect(try outcome(stream.bytes).get() == whole)
        stream.last = nil
        stream.json = nil
        #expect(try outcome(stream.bytes).get() == whole)
    }

    @Test("What follows a section without footer is a whole header or the end mark")
    func follower() throws {
        for isDescribed in [true, false] {
            var stream = crafted(2, isDescribed: isDescribed)
            stream.hasFooters = false
            #expect(try outcome(stream.bytes, .undescribed).get().count == 2)
            stream.json = isDescribed ? stream.description : nil
            for other in [[0], [1, 2, 3], [4, 0, 0, 0, 9, 0], [4, 0, 0, 0, 9, 3, 7]] as [[UInt8]] {
                stream.last = other + [UInt8](repeating: 0, count: 20)
                expectDamaged(stream.bytes, .undescribed)
            }
        }
    }
}
