import Foundation
import LinuxSystem
import QEMUStream
import Registers
import SeededRandom
import TestFiles
import Testing

/// Replaced lists: what changes, and that nothing else does.
@Suite("Changed streams")
struct StreamPatchTests {
    /// The stream with other lists, one for each vCPU.
    private func changed(
        _ bytes: [UInt8], _ lists: [[CPUSection.Entry]]
    ) throws -> [UInt8] {
        let stream = try QEMUStream(bytes)
        var sections = stream.cpus
        for (index, list) in lists.enumerated() { try sections[index].replaceEntries(list) }
        return try stream.patch(replacing: sections).applied(to: bytes)
    }

    /// The `cpu` devices of a stream's description, by another parser.
    private func devices(_ bytes: [UInt8]) throws -> [[String: Any]] {
        let brace = try #require(bytes.lastIndex(of: UInt8(ascii: "}")))
        var start = try #require(bytes.lastIndex(of: 6))
        while bytes[start + 1..<start + 5].reduce(0, { $0 << 8 | Int($1) }) != brace - start - 4 {
            start = try #require(bytes[..<start].lastIndex(of: 6))
        }
        let object = try JSONSerialization.jsonObject(with: Data(bytes[start + 5...brace]))
        let devices = (object as? [String: Any])?["devices"] as? [[String: Any]]
        return try #require(devices).filter { $0["name"] as? String == "cpu" }
    }

    private func lengths(_ device: [String: Any]) throws -> [Int] {
        let fields = try #require(device["fields"] as? [[String: Any]])
        return ["cpreg_vmstate_indexes", "cpreg_vmstate_values"].compactMap { name in
            fields.first { $0["name"] as? String == name }?["array_len"] as? Int
        }
    }

    /// Checks a changed stream against the one it came from, by nothing but the two's bytes.
    private func expectOnlyLists(
        _ lists: [[CPUSection.Entry]], of fixture: StreamFixture, in result: [UInt8],
        _ comment: Comment? = nil
    ) throws {
        let original = try fixture.bytes
        let descriptionStart = try #require(fixture.descriptionStart)
        // What stands before the description, section by section.
        var expected: [UInt8] = []
        var position = 0
        for (place, list) in zip(fixture.sections, lists) {
            let lengthField = place.lowerBound + 17 + 568
            expected += original[position..<lengthField]
            expected += bigEndian(list.count, 4)
            expected += list.flatMap { bigEndian($0.id.rawValue, 8) }
            expected += list.flatMap { bigEndian($0.value, 8) }
            position = lengthField + 4 + 16 * fixture.registerCount
        }
        expected += original[position..<descriptionStart - 4]
        #expect(result.prefix(expected.count).elementsEqual(expected), comment)
        try expectDescription(of: lists, of: fixture, result[expected.count...], comment)
        for (device, list) in zip(try devices(result), lists) {
            #expect(try lengths(device) == [list.count, list.count], comment)
        }
        // And it is a stream with these lists.
        let again = try QEMUStream(result)
        #expect(again.hasDescription, comment)
        #expect(again.cpus.map(\.entries) == lists, comment)
    }

    /// The description: its length, and the text with two numbers of each vCPU replaced.
    private func expectDescription(
        of lists: [[CPUSection.Entry]], of fixture: StreamFixture, _ result: ArraySlice<UInt8>,
        _ comment: Comment?
    ) throws {
        let (original, descriptionStart) = (
            try fixture.bytes, try #require(fixture.descriptionStart)
        )
        let text = result.dropFirst(4)
        #expect(result.prefix(4).elementsEqual(bigEndian(text.count, 4)), comment)
        var own = String(decoding: original[descriptionStart...], as: UTF8.self)
        for name in ["indexes", "values"] {
            let before = "\"cpreg_vmstate_\(name)\", \"array_len\": "
            let parts = own.components(separatedBy: before + "\(fixture.registerCount),")
            try #require(parts.count == lists.count + 1)
            own = zip(parts, lists.map { before + "\($0.count)," } + [""]).map { $0 + $1 }
                .joined()
        }
        #expect(text.elementsEqual(Array(own.utf8)), comment)
    }

