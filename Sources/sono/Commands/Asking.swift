import Daemon

/// Says on standard error where an answer came from when it was not the service that gave it.
func tellSource(_ source: StatusClient.Source) {
    if source == .store { Messages.say("sono: no service answers; this is read from the store.") }
}
