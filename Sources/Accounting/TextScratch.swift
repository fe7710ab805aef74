/// A buffer that some rows' text is written into, over and over: SQLite reads it in place.
struct TextScratch: ~Copyable {
    private let storage: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 32)
        storage = .allocate(capacity: self.capacity)
        storage.initialize(repeating: 0, count: self.capacity)
    }

    deinit {
        storage.deallocate()
    }

    /// Where byte `offset` lies; stays there for the buffer's life.
    func pointer(at offset: Int) -> UnsafePointer<CChar> {
        UnsafeRawPointer(storage + offset).assumingMemoryBound(to: CChar.self)
    }

    mutating func clear() {
        count = 0
    }

    mutating func append(_ byte: UInt8) {
        precondition(count < capacity)
        storage[count] = byte
        count += 1
    }

    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        precondition(bytes.count <= capacity - count)
        if let start = bytes.baseAddress {
            (storage + count).update(from: start, count: bytes.count)
            count += bytes.count
        }
    }

    /// Appends the digits of a whole number.
    mutating func append(_ value: Int64) {
        if value < 0 {
            append(UInt8(ascii: "-"))
        }
        let start = count
        var rest = value.magnitude
        repeat {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        var digits = UnsafeMutableBufferPointer(start: storage + start, count: count - start)
        digits.reverse()
    }

    /// Appends the shortest decimal that reads back as the same Float. At most 15 bytes, which a String holds in place.
    mutating func append(_ value: Float) {
        var text = value.description
        text.withUTF8 { append($0) }
    }
}
