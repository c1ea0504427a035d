import LinuxSystem
import Testing

@Suite("Checksums against published test vectors")
struct ChecksumTests {
    @Test("CRC32C: RFC 3720, appendix B.4, and the check value of the CRC catalog")
    func crc32c() {
        let vectors: [([UInt8], UInt32)] = [
            (Array("123456789".utf8), 0xe306_9283),
            ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
            ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
            ([UInt8](0..<32), 0x46dd_794e),
            ([UInt8](0..<32).reversed(), 0x113f_db5c),
            ([], 0),
        ]
        for (bytes, expected) in vectors {
            #expect(CRC32C.of(bytes) == expected)
            let middle = bytes.count / 2
            #expect(CRC32C.of(Array(bytes[..<middle]), Array(bytes[middle...])) == expected)
        }
    }

    @Test("CRC64: the check value of the CRC catalog, and bytes before their own checksum")
    func crc64() {
        let digits = Array("123456789".utf8)
        #expect(CRC64.of(digits) == 0xe9c6_d914_c4b8_d9ca)
        #expect(CRC64.of([UInt8](repeating: 123, count: 16)) == 0x29d5_3572_1632_6566)
        let sum = (0..<8).map { UInt8(truncatingIfNeeded: CRC64.of(digits) >> UInt64($0 * 8)) }
        #expect(CRC64.of(digits + sum) == 0)
    }

    @Test(
        "SHA-256: the examples of FIPS 180-4 and lengths around a block",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 55),
                "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"
            ),
            (
                String(repeating: "a", count: 64),
                "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"
            ),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ])
    func sha256(text: String, expected: String) {
        let digest = SHA256.of([Array(text.utf8)])
        #expect(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
    }
}
