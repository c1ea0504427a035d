import CLinux
import FakeQEMU
import Foundation
import QMP
import RealQEMU
import Testing
import TextFormats

extension QEMU {
    static let reason: Comment = "needs qemu-system-aarch64 on the PATH"
}

extension QMPConnection {
    var runState: String {
        get throws { try execute("query-status")["status"]?.string ?? "" }
    }

    /// The migration capabilities that are on, and the parameters a capture changes.
    var migrationSettings: String {
        get throws {
            let list = try execute("query-migrate-capabilities").array ?? []
            let names = list.filter { $0["state"]?.bool == true }
                .compactMap { $0["capability"]?.string }
            let parameters = try execute("query-migrate-parameters")
            let values = ["max-bandwidth", "downtime-limit"].map {
                String(parameters[$0]?.integer ?? -1)
            }
            return (names.sorted() + values).joined(separator: " ")
        }
    }
}

/// A server between a client and a QEMU that passes everything on, descriptors too, but may answer a
/// command itself, and sees everything first.
final class Proxy: Sendable {
    let server: Server
    var path: String { server.path }

    /// - Parameters:
    ///   - hidden: a command that is said not to be there.
    ///   - seen: called with each line before it is passed on, from either side.
    init(
        to target: String, hiding hidden: String? = nil,
        seen: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        server = try Server { client in
            guard let qemu = Self.connect(target) else { return }
            Self.passOn(from: qemu, to: client, seen)
            while let (line, descriptor) = client.receiveLine() {
                seen(line)
                if let hidden, line.contains("\"\(hidden)\"") {
                    client.send(Self.notFound(line))
                } else {
                    qemu.send(line, descriptor: descriptor)
                }
                if let descriptor { close(descriptor) }
            }
            qemu.hangUp()
        }
    }

    private static func notFound(_ line: String) -> String {
        let id = line.components(separatedBy: "\"id\": \"").last?.prefix { $0 != "\"" } ?? ""
        return #"{"id": "\#(id)", "error": {"class": "CommandNotFound", "desc": "hidden"}}"# + "\n"
    }

    private static func passOn(
        from qemu: Peer, to client: Peer, _ seen: @escaping @Sendable (String) -> Void
    ) {
        Thread.detachNewThread {
            while let (line, _) = qemu.receiveLine() {
                seen(line)
                client.send(line)
            }
            client.hangUp()
        }
    }

    private static func connect(_ path: String) -> Peer? {
        for _ in 0..<1000 {
            let number = clinux_connect_unix(path)
            if number >= 0 {
                _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) & ~O_NONBLOCK)
                return Peer(owning: number)
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return nil
    }
}
