import CFuzz
import Glibc

// What libFuzzer calls. The target is chosen by `--target=NAME`.

private nonisolated(unsafe) var chosen: (any Target)?

/// SwiftPM's name of the executable's main.
@_cdecl("fuzz_main")
public func main(
    _ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> Int32 {
    let words = (1..<Int(count)).compactMap { arguments[$0].map { String(cString: $0) } }
    func value(of option: String) -> Substring? {
        words.last { $0.hasPrefix("--\(option)=") }?.dropFirst(option.count + 3)
    }
    guard let name = value(of: "target") else {
        let isOfPlants = words.contains("--plants")
        let names = isOfPlants ? Plant.allCases.map(\.rawValue) : targets.map(\.name)
        print(names.joined(separator: "\n"))
        return 0
    }
    guard let target = targets.first(where: { $0.name == name }) else { return 2 }
    chosen = target
    Workspace.enter()
    if let folder = value(of: "write-seeds") {
        Workspace.begin()
        for (index, seed) in target.seeds.enumerated() {
            write(seed, to: "\(folder)/made-\(index)")
        }
        return 0
    }
    var (count, list): (Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) = (
        count, arguments
    )
    return LLVMFuzzerRunDriver(&count, &list) { data, size in
        use(Array(UnsafeBufferPointer(start: data, count: size)))
        return 0
    }
}

/// What a run of the fuzzer does with an input.
private func use(_ bytes: [UInt8]) {
    guard let chosen else { return }
    Workspace.begin()
    Workspace.write(Hosts.small, to: "o.vhost")
    chosen.use(bytes)
    Workspace.empty()
}

/// libFuzzer's hook for changes of an input.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(
    _ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ most: Int, _ seed: UInt32
) -> Int {
    var random = Random(seed: UInt64(seed))
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let result = chosen?.mutate(bytes, most: most, &random) ?? bytes
    let count = min(result.count, most)
    for (index, byte) in result.prefix(count).enumerated() { data[index] = byte }
    return count
}

private func write(_ bytes: [UInt8], to path: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0, Glibc.write(file, bytes, bytes.count) == bytes.count else {
        fatalError("\(path) cannot be written")
    }
    close(file)
}
