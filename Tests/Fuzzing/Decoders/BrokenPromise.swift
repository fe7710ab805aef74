/// What a decoder did that it promises never to do, whatever the bytes.
struct BrokenPromise: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    static func require(_ holds: Bool, _ promise: @autoclosure () -> String) throws {
        if !holds { throw BrokenPromise(promise()) }
    }
}
