public import Foundation

/// The folder of this project, with the files that tests read.
public enum ProjectFolder {
    /// Where it is.
    public static let url = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// One of its files.
    public static func file(_ path: String) -> URL { url.appendingPathComponent(path) }
}
