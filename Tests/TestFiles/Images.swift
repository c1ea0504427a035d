/// Bytes as files of every kind have them.
package enum Images {
    package static let xml = "<domain type='kvm'>\n  <name>build &amp; test</name>\n</domain>\n"

    package static func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    /// libvirt's header, the XML and what pads it.
    package static func libvirtHeader(
        format: UInt32 = 0, version: UInt32 = 2, bigEndian: Bool = false, running: UInt32 = 1,
        magic: String = "LibvirtQemudSave", text: [UInt8] = Array(xml.utf8) + [0],
        cookie: UInt32 = 0, dataSize: UInt32? = nil
    ) -> [UInt8] {
        let data = text + [UInt8](repeating: 0, count: 300)
        let fields = [version, dataSize ?? UInt32(data.count), running, format, cookie]
        return Array(magic.utf8) + fields.flatMap { big(bigEndian ? $0 : $0.byteSwapped) }
            + [UInt8](repeating: 0, count: 56) + data
    }
}
