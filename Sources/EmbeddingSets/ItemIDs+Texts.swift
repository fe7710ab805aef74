extension ItemIDs {
    /// Ids given as text: integers where every one is an integer in its shortest form, UTF-8 otherwise.
    public init(texts: [String]) {
        let numbers = texts.compactMap { text in Int64(text).flatMap { String($0) == text ? $0 : nil } }
        self = numbers.count == texts.count ? .integers(numbers) : .utf8(texts)
    }
}
