import Dynamics
import Glibc
import Refinement

// Everything is chosen by the likelihood of the rows to choose by.
extension CrossFit {
    /// Rows that a setting is judged by at most.
    private static let judgedRows = 2_000
    /// How many standard errors a correction must gain to be taken.
    private static let caution = 0.5

    /// Chooses and fits everything.
    mutating func run(progress: (_ step: Int) -> Void) {
        guard canChoose else { return }
        chooseBlend()
        progress(1)
        if firstWidth > 0 {
            first = choose("first", from: judged { $0.baseLogits($1, $2) }) { fits, out, rows in
                fits.firsts(out, all: true).map { $0.logits(rows, threads: fits.threads) }
            }
        }
        progress(2)
        if secondWidth > 0 {
            let logits = judged { $0.firstLogits($1, $2) }
            let own = choose("second", from: logits) { fits, out, rows in
                let moved = fits.moved(out, rows)
                return fits.seconds(out, all: true).map { $0.logits(moved, threads: fits.threads) }
            }
            second = own
        }
        progress(3)
    }

    private mutating func chooseBlend() {
        let labels = judgedLabels
        let kept = sample(labels.count)
        let prototypes = AffineHead(weight: problem.prototypes.map { 10 * $0 }, bias: [Double](repeating: 0, count: c))
        let zeroShot = judged { prototypes.logits($2, dimension: $0.d, threads: $0.threads) }
        var best = Double.infinity
        for shrinkage in Blend.shrinkages {
            let gaussian = judged { fits, out, rows in
                AffineHead(fits.statistics(out), shrinkage: shrinkage, classes: fits.c, dimension: fits.d)
                    .logits(rows, dimension: fits.d, threads: fits.threads)
            }
            let scores = scores(Blend.shares.count, labels: labels, kept: kept) { index, i in
                let share = Blend.shares[index]
                return (zeroShot[i] + 0.1 * share * gaussian[i]) / (1 + share)
            }
            for (share, score) in zip(Blend.shares, scores) {
                search.append(
                    SearchPoint(step: "head", settings: ["shrinkage": shrinkage, "share": share], nll: score.nll))
                guard score.nll < best else { continue }
                best = score.nll
                blend = Blend(shrinkage: shrinkage, share: share, temperature: score.temperature)
            }
        }
    }

    /// - Parameters:
    ///   - logits: of the rows to choose by, so far.
    ///   - change: what the correction adds, for each ridge.
    private mutating func choose(
        _ step: String, from logits: [Double],
        _ change: (inout CrossFit, SupportFolds.Chosen, [Double]) -> [[Double]]
    ) -> Choice {
        let labels = judgedLabels
        let kept = sample(labels.count)
        // The five changes of a row side by side, so that rows can be put in order.
        let ridges = LogitCorrection.ridges.count
        let changes = judged { fits, out, rows in
            let all = change(&fits, out, rows)
            guard all.count == ridges else {
                return [Double](repeating: 0, count: rows.count / fits.d * ridges * fits.c)
            }
            return (0..<rows.count / fits.d).flatMap { row in
                all.flatMap { $0[row * fits.c..<(row + 1) * fits.c] }
            }
        }
        let c = c
        let without = scores(1, labels: labels, kept: kept) { logits[$1] }[0]
        var best = (Choice(ridge: 0, size: 0, temperature: without.temperature), nll: without.nll)
        let sizes = LogitCorrection.sizes
        let scores = scores(ridges * sizes.count, labels: labels, kept: kept) { index, i in
            let (row, k) = (i / c, i % c)
            return logits[i] + sizes[index % sizes.count] * changes[(row * ridges + index / sizes.count) * c + k]
        }
        for (index, score) in scores.enumerated() {
            let (ridge, size) = (index / sizes.count, sizes[index % sizes.count])
            search.append(
                SearchPoint(
                    step: step, settings: ["ridge": LogitCorrection.ridges[ridge], "size": size], nll: score.nll))
            guard score.nll < best.nll else { continue }
            best = (Choice(ridge: ridge, size: size, temperature: score.temperature), score.nll)
        }
        guard best.0.size > 0 else { return best.0 }
        let gains = kept.map { row in
            let range = row * c..<(row + 1) * c
            let before = range.map { logits[$0] / without.temperature }
            let after = range.enumerated().map { k, i in
                (logits[i] + best.0.size * changes[(row * ridges + best.0.ridge) * c + k]) / best.0.temperature
            }
            return Self.loss(before, labels[row]) - Self.loss(after, labels[row])
        }
        let mean = gains.reduce(0, +) / Double(gains.count)
        let variance = gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, gains.count - 1))
        guard mean > Self.caution * (variance / Double(gains.count)).squareRoot() else {
            return Choice(ridge: 0, size: 0, temperature: without.temperature)
        }
        return best.0
    }

    /// Scores of several settings, side by side on all threads.
    private func scores(
        _ settings: Int, labels: [Int], kept: [Int], _ logit: (_ setting: Int, _ index: Int) -> Double
    ) -> [ValidationScore] {
        let keptLabels = kept.map { Int32(labels[$0]) }
        let empty = ValidationScore(rows: 0, accuracy: 0, nll: .infinity, temperature: 1)
        var scores = [ValidationScore](repeating: empty, count: settings)
        scores.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            DisjointRows(settings, tile: 1, threads: threads).forEachTile(scratch: { 0 }) { range, _ in
                for setting in range {
                    let logits = kept.flatMap { row in (row * c..<(row + 1) * c).map { Float(logit(setting, $0)) } }
                    base[setting] = Calibration.score(logits: logits, labels: keptLabels, classes: c)
                }
            }
        }
        return scores
    }

    private func sample(_ count: Int) -> [Int] {
        Array(stride(from: 0, to: count, by: max(1, (count + Self.judgedRows - 1) / Self.judgedRows)))
    }

    /// How the whole does on the rows to choose by; support rows by fits without their fold.
    mutating func score() -> ValidationScore {
        var logits = judged { fits, out, rows in
            var logits = fits.firstLogits(out, rows)
            let moved = fits.moved(out, rows)
            if let change = fits.seconds(out).first?.logits(moved, threads: fits.threads) {
                for i in logits.indices { logits[i] += fits.second.size * change[i] }
            }
            return logits
        }
        for i in logits.indices { logits[i] /= second.temperature }
        return Calibration.score(
            logits: logits.map(Float.init), labels: judgedLabels.map(Int32.init), classes: c)
    }

    /// Negative log-likelihood of a label.
    private static func loss(_ logits: [Double], _ label: Int) -> Double {
        let highest = logits.max() ?? 0
        return log(logits.reduce(0) { $0 + exp($1 - highest) }) + highest - logits[label]
    }
}
