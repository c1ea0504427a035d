internal import LinuxSystem
internal import Planning
internal import Registers
internal import Reports
internal import TextFormats
internal import Transfer
internal import VCPUModel
internal import VMMFiles

/// The report of `plan` on a file of another VMM than QEMU.
struct VMMLoadOutput: Report {
    let source: String
    let vmm: VMM
    let policy: String
    /// One for each host.
    let loads: [VMMLoad]
    /// As they were named.
    let hosts: [String]
    let values: ValueText

    var status: ExitStatus {
        loads.allSatisfy { $0.verdict == .loads } ? .success : .finding
    }

    var json: JSONObject {
        [
            "hosts": loads.json(json(of:)), "policy": policy, "source": source,
            "vmm": vmm.rawValue,
        ]
    }

    private func json(of load: VMMLoad) -> JSONObject {
        [
            "host": load.host, "notices": load.notices.list, "output": load.output,
            "verdict": load.verdict.rawValue,
        ] + .units(load.vcpus, { .vcpu($0.index) }) { json(of: $0) }
    }

    private func json(of vcpu: VMMLoad.VCPU) -> JSONObject {
        [
            "counts": JSONObject(vcpu.registers.fateCounts), "failure": vcpu.failure?.text,
            "registers": vcpu.registers.json(values),
        ]
    }

    func write(text output: ReportWriter) {
        for (number, load) in loads.enumerated() {
            if number > 0 { output.write("\n") }
            output.write("\(output.style.bold("\(source) in \(vmm.rawValue) on \(load.host)")): ")
            write(load, output)
        }
        guard status != .success, let host = hosts.first else { return }
        output.write(
            "  next: vcpusnap plan \(FileName.word(source)) --host \(FileName.word(host)) --restore says what vcpusnap restore does there\n"
        )
    }

    private func write(_ load: VMMLoad, _ output: ReportWriter) {
        let verdict = PrintableText(load.verdict.rawValue)
        let style = output.style
        output.write((load.verdict == .loads ? style.good(verdict) : style.bad(verdict)) + "\n")
        if !load.output.isEmpty { output.write("  \(vmm.rawValue) prints\n") }
        output.write(load.output.map { PrintableText($0) }.indented)
        output.write(load.notices.lines)
        var lines = FateLines<VMMLoad.Failure>()
        for vcpu in load.vcpus {
            lines.add(vcpu.registers, vcpu.failure, ofVCPU: vcpu.index, values)
        }
        lines.write(to: output, failure: { $0.text }) { $0.meaning(in: vmm) }
    }
}

extension VMMLoad.Failure {
    fileprivate var text: String {
        switch self {
        case .features(let features):
            "the VMM takes no vCPU with \(features.names.joined(separator: ", "))"
        case .initialization(let features, let errno):
            "KVM does not make the vCPU (\(errno.symbol))"
                + (features.isEmpty
                    ? "" : ": the host has no \(features.names.joined(separator: ", "))")
        case .finalization(let errno): "KVM does not finalize the vCPU (\(errno.symbol))"
        case .register(let register, let errno, let number):
            "at \(register.id.label), register \(number) of its list, with \(errno.symbol)"
        case .mpState(let errno): "KVM does not take the MP state (\(errno.symbol))"
        case .stolenTime(let errno):
            "KVM does not take the address of stolen time (\(errno.symbol))"
        }
    }
}

extension RegisterLoad.Fate {
    fileprivate func meaning(in vmm: VMM) -> String {
        switch self {
        case .unknown:
            "the destination has no such register, and \(vmm.rawValue) gives up at the first"
        case .refused: "KVM refuses the value, and \(vmm.rawValue) gives up at the first"
        case .altered: "KVM accepts the value but holds another, and \(vmm.rawValue) does not check"
        case .keptAtReset: "the file has no such register; it keeps the value of a fresh vCPU"
        case .loaded: "the vCPU holds the file's value"
        case .dropped, .tolerated, .unset: "the destination has no such register"
        }
    }
}
