import Dynamics

/// Products of row-major matrices on several threads.
package enum Matrices {
    /// Rows to a tile: few, as there may be as few rows as classes.
    private static let tileRows = 8

    /// `A B`, with `A` `[rows, inner]` and `B` `[inner, columns]`; the bits do not depend on the number of threads.
    package static func product<S: KernelScalar>(
        _ a: [S], _ b: [S], rows: Int, inner: Int, columns: Int, threads: Int?
    ) -> [S] {
        var c = [S](repeating: 0, count: rows * columns)
        var panels = [S](repeating: 0, count: S.packedCount(n: columns, k: inner))
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                panels.withUnsafeMutableBufferPointer { panels in
                    c.withUnsafeMutableBufferPointer { c in
                        guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress,
                            let panels = panels.baseAddress
                        else { return }
                        S.pack(n: columns, k: inner, b, transposed: false, into: panels)
                        DisjointRows(rows, tile: tileRows, threads: threads).forEachTile(scratch: { 0 }) { range, _ in
                            S.multiplyPacked(
                                m: range.count, n: columns, k: inner, a + range.lowerBound * inner, panels,
                                into: c + range.lowerBound * columns, accumulating: false)
                        }
                    }
                }
            }
        }
        return c
    }

    /// `[columns, rows]` from `[rows, columns]`.
    package static func transposed<S: KernelScalar>(_ matrix: [S], rows: Int, columns: Int) -> [S] {
        var result = [S](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for column in 0..<columns { result[column * rows + row] = matrix[row * columns + column] }
        }
        return result
    }
}