    private func firstEntries(_ fixture: StreamFixture, _ counts: [Int]) throws -> [[CPUSection
        .Entry]]
    {
        zip(try fixture.stream.cpus, counts).map { Array($0.entries.prefix($1)) }
    }

    @Test(
        "A list of another length changes the list and what is said of it",
        arguments: [
            [257, 258], [258, 2], [100, 99], [99, 99], [9, 10], [2, 2],
        ])
    func shorterLists(counts: [Int]) throws {
        let lists = try firstEntries(.kvmN1, counts)
        let result = try changed(try StreamFixture.kvmN1.bytes, lists)
        try expectOnlyLists(lists, of: .kvmN1, in: result)
    }

    @Test("A list that grows by digits", arguments: StreamFixture.described)
    func longerLists(fixture: StreamFixture) throws {
        let lists = try fixture.stream.cpus.map { cpu in
            let last = try #require(cpu.entries.last)
            return cpu.entries
                + (1...900).map { CPUSection.Entry(id: id(last.id.rawValue + $0), value: $0) }
        }
        let result = try changed(try fixture.bytes, lists)
        try expectOnlyLists(lists, of: fixture, in: result)
        let growth = lists.count * (900 * 16 + 2)
        #expect(result.count == (try fixture.bytes.count) + growth)
        // And back again.
        let back = try changed(result, try fixture.stream.cpus.map(\.entries))
        #expect(back == (try fixture.bytes))
    }

    @Test("Going down in digits and up again gives the same bytes", arguments: [100, 99, 10, 9, 2])
    func thereAndBack(count: Int) throws {
        let bytes = try StreamFixture.kvmN1.bytes
        let shorter = try changed(bytes, try firstEntries(.kvmN1, [count, count]))
        let digits = 2 * 2 * (3 - "\(count)".count)
        #expect(bytes.count - shorter.count == 2 * (258 - count) * 16 + digits)
        #expect(try changed(shorter, try StreamFixture.kvmN1.stream.cpus.map(\.entries)) == bytes)
    }

    @Test("A changed value alone leaves the description alone")
    func sameLength() throws {
        let bytes = try StreamFixture.kvmMax.bytes
        let stream = try QEMUStream(bytes)
        var section = stream.cpus[0]
        var entries = section.entries
        entries[17].value ^= 0xff
        try section.replaceEntries(entries)
        let result = try stream.patch(replacing: [section]).applied(to: bytes)
        let place = StreamFixture.kvmMax.sections[0].lowerBound + 17 + 572 + 8 * (269 + 17) + 7
        #expect(bytes.indices.filter { bytes[$0] != result[$0] } == [place])
        #expect(result[place] == bytes[place] ^ 0xff)
    }

    @Test("What is not changed makes an empty patch", arguments: StreamFixture.allCases)
    func nothing(fixture: StreamFixture) throws {
        let stream = try fixture.stream
        #expect(try stream.patch(replacing: stream.cpus).isEmpty)
        #expect(try stream.patch(replacing: []).isEmpty)
        var sections = stream.cpus
        for index in sections.indices {
            try sections[index].replaceEntries(sections[index].entries)
        }
        #expect(try stream.patch(replacing: sections).isEmpty)
    }

    @Test("Only the vCPU that is changed is replaced")
    func oneOfTwo() throws {
        let bytes = try StreamFixture.kvmN1.bytes
        let stream = try QEMUStream(bytes)
        var second = stream.cpus[1]
        try second.replaceEntries(Array(second.entries.dropFirst()))
        let result = try stream.patch(replacing: [second]).applied(to: bytes)
        let lists = [stream.cpus[0].entries, second.entries]
        try expectOnlyLists(lists, of: .kvmN1, in: result)
    }

