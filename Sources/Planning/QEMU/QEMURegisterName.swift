internal import QEMUStream
internal import Registers
internal import TextFormats

extension RegisterID {
    /// What QEMU calls a register in its messages (`kvm_print_register_name`, `target/arm/kvm.c`), which
    /// looks at the kind of id only (Formats/qemu-stream.md, section 5).
    func name(in version: QEMUVersion) -> String {
        let number = String(rawValue, radix: 16)
        let index = rawValue & 0xffff
        return switch rawValue >> 16 & 0xfff {
        case 0x10: "core reg \(number)"
        case 0x11: "demuxed reg \(number)"
        case 0x13: version.systemRegisterPrefix + Self.encoding(index)
        case 0x14: "fw reg \(index)"
        case 0x15: vectorName(index)
        case 0x16: "fw feat reg \(index)"
        default: number
        }
    }

    /// The same where QEMU emulates the CPU (`print_register_name`, `target/arm/machine.c`).
    var nameByKey: String {
        let key = CPRegisterKey(kvmID: translated(from: .tcg)).rawValue
        return "system register \(key.hex)"
    }

    private static func encoding(_ index: UInt64) -> String {
        "op0:\(index >> 14) op1:\(index >> 11 & 7) crn:\(index >> 7 & 0xf) crm:\(index >> 3 & 0xf) "
            + "op2:\(index & 7)"
    }

    /// Its tests for predicates never hold.
    private func vectorName(_ index: UInt64) -> String {
        if self == .sveVLS { return "SVE VLS" }
        guard index & 0xfc00 == 0 else { return "SVE ???" }
        return "SVE zreg n:\(index >> 5 & 0x1f) slice:\(index & 0x1f)"
    }
}
