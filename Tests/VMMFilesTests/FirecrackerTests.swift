import Foundation
import LinuxSystem
import Registers
import SeededRandom
import TestFiles
import Testing
import VCPUModel
import VMMFiles

/// Files of every version and layout, which `Tests/VMM/firecracker.py` makes from the format's page alone.
@Suite("Files of Firecracker")
struct FirecrackerTests {
    private static let names = ["1.0.0-A-1", "8.0.0-E-1", "10.0.0-F-2", "99.0.0-bitcode-other"]
    private static let folder = "Formats/vectors/firecracker"

    private static func vector(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: ProjectFolder.file("\(folder)/\(name).vmstate")))
    }

    /// The names of the files that the generator makes, each with its bytes and its text.
    private static func generated(
        _ arguments: String..., body: (String, [UInt8], String) throws -> Void
    ) throws -> Int {
        let folder = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["python3", ProjectFolder.file("Tests/VMM/firecracker.py").path, folder / ""]
            + arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        let names = try folder.names.filter { $0.hasSuffix(".vmstate") }
        for name in names {
            let text = try folder.bytes(name.replacingOccurrences(of: ".vmstate", with: ".txt"))
            try body(name, try folder.bytes(name), String(decoding: text, as: UTF8.self))
        }
        return names.count
    }

    @Test("Every version, with 1, 2 and 32 vCPUs: every value is found, in the file's order")
    func everyVersion() throws {
        let count = try Self.generated { name, bytes, text in
            let found = try Account(FirecrackerFile.state(of: bytes)).text
            #expect(found == text, "\(name)")
        }
        #expect(count > 50)
    }

    @Test("What is damaged, contradicts itself or is of another machine is refused, and why")
    func refused() throws {
        let count = try Self.generated("--bad") { name, bytes, text in
            let error = #expect(throws: VMMFileError.self, "\(name)") {
                try FirecrackerFile.state(of: bytes)
            }
            #expect(
                error?.description.contains(text) == true, "\(name): \(error?.description ?? "")")
        }
        #expect(count > 10)
    }

    @Test("The vectors are what the generator makes", arguments: names)
    func reproduced(name: String) throws {
        let bytes = try Self.vector(name)
        let text = try Data(contentsOf: ProjectFolder.file("\(Self.folder)/\(name).txt"))
        #expect(
            try Account(FirecrackerFile.state(of: bytes)).text
                == String(decoding: text, as: UTF8.self))
    }

    @Test("A value's place is where its bytes are", arguments: ["1.0.0-A-1", "10.0.0-F-2"])
    func places(name: String) throws {
        let bytes = try Self.vector(name)
        for vcpu in try FirecrackerFile.state(of: bytes).vcpus {
            for register in vcpu.registers {
                let place = try #require(register.place)
                #expect(Array(bytes[place]) == register.value.littleEndianBytes)
            }
        }
    }

    @Test("Cut off anywhere, it is refused with a place", arguments: names)
    func cutOff(name: String) throws {
        let bytes = try Self.vector(name)
        for end in stride(from: 0, to: bytes.count, by: 7) {
            let error = #expect(throws: VMMFileError.self, "\(end)") {
                try FirecrackerFile.state(of: Array(bytes[..<end]))
            }
            #expect(error?.offset != nil, "\(end): \(error?.description ?? "")")
        }
    }

    @Test("With any bit changed, it is refused with a place", arguments: names)
    func flipped(name: String) throws {
        let whole = try Self.vector(name)
        for index in stride(from: 0, to: whole.count, by: 5) {
            var bytes = whole
            bytes[index] ^= 1 << UInt8(index % 8)
            let error = #expect(throws: VMMFileError.self, "byte \(index)") {
                try FirecrackerFile.state(of: bytes)
            }
            #expect(error?.offset != nil, "byte \(index): \(error?.description ?? "")")
        }
    }

    @Test("Damaged under a new checksum, it is refused or read, in little time", arguments: names)
    func resealed(name: String) throws {
        let whole = try Self.vector(name)
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        var readable = 0
        for _ in 0..<2000 {
            var bytes = Array(whole.dropLast(8))
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: 9..<bytes.count, using: &generator)
                bytes[index] = .random(in: 0...255, using: &generator)
            }
            bytes += RegisterValue(CRC64.of(bytes)).littleEndianBytes
            if (try? FirecrackerFile.state(of: bytes)) != nil { readable += 1 }
        }
        // A value of a register can be anything.
        #expect(readable > 100, "seed \(seed)")
    }

    @Test("A release's name is told for its version, and what is left out is told")
    func facts() throws {
        let state = try FirecrackerFile.state(of: try Self.vector("10.0.0-F-2"))
        #expect(state.fact("version") == "10.0.0")
        #expect(state.fact("releases") == "1.16.0, 1.16.1")
        #expect(state.fact("capabilities") == "171 !172")
        #expect(state.remarks.isEmpty)
        let found = try FirecrackerFile.state(of: try Self.vector("99.0.0-bitcode-other"))
        #expect(found.remarks.count == 2)
        #expect(found.vm.count == 0)
    }

    @Test("Only its magic number, with a format that is known, begins such a file")
    func recognized() throws {
        for name in Self.names { #expect(FirecrackerFile.recognizes(try Self.vector(name))) }
        #expect(!FirecrackerFile.recognizes([]))
        #expect(!FirecrackerFile.recognizes(Array("QEVM0000000000".utf8)))
        #expect(!FirecrackerFile.recognizes([2, 0, 0xaa, 0xaa, 0x84, 0x19, 0x10, 0x07]))
    }
}

