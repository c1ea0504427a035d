import Foundation
import TestFiles
import Testing

/// What Firecracker's cpu-template-helper wrote, and what is written for it.
@Suite("Commands: CPU templates, dumps and fingerprints")
struct CPUTemplateCommandTests {
    private let folder: TemporaryFolder
    private let hosts = ["6.12-neoverse-n1", "6.12-neoverse-v1"]
    private let notTold = "a fingerprint does not tell which other features"

    init() throws {
        folder = try TemporaryFolder()
        for host in ["6.12-neoverse-n1", "7.3-neoverse-n1"] {
            let path = "Tests/TestFiles/Fingerprints/\(host).json"
            try folder.make(
                "\(host.prefix { $0 != "-" }).json", try Data(contentsOf: ProjectFolder.file(path)))
        }
    }

    private func save(_ host: String, as name: String) throws -> String {
        let run = try Program.run("save", "emulated:\(host)", "--vcpus", "2", "-o", folder / name)
        try #require(run.status == 0, "\(run.errors)")
        return folder / name
    }

    /// The values of registers of vCPU 1, by name.
    private func values(_ file: String) throws -> [String: String] {
        let shown = try Program.run("show", file, "--json").json()
        let vcpus = try #require(shown["vcpus"] as? [[String: Any]])
        let registers = try #require(vcpus.last?["registers"] as? [[String: Any]])
        return Dictionary(
            uniqueKeysWithValues: registers.compactMap { register in
                (register["name"] as? String).flatMap { name in
                    (register["value"] as? String).map { (name, $0) }
                }
            })
    }

    // MARK: Hosts

