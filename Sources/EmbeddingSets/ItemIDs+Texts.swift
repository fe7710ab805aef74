extension ItemIDs {
    /// Ids given as text: integers where every one is an integer in its shortest form, UTF-8 otherwise.
    public init(texts: [String]) {
        let numbers = texts.compactMap { text in Int64(text).flatMap { String($0) == text ? $0 : nil } }
        if numbers.count == texts.count {
            self = .integers(numbers)
            return
        }
        var bytes: [UInt8] = []
        var offsets: [Int64] = [0]
        for text in texts {
            bytes.append(contentsOf: text.utf8)
            offsets.append(Int64(bytes.count))
        }
        self = .utf8(bytes: bytes, offsets: offsets)
    }
}
