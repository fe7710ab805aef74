import Dynamics
import Testing

@Suite("Disjoint rows")
struct DisjointRowsTests {
    @Test("every row is visited exactly once, for any number of rows, tile and threads")
    func coverage() {
        for rows in [0, 1, 47, 48, 49, 1000] {
            for (tile, threads) in [(48, 1), (48, 2), (48, 7), (1, 3), (13, nil)] as [(Int, Int?)] {
                var visits = [Int](repeating: 0, count: rows)
                visits.withUnsafeMutableBufferPointer { visits in
                    let base = visits.baseAddress
                    DisjointRows(rows, tile: tile, threads: threads).forEachTile(
                        scratch: { Workspace<Float>(count: 1) },
                        { range, _ in for row in range { base?[row] += 1 } })
                }
                #expect(visits.allSatisfy { $0 == 1 })
            }
        }
    }

    @Test("tiles do not depend on the number of threads")
    func fixedTiles() {
        for threads in 1...4 {
            var starts = [Int](repeating: -1, count: 100)
            starts.withUnsafeMutableBufferPointer { starts in
                let base = starts.baseAddress
                DisjointRows(100, threads: threads).forEachTile(
                    scratch: { Workspace<Float>(count: 1) },
                    { range, _ in for row in range { base?[row] = range.lowerBound } })
            }
            #expect(starts == (0..<100).map { $0 / 48 * 48 })
        }
    }
}
