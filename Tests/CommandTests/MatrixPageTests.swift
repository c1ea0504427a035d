import Foundation
import TestFiles
import Testing

@testable import Program

/// A page of `matrix --html`, taken apart.
private struct Page {
    struct Cell: Equatable {
        var word: String
        /// The id it leads to.
        var target: String
    }

    let text: String

    init(_ folder: TemporaryFolder, _ name: String = "page.html") throws {
        text = String(decoding: try folder.data(name), as: UTF8.self)
    }

    var ids: [String] { text.matches(of: /\sid="([^"]*)"/).map { String($0.1) } }
    var links: [String] { text.matches(of: /\shref="([^"]*)"/).map { String($0.1) } }

    /// In the order of the rows, the hosts of each in their order.
    var cells: [Cell] {
        text.matches(of: /<td[^>]* class="[ypn]"><a href="#([^"]*)">([^<]*)<\/a><\/td>/)
            .map { Cell(word: String($0.2), target: String($0.1)) }
    }

    /// What stands in a section, by its id.
    var sections: [String: String] {
        text.matches(of: /(?s)<section id="([^"]*)"[^>]*>(.*?)<\/section>/)
            .reduce(into: [:]) { $0[String($1.1)] = String($1.2) }
    }

    /// The tags that are not closed, or closed without being open.
    var unbalanced: [String] {
        let alone: Set = ["meta", "link", "br"]
        var open: [String] = []
        var wrong: [String] = []
        for tag in text.matches(of: /<(\/?)([a-z][a-z0-9]*)[^<>]*>/) {
            let name = String(tag.2)
            guard !alone.contains(name) else { continue }
            if tag.1.isEmpty {
                open.append(name)
            } else if open.popLast() != name {
                wrong.append(name)
            }
        }
        return open + wrong
    }
}

extension Run {
    /// The cells of the report of `matrix`, row after row.
    fileprivate func cells() throws -> [(verdict: String, losses: Int)] {
        let rows = try #require(try json()["rows"] as? [[String: Any]])
        return try rows.flatMap { row in
            try #require(row["cells"] as? [[String: Any]]).map { cell in
                (try #require(cell["verdict"] as? String), try #require(cell["losses"] as? Int))
            }
        }
    }
}

@Suite("Commands: matrix --html")
struct MatrixPageTests {
    private static let kinds = ["6.1-neoverse-n1", "6.12-neoverse-n1", "6.12-max"]

    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @discardableResult
    private func matrix(
        of guests: [String], on hosts: [String], _ options: String...
    ) throws -> Run {
        let words = ["matrix"] + guests + hosts.flatMap { ["--host", $0] }
        return try Program.run(
            words + ["--html", folder / "page.html", "--format", "json"] + options)
    }

    /// A guest of a built-in profile, with some registers changed.
    private func save(_ profile: String, _ name: String, _ changes: String...) throws -> String {
        let save = try Program.run("save", "emulated:" + profile, "-o", folder / name)
        try #require(save.status == 0, "\(save.errors)")
        guard !changes.isEmpty else { return folder / name }
        let set = try Program.run(["set", folder / name] + changes)
        try #require(set.status == 0, "\(set.errors)")
        return folder / name
    }

    /// Hosts that are the same but for their names.
    private func twins(of snapshot: String, _ count: Int) throws -> [String] {
        try (1...count).map { number in
            let file = folder / "rack\(number).vhost"
            let run = try Program.run(
                "host", "--from", snapshot, "--name", "rack\(number)", "-o", file)
            try #require(run.status == 0, "\(run.errors)")
            return file
        }
    }

    // MARK: The page

    @Test func needsNothingButItself() throws {
        #expect(try matrix(of: Self.kinds, on: Self.kinds).status == 1)
        let page = try Page(folder)
        for word in ["http", "//", "<script", "javascript", "src=", "url(", "@import"] {
            #expect(!page.text.contains(word), "\(word)")
        }
        #expect(!page.text.contains(/<[^>]*\son[a-z]+=/))
        #expect(page.links.allSatisfy { $0.hasPrefix("#") || $0 == "data:," })
        #expect(page.text.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
        #expect(page.unbalanced.isEmpty)
    }

    /// A move that loses nothing has a plan of its own where there is something to notice.
    @Test func notices() throws {
        let host = "7.3-neoverse-n1"
        let guests = [try save(host, "own"), try save(host, "other", "MIDR_EL1=0x410fd0c1")]
        try matrix(of: guests, on: [host])
        let page = try Page(folder)
        #expect(page.cells.map(\.word) == ["yes", "yes"])
        #expect(page.cells.first?.target == "whole")
        let target = try #require(page.cells.last?.target)
        let plan = try #require(page.sections[target])
        #expect(plan.contains("<p>notice: the guest&#39;s kernel works around the errata of"))
        #expect(page.unbalanced.isEmpty)
    }

