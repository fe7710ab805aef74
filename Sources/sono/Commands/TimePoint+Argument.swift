import ArgumentParser
import Daemon

extension TimePoint: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
