import CLinux
import Foundation
import TestFiles

/// One end of a Unix stream socket, for servers in these tests; it blocks.
package final class Peer: @unchecked Sendable {
    private let number: Int32
    private let lock = NSLock()
    private var buffer: [UInt8] = []
    private var descriptors: [Int32] = []

    package init(owning number: Int32) {
        self.number = number
    }

    deinit {
        descriptors.forEach { _ = close($0) }
        close(number)
    }

    /// The other end sees the end of the stream at once.
    package func hangUp() {
        shutdown(number, Int32(SHUT_RDWR))
    }

    /// Sends all of it; nothing when nobody is there any more.
    package func send(_ text: String, descriptor: Int32? = nil) {
        send(Array(text.utf8), descriptor: descriptor)
    }

    package func send(_ bytes: [UInt8], descriptor: Int32? = nil) {
        lock.withLock {
            var sent = 0
            while sent < bytes.count, clinux_wait_writable(number, -1) == 1 {
                let passed = sent == 0 ? descriptor ?? -1 : -1
                let rest = Array(bytes[sent...])
                let result = clinux_send(number, rest, rest.count, passed)
                if result < 0, result != -Int64(EAGAIN) { return }
                sent += Int(max(0, result))
            }
        }
    }

    /// The next line with its end, and a descriptor that came with it; nil at the end.
    package func receiveLine() -> (text: String, descriptor: Int32?)? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[...end], as: UTF8.self)
                buffer.removeSubrange(...end)
                return (line, descriptors.isEmpty ? nil : descriptors.removeFirst())
            }
            guard let bytes = receive() else { return nil }
            buffer += bytes
        }
    }

    /// The next bytes; nil at the end.
    package func receive() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        // struct cmsghdr and one descriptor: a length of 8 bytes, level, type and data of 4 each.
        var control = [UInt8](repeating: 0, count: 24)
        let (count, hasDescriptor) = bytes.withUnsafeMutableBytes { data in
            control.withUnsafeMutableBytes { room in
                var part = iovec(iov_base: data.baseAddress, iov_len: data.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = room.baseAddress
                    message.msg_controllen = room.count
                    let count = recvmsg(number, &message, 0)
                    return (count, message.msg_controllen > 0)
                }
            }
        }
        guard count > 0 else { return nil }
        if hasDescriptor {
            let number = control.withUnsafeBytes { $0.load(fromByteOffset: 16, as: Int32.self) }
            descriptors.append(number)
        }
        return Array(bytes.prefix(count))
    }
}

/// A Unix socket that is listened on in a thread, until the test has ended.
package final class Server: @unchecked Sendable {
    package let path: String
    private let folder: TemporaryFolder
    private let listener: Int32

    /// - Parameter serve: is called for each client, one after the other.
    package init(_ serve: @escaping @Sendable (Peer) -> Void) throws {
        folder = try TemporaryFolder()
        path = folder.file("s")
        let listener = try Self.listen(path)
        self.listener = listener
        Thread.detachNewThread {
            while case let client = accept(listener, nil, nil), client >= 0 {
                serve(Peer(owning: client))
            }
            close(listener)
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// Makes the socket.
    package static func listen(_ path: String) throws -> Int32 {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0, Glibc.listen(number, 1) == 0 else { throw POSIXError(.EADDRINUSE) }
        return number
    }
}
