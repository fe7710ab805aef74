/// The best classes of a row, best first, found in one pass; equal values keep the order of the classes.
struct TopClasses {
    private(set) var classes: [Int32]
    private var values: [Float]
    private var found = 0

    init(count: Int) {
        classes = [Int32](repeating: -1, count: count)
        values = [Float](repeating: -.infinity, count: count)
    }

    /// - Parameter logits: `[C]`, with `C` at least the count kept, none of them NaN.
    mutating func find(_ logits: UnsafePointer<Float>, count: Int) {
        found = 0
        var threshold = -Float.infinity
        for index in 0..<count where found < classes.count || logits[index] > threshold {
            insert(logits[index], Int32(truncatingIfNeeded: index))
            if found == classes.count, let last = values.last { threshold = last }
        }
    }

    private mutating func insert(_ value: Float, _ index: Int32) {
        var place = min(found, classes.count - 1)
        while place > 0, values[place - 1] < value {
            values[place] = values[place - 1]
            classes[place] = classes[place - 1]
            place -= 1
        }
        values[place] = value
        classes[place] = index
        found = min(found + 1, classes.count)
    }
}
