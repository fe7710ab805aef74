/// What finished runs say: means by shots, and the model's difference to each rival with its interval.
public struct ProtocolSummary: Sendable, Codable {
    public struct Cell: Sendable, Codable {
        /// Means over draws, 0 to 1.
        public let accuracy: Double
        /// Standard deviation of the accuracy over draws; nil with fewer than two.
        public let deviation: Double?
        public let macroF1: Double
        public let ece: Double
        public let nll: Double
        public let seconds: Double
        public let microsecondsPerRow: Double
        public let parameters: Double
        public let draws: Int
    }

    public struct Rival: Sendable, Codable {
        /// Model minus rival, pooled over sets, shots and draws; 0 to 1.
        public let difference: Double
        public let low: Double
        public let high: Double
        /// The same by shots, of those that the rival was run with.
        public let byShots: [String: Interval]
        /// Runs of McNemar's test in which the model is better, or worse, at 5 % after Holm's correction over the rivals.
        public let better: Int
        public let worse: Int
        public let runs: Int
    }

    public struct Interval: Sendable, Codable {
        public let difference: Double
        public let low: Double
        public let high: Double
    }

    /// `1`, `2`, ..., `pool`, of those that were run.
    public let shots: [String]
    /// By method, then by shots; means over sets.
    public let methods: [String: [String: Cell]]
    /// By method: means over the shots that the model has too, and sets.
    public let means: [String: Cell]
    /// By rival.
    public let rivals: [String: Rival]
    public let sets: Int

    /// - Parameter files: one for each set; a method counts where the model was run as well.
    public init(_ files: [[ProtocolRun]], resamples: Int = 2_000) {
        let all = files.flatMap { $0 }
        sets = files.count
        let order = Set(all.map(\.shotsName)).sorted { (Int($0) ?? .max, $0) < (Int($1) ?? .max, $1) }
        shots = order
        let names = Set(all.map(\.method)).sorted()
        func runs(_ file: [ProtocolRun], _ method: String, _ shots: String) -> [ProtocolRun] {
            file.filter { $0.method == method && $0.shotsName == shots }.sorted { $0.seed < $1.seed }
        }
        func cell(_ groups: [[ProtocolRun]]) -> Cell? {
            let groups = groups.filter { !$0.isEmpty }
            guard !groups.isEmpty else { return nil }
            func mean(_ value: (ProtocolRun) -> Double) -> Double {
                groups.reduce(0) { $0 + $1.reduce(0) { $0 + value($1) } / Double($1.count) } / Double(groups.count)
            }
            let spreads = groups.filter { $0.count > 1 }.map { group -> Double in
                let mean = group.reduce(0) { $0 + $1.accuracy } / Double(group.count)
                let square = group.reduce(0) { $0 + ($1.accuracy - mean) * ($1.accuracy - mean) }
                return (square / Double(group.count - 1)).squareRoot()
            }
            return Cell(
                accuracy: mean(\.accuracy),
                deviation: spreads.isEmpty ? nil : spreads.reduce(0, +) / Double(spreads.count),
                macroF1: mean(\.macroF1), ece: mean(\.ece), nll: mean(\.nll), seconds: mean(\.seconds),
                microsecondsPerRow: mean(\.microsecondsPerRow), parameters: mean { Double($0.parameters) },
                draws: groups.map(\.count).max() ?? 0)
        }
        var methods: [String: [String: Cell]] = [:]
        var means: [String: Cell] = [:]
        for name in names {
            for shots in order {
                if let one = cell(files.map { runs($0, name, shots) }) { methods[name, default: [:]][shots] = one }
            }
            // Cells weigh the same: draws within a shot, shots within a set.
            means[name] = cell(files.flatMap { file in order.map { runs(file, name, $0) } })
        }
        self.methods = methods
        self.means = means

        var rivals: [String: Rival] = [:]
        let others = names.filter { $0 != FewShotProtocol.model }
        /// McNemar's p-values of every rival under every draw, corrected over the rivals.
        var counts: [String: (better: Int, worse: Int, runs: Int)] = [:]
        for file in files {
            for own in file where own.method == FewShotProtocol.model {
                let against = others.compactMap { name in
                    file.first { $0.method == name && $0.shots == own.shots && $0.seed == own.seed }
                }
                let adjusted = Holm.adjusted(against.map { McNemar.pValue(own.answers, $0.answers) })
                for (rival, p) in zip(against, adjusted) {
                    var count = counts[rival.method] ?? (0, 0, 0)
                    count.runs += 1
                    if p < 0.05 { if own.accuracy > rival.accuracy { count.better += 1 } else { count.worse += 1 } }
                    counts[rival.method] = count
                }
            }
        }
        for name in others {
            func cells(_ shots: [String]) -> [PairedBootstrap.Cells] {
                files.map { file in
                    var (first, second): ([[[Bool]]], [[[Bool]]]) = ([], [])
                    for one in shots {
                        let pairs = runs(file, FewShotProtocol.model, one).compactMap { own in
                            file.first { $0.method == name && $0.shots == own.shots && $0.seed == own.seed }
                                .map { (own.answers, $0.answers) }
                        }
                        first.append(pairs.map(\.0))
                        second.append(pairs.map(\.1))
                    }
                    return PairedBootstrap.Cells(first: first, second: second)
                }
            }
            let pooled = PairedBootstrap(cells(order), resamples: resamples)
            let byShots = order.compactMap { one -> (String, Interval)? in
                let pairs = cells([one])
                guard pairs.contains(where: { !$0.isEmpty }) else { return nil }
                let own = PairedBootstrap(pairs, resamples: resamples)
                return (one, Interval(difference: own.difference, low: own.low, high: own.high))
            }
            let count = counts[name] ?? (0, 0, 0)
            rivals[name] = Rival(
                difference: pooled.difference, low: pooled.low, high: pooled.high,
                byShots: Dictionary(byShots, uniquingKeysWith: { first, _ in first }), better: count.better,
                worse: count.worse, runs: count.runs)
        }
        self.rivals = rivals
    }
}
