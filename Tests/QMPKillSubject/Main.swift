import QMP

/// Takes the device state over a socket, and says on standard output that it has; the tests kill it in
/// the middle.
///
/// Arguments: the socket, and `device-state` or `migration`.
@main
struct KillSubject {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { fatalError("expected a socket and a way") }
        let way: CapturedDeviceState.Way =
            arguments[2] == "migration" ? .migration : .deviceState
        let connection = try QMPConnection(connectingTo: arguments[1])
        let state = try DeviceStateCapture.capture(over: connection, allowing: [way])
        print(state.runStateAfter, state.stopTime ?? -1)
    }
}
