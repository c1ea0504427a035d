internal import CFormatData
public import TextFormats

extension TCGModel {
    private static var files: BuiltInFiles {
        BuiltInFiles(
            count: cformat_tcg_model_count(), name: cformat_tcg_model_name,
            lineCount: cformat_tcg_model_line_count, line: cformat_tcg_model_line)
    }

    /// The names of the models that are part of this library, those of Formats/tcg: `10.0.13-max`.
    public static var builtInNames: [String] { files.names }

    /// A model that is part of this library; nil when none has the name.
    /// - Throws: never for the models of a release, which its tests parse.
    public static func builtIn(named name: String) throws(DirectiveError) -> TCGModel? {
        guard let text = files.text(named: name) else { return nil }
        return try TCGModel(parsing: text, file: "built-in CPU \(name)")
    }

    /// The name by which it is built in.
    public var name: String { "\(qemu)-\(cpu)" }
}

extension TCGModel {
    /// The versions and CPUs of the built-in models.
    private static var parts: [(qemu: String, cpu: String)] {
        var result: [(qemu: String, cpu: String)] = []
        for name in builtInNames {
            guard let dash = name.firstIndex(of: "-") else { continue }
            result.append((String(name[..<dash]), String(name[name.index(after: dash)...])))
        }
        return result
    }

    /// The CPUs of which there is a model, in alphabetical order.
    public static var cpus: [String] { Set(parts.map { $0.cpu }).sorted() }

    /// The versions of QEMU of which there is a model of that CPU, oldest first.
    public static func versions(of cpu: String) -> [String] {
        parts.filter { $0.cpu == cpu }.map { $0.qemu }.sorted { left, right in
            numbers(left).lexicographicallyPrecedes(numbers(right))
        }
    }

    /// The model of a CPU in a QEMU; of several stable releases the one that is meant, else the newest.
    /// - Parameter qemu: `10.0` or `10.0.2`.
    /// - Returns: nil where none is recorded.
    /// - Throws: never for the models of a release, which its tests parse.
    public static func recorded(_ cpu: String, of qemu: String) throws(DirectiveError) -> TCGModel?
    {
        let series = numbers(qemu).prefix(2)
        let versions = versions(of: cpu).filter { numbers($0).prefix(2) == series }
        guard let version = versions.first(where: { $0 == qemu }) ?? versions.last else {
            return nil
        }
        return try builtIn(named: "\(version)-\(cpu)")
    }

    private static func numbers(_ version: some StringProtocol) -> [Int] {
        version.split(separator: ".").compactMap { Int($0) }
    }
}