/// A state in the words of the generator.
private struct Account {
    private var lines: [String] = []

    var text: String { lines.joined(separator: "\n") + "\n" }

    init(_ state: VMMState) throws {
        for fact in ["version", "layout", "codec"] {
            lines.append("\(fact) \(state.fact(fact) ?? "")")
        }
        for vcpu in state.vcpus {
            lines.append(try Self.line(of: vcpu))
            lines += vcpu.registers.map { "\($0.id.hex) \($0.value)" }
        }
        var devices = Self.lines(of: state.vm, ofVCPU: 0)
        for (index, vcpu) in state.vcpus.enumerated() {
            devices += Self.lines(of: vcpu.interrupts, ofVCPU: index)
        }
        lines += devices.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    private static func hex(_ number: UInt64) -> String { RegisterValue(number).description }

    private static func line(of vcpu: VMMVCPU) throws -> String {
        guard let mpState = vcpu.mpState, let mpidr = vcpu.mpidr else { return "registers alone" }
        let bytes = try #require(vcpu.initialization?.value.littleEndianBytes)
        let words = stride(from: 0, to: 32, by: 4).map { start in
            hex(bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt64($1) })
        }
        let time = vcpu.stolenTime.map { "\($0)" } ?? "-"
        return
            "mp-state \(mpState) mpidr \(hex(mpidr)) init \(words.joined(separator: " ")) pvtime \(time)"
    }

    private static let interface: [UInt64: String] = [
        0xc665: "SRE", 0xc664: "CTLR", 0xc666: "IGRPEN0", 0xc667: "IGRPEN1", 0xc230: "PMR",
        0xc643: "BPR0", 0xc663: "BPR1",
    ]
    private static let translator: [UInt64: String] = [
        0: "ctlr", 4: "iidr", 0x80: "cbaser", 0x88: "cwriter", 0x90: "creadr",
    ]

    private static func lines(of registers: RegisterList, ofVCPU index: Int) -> [String] {
        registers.flatMap { id, value -> [String] in
            guard let attribute = id.deviceAttribute,
                let group = DeviceAttribute.GICGroup(rawValue: attribute.group)
            else { return [] }
            let place = attribute.attribute
            switch group {
            case .distributor, .redistributor:
                let name = group == .distributor ? "GICD" : "GICR\(index)"
                return (0..<UInt64(value.size / 4)).map {
                    "\(name) \(hex(place + $0 * 4)) \(hex(value.lowBits >> ($0 * 32) & 0xffff_ffff))"
                }
            case .systemRegisters:
                if let name = interface[place] { return ["ICC\(index) \(name) \(value)"] }
                // AP0R0 to AP0R3 stand at 0xc644, AP1R0 to AP1R3 at 0xc648.
                return ["AP\(index) \(place - 0xc644) \(value)"]
            case .translation:
                let name = translator[place] ?? "baser\((place - 0x100) / 8)"
                return ["ITS \(name) \(value)"]
            default: return []
            }
        }
    }
}