    @Test("Without a description the list is all that changes")
    func withoutDescription() throws {
        let bytes = try StreamFixture.kvmDevices.bytes
        let lists = try firstEntries(.kvmDevices, [200, 1])
        let result = try changed(bytes, lists)
        #expect(result.count == bytes.count - 16 * (58 + 257))
        let again = try QEMUStream(result)
        #expect(again.cpus.map(\.entries) == lists)
        // The fields after the list, cpu/vfp and cpu/irq-line-state.
        let before = try QEMUStream(bytes).cpus.map { $0.body.suffix(65 + 589 + 28) }
        #expect(again.cpus.map { $0.body.suffix(65 + 589 + 28) } == before)
        #expect(try changed(result, try QEMUStream(bytes).cpus.map(\.entries)) == bytes)
    }

    @Test("Subsections of a changed section are where they were, after the list")
    func subsectionsMove() throws {
        let stream = try StreamFixture.kvmMax.stream
        let before = stream.banks[0]
        var section = stream.cpus[0]
        try section.replaceEntries(Array(section.entries.prefix(3)))
        let after = QEMUVCPUBank(section, origin: .kvm)
        for register in [RegisterID.z(0), .z(31), .fpcr, .mpState, .vcpuEvents, .x(30)] {
            #expect(try after.read(register) == before.read(register))
        }
        #expect(section.subsections.map(\.name) == stream.cpus[0].subsections.map(\.name))
    }

    @Test("Random lists of both vCPUs, and back")
    func randomLists() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let bytes = try StreamFixture.kvmN1.bytes
        let original = try QEMUStream(bytes).cpus.map(\.entries)
        for round in 0..<20 {
            let lists = original.map { entries in
                let count = Int.random(in: 2...1200, using: &generator)
                var list: [UInt64: UInt64] = [:]
                while list.count < count {
                    let entry = entries.randomElement(using: &generator)
                    let register =
                        Bool.random(using: &generator)
                        ? entry?.id.rawValue ?? 0 : generator.next() >> 1
                    list[register] = generator.next()
                }
                return list.sorted { $0.key < $1.key }.map {
                    CPUSection.Entry(id: id($0.key), value: $0.value)
                }
            }
            let result = try changed(bytes, lists)
            try expectOnlyLists(lists, of: .kvmN1, in: result, "seed \(seed), round \(round)")
            #expect(try changed(result, original) == bytes, "seed \(seed), round \(round)")
        }
    }

    // MARK: What is refused

    @Test("Lists that do not ascend are refused, and the section stays as it was")
    func badLists() throws {
        var section = try StreamFixture.kvmN1.stream.cpus[0]
        let before = section.body
        var entries = section.entries
        entries.swapAt(3, 4)
        #expect(throws: QEMUStreamError.self) { try section.replaceEntries(entries) }
        entries = section.entries
        entries.insert(entries[7], at: 7)
        #expect(throws: QEMUStreamError.self) { try section.replaceEntries(entries) }
        let many = (0...16_384).map { CPUSection.Entry(id: id(UInt64($0)), value: 0) }
        #expect(throws: QEMUStreamError.self) { try section.replaceEntries(many) }
        #expect(section.body == before)
        try section.replaceEntries(Array(many.dropLast()))
        #expect(section.registerCount == 16_384)
    }

    @Test(
        "A list of one or none is refused where a description would have to say so",
        arguments: [0, 1])
    func tinyLists(count: Int) throws {
        let bytes = try StreamFixture.kvmN1.bytes
        #expect(throws: QEMUStreamError.self) {
            try changed(bytes, try firstEntries(.kvmN1, [258, count]))
        }
        let bare = try changed(
            try StreamFixture.kvmDevices.bytes, try firstEntries(.kvmDevices, [258, count]))
        #expect(try QEMUStream(bare).cpus[1].registerCount == count)
    }

    @Test("A list of one that grows is refused too: its description has no place for it")
    func growingFromOne() throws {
        let bytes = CraftedStream(CraftedCPU()).bytes
        let stream = try QEMUStream(bytes)
        #expect(stream.hasDescription)
        var section = stream.cpus[0]
        try section.replaceEntries(
            section.entries + [CPUSection.Entry(id: .sctlrEL1, value: 1)])
        #expect(throws: QEMUStreamError.self) { try stream.patch(replacing: [section]) }
    }
}
