internal import Emulation
internal import Planning
internal import Policy

/// The matrix as one self-contained web page.
struct MatrixPage {
    let text: String

    init(
        _ matrix: MoveMatrix, guests: [MoveMatrix.Source], profiles: [HostProfile],
        policy: RestorePolicy
    ) throws {
        text = ""
    }
}
