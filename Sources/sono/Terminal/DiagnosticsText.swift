import Evaluation

/// Diagnostics, for a person.
struct DiagnosticsText {
    let diagnostics: Diagnostics

    var text: String { [separability, answers, ways].compactMap(\.self).joined(separator: "\n\n") }

    private var separability: String? {
        guard let before = diagnostics.before, let after = diagnostics.after else { return nil }
        var table = TextTable([("", .left), ("before", .right), ("after", .right), ("", .left)])
        func number(_ value: Double?) -> String { value.map { Figures.fixed($0, 3) } ?? "-" }
        table.add(["Fisher ratio", number(before.fisherRatio), number(after.fisherRatio), "more is better"])
        table.add(["silhouette (cosine)", number(before.silhouette), number(after.silhouette), "more is better"])
        table.add([
            "own / nearest other mean", number(before.distanceRatio), number(after.distanceRatio), "less is better",
        ])
        return "how well classes stand apart, \(Figures.grouped(diagnostics.rows)) rows\n\(table.text)"
    }

    private var answers: String {
        var entries: [(String, String?)] = []
        if let transfer = diagnostics.transfer {
            entries += [
                (
                    "lost",
                    "\(Figures.grouped(transfer.lost)) of the \(Figures.grouped(transfer.zeroShotRight)) rows "
                        + "that zero-shot has right (\(Figures.percent(transfer.lostShare)))"
                ),
                (
                    "gained",
                    "\(Figures.grouped(transfer.gained)) of the \(Figures.grouped(transfer.zeroShotWrong)) rows "
                        + "that zero-shot has wrong (\(Figures.percent(transfer.gainedShare)))"
                ),
            ]
        }
        let others = diagnostics.worstDecileZeroShot.map { ", zero-shot's \(Figures.percent($0))" } ?? ""
        entries.append(("worst tenth of classes", "recall \(Figures.percent(diagnostics.worstDecile))\(others)"))
        if let gap = diagnostics.trainingGap {
            entries.append(
                (
                    "support less validation",
                    "\(Figures.fixed(gap.difference * 100, 1)) points (\(Figures.percent(gap.support)) less "
                        + "\(Figures.percent(gap.validation)))"
                ))
        }
        return listing(entries)
    }

    private var ways: String? {
        guard let path = diagnostics.path else { return nil }
        var table = TextTable([("", .left), ("median", .right), ("p95", .right), ("largest", .right)])
        func add(_ name: String, _ spread: Spread, _ digits: Int = 3) {
            table.add([name] + [spread.median, spread.p95, spread.largest].map { Figures.fixed($0, digits) })
        }
        add("displacement", path.displacement)
        add("length", path.length)
        if let detour = path.detour { add("length / displacement", detour) }
        add("energy at the start", path.energyAtStart)
        add("energy at the end", path.energyAtEnd)
        add("greatest energy", path.greatestEnergy)
        add("reversals", path.reversals, 0)
        add("largest |S|", path.largestSlope)
        add("spectral radius", path.spectralRadius)
        let bound =
            path.stabilityBound.map { bound in
                ", \(path.stiffness <= bound ? "within" : "beyond") the \(Figures.fixed(bound, 2)) "
                    + "that the solver is stable to along the negative axis"
            } ?? ""
        let lost = path.rowsLeftOut == 0 ? "" : "; \(path.rowsLeftOut) ran away"
        return [
            "the ways of \(path.rows) rows, in \(path.resolution) steps of rk4 in double precision\(lost)", table.text,
            "\(path.rowsReversing) rows turn round; step times spectral radius is at most "
                + "\(Figures.fixed(path.stiffness, 2))\(bound)",
        ].joined(separator: "\n")
    }
}
