import Foundation
import GRDB
import TestSupport
import Testing

/// Files made to crash, stall or bloat the service, all dropped at once into one that runs under limits of the kernel.
@Suite("hostile input")
struct HostileInputTests {
    struct Hostile: Sendable {
        let name: String
        /// Nil where the file is odd, but a set like any other.
        let code: String?
        let make: @Sendable () -> [UInt8]

        init(_ name: String, _ code: String?, _ make: @escaping @Sendable () -> [UInt8]) {
            self.name = name
            self.code = code
            self.make = make
        }
    }

    @Test(
        "each ends in its code, or in rows where it is merely odd, in little memory and time, and others flow")
    func service() throws {
        let service = try Service(pipeline: "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 1s\n")
        try service.start(under: ["/usr/bin/prlimit", "--as=\(4 << 30)"])
        for hostile in Self.cases { try service.drop(Data(hostile.make()), as: hostile.name) }
        try service.drop(Batches.batch(rows: 7, seed: 77), as: "good.safetensors")
        try service.waitUntilSettled(within: 600)

        let jobs = try service.rows("SELECT file_name, state, error_code, error_message, attempts FROM v1_jobs")
        #expect(jobs.count == Self.cases.count + 1)
        for hostile in Self.cases {
            let job = try #require(jobs.first { $0["file_name"] as String == hostile.name }, "\(hostile.name)")
            #expect(job["error_code"] as String? == hostile.code, "\(hostile.name): \(job)")
            #expect(job["state"] as String == (hostile.code == nil ? "done" : "failed"), "\(hostile.name): \(job)")
            #expect((job["error_message"] as String? ?? "").utf8.count < 2_048, "\(hostile.name)")
        }
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE attempts > 1") == 0)
        #expect(
            try service.number(
                "SELECT count(*) FROM v1_results r JOIN v1_jobs j USING (job_id) "
                    + "WHERE j.file_name = 'good.safetensors'") == 7)
        let (peak, seconds) = (try service.peakBytes(), try service.processorSeconds())
        #expect(peak <= 300_000_000, "\(peak) bytes")
        #expect(seconds <= 60, "\(seconds) s")
        #expect(service.stop() == 0)
    }

    @Test("`inspect` ends every one of them itself, within half a gigabyte of addresses and 30 s")
    func inspect() throws {
        let folder = try Scratch()
        for hostile in Self.cases {
            let path = try folder.write(hostile.make(), to: hostile.name)
            let outcome = try Sono.run(
                ["--as=\(512 << 20)", "--cpu=30", Sono.executable.path, "inspect", path],
                executable: URL(fileURLWithPath: "/usr/bin/prlimit"))
            #expect([0, 65].contains(outcome.status), "\(hostile.name): \(outcome)")
            // A person may inspect what a service may not take; nobody else's limits are tighter.
            if hostile.code == nil { #expect(outcome.status == 0, "\(hostile.name): \(outcome.errors)") }
            #expect(outcome.errors.utf8.count < 4_096, "\(hostile.name)")
        }
    }

    private static let embeddings = tensor("embeddings", "F32", "[2,24]", 0, 192)

    private static func tensor(_ name: String, _ type: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
        "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
    }

    /// Two rows of 24 ones, so that they have a direction.
    private static func set(_ others: String = "", metadata: String = "", payload: [UInt8] = []) -> [UInt8] {
        let rows = [Float](repeating: 1, count: 48).flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
        return safetensors("{\"__metadata__\":{\(metadata)},\(embeddings)\(others)}") + rows + payload
    }

    /// Text ids for the two rows: the first has all bytes but one.
    private static func textIDs(_ bytes: [UInt8]) -> [UInt8] {
        let offsets = [0, bytes.count - 1, bytes.count].flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
        let others =
            "," + tensor("ids_offsets", "I64", "[3]", 192, 216) + ","
            + tensor("ids_utf8", "U8", "[\(bytes.count)]", 216, 216 + bytes.count)
        return set(others, payload: offsets + bytes)
    }

    private static func zeros(declaring rows: Int) -> [UInt8] {
        safetensors("{" + tensor("embeddings", "F32", "[\(rows),256]", 0, rows * 1_024) + "}")
    }

    private static func npy(_ literal: String) -> [UInt8] {
        let length = (0..<4).map { UInt8(truncatingIfNeeded: literal.utf8.count >> (8 * $0)) }
        return [0x93] + Array("NUMPY".utf8) + [2, 0] + length + Array(literal.utf8)
    }

    private static let megabyte = [RawFrame.Block](repeating: .run(0, count: 1 << 17), count: 8)

    static let cases: [Hostile] = [
        // Compression.
        Hostile("a bomb that declares its 900 MB", "too_large") {
            RawFrame.frame([.raw(zeros(declaring: 900 << 10))] + (0..<900).flatMap { _ in megabyte })
        },
        Hostile("a bomb behind a small set", "corrupt_safetensors") {
            RawFrame.frame([.raw(zeros(declaring: 1_024))] + (0..<900).flatMap { _ in megabyte })
        },
        Hostile("a bomb in 900 frames", "too_large") {
            RawFrame.frame([.raw(zeros(declaring: 900 << 10))]) + (0..<900).flatMap { _ in RawFrame.frame(megabyte) }
        },
        Hostile("zstd in zstd in zstd", "unsupported_format") {
            RawFrame.frame([.raw(RawFrame.frame([.raw(RawFrame.frame([.raw(set())]))]))])
        },
        Hostile("300,000 empty frames before a set", nil) {
            (0..<300_000).flatMap { _ in RawFrame.frame([.raw([])]) } + RawFrame.frame([.raw(set())])
        },
        Hostile("300,000 frames without content before a set", nil) {
            (0..<300_000).flatMap { _ in [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0] } + RawFrame.frame([.raw(set())])
        },
        Hostile("a million empty blocks before a set", nil) {
            RawFrame.frame([RawFrame.Block](repeating: .raw([]), count: 1_000_000) + [.raw(set())])
        },
        Hostile("a window of 3.75 TB", "too_large") { RawFrame.frame([.raw(set())], window: 0xFF) },
        Hostile("a declared size of 16 EB", "too_large") { RawFrame.frame([.raw(set())], contentSize: .max) },
        Hostile("a frame to be skipped of 4 GB", "incomplete") { [0x5F, 0x2A, 0x4D, 0x18, 255, 255, 255, 255, 1] },
        // Headers.
        Hostile("a header longer than the file", "incomplete") { [0, 0, 0x10, 0, 0, 0, 0, 0] + Array("{}".utf8) },
        Hostile("a header of a terabyte", "too_large") { [0, 0, 0, 0, 0xFF, 0, 0, 0] + Array("{}".utf8) },
        Hostile("tensors that overlap", "corrupt_safetensors") {
            set("," + tensor("b", "U8", "[8]", 188, 196), payload: [0, 0, 0, 0])
        },
        Hostile("a hole between tensors", "corrupt_safetensors") {
            set("," + tensor("b", "U8", "[8]", 200, 208), payload: [UInt8](repeating: 0, count: 16))
        },
        Hostile("a tensor twice", "corrupt_safetensors") { set("," + embeddings) },
        Hostile("a metadata key twice", "corrupt_safetensors") { set(metadata: "\"a\":\"1\",\"\\u0061\":\"2\"") },
        Hostile("JSON seven million deep", "corrupt_safetensors") {
            safetensors("{\"embeddings\":" + String(repeating: "[", count: 7_000_000))
        },
        Hostile("classes seven million deep", "corrupt_safetensors") {
            set(metadata: "\"classes\":\"\(String(repeating: "[", count: 7_000_000))\"")
        },
        Hostile("a shape beyond 2^64", "too_large") {
            safetensors("{" + tensor("embeddings", "F32", "[4611686018427387904,8]", 0, 0) + "}")
        },
        Hostile("a shape of none by 2^63", "too_large") {
            safetensors("{" + tensor("embeddings", "F32", "[0,9223372036854775807]", 0, 0) + "}")
        },
        Hostile("a name that is not UTF-8", "corrupt_safetensors") {
            set().map { $0 == UInt8(ascii: "m") ? 0xFF : $0 }
        },
        Hostile("half a surrogate pair for a name", "corrupt_safetensors") {
            safetensors("{\"\\ud800\":{}}")
        },
        Hostile("5,000 tensors", "too_large") {
            set((0..<5_000).map { "," + tensor("t\($0)", "U8", "[0]", 192, 192) }.joined())
        },
        Hostile("5,000 metadata keys", "too_large") {
            set(metadata: (0..<5_000).map { "\"k\($0)\":\"\"" }.joined(separator: ","))
        },
        Hostile("a key of two million accents, which are sorted when it is compared", "corrupt_safetensors") {
            set(metadata: "\"a\(String(repeating: "\u{323}\u{301}\u{315}", count: 700_000))\":\"\"")
        },
        Hostile("a class of a million accents", "corrupt_safetensors") {
            set(metadata: "\"classes\":\"[\\\"a\(String(repeating: "\\\\u0301\\\\u0323", count: 500_000))\\\"]\"")
        },
        Hostile("600,000 class names", nil) {
            set(metadata: "\"classes\":\"[\((0..<600_000).map { "\\\"\($0)\\\"" }.joined(separator: ","))]\"")
        },
        // Ids.
        Hostile("ids that are not UTF-8", "corrupt_safetensors") { textIDs([0x61, 0xFF, 0x62]) },
        Hostile("an id of a megabyte", "too_large") { textIDs([UInt8](repeating: 0x61, count: 1 << 20)) },
        // npy.
        Hostile("an npy header of 4 GB", "too_large") { [0x93] + Array("NUMPY".utf8) + [2, 0, 255, 255, 255, 255] },
        Hostile("an npy shape beyond 2^64", "too_large") {
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }")
        },
        Hostile("an npy tuple a million deep", "corrupt_npy") {
            npy("{'shape': " + String(repeating: "(", count: 1_000_000))
        },
    ]
}
