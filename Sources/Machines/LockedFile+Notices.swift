internal import LinuxSystem

extension LockedFile {
    /// Notifies that it waits for another process, which may take long, or cannot keep others away.
    convenience init(
        waitingFor path: String, _ access: Access, _ options: SourceOptions
    ) throws(SourceError) {
        func notify(_ notice: Notice) {
            let what =
                switch notice {
                case .waiting: "another process is changing it; waiting"
                case .unlocked(let errno):
                    "warning: it cannot be locked (\(errno.symbol)): let no other process change it"
                }
            options.notify("\(FileName.shown(path)): \(what)")
        }
        do throws(FileError) {
            try self.init(path, for: access, notify: notify)
        } catch {
            throw SourceError(error)
        }
    }
}
