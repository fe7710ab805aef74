import Dynamics

extension Refiner {
    /// Refines and classifies `rows` rows and appends their results to `columns`.
    ///
    /// - Parameters:
    ///   - embeddings: `[rows, D]`, of any length but zero.
    ///   - velocity: `[rows, D]`, the initial velocity instead of the model's; nil for the model's. Read at order 2 only.
    ///   - threads: nil for one to each core.
    ///   - columns: as many classes are kept as it asks for; places past the number of classes get -1 and 0.
    ///   - refined: `[rows, D]`, receives the unit vectors `y`; zeros for rows that are not ok.
    public func run(
        embeddings: UnsafeBufferPointer<Float>, velocity: UnsafeBufferPointer<Float>? = nil, rows: Int,
        threads: Int? = nil, into columns: inout ResultColumns,
        refined: UnsafeMutableBufferPointer<Float>? = nil
    ) {
        let first = columns.rows
        let kept = columns.topK
        let d = configuration.dimension
        precondition(refined.map { $0.count >= rows * d } ?? true, "there is room for every refined row")
        columns.statuses.append(contentsOf: repeatElement(.ok, count: rows))
        columns.topClasses.append(contentsOf: repeatElement(-1, count: rows * kept))
        columns.topScores.append(contentsOf: repeatElement(0, count: rows * kept))
        columns.margins.append(contentsOf: repeatElement(0, count: rows))
        columns.statuses.withUnsafeMutableBufferPointer { statuses in
            columns.topClasses.withUnsafeMutableBufferPointer { topClasses in
                columns.topScores.withUnsafeMutableBufferPointer { topScores in
                    columns.margins.withUnsafeMutableBufferPointer { margins in
                        forEachTile(embeddings, velocity, rows: rows, threads: threads) { range, tile in
                            // The second best is needed for the margin even where one class is kept.
                            var best = TopClasses(count: min(max(kept, 2), classes.count))
                            for (i, row) in range.enumerated() {
                                let status = tile.statuses[i]
                                statuses[first + row] = status
                                if let refined, let target = refined.baseAddress {
                                    (target + row * d).update(from: tile.y + i * d, count: d)
                                }
                                guard status == .ok else { continue }
                                let logits = tile.logits + i * classes.count
                                best.find(logits, count: classes.count)
                                let scores = probabilities(logits, of: best.classes)
                                for (k, score) in scores.prefix(kept).enumerated() {
                                    topClasses[(first + row) * kept + k] = best.classes[k]
                                    topScores[(first + row) * kept + k] = score
                                }
                                margins[first + row] = scores[0] - (scores.count > 1 ? scores[1] : 0)
                            }
                        }
                    }
                }
            }
        }
    }

    /// The logits of `rows` rows, before the temperature.
    ///
    /// - Parameters:
    ///   - logits: `[rows, C]`, receives the logits; zeros for rows that are not ok.
    /// - Returns: the status of each row.
    public func logits(
        embeddings: UnsafeBufferPointer<Float>, velocity: UnsafeBufferPointer<Float>? = nil, rows: Int,
        threads: Int? = nil, into logits: UnsafeMutableBufferPointer<Float>
    ) -> [RowStatus] {
        let c = classes.count
        precondition(logits.count >= rows * c, "there is room for every logit")
        var statuses = [RowStatus](repeating: .ok, count: rows)
        statuses.withUnsafeMutableBufferPointer { statuses in
            forEachTile(embeddings, velocity, rows: rows, threads: threads) { range, tile in
                guard let target = logits.baseAddress else { return }
                for (i, row) in range.enumerated() {
                    statuses[row] = tile.statuses[i]
                    if tile.statuses[i] == .ok {
                        (target + row * c).update(from: tile.logits + i * c, count: c)
                    } else {
                        (target + row * c).update(repeating: 0, count: c)
                    }
                }
            }
        }
        return statuses
    }

    /// The solution `x(T)` of `rows` rows, before mixing and normalising: what an ODE solver by itself would return.
    ///
    /// - Parameters:
    ///   - positions: `[rows, D]`, receives `x(T)`; zeros for rows whose input is not usable.
    public func positions(
        embeddings: UnsafeBufferPointer<Float>, velocity: UnsafeBufferPointer<Float>? = nil, rows: Int,
        threads: Int? = nil, into positions: UnsafeMutableBufferPointer<Float>
    ) {
        let d = configuration.dimension
        precondition(positions.count >= rows * d, "there is room for every position")
        forEachTile(embeddings, velocity, rows: rows, threads: threads, classifying: false) { range, tile in
            guard let target = positions.baseAddress.map({ $0 + range.lowerBound * d }) else { return }
            target.update(from: tile.y, count: range.count * d)
            for i in 0..<range.count where tile.statuses[i] != .ok {
                (target + i * d).update(repeating: 0, count: d)
            }
        }
    }

    /// The calibrated probabilities of some classes, best first; the logits are used up.
    private func probabilities(_ logits: UnsafeMutablePointer<Float>, of best: [Int32]) -> [Float] {
        let c = classes.count
        if configuration.temperature != 1 {
            Float.scale(logits, by: Float(1 / configuration.temperature), into: logits, count: c)
        }
        let sum = Float.exponentiate(logits, shift: logits[Int(best[0])], count: c)
        return best.map { Float(Double(logits[Int($0)]) / sum) }
    }

    private func forEachTile(
        _ embeddings: UnsafeBufferPointer<Float>, _ velocity: UnsafeBufferPointer<Float>?, rows: Int, threads: Int?,
        classifying: Bool = true, _ body: (Range<Int>, borrowing TileMemory) -> Void
    ) {
        let count = rows * configuration.dimension
        precondition(embeddings.count >= count && velocity.map { $0.count >= count } ?? true, "every row is there")
        guard let embeddings = embeddings.baseAddress else { return }
        let supplied = configuration.order == 2 ? velocity?.baseAddress : nil
        DisjointRows(rows, threads: threads).forEachTile(
            scratch: { TileMemory(for: self) },
            { range, memory in
                let first = range.lowerBound * configuration.dimension
                let velocity = supplied.map { $0 + first }
                if classifying {
                    refine(embeddings + first, velocity: velocity, rows: range.count, in: &memory)
                } else {
                    solve(embeddings + first, velocity: velocity, rows: range.count, in: &memory)
                }
                body(range, memory)
            })
    }
}
