import LinuxSystem
import QEMUStream
import Registers
import TestFiles
import Testing
import VCPUModel

extension QEMUStream {
    init(_ bytes: [UInt8], reading: StreamReading = .whole) throws(QEMUStreamError) {
        try self.init(MemoryBytes(bytes), reading: reading)
    }
}

extension FilePatch {
    func applied(to bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for replacement in replacements.reversed() {
            let range = Int(replacement.range.lowerBound)..<Int(replacement.range.upperBound)
            result.replaceSubrange(range, with: replacement.bytes)
        }
        return result
    }
}

extension StreamFixture {
    var stream: QEMUStream {
        get throws { try QEMUStream(bytes) }
    }

    /// Where each "cpu" section begins and ends with its footer; found by `cpu_section.py` of
    /// Tests/QEMU/tcg, which knows nothing of this program.
    var sections: [Range<Int>] {
        switch self {
        case .kvmMax: [11047..<20768]
        case .kvmN1: [11319..<16723, 16760..<22164]
        case .kvmDevices: [11265..<16669, 16706..<22110]
        case .tcgA15: [231..<4861]
        case .tcgMax: [231..<10924, 10961..<21654]
        }
    }

    /// Where the description's text begins; nil without one.
    var descriptionStart: Int? {
        switch self {
        case .kvmMax: 21819 + 6
        case .kvmN1: 23215 + 6
        case .kvmDevices: nil
        case .tcgA15: 15826 + 6
        case .tcgMax: 32619 + 6
        }
    }

    var registerCount: Int {
        switch self {
        case .kvmMax: 269
        case .kvmN1, .kvmDevices: 258
        case .tcgA15: 208
        case .tcgMax: 328
        }
    }
}

/// Another reader of "cpu" sections, which takes the fields one after the other.
struct WireCPU {
    var regs: [UInt64] = []
    var xregs: [UInt64] = []
    var pc: UInt64 = 0
    var cpsr: UInt64 = 0
    var spsr: UInt64 = 0
    var bankedSPSR: [UInt64] = []
    var bankedR13: [UInt64] = []
    var bankedR14: [UInt64] = []
    var usr: [UInt64] = []
    var fiq: [UInt64] = []
    var elr: [UInt64] = []
    var sp: [UInt64] = []
    var list: [(id: UInt64, value: UInt64)] = []
    var isOff = false
    var subsections: [String: [UInt8]] = [:]

    /// - Parameter section: from the kind byte on.
    init(_ section: some Collection<UInt8>) {
        var rest = Array(section.dropFirst(17))[...]
        func take(_ width: Int) -> UInt64 {
            defer { rest = rest.dropFirst(width) }
            return rest.prefix(width).reduce(0) { $0 << 8 | UInt64($1) }
        }
        func take(_ count: Int, _ width: Int) -> [UInt64] { (0..<count).map { _ in take(width) } }
        regs = take(16, 4)
        xregs = take(32, 8)
        pc = take(8)
        cpsr = take(4)
        spsr = take(4)
        bankedSPSR = take(8, 8)
        bankedR13 = take(8, 4)
        bankedR14 = take(8, 4)
        usr = take(5, 4)
        fiq = take(5, 4)
        elr = take(4, 8)
        sp = take(4, 8)
        let count = Int(take(4))
        let ids = take(count, 8)
        list = Array(zip(ids, take(count, 8))).map { (id: $0, value: $1) }
        _ = take(64 / 8, 8)
        isOff = take(1) != 0
        let lengths = [
            "cpu/vfp": 576, "cpu/sve": 4128, "cpu/irq-line-state": 4, "cpu/wfxt-timer": 8,
            "cpu/thumb2ee": 8,
        ]
        while rest.first == 5 {
            let nameLength = Int(rest[rest.startIndex + 1])
            let name = String(decoding: rest.dropFirst(2).prefix(nameLength), as: UTF8.self)
            rest = rest.dropFirst(2 + nameLength + 4)
            let length = lengths[name] ?? 0
            subsections[name] = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
    }

    func value(_ id: UInt64) -> UInt64? { list.first { $0.id == id }?.value }

    /// A number inside a subsection.
    func number(_ subsection: String, at offset: Int, _ width: Int) -> UInt64? {
        subsections[subsection]?.dropFirst(offset).prefix(width).reduce(0) {
            $0 << 8 | UInt64($1)
        }
    }
}

extension RegisterBank {
    func bits(_ id: RegisterID) throws -> UInt64 { try read(id).lowBits }
}

func id(_ number: UInt64) -> RegisterID { RegisterID(rawValue: number) }
