internal import Machines
internal import Reports
internal import SnapshotFormat
internal import VCPUModel

/// The report of `verify`.
struct VerifyOutput: WholeReport {
    let report: VerificationReport
    let file: String

    private var header: SnapshotHeader { report.header }
    private var version: String { "\(SnapshotHeader.majorVersion).\(header.minorVersion)" }
    private var digest: String? {
        report.digest?.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    /// What the format allows and no VM should have; nil for nothing.
    private var notes: [String]? { report.snapshot?.noteTextsOfRestore }

    /// Nil for a VM without registers of its own, so that JSON has no key for it.
    private var vmCount: Int? { report.snapshot.flatMap { $0.vm.count == 0 ? nil : $0.vm.count } }
    private var ofVM: String { vmCount.map { " of vCPUs, \($0) of the VM" } ?? "" }

    var status: ExitStatus { report.isSound ? .success : .trouble }

    var json: JSONObject {
        [
            "chunks": report.chunks.json { chunk in
                [
                    "kind": chunk.kind.description, "offset": chunk.offset,
                    "size": chunk.contentSize, "sound": chunk.problem == nil,
                    "storedSize": chunk.storedSize, "version": chunk.version,
                ]
            },
            "digest": digest, "file": file, "kind": SourceKinds.ofResults.summary.grammar,
            "notes": notes,
            "problems": report.problems.map(\.description), "registers": header.registerCount,
            "size": header.fileSize, "sound": report.isSound, "vcpus": header.vcpuCount,
            "version": version, "vmRegisters": vmCount,
        ]
    }

    func text(_ style: TextStyle) -> PrintableText {
        let verdict = report.isSound ? style.good("sound") : style.bad("damaged")
        var lines: [PrintableText] = [
            "\(file): \(verdict), format \(version), \(header.fileSize) bytes",
            "  \(header.vcpuCount.of("vCPU")), \(header.registerCount.of("different register"))\(ofVM)",
        ]
        lines += report.chunks.map { chunk in
            let kind = PrintableText(chunk.kind.description).padded(to: 4)
            let newer =
                chunk.isLeftOut ? ", not known here (version \(chunk.version)) and left out" : ""
            return
                "  \(kind) at byte \(chunk.offset): \(chunk.storedSize) bytes, \(chunk.contentSize) decompressed\(newer)"
        }
        if let digest { lines.append("  SHA-256 \(digest)") }
        lines += report.problems.map { "  " + style.bad("\($0.description)") }
        return lines.joined(separator: "\n") + "\n" + style.notes(notes)
    }
}

/// The report of `verify` on a file that is no snapshot.
struct FileCheckOutput: WholeReport {
    let file: String
    let kind: String
    let finding: Result<String, SourceError>

    private var problem: String? {
        if case .failure(let error) = finding { error.description } else { nil }
    }

    var status: ExitStatus { problem == nil ? .success : .trouble }

    var json: JSONObject {
        [
            "content": try? finding.get(), "file": file, "kind": kind,
            "problems": [problem].compactMap(\.self), "sound": problem == nil,
        ]
    }

    func text(_ style: TextStyle) -> PrintableText {
        switch finding {
        case .success(let content):
            "\(file): \(style.good("sound")), \(kind): \(content)\n"
        case .failure(let error):
            "\(file): \(style.bad("damaged")), \(kind)\n  \(style.bad("\(error.description)"))\n"
        }
    }
}
