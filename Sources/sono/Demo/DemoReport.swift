import Accounting

/// What the demo found, as data and as text.
struct DemoReport: Encodable {
    struct Training: Encodable {
        let shots: Int
        let order: Int
        let solver: String
        let steps: Int
        let evaluations: Int
        let seconds: Double
    }

    struct ZeroShot: Encodable {
        let accuracy: Double
        let macroF1: Double
    }

    private let training: Training
    private let jobs: [JobRecord]
    private let rows: Int
    private let rowsFailed: Int
    let everyRowOnce: Bool
    private let accuracy: Double
    private let macroF1: Double
    private let ece: Double
    private let zeroShot: ZeroShot
    /// From the first file dropped to the last job done.
    private let servingSeconds: Double
    private let rowsPerSecond: Double
    private let seconds: Double
    private let sql: String
    /// Absent unless kept.
    private let root: String?
    private let store: String?
    private let sample: [ResultRecord]

    init(judgement: DemoJudgement, training: Training, servingSeconds: Double, seconds: Double, root: DemoRoot) {
        self.training = training
        self.servingSeconds = servingSeconds
        self.seconds = seconds
        jobs = judgement.jobs
        rows = judgement.rows
        rowsFailed = judgement.rowsFailed
        everyRowOnce = judgement.everyRowOnce
        accuracy = judgement.accuracy
        macroF1 = judgement.macroF1
        ece = judgement.ece
        zeroShot = ZeroShot(accuracy: judgement.zeroShotAccuracy, macroF1: judgement.zeroShotMacroF1)
        rowsPerSecond = Double(judgement.rows) / max(servingSeconds, 1e-9)
        sql = "SELECT label, count(*), round(avg(score), 3) FROM v1_results GROUP BY label ORDER BY 2 DESC LIMIT 5"
        self.root = root.isKept ? root.path : nil
        store = root.isKept ? root.paths.store : nil
        sample = judgement.sample
    }

    var text: String {
        [
            "", JobTable(jobs: jobs).text, "", quality, "", rowsText, "", samples, "",
            "\(Figures.grouped(rows)) rows in \(Figures.duration(servingSeconds)): "
                + "\(Figures.grouped(Int(rowsPerSecond))) rows a second from the first drop to the last commit; "
                + "training took \(Figures.duration(training.seconds)), all of it \(Figures.duration(seconds)).",
            everyRowOnce
                ? "Every row came exactly once. The service stopped cleanly."
                : Terminal.alarm("NOT every row came exactly once: report this."),
            "", goOn,
        ].joined(separator: "\n")
    }

    private var quality: String {
        let model = "\(training.shots)-shot order \(training.order)"
        var table = TextTable([("", .left), (model, .right), ("zero-shot", .right)])
        table.add(["accuracy", Figures.percent(accuracy), Figures.percent(zeroShot.accuracy)])
        table.add(["macro-F1", Figures.percent(macroF1), Figures.percent(zeroShot.macroF1)])
        table.add(["ECE (15 bins)", Figures.percent(ece), "-"])
        return table.text
    }

    private var rowsText: String {
        "solved by \(training.solver), steps \(training.steps): \(training.evaluations) evaluations of S a row"
    }

    private var samples: String {
        var table = TextTable([("item", .left), ("label", .left), ("score", .right), ("status", .left)])
        for row in sample {
            table.add([row.itemID, row.label ?? "-", row.score.map { Figures.fixed($0, 3) } ?? "-", row.status])
        }
        return table.text
    }

    private var goOn: String {
        guard let root, let store else {
            return """
                To keep it all and look around:
                  sono demo --keep DIR
                  sqlite3 DIR/state/sono.sqlite "\(sql)"
                """
        }
        return """
            Go on with
              sqlite3 \(store) "\(sql)"
              sono serve --root \(root)
              sono status --root \(root)
              sono submit FILE --root \(root) --wait
            results and jobs  \(store)
            finished batches  \(root)/spool/debian-sections/done
            the model         \(root)/models/debian-sections.safetensors
            the service's log \(root)/serve.log
            """
    }
}
