import Registers
import SeededRandom
import Testing
import TextFormats

@Suite("What a misspelled word was meant to be")
struct NameSuggestionTests {
    private static let commands = ["save", "restore", "show", "set", "plan", "register"]

    @Test(
        "Of names near enough the nearest",
        arguments: [
            ("shwo", "show"), ("SHOW", "show"), ("sav", "save"), ("saev", "save"),
            ("retsore", "restore"),
            ("lpan", "plan"), ("regsiter", "register"),
        ])
    func commands(word: String, name: String) {
        #expect(NameSuggestion.nearest(to: word, among: Self.commands) == name)
    }

    @Test(
        "None where none is near",
        arguments: ["", "x", "frobnicate", "migrate", String(repeating: "show", count: 100_000)])
    func nothing(word: String) {
        #expect(NameSuggestion.nearest(to: word, among: Self.commands) == nil)
        #expect(NameSuggestion.question(about: word, among: Self.commands).isEmpty)
    }

    @Test(
        "Registers, of which the exception level may be left out",
        arguments: [
            ("SCLTR_EL1", "SCTLR_EL1"), ("sctrl_el1", "SCTLR_EL1"), ("ESR", "ESR_EL1"),
            ("afsr0", "AFSR0_EL1"),
            ("ID_AA64PRF0_EL1", "ID_AA64PFR0_EL1"), ("MPDIR_EL1", "MPIDR_EL1"),
        ])
    func registers(word: String, name: String) {
        #expect(RegisterDictionary.question(about: word) == "; did you mean \(name)?")
    }

    /// Every name without one of its letters finds itself, another that is as near, or one that it is the beginning
    /// of (`TPIDRURO` without its U is `TPIDRRO`, which finds `TPIDRRO_EL0`).
    @Test func everyNameWithAnError() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed of everyNameWithAnError: \(seed)")
        var generator = SeededGenerator(seed: seed)
        let names = RegisterDictionary.all.map(\.name)
        for name in names.shuffled(using: &generator).prefix(60) where name.count > 4 {
            var letters = Array(name)
            letters.remove(at: .random(in: 1..<letters.count, using: &generator))
            let found = try #require(NameSuggestion.nearest(to: String(letters), among: names))
            let isNear = abs(found.count - letters.count) <= 1
            let isBeginning = found.lowercased().hasPrefix(String(letters).lowercased() + "_")
            #expect(isNear || isBeginning, "seed \(seed): \(String(letters)), \(found)")
        }
    }
}
