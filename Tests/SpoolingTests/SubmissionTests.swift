import Failures
import Foundation
import Spooling
import Testing

@Suite("Submitting")
struct SubmissionTests {
    let spool: TemporarySpool
    let source: String

    init() throws {
        spool = try TemporarySpool()
        source = "\(spool.root)/abc.safetensors.zst"
        try spool.write("abc", to: source)
    }

    @Test("the file appears under its name, with the SHA-256 of its bytes, and the source stays")
    func submits() throws {
        let submission = try Submission.submit(path: source, to: spool.layout)
        // FIPS 180-2, appendix B.1.
        #expect(submission.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(submission.name.displayText == "abc.safetensors.zst")
        #expect(submission.bytes == 3)
        #expect(try spool.read("\(spool.layout.incoming)/abc.safetensors.zst") == "abc")
        #expect(spool.list(spool.layout.temporary) == [])
        #expect(try spool.read(source) == "abc")
    }

    @Test("a taken name gets a number, and what is there is not replaced")
    func collision() throws {
        try spool.drop("abc.safetensors.zst", "other")
        let names = try (0..<3).map { _ in try Submission.submit(path: source, to: spool.layout).name.displayText }
        #expect(names == ["abc-2.safetensors.zst", "abc-3.safetensors.zst", "abc-4.safetensors.zst"])
        #expect(try spool.read("\(spool.layout.incoming)/abc.safetensors.zst") == "other")
    }

    @Test("only --again marks a file to be computed again: a name that ends like the mark gets a number")
    func looksMarked() throws {
        let name = FileName(checkedForTest: "abc--again.npy")
        let plain = try Submission.submit(path: source, name: name, to: spool.layout)
        #expect(plain.name.displayText == "abc--again-2.npy" && plain.name.withoutAgainMark == nil)
        let marked = try Submission.submit(path: source, name: name, to: spool.layout, again: true)
        #expect(marked.name == name)
        #expect(spool.list(spool.layout.incoming) == ["abc--again--again.npy", "abc--again-2.npy"])
        // As long as a name can be: what is answered is what the job will be called.
        let long = FileName(checkedForTest: String(repeating: "x", count: 251) + ".npy")
        let answered = try Submission.submit(path: source, name: long, to: spool.layout, again: true).name
        #expect(spool.list(spool.layout.incoming).contains(answered.markedAgain.displayText))
    }

    @Test("a name may be given; one that would not be looked at is refused")
    func names() throws {
        let name = FileName(checkedForTest: "other.npy")
        #expect(try Submission.submit(path: source, name: name, to: spool.layout).name == name)
        for bad in [".hidden", "x.tmp"] {
            #expect(throws: Failure(.invalidArgument, "")) {
                try Submission.submit(path: source, name: FileName(bad), to: spool.layout)
            }
        }
    }

    @Test("what is missing or no file is said so")
    func badSources() throws {
        #expect(throws: Failure(.notFound, "")) {
            try Submission.submit(path: "\(spool.root)/none", to: spool.layout)
        }
        #expect(throws: Failure(.unsupportedFormat, "")) {
            try Submission.submit(path: spool.root, to: spool.layout)
        }
        #expect(mkfifo("\(spool.root)/fifo", 0o600) == 0)
        #expect(throws: Failure(.unsupportedFormat, "")) {
            try Submission.submit(path: "\(spool.root)/fifo", to: spool.layout)
        }
        let failure = #expect(throws: Failure(.notFound, "")) {
            try Submission.submit(path: source, to: SpoolLayout(root: spool.root, pipeline: "nope"))
        }
        #expect(failure?.message.contains("demo") == true)
        #expect(spool.list(spool.layout.temporary) == [])
    }

    @Test("thirty submissions of one name at once all arrive")
    func concurrent() throws {
        let layout = spool.layout
        let path = source
        DispatchQueue.concurrentPerform(iterations: 30) { _ in
            _ = try? Submission.submit(path: path, to: layout)
        }
        #expect(spool.list(layout.incoming).count == 30)
        #expect(spool.list(layout.temporary) == [])
    }
}