    @Test func everyLinkLeadsSomewhere() throws {
        try matrix(of: Self.kinds, on: Self.kinds)
        let page = try Page(folder)
        #expect(page.cells.count == Self.kinds.count * Self.kinds.count)
        #expect(Set(page.ids).count == page.ids.count)
        let targets = page.links.filter { $0.hasPrefix("#") }.map { String($0.dropFirst()) }
        #expect(Set(targets).isSubset(of: page.ids))
        #expect(Set(page.cells.map(\.target)).isSubset(of: page.sections.keys))
    }

    @Test func sameInputMakesTheSamePage() throws {
        try matrix(of: Self.kinds, on: Self.kinds)
        let first = try folder.data("page.html")
        try matrix(of: Self.kinds, on: Self.kinds)
        #expect(try folder.data("page.html") == first)
    }

    @Test func tableCanBeReadAloud() throws {
        try matrix(of: Self.kinds, on: Self.kinds)
        let page = try Page(folder)
        #expect(page.text.contains("<caption>"))
        #expect(page.text.contains("vcpusnap 0."))
        #expect(page.text.contains("9 moves planned under policy <b>safe</b>"))
        for name in Self.kinds {
            #expect(page.text.contains("<th scope=\"row\" title=\"\(name) can go to "))
            #expect(page.text.contains("<th scope=\"col\" title=\"\(name) can take "))
        }
    }

    // MARK: Verdicts

    @Test func saysWhatTheReportSays() throws {
        let run = try matrix(of: Self.kinds, on: Self.kinds)
        let page = try Page(folder)
        let words = try run.cells().map { verdict, losses in
            switch verdict {
            case "yes": "yes"
            case "no": losses > 0 ? "no \(losses)" : "no Hz"
            default: "policy"
            }
        }
        #expect(page.cells.map(\.word) == words)
        for word in ["yes", "policy", "no"] {
            let count = words.filter { $0.split(separator: " ").first == word[...] }.count
            #expect(page.text.contains("<dt>\(word)</dt><dd>\(count) <small>"), "\(word)")
        }
    }

    @Test func sameHostLosesNothing() throws {
        let run = try matrix(of: ["6.12-max"], on: ["6.12-max"])
        #expect(run.status == 0)
        let page = try Page(folder)
        #expect(page.cells == [Page.Cell(word: "yes", target: "whole")])
        #expect(Array(page.sections.keys) == ["whole"])
    }

    @Test func planOfANoSaysWhyAndWhatCanBeDone() throws {
        let guest = try save("6.12-neoverse-n1", "a.vcpusnap", "TCR2_EL1=0x1")
        #expect(try matrix(of: [guest], on: ["6.1-neoverse-n1"]).status == 1)
        let page = try Page(folder)
        let section = try #require(page.sections[page.cells[0].target])
        for text in [
            ": no</h3>", "a.vcpusnap</bdi> on <bdi>6.1-neoverse-n1", "vCPU 0",
            "kernel is older than Linux", "TCR2_EL1", "<td>0x1</td><td>nothing</td>", "absent",
            "guest: changed since reset", "pardoned by safe: ", "can be done: ",
        ] {
            #expect(section.contains(text), "\(text)")
        }
        #expect(page.text.contains("What stands in the way"))
    }

    @Test func anotherCounterFrequencyAlone() throws {
        let guest = try save("6.12-neoverse-n1", "a.vcpusnap")
        let host = try #require(try twins(of: guest, 1).first)
        let text = String(decoding: try folder.data("rack1.vhost"), as: UTF8.self)
        let changed = text.replacing(/\ncounter-frequency \d+\n/, with: "\ncounter-frequency 7\n")
        try #require(changed != text)
        try folder.make("rack1.vhost", Data(changed.utf8))
        #expect(try matrix(of: [guest], on: [host]).status == 1)
        let page = try Page(folder)
        #expect(page.cells.map(\.word) == ["no Hz"])
        #expect(page.sections["p1"]?.contains("The counter runs at 7 Hz, the guest's at ") == true)
    }

