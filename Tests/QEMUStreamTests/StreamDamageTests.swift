import LinuxSystem
import QEMUStream
import Registers
import SeededRandom
import TestFiles
import Testing
import VCPUModel

/// Does with a stream everything that is done with one; what comes of it does not matter.
private func exercise(_ stream: QEMUStream) {
    _ = stream.warnings.map(\.description)
    for bank in stream.banks {
        exercise(bank)
        _ = try? stream.patch(replacing: [bank.section])
    }
    if let vm = stream.vmBank { exercise(vm) }
    var sections = stream.cpus
    for index in sections.indices {
        try? sections[index].replaceEntries(Array(sections[index].entries.dropLast()))
    }
    _ = try? stream.patch(replacing: sections)
}

private func exercise(_ bank: any RegisterBank) {
    for register in (try? bank.list()) ?? [] {
        guard let value = try? bank.read(register) else { continue }
        try? bank.write(value, to: register)
    }
}

/// What is wrong with the bytes, in words; nil when they are a stream.
@discardableResult
private func problem(_ bytes: [UInt8]) -> QEMUStreamError? {
    let memory = MemoryBytes(bytes)
    defer { #expect(memory.maximumAtOnce <= bytes.count) }
    do throws(QEMUStreamError) {
        exercise(try QEMUStream(memory))
        return nil
    } catch {
        #expect(!error.description.isEmpty)
        return error
    }
}

@Suite("Damaged streams")
struct StreamDamageTests {
    /// Two vCPUs with a list, vectors and a nested subsection each.
    private static let crafted: CraftedStream = {
        var cpu = CraftedCPU()
        cpu.fill()
        cpu.set(0x3c5, 4, at: 328)
        cpu.list += [(RegisterID.sctlrEL1.rawValue, 1), (RegisterID.psciVersion.rawValue, 2)]
        cpu.subsections = [
            CraftedSubsection(
                "cpu/vfp", [UInt8](repeating: 3, count: 576),
                CraftedSubsection("cpu/vfp/fpcr_fpsr", [UInt8](repeating: 0, count: 16))),
            CraftedSubsection("cpu/irq-line-state", [0, 0, 0, 0]),
        ]
        var second = cpu
        second.instance = 1
        second.number = 8
        return CraftedStream(cpu, second)
    }()

    /// The section of a real stream's first vCPU, and nothing else of it.
    private static func firstSection(_ fixture: StreamFixture) throws -> [UInt8] {
        let place = try #require(fixture.sections.first)
        return try fixture.bytes[..<8] + fixture.bytes[place] + [0]
    }

    @Test("The crafted stream is one")
    func sound() throws {
        let stream = try QEMUStream(Self.crafted.bytes)
        #expect(stream.hasDescription && stream.cpus.count == 2)
        #expect(problem(Self.crafted.bytes) == nil)
    }

    // MARK: Cut streams

    @Test("Every cut of a real section is refused", arguments: [StreamFixture.kvmDevices, .kvmMax])
    func cutSection(fixture: StreamFixture) throws {
        let bytes = try Self.firstSection(fixture)
        for count in bytes.indices {
            #expect(problem(Array(bytes.prefix(count))) != nil, "cut to \(count)")
        }
        #expect(problem(bytes) == nil)
    }

    @Test("What is cut off says what was expected")
    func messages() {
        let bytes = Self.crafted.bytes
        #expect(problem([]) == .notAStream(found: []))
        #expect(problem(Array("ELF!".utf8)) == .notAStream(found: Array("ELF!".utf8)))
        #expect(problem(Array(bytes[..<3])) == .notAStream(found: Array(bytes[..<3])))
        guard case .damaged(_, 4, _, _) = problem(Array(bytes[..<7])) else {
            Issue.record("a header without its version was taken")
            return
        }
        guard case .cutOff(at: 8, _) = problem(Array(bytes[..<8])) else {
            Issue.record("a stream of nothing is whole")
            return
        }
        for version in [0, 2, 4, UInt32.max] {
            let other = Array(bytes[..<4]) + bigEndian(version, 4) + bytes[8...]
            #expect(problem(other) == .version(version))
        }
    }

    // MARK: Flipped bits

    @Test("A flipped bit in a section's header, length or ids never crashes")
    func flippedStructure() throws {
        let bytes = try Self.firstSection(.kvmDevices)
        let fields = Array(8..<8 + 17) + Array(8 + 17 + 568..<8 + 17 + 572 + 8 * 258)
        var refused = 0
        for position in fields {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[position] ^= 1 << UInt8(bit)
                if problem(damaged) != nil { refused += 1 }
            }
        }
        // The instance may be anything, and most ids have room beside them.
        #expect(refused > (17 - 4 - 4 + 3) * 8)
    }

    @Test("A flipped bit anywhere in a crafted stream never crashes")
    func flippedAnywhere() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let bytes = Self.crafted.bytes
        for round in 0..<4000 {
            var damaged = bytes
            // Past the fields that may be anything, three times in four.
            let start = round % 4 == 0 ? 0 : bytes.count - 1600
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: start..<bytes.count, using: &generator)
                damaged[position] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            }
            if problem(damaged) == nil {
                let count = try QEMUStream(damaged).cpus.count
                #expect(count > 0, "seed \(seed), round \(round)")
            }
        }
    }

    @Test("Random damage of real streams never crashes", arguments: StreamFixture.allCases)
    func randomDamage(fixture: StreamFixture) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let bytes = try fixture.bytes
        for round in 0..<100 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                let position = Int.random(in: damaged.indices, using: &generator)
                switch Int.random(in: 0...4, using: &generator) {
                case 0: damaged.remove(at: position)
                case 1: damaged.insert(.random(in: 0...255, using: &generator), at: position)
                default: damaged[position] = .random(in: 0...255, using: &generator)
                }
            }
            if let error = problem(damaged), case .damaged(_, let offset, _, _) = error {
                #expect(0...Int64(damaged.count) ~= offset, "seed \(seed), round \(round)")
            }
        }
    }

    // MARK: Lengths that lie

    @Test(
        "A list's length beyond the section or the limit is refused",
        arguments: [
            -1, .min, 4, 16_384, 16_385, 1 << 20, .max,
        ] as [Int32])
    func lyingLength(count: Int32) {
        for isDescribed in [true, false] {
            var stream = Self.crafted
            stream.isDescribed = isDescribed
            stream.cpus[0].count = count
            stream.cpus[1].count = count
            #expect(problem(stream.bytes) != nil, "\(isDescribed)")
        }
    }

    @Test("More registers than the limit are refused, though they are there")
    func tooManyRegisters() {
        var cpu = CraftedCPU()
        cpu.list = (0..<16_385).map { (0x6030_0000_0000_0000 + UInt64($0), 0) }
        #expect(problem(CraftedStream(cpu).bytes) != nil)
        cpu.list.removeLast()
        #expect(problem(CraftedStream(cpu).bytes) == nil)
    }

    @Test("Ids that do not ascend are refused, and named", arguments: [true, false])
    func unsortedIDs(isDescribed: Bool) throws {
        var cpu = CraftedCPU()
        cpu.list = [(RegisterID.sctlrEL1.rawValue, 1), (RegisterID.midrEL1.rawValue, 2)]
        let error = try #require(problem(CraftedStream(cpu, isDescribed: isDescribed).bytes))
        #expect(error.description.contains("0x603000000013c000"))
        cpu.list = [(5, 1), (5, 2)]
        #expect(problem(CraftedStream(cpu, isDescribed: isDescribed).bytes) != nil)
    }

    @Test(
        "Sizes that lie in the description do no harm, and the vCPUs are found without it",
        arguments: [
            ("\"size\": 568", "\"size\": 569"), ("\"size\": 568", "\"size\": 0"),
            ("\"size\": 568", "\"size\": -568"), ("\"size\": 568", "\"size\": 9223372036854775807"),
            ("\"size\": 568", "\"size\": 1e30"), ("\"size\": 568", "\"size\": null"),
            ("\"size\": 568", "\"size\": \"568\""), (", \"size\": 568", ""),
            ("\"size\": 568", "\"array_len\": 1099511627776, \"size\": 1099511627776"),
            ("\"size\": 568", "\"array_len\": -1, \"size\": 568"),
            ("\"size\": 5,", "\"size\": -5,"), ("\"size\": 5,", "\"size\": 1099511627777,"),
            ("\"size\": 5,", "\"size\": 9223372036854775807,"),
            ("\"name\": \"pio\"", "\"name\": \"\""),
            ("\"fields\"", "\"field\""),
        ])
    func lyingSizes(text: String, lie: String) throws {
        var stream = Self.crafted
        let description = stream.description
        let lying = description.replacing(text, with: lie)
        try #require(lying != description)
        stream.json = lying
        let bytes = MemoryBytes(stream.bytes)
        let read = try QEMUStream(bytes)
        #expect(read.cpus.map(\.body) == (try QEMUStream(Self.crafted.bytes)).cpus.map(\.body))
        #expect(read.isSearched)
        exercise(read)
        #expect(bytes.maximumAtOnce <= stream.bytes.count)
    }

    @Test(
        "A device that the description calls otherwise is damage",
        arguments: [
            ("\"instance_id\": 0, \"size\"", "\"instance_id\": 1, \"size\"", "pio 1"),
            ("\"name\": \"pio\"", "\"name\": \"pix\"", "pix 0"),
        ])
    func lyingNames(text: String, lie: String, name: String) throws {
        var stream = Self.crafted
        stream.json = stream.description.replacing(text, with: lie)
        let error = try #require(problem(stream.bytes))
        #expect("\(error)".contains("expected that of \(name), as the description says"))
    }

    @Test("Sizes whose sum wraps around do no harm")
    func wrappingSizes() throws {
        // Four fields of 2^62 bytes are 2^64, which is nothing in 64 bits.
        let huge = """
            {"name": "lie", "array_len": 8388608, "type": "buffer", "size": 549755813888},\u{20}
            """
        var stream = CraftedStream(CraftedCPU())
        let field = "{\"name\": \"fixed\""
        stream.json = stream.description.replacing(
            field, with: String(repeating: huge, count: 4) + field)
        let read = try QEMUStream(stream.bytes)
        #expect(read.cpus.count == 1)
    }

    @Test(
        "A description that is no JSON, or too deep, says where",
        arguments: [
            "{\"devices\": [}", "{]}", "[[[[[}", "{\"a\": nul}",
            String(repeating: "{\"a\":", count: 100_000) + "1"
                + String(repeating: "}", count: 100_000),
        ])
    func noJSON(text: String) {
        var stream = Self.crafted
        stream.json = text
        guard case .damaged(let part, let offset, _, _) = problem(stream.bytes) else {
            Issue.record("it was taken")
            return
        }
        #expect(part.contains("JSON"))
        #expect(offset > Int64(Self.crafted.cpus[0].section.count))
    }

    @Test("A length of the description that lies is none")
    func lyingDescriptionLength() throws {
        let bytes = Self.crafted.bytes
        let place = bytes.count - Array(Self.crafted.description.utf8).count - 4
        for length in [0, 1, UInt32.max, UInt32(bytes.count)] {
            var lying = bytes
            lying.replaceSubrange(place..<place + 4, with: bigEndian(length, 4))
            guard case .cutOff(at: Int64(lying.count), _) = problem(lying) else {
                Issue.record("it was taken")
                continue
            }
            let stream = try QEMUStream(lying, reading: .partial)
            #expect(!stream.hasDescription)
            #expect(stream.cpus.count == 2)
        }
    }

    @Test("An empty description, or one of other devices, is said to have no vCPU")
    func noCPUs() throws {
        var stream = CraftedStream()
        guard case .noCPUs(let reason) = problem(stream.bytes) else {
            Issue.record("there is a vCPU")
            return
        }
        #expect(reason.contains("no cpu"))
        stream = CraftedStream(CraftedCPU())
        stream.cpus[0].version = 21
        #expect(problem(stream.bytes)?.description.contains("expected 22, found 21") == true)
    }

    // MARK: Footers

    @Test(
        "Sections without footers are found by the description; without one there is no end to see")
    func withoutFooters() throws {
        for isDescribed in [true, false] {
            var stream = Self.crafted
            stream.isDescribed = isDescribed
            stream.hasFooters = false
            if !isDescribed { #expect(problem(stream.bytes) != nil) }
            let read = try QEMUStream(stream.bytes, reading: isDescribed ? .whole : .partial)
            #expect(read.hasDescription == isDescribed)
            #expect(read.cpus.map(\.body) == (try QEMUStream(Self.crafted.bytes)).cpus.map(\.body))
            #expect(read.cpus.map(\.instance) == [0, 1])
        }
    }

    @Test("The last section may end the stream, but not be cut off")
    func atTheEnd() throws {
        var stream = Self.crafted
        stream.isDescribed = false
        stream.last = nil
        stream.cpus[1].hasFooter = false
        let bytes = stream.bytes
        #expect(problem(bytes) != nil)
        #expect(try QEMUStream(bytes, reading: .partial).cpus.count == 2)
        #expect(try QEMUStream(Array(bytes.dropLast()), reading: .partial).cpus.count == 1)
    }

    @Test("A footer of another section is none", arguments: [true, false])
    func otherFooter(isDescribed: Bool) throws {
        var stream = Self.crafted
        stream.isDescribed = isDescribed
        var bytes = stream.bytes
        let footer = 8 + Self.crafted.cpus[0].section.count - 1
        bytes[footer] ^= 1
        guard case .damaged(_, let offset, _, _) = problem(bytes) else {
            Issue.record("a vCPU was lost without a word")
            return
        }
        #expect(offset == (isDescribed ? footer - 4 : 8))
        let read = try QEMUStream(bytes, reading: .partial)
        #expect(read.cpus.map(\.instance) == [1])
        #expect(read.problem == problem(bytes))
    }

    // MARK: Subsections

    @Test("An unknown subsection is passed over by its description, and refused without")
    func unknownSubsection() throws {
        var cpu = Self.crafted.cpus[0]
        cpu.subsections.insert(
            CraftedSubsection(
                "cpu/new", [1, 2, 3], CraftedSubsection("cpu/new/inner", [4, 5, 6, 7])), at: 1)
        let read = try QEMUStream(CraftedStream(cpu).bytes)
        #expect(
            read.cpus[0].subsections.map(\.name) == ["cpu/vfp", "cpu/new", "cpu/irq-line-state"])
        #expect(read.cpus[0].subsection("cpu/new/inner")?.fields.count == 4)
        #expect(read.cpus[0].subsection("cpu/new")?.fields.count == 3)
        exercise(read)
        guard case .damaged = problem(CraftedStream(cpu, isDescribed: false).bytes) else {
            Issue.record("a subsection of unknown length was passed over")
            return
        }
    }

    @Test(
        "Subsections of QEMU's that need no description are known by their lengths",
        arguments: [
            ("cpu/sve", 4128), ("cpu/sme", 65_536), ("cpu/zt0", 64), ("cpu/serror", 10),
            ("cpu/irq-line-state", 4), ("cpu/wfxt-timer", 8), ("cpu/syndrome64", 8),
            ("cpu/pstate64", 8), ("cpu/event", 1), ("cpu/iwmmxt", 192), ("cpu/thumb2ee", 8),
        ])
    func knownSubsections(name: String, length: Int) throws {
        var cpu = CraftedCPU()
        cpu.subsections = [CraftedSubsection(name, [UInt8](repeating: 0, count: length))]
        for isDescribed in [true, false] {
            let read = try QEMUStream(CraftedStream(cpu, isDescribed: isDescribed).bytes)
            #expect(read.cpus[0].subsections.map(\.name) == [name])
            exercise(read)
        }
    }

    @Test("An M profile CPU is refused")
    func mProfile() {
        var cpu = CraftedCPU()
        cpu.subsections = [CraftedSubsection("cpu/m", [UInt8](repeating: 0, count: 30))]
        #expect(problem(CraftedStream(cpu).bytes)?.description.contains("M profile") == true)
    }

    @Test("Subsections far inside each other are passed over", arguments: [true, false])
    func deepSubsections(isDescribed: Bool) throws {
        var names = ["cpu/a"]
        while names.count < 20 { names.append(names[names.count - 1] + "/a") }
        let inner = names.reversed().dropFirst().reduce(
            CraftedSubsection(names[19], [1])
        ) { inner, name in
            var outer = CraftedSubsection(name, [2, 3])
            outer.parts = [inner]
            return outer
        }
        var cpu = CraftedCPU()
        cpu.subsections = [inner, CraftedSubsection("cpu/irq-line-state", [0, 0, 0, 0])]
        let bytes = CraftedStream(cpu, isDescribed: isDescribed).bytes
        guard isDescribed else {
            #expect(problem(bytes) != nil)
            return
        }
        let section = try QEMUStream(bytes).cpus[0]
        #expect(section.subsection("cpu/irq-line-state") != nil)
        #expect(section.body == cpu.body)
    }

    @Test(
        "A known subsection that the description makes shorter is refused",
        arguments: [
            ("cpu/vfp", 4), ("cpu/sve", 8), ("cpu/serror", 0), ("cpu/pstate64", 0),
        ])
    func shortSubsection(name: String, length: Int) {
        var cpu = CraftedCPU()
        cpu.subsections = [CraftedSubsection(name, [UInt8](repeating: 0, count: length))]
        #expect(problem(CraftedStream(cpu).bytes) != nil)
    }

    // MARK: Sections of one number

    @Test("Without a description two sections with one number are refused")
    func duplicates() throws {
        var stream = Self.crafted
        stream.isDescribed = false
        stream.cpus[1].instance = 0
        guard case .damaged(_, _, _, let found) = problem(stream.bytes) else {
            Issue.record("they were taken")
            return
        }
        #expect(found == "cpu 0")
    }

    @Test("Two sections with one number and a description are refused")
    func describedDuplicates() throws {
        var stream = Self.crafted
        stream.cpus[1].instance = 0
        guard case .damaged = problem(stream.bytes) else {
            Issue.record("they were taken")
            return
        }
    }

    // MARK: Streams that look like many sections

    @Test("What only looks like a section costs little")
    func falseSections() throws {
        let looks =
            [4] + bigEndian(1, 4) + [3] + Array("cpu".utf8) + bigEndian(0, 4)
            + bigEndian(22, 4) as [UInt8]
        let bytes = Self.crafted.head + (0..<2000).flatMap { _ in looks } + [0]
        guard case .cutOff = problem(bytes) else {
            Issue.record("a header alone was taken")
            return
        }
    }
}