    @Test("A fingerprint is a host wherever one is named")
    func host() throws {
        let (old, new) = (folder / "6.12.json", folder / "7.3.json")
        for words in [
            ["plan", old, "--host", new], ["plan", "emulated:\(hosts[0])", "--host", old],
            ["matrix", old, new, "--host", old, new], ["baseline", old, new, "--format", "json"],
        ] {
            let run = try Program.run(words)
            #expect(
                [0, 1].contains(run.status) && run.errors.contains(notTold),
                "\(words): \(run.errors)")
        }
        let plan = try Program.run("plan", old, "--host", new)
        #expect(plan.text.contains("6.12.json on 7.3-neoverse-n1: yes with policy safe"))
        #expect(plan.text.contains("absent TCR2_EL1 PIRE0_EL1 PIR_EL1"))
        #expect(try Program.run("diff", old, new).status == 1)
        #expect(try Program.run("show", old).text.contains("firecracker-version: 1.16.0"))
    }

    @Test("A dump is a host with the kernel that is told")
    func dump() throws {
        let whole = try JSONSerialization.jsonObject(with: try folder.data("7.3.json"))
        let dump = try #require((whole as? [String: Any])?["guest_cpu_config"])
        try folder.make("dump.json", try JSONSerialization.data(withJSONObject: dump))
        let file = folder / "dump.json"
        #expect(try Program.run("verify", file).text.contains("a dump of 254 registers"))
        expectTrouble(
            try Program.run("plan", "6.1-max", "--host", file), "dump.json",
            "--from", "--kernel RELEASE")
        expectTrouble(try Program.run("host", "--from", file, "-o", folder / "h.vhost"), "--kernel")
        for (from, kernel) in [(file, ["--kernel", "7.3"]), (folder / "7.3.json", [])] {
            let run = try Program.run(["host", "--from", from, "-o", folder / "h.vhost"] + kernel)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.text.contains("7.3-neoverse-n1, 260 registers"), "\(run.text)")
        }
    }

    @Test("Damaged ones are named with the place")
    func damaged() throws {
        let text = try folder.text("6.12.json")
        for (wrong, place) in [
            (
                text.replacing("\"kernel_version\": \"6.12", with: "\"kernel_version\": \"a b"),
                "a b"
            ),
            (
                text.replacing("0x60200000001000d4", with: "0x60900000001000d4"),
                "reg_modifiers[0].addr"
            ),
            (String(text.dropLast(2)), "not JSON"),
            (text.replacing("\"bios_version\"", with: "\"bios\""), "bios_version"),
        ] {
            try folder.make("bad.json", wrong)
            expectTrouble(
                try Program.run("plan", "6.1-max", "--host", folder / "bad.json"), "bad.json", place
            )
            #expect(try Program.run("verify", folder / "bad.json").status == 2)
        }
    }

    // MARK: Changes

    @Test("set makes the change of a template: what it clears, sets and leaves")
    func template() throws {
        try folder.make(
            "t.json",
            """
            {"kvm_capabilities": ["171"], "vcpu_features": [{"index": 0, "bitmap": "0b0xxxx"}],
             "reg_modifiers": [{"addr": "0x603000000013c030", "bitmap": "0b0000xxxxxxxxxxxx"},
                               {"addr": "0x603000000013c030", "bitmap": "0b1xxxx"},
                               {"addr": "0x60300000001000d0", "bitmap": "0b1"}]}
            """)
        let cpu = try save(hosts[1], as: "cpu")
        let (file, lower) = (folder / "t.json", folder / "lower")
        expectTrouble(
            try Program.run("set", cpu, "--vcpu", "all", "--baseline", file, "-o", lower),
            "0x60300000001000d0")
        try folder.make(
            "t.json",
            try folder.text("t.json").replacing("0x60300000001000d0", with: "0x603000000013c020")
                .replacing("\"0b1\"", with: "\"0bx\""))
        expectTrouble(
            try Program.run("set", cpu, "--vcpu", "1", "--baseline", file, "-o", lower), "alike",
            "ID_AA64ISAR0_EL1")
        let run = try Program.run("set", cpu, "--vcpu", "all", "--template", file, "-o", lower)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("made with PSCI_0_2 PMU_V3 SVE"))
        #expect(run.errors.contains("look for capabilities of KVM") && run.errors.contains("171"))
        let (before, after) = (try values(cpu), try values(lower))
        #expect(before["ID_AA64ISAR0_EL1"] == "0x1011111110212120")
        #expect(after["ID_AA64ISAR0_EL1"] == "0x1011111110210130")
        #expect(before.filter { after[$0.key] != $0.value }.map(\.key) == ["ID_AA64ISAR0_EL1"])
    }

    @Test("set gives a fresh vCPU what a baseline has, and plan takes it for a guest of that")
    func baseline() throws {
        let file = folder / "n.vbaseline"
        #expect(try Program.run(["baseline"] + hosts + ["-o", file]).status == 1)
        let (cpu, lower) = (try save(hosts[0], as: "cpu"), folder / "lower")
        expectTrouble(
            try Program.run("plan", cpu, "--baseline", file), "was not started with")
        let run = try Program.run("set", cpu, "--vcpu", "all", "--baseline", file, "-o", lower)
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        let plan = try Program.run("plan", lower, "--baseline", file)
        #expect(
            plan.status == 1 && plan.text.contains("lower on 6.12-neoverse-v1"), "\(plan.errors)")
    }

    @Test("What holds no vCPU is not taken for one, and the other way round")
    func others() throws {
        try folder.make("t.json", "{\"reg_modifiers\": []}")
        let (cpu, template) = (try save(hosts[0], as: "cpu"), folder / "t.json")
        expectTrouble(
            try Program.run("show", template), "changes vCPUs and holds none", "set SNAPSHOT")
        expectTrouble(
            try Program.run("plan", cpu, "--host", template),
            "is a CPU fingerprint, dump or template")
        expectTrouble(
            try Program.run("plan", cpu, "--baseline", template), "set --baseline takes a template")
        expectTrouble(
            try Program.run("set", cpu, "--baseline", folder / "6.12.json", "-o", folder / "x"),
            "says what a vCPU holds")
        expectTrouble(try Program.run("set", cpu), "--baseline")
        expectTrouble(
            try Program.run("set", cpu, "--baseline", template, "-o", template), "t.json")
        #expect(
            try Program.run("verify", template).text.contains(
                "a custom CPU template of 0 registers"))
    }

    // MARK: What baselines are written for

    @Test("A template is valid by its schema, and gives guests what the baseline has")
    func firecracker() throws {
        let schema = try JSONSchema(file: "Formats/cpu-template.schema.json")
        for names in [
            hosts, ["7.3-max", "7.3-neoverse-v1"], ["7.3-neoverse-v1", "6.12-neoverse-v1"],
        ] {
            let run = try Program.run(["baseline"] + names + ["--format", "firecracker"])
            #expect(try schema.faults(in: run.output) == [], "\(names)")
        }
        for wrong in [
            "[]", "{\"cpuid_modifiers\": []}", "{\"kvm_capabilities\": [171]}",
            "{\"kvm_capabilities\": [\"x\"]}",
            "{\"vcpu_features\": [{\"index\": 1, \"bitmap\": \"0b1\"}]}",
            "{\"reg_modifiers\": [{\"addr\": \"0x603000000013c020\"}]}",
            "{\"reg_modifiers\": [{\"addr\": \"0x603000000013c020\", \"bitmap\": \"0b2\"}]}",
        ] {
            #expect(try schema.faults(in: Data(wrong.utf8)).count == 1, "\(wrong)")
        }
        let (file, cpu) = (folder / "t.json", try save(hosts[1], as: "cpu"))
        let run = try Program.run(["baseline"] + hosts + ["--format", "firecracker", "-o", file])
        #expect(run.text.contains("lost vCPU features"), "\(run.errors)")
        #expect(
            try Program.run("set", cpu, "--vcpu", "all", "--baseline", file, "-o", folder / "b")
                .status == 0)
        #expect(try values(folder / "b")["ID_AA64ISAR0_EL1"] == "0x100010211120")
    }

    @Test("What QEMU cannot be told is said, and counts")
    func qemu() throws {
        let run = try Program.run(["baseline"] + hosts + ["--format", "qemu", "--qemu", "10.0"])
        #expect(run.status == 1 && run.text == "-cpu host,sve=off,pauth=off\n")
        #expect(run.errors.contains("QEMU 10.0 has no property for ID_PFR0_EL1"))
        #expect(run.errors.contains("a guest with this cannot move everywhere: MIDR_EL1"))
        let same = try Program.run("baseline", hosts[0], hosts[0], "--format", "qemu")
        #expect(
            same.status == 0 && same.text == "-cpu host\n" && same.errors.contains("2 profiles"))
        expectTrouble(
            try Program.run(["baseline"] + hosts + ["--format", "firecracker", "--qemu", "10.0"]),
            "--qemu and --qemu-series are for")
        let own = try Program.run(["baseline"] + hosts + ["--format", "vcpusnap"])
        #expect(own.output == (try Program.run(["baseline"] + hosts + ["-o", "-"])).output)
    }
}