    @Test func whatAPolicyChangesIsNamed() throws {
        let rules = """
            vpolicy 1
            name a<b>&c
            base exact
            ignore TPIDR_EL0
            override ID_AA64PFR0_EL1.CSV2 1

            """
        try folder.make("p.vpolicy", Data(rules.utf8))
        let run = try matrix(
            of: ["6.12-max"], on: ["6.12-max"], "--policy", folder / "p.vpolicy")
        #expect(run.status == 0)
        let page = try Page(folder)
        #expect(page.cells.map(\.word) == ["policy"])
        let section = try #require(page.sections["p1"])
        #expect(section.contains("yes with policy a&lt;b&gt;&amp;c"))
        #expect(section.contains("TPIDR_EL0</th><td>nothing</td>"))
        #expect(section.contains("override ID_AA64PFR0_EL1.CSV2 0x1"))
    }

    // MARK: What comes from outside

    @Test func namesAreEscaped() throws {
        let guest = try save("6.12-max", "a<&>\"b'\u{1}\u{202e}\n.vcpusnap")
        try matrix(of: [guest], on: Self.kinds)
        let page = try Page(folder)
        #expect(page.text.contains(#"a&lt;&amp;&gt;&quot;b&#39;\u{1}\u{202e}\u{a}.vcpusnap"#))
        #expect(!page.text.contains("<&"))
        #expect(!page.text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        #expect(page.unbalanced.isEmpty)
    }

    @Test func keysAreHidden() throws {
        let key = "0x123456789abcdef"
        let guest = try save("6.12-max", "a.vcpusnap", "APIAKEYLO_EL1=\(key)")
        try matrix(of: [guest], on: ["6.12-neoverse-n1"], "--policy", "exact")
        let page = try Page(folder)
        #expect(page.text.contains("APIAKEYLO_EL1"))
        #expect(page.text.contains("<td>(hidden)</td>"))
        #expect(!page.text.contains(key.dropFirst(2)))
    }

    // MARK: Sharing

    @Test func equalPlansAreWrittenOnce() throws {
        let hosts = try twins(of: save("6.1-neoverse-n1", "a.vcpusnap"), 25)
        try matrix(of: ["6.12-neoverse-n1"], on: hosts)
        let page = try Page(folder)
        #expect(page.cells.count == 25)
        #expect(Set(page.cells.map(\.target)) == ["p1"])
        #expect(page.sections.keys.sorted() == ["p1", "whole"])
        let section = try #require(page.sections["p1"])
        #expect(section.matches(of: /<a href="#m/).count == 20)
        #expect(section.contains("rack20</bdi>") && !section.contains("rack21</bdi>"))
        #expect(section.contains("... and 5 more"))
    }

    @Test func vcpusThatLoseTheSameAreTogether() throws {
        let save = try Program.run(
            "save", "emulated:6.12-neoverse-n1", "-o", folder / "a", "--vcpus", "4")
        try #require(save.status == 0)
        let set = try Program.run("set", folder / "a", "--vcpu", "1", "TCR2_EL1=0x1")
        try #require(set.status == 0, "\(set.errors)")
        try matrix(of: [folder / "a"], on: ["6.1-neoverse-n1"])
        let section = try #require(try Page(folder).sections["p1"])
        let heads = section.matches(of: /<h4>([^<]*)<\/h4>/).map { String($0.1) }
        #expect(heads.contains("vCPU 1"))
        #expect(heads.contains { $0.hasSuffix("2-3") })
    }

    @Test func longListsAreSharedInALargePage() {
        var lists = PlanLists()
        let long = lists.number(
            of: PlanList(
                summary: "long", html: String(repeating: "x", count: 1 << 20), isShort: false))
        let short = lists.number(of: PlanList(summary: "short", html: "y", isShort: true))
        lists.share(uses: Array(repeating: long, count: 9) + [short, short])
        #expect(lists.html(of: long, inPlan: 1).hasPrefix("<details id=\"l1\" open>"))
        #expect(
            lists.html(of: long, inPlan: 2) == "<p><a href=\"#l1\">long</a>, as in plan 1</p>\n")
        for plan in 1...2 {
            #expect(lists.html(of: short, inPlan: plan).hasPrefix("<details open><summary>short"))
        }
    }

    // MARK: The file

    @Test(arguments: ["missing/page.html", "taken"])
    func pageThatCannotBeWritten(name: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder / "taken", withIntermediateDirectories: true)
        let run = try Program.run(
            "matrix", "6.12-max", "--host", "6.12-max", "--html", folder / name)
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.errors.hasPrefix("vcpusnap: cannot ") && run.errors.contains(name))
        #expect(try folder.names == ["taken"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder / "taken").isEmpty)
    }

    @Test func fullDiskIsSaid() throws {
        let run = try Program.run(
            "matrix", "6.12-max", "--host", "6.12-max", "--html", "/dev/full")
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("/dev/full") && run.errors.contains("ENOSPC"))
    }
}
