import Foundation
import TestFiles
import Testing

/// A pseudo-terminal on which the program runs.
enum Terminal {
    /// What a program shows, on both of its outputs together.
    /// - Parameters:
    ///   - typed: what it reads there; nil where it has no input.
    ///   - columns: the terminal's width; 0 for one that does not tell.
    static func run(
        _ arguments: [String], environment: [String: String] = ["TERM": "xterm"],
        typing typed: String? = nil, columns: UInt16 = 0
    ) throws -> Run {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (lock, number) = (CInt(0), CInt(-1))
        try #require(ioctl(master, Self.unlock, &lock) == 0)
        try #require(ioctl(master, Self.getNumber, &number) == 0)
        defer { close(master) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Program.path)
        process.arguments = arguments
        process.environment = environment
        let terminal = try raw("/dev/pts/\(number)")
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(terminal.fileDescriptor, UInt(TIOCSWINSZ), &size) == 0)
        process.standardInput = typed == nil ? FileHandle.nullDevice : terminal
        process.standardOutput = terminal
        process.standardError = terminal
        try process.start()
        try terminal.close()
        if let typed { try #require(write(master, typed, typed.utf8.count) == typed.utf8.count) }
        let shown = everything(from: master)
        process.waitUntilExit()
        return Run(status: process.terminationStatus, output: shown, errors: "")
    }

    /// `TIOCSPTLCK` and `TIOCGPTN`: they are not in Glibc's Swift module, nor are its functions for them.
    private static let unlock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    /// Its other end, which passes on every byte as it is.
    private static func raw(_ name: String) throws -> FileHandle {
        let descriptor = open(name, O_RDWR | O_NOCTTY)
        try #require(descriptor >= 0)
        var settings = termios()
        tcgetattr(descriptor, &settings)
        cfmakeraw(&settings)
        tcsetattr(descriptor, TCSANOW, &settings)
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Until nobody has the other end open any more.
    private static func everything(from master: Int32) -> Data {
        var shown = Data()
        var part = [UInt8](repeating: 0, count: 4096)
        while case let count = read(master, &part, part.count), count > 0 {
            shown.append(contentsOf: part.prefix(count))
        }
        return shown
    }
}
