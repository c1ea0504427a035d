internal import Registers

extension RegisterID {
    /// What QEMU calls a register of KVM's list in its messages (`kvm_print_register_name`,
    /// `target/arm/kvm.c`).
    var qemuName: String {
        switch group {
        case .system(let encoding):
            "system register op0:\(encoding.op0) op1:\(encoding.op1) crn:\(encoding.crn) "
                + "crm:\(encoding.crm) op2:\(encoding.op2)"
        case .firmware(let index): "fw reg \(index)"
        case .firmwareFeatures(let index): "fw feat reg \(index)"
        case .demultiplexed(_, let selector): "demuxed reg \(selector)"
        default: "0x" + String(rawValue, radix: 16)
        }
    }
}
