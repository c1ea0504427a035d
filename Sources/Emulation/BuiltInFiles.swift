/// Files of a folder of Formats that are part of this library.
struct BuiltInFiles {
    typealias Text = UnsafePointer<CChar>

    let count: Int
    /// The stem of a file's name, with a NUL.
    let name: (Int) -> Text?
    let lineCount: (Int) -> Int
    /// A line, whose length is told by the pointer.
    let line: (Int, Int, UnsafeMutablePointer<Int>) -> Text?

    /// In alphabetical order.
    var names: [String] {
        (0..<count).compactMap { name($0).map { String(cString: $0) } }
    }

    /// The bytes of the file; nil when none has the name.
    func text(named name: String) -> [UInt8]? {
        guard let index = names.firstIndex(of: name) else { return nil }
        var text: [UInt8] = []
        for number in 0..<lineCount(index) {
            var length = 0
            guard let start = line(index, number, &length) else { break }
            // SAFETY: the table's line has `length` bytes and is never changed.
            UnsafeRawBufferPointer(start: start, count: length).withMemoryRebound(to: UInt8.self) {
                text += $0
            }
        }
        return text
    }
}
