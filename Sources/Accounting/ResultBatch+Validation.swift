import Failures

extension ResultBatch {
    /// Refuses columns that do not fit together, before anything is written. A NaN would be stored as NULL and a
    /// class out of range would have no label; both would be a fault of ours.
    func validate() throws {
        try require(
            rows >= 0 && topK >= 1 && statuses.count == rows && margins.count == rows, "columns differ in length")
        try require(topClasses.count == rows * topK && topScores.count == rows * topK, "top columns differ in length")
        switch ids {
        case .ordinal: break
        case .integers(let values): try require(values.count == rows, "ids differ in length")
        case .utf8(let bytes, let offsets):
            try require(offsets.count == rows + 1 && offsets.first == 0, "id offsets differ in length")
            try require(offsets.last == Int64(bytes.count), "id offsets do not cover the text")
            try require(zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 }, "id offsets go back")
            try validate(bytes, offsets)
        }
        for row in 0..<rows {
            guard statuses[row] == 0 else {
                try require(statuses[row] <= 3, "row \(row) has an unknown status")
                continue
            }
            try require(margins[row].isFinite, "row \(row) has no finite margin")
            for place in row * topK..<(row + 1) * topK {
                let index = topClasses[place]
                try require(index >= 0 && Int(index) < classNames.count, "row \(row) names a class out of range")
                try require(topScores[place].isFinite, "row \(row) has no finite score")
            }
        }
    }

    /// Ids end up in a TEXT column: each must be UTF-8 without NUL by itself.
    private func validate(_ bytes: [UInt8], _ offsets: [Int64]) throws {
        try require((try? UTF8Span(validating: bytes.span)) != nil, "ids are not UTF-8")
        try require(!bytes.contains(0), "an id contains NUL")
        // The whole is valid; an id that starts within a character is not.
        let startsWhole = offsets.allSatisfy { $0 == bytes.count || bytes[Int($0)] & 0xC0 != 0x80 }
        try require(startsWhole, "an id begins within a character")
    }

    private func require(_ holds: Bool, _ words: @autoclosure () -> String) throws {
        if !holds {
            throw Failure(.internal, "The results do not fit together: please report this.", cause: words())
        }
    }
}
