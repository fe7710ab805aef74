import Daemon

/// Says on standard error where an answer came from when it was not the service that gave it.
func tellSource(_ source: StatusClient.Source) {
    if case .store(let absence) = source {
        Messages.say("sono: \(absence.message) This is read from the store.")
    }
}