/// As much of JSON Schema as `Formats/cpu-template.schema.json` uses.
private struct JSONSchema {
    private let schema: [String: Any]

    init(file: String) throws {
        let value = try JSONSerialization.jsonObject(
            with: try Data(contentsOf: ProjectFolder.file(file)))
        schema = try #require(value as? [String: Any])
    }

    /// The places at which a text breaks it.
    func faults(in text: Data) throws -> [String] {
        try faults(JSONSerialization.jsonObject(with: text), schema, at: "")
    }

    private static let keywords: Set = [
        "$schema", "title", "type", "additionalProperties", "properties", "required", "items",
        "maxItems", "minimum", "maximum", "pattern",
    ]

    private func faults(_ value: Any, _ schema: [String: Any], at place: String) throws -> [String]
    {
        try #require(Set(schema.keys).isSubset(of: Self.keywords))
        switch schema["type"] as? String {
        case "object":
            guard let object = value as? [String: Any] else { return [place] }
            let known = schema["properties"] as? [String: [String: Any]] ?? [:]
            let isWhole = (schema["required"] as? [String] ?? []).allSatisfy { object[$0] != nil }
            guard isWhole, object.keys.allSatisfy({ known[$0] != nil }) else { return [place] }
            return try object.flatMap { try faults($1, known[$0] ?? [:], at: "\(place).\($0)") }
        case "array":
            let most = schema["maxItems"] as? Int ?? .max
            guard let array = value as? [Any], array.count <= most else { return [place] }
            let items = try #require(schema["items"] as? [String: Any])
            return try array.enumerated().flatMap { try faults($1, items, at: "\(place)[\($0)]") }
        case "integer":
            let range = (schema["minimum"] as? Int ?? .min)...(schema["maximum"] as? Int ?? .max)
            return (value as? Int).map(range.contains) == true ? [] : [place]
        case "string":
            let pattern = try Regex(try #require(schema["pattern"] as? String))
            return (value as? String)?.wholeMatch(of: pattern) == nil ? [place] : []
        default: throw CocoaError(.formatting)
        }
    }
}
