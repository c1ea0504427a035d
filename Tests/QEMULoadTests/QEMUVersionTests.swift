import Planning
import Testing

@Suite("QEMU versions")
struct QEMUVersionTests {
    @Test(
        "Versions are read with what follows the second number left out",
        arguments: [
            ("10.0", 10, 0), ("10.0.2", 10, 0), ("v11.1.0-rc1", 11, 1), ("7.2", 7, 2),
            ("11.0-rc3", 11, 0), ("10.2.50.7", 10, 2), ("0.13", 0, 13), ("9999.1", 9999, 1),
        ])
    func parsing(text: String, major: Int, minor: Int) {
        #expect(QEMUVersion(parsing: text) == QEMUVersion(major, minor))
    }

    @Test(
        "What does not start with two numbers is no version",
        arguments: [
            "", "10", "10.", ".0", "v", "ten.zero", "10.x", "-1.0", "10,0", " 10.0", "99999.0",
            "10.99999", "\u{ff11}0.0", "½.0", "99999999999999999999.0",
        ])
    func noVersion(text: String) {
        #expect(QEMUVersion(parsing: text) == nil)
    }

    @Test("Versions are in the order of their numbers")
    func order() {
        let versions = [(7, 2), (8, 0), (9, 2), (10, 0), (10, 2), (11, 0), (11, 1)].map {
            QEMUVersion($0.0, $0.1)
        }
        #expect(versions.reversed().sorted() == versions)
        #expect(QEMUVersion(9, 10) < QEMUVersion(10, 0))
        #expect(QEMUVersion(10, 2) < QEMUVersion(10, 10))
        #expect(QEMUVersion(10, 0).description == "10.0")
        #expect(QEMUVersion.kinds == QEMUVersion.kinds.sorted())
        #expect(QEMUVersion.kinds.first == .oldest)
        for version in QEMUVersion.kinds {
            #expect(QEMUVersion(parsing: version.description) == version)
        }
    }
}
