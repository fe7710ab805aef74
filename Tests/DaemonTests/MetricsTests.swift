import Daemon
import Testing

@Suite("metrics")
struct MetricsTests {
    @Test("label values are escaped, so that no name ends its value or begins a line")
    func escaping() {
        var text = MetricsText()
        text.gauge("sono_x", "Help.", [([("pipeline", "a\"b\\c\nd")], 1)])
        #expect(text.text == "# HELP sono_x Help.\n# TYPE sono_x gauge\nsono_x{pipeline=\"a\\\"b\\\\c\\nd\"} 1\n")
    }

    @Test("a histogram's buckets count upwards to its count, its bounds belong to them")
    func histogram() {
        var histogram = Histogram()
        for seconds in [0.0005, 0.001, 0.002, 5, 1e6] { histogram.observe(seconds) }
        #expect(histogram.count == 5 && histogram.sum == 1_000_005.0035)
        #expect(histogram.counts.first == 2 && histogram.counts.last == 1)
        var text = MetricsText()
        text.histogram("sono_stage_seconds", "Help.", [([("stage", "queue")], histogram)])
        let buckets = text.text.split(separator: "\n").filter { $0.contains("_bucket") }
            .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        #expect(buckets.count == Histogram.bounds.count + 1 && buckets == buckets.sorted() && buckets.last == 5)
        #expect(text.text.contains("le=\"+Inf\"} 5\n") && text.text.contains("_count{stage=\"queue\"} 5\n"))
    }

    @Test("the process is described as the kernel does")
    func process() throws {
        let figures = try #require(ProcessFigures())
        #expect(figures.residentBytes > 1 << 20 && figures.virtualBytes > figures.residentBytes)
        #expect(figures.openFiles >= 3 && figures.mostFiles >= figures.openFiles)
        #expect(figures.cpuSeconds > 0 && figures.started > 1.6e9)
    }
}
