internal import LinuxSystem
internal import Reports

/// The report of a `move` to a file.
struct ReceiveOutput: WholeReport {
    let source: String
    let target: String
    let vcpus: Int

    func text(_ style: TextStyle) -> PrintableText {
        style.bold("move \(source) to \(target)") + ": \(style.good("written"))\n"
            + "  \(vcpus.of("vCPU")); next: restore it there with vcpusnap restore \(FileName.word(target)) TARGET\n"
    }

    var json: JSONObject { ["source": source, "target": target, "vcpus": vcpus, "written": true] }
}
