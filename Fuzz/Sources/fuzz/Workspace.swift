import CFuzz
import Glibc

/// Where commands run: an empty folder of their own, and files in memory for what they print.
enum Workspace {
    static let output = cfuzz_memory_file("output")
    static let errors = cfuzz_memory_file("errors")
    static let input = cfuzz_memory_file("input")
    /// Where findings and libFuzzer's figures go.
    static let report = dup(STDERR_FILENO)

    // libFuzzer has one thread.
    private nonisolated(unsafe) static var isRedirected = false
    private nonisolated(unsafe) static var folder = ""

    /// Makes the folder, in that of FUZZ_FOLDER.
    static func enter() {
        let parent = getenv("FUZZ_FOLDER").map { String(cString: $0) } ?? "/tmp"
        var name = Array("\(parent)/run-XXXXXX".utf8CString)
        guard report >= 0, mkdtemp(&name) != nil, chdir(name) == 0 else {
            fatalError("\(parent): no folder can be made there")
        }
        folder = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        atexit { Workspace.leave() }
        cfuzz_count_memory()
    }

    private static func leave() {
        cfuzz_empty_directory()
        rmdir(folder)
    }

    /// Before the first input, when libFuzzer has taken its own standard error away (-close_fd_mask=2).
    static func begin() {
        guard !isRedirected else { return }
        isRedirected = true
        for (file, number) in [
            (input, STDIN_FILENO), (output, STDOUT_FILENO), (errors, STDERR_FILENO),
        ] {
            guard file >= 0, dup2(file, number) == number else { fatalError("dup2") }
        }
    }

    static func empty() { cfuzz_empty_directory() }

    /// A number that follows from an input, for what is done with some inputs only.
    static func choice(_ bytes: [UInt8], of count: Int) -> Int {
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return Int((hash ^ hash >> 32) % UInt64(count))
    }

    // MARK: Files

    static func write(_ bytes: [UInt8], to name: String) {
        unlink(name)
        let file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return finding("\(name) cannot be written") }
        put(bytes, file)
        close(file)
    }

    /// Nil where there is no such file.
    static func read(_ name: String) -> [UInt8]? {
        let file = open(name, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return contents(of: file)
    }

    static var names: Set<String> {
        var result: Set<String> = []
        guard let directory = opendir(".") else { return result }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { result.insert(name) }
        }
        closedir(directory)
        return result
    }

    static func put(_ bytes: [UInt8], _ file: Int32) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress?.advanced(by: sent), bytes.count - sent)
            }
            guard count > 0 else { return finding("a file of the fuzzer cannot be written") }
            sent += count
        }
    }

    static func rewind(_ file: Int32, _ bytes: [UInt8] = []) {
        ftruncate(file, 0)
        lseek(file, 0, SEEK_SET)
        put(bytes, file)
        lseek(file, 0, SEEK_SET)
    }

    static func contents(of file: Int32) -> [UInt8] {
        let size = Int(lseek(file, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: max(size, 0))
        let count = pread(file, &bytes, bytes.count, 0)
        return Array(bytes.prefix(max(count, 0)))
    }
}

/// Says what is wrong and dies, upon which libFuzzer keeps the input.
func finding(_ text: String) {
    let text = "\n=== FINDING: \(text)\n"
    cfuzz_die(Workspace.report, text, text.utf8.count)
}
