import Foundation
import TestSupport
import Testing

@Suite("manual and completions")
struct ManualTests {
    private static let source = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let mandoc = "/usr/bin/mandoc"

    static func exists(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }

    @Test(
        "every command and file format has a page with an example, and neither man nor mandoc finds fault with any",
        .enabled(if: exists(mandoc) && exists("/usr/bin/man"), "needs mandoc and man: make test-packages"))
    func pages() throws {
        let scratch = try Scratch()
        let made = try Sono.run(
            [Self.source.appending(path: "man/generate.py").path, Sono.executable.path, scratch.path],
            executable: URL(fileURLWithPath: "/usr/bin/python3"))
        #expect(made.status == 0, "\(made.errors)")
        let help = try Sono.run(["--experimental-dump-help"]).json()
        let root = try #require(help["command"] as? [String: Any])
        let commands = try #require(root["subcommands"] as? [[String: Any]])
            .filter { $0["shouldDisplay"] as? Bool == true }.compactMap { $0["commandName"] as? String }
            .filter { $0 != "help" }
        let first = try scratch.names("man1")
        #expect(first == (commands.map { "sono-\($0).1" } + ["sono.1"]).sorted())
        let fifth = try scratch.names("man5")
        #expect(fifth.count >= 4)
        let pages = first.map { scratch("man1/\($0)") } + fifth.map { scratch("man5/\($0)") }
        for page in pages {
            let text = try String(contentsOfFile: page, encoding: .utf8)
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"]
            where section != "SYNOPSIS" || page.hasSuffix("1") {
                #expect(text.contains(".SH \(section)\n"), "\(page) has no \(section)")
            }
            // Three commands' help has none: they have nothing to choose.
            let bare = ["gc", "doctor", "backup"].contains { page.hasSuffix("sono-\($0).1") }
            #expect(bare || text.contains(".SH EXAMPLES\n"), "\(page) has no example")
        }
        let lint = try Sono.run(
            ["-T", "lint", "-W", "warning"] + pages, executable: URL(fileURLWithPath: Self.mandoc))
        #expect(lint.status == 0 && lint.output.isEmpty, "\(lint.output)")
        for page in pages {
            let shown = try Sono.run(
                ["--warnings", "-l", "-Tutf8", page], executable: URL(fileURLWithPath: "/usr/bin/man"))
            #expect(shown.status == 0 && shown.errors.isEmpty && shown.output.count > 400, "\(page): \(shown.errors)")
        }
    }

    @Test("sono(1) tells who may do what, where the page is and how to scrape it, as units and packages have it")
    func service() throws {
        let scratch = try Scratch()
        try Sono.run(
            [Self.source.appending(path: "man/generate.py").path, Sono.executable.path, scratch.path],
            executable: URL(fileURLWithPath: "/usr/bin/python3"))
        func page(_ title: String) throws -> String {
            try String(contentsOfFile: scratch("man1/\(title).1"), encoding: .utf8).replacing("\\", with: "")
        }
        func tree(_ path: String) throws -> String {
            try String(contentsOf: Self.source.appending(path: path), encoding: .utf8)
        }
        let sono = try page("sono")
        let groups = try tree("systemd/sono.sysusers").matches(of: /(?m)^g (\S+)/).map { String($0.output.1) }
        #expect(groups.count == 3)
        for group in groups { #expect(sono.contains("fB\(group)fR\nmay "), "\(group)") }
        let address = try #require(try tree("systemd/sono-http.socket").firstMatch(of: /ListenStream=(\S+)/)).output.1
        #expect(sono.contains("http://\(address)/") && sono.contains("targets: [\"\(address)\"]"))
        let makefile = try tree("Makefile")
        for file in ["prometheus/sono.rules.yml", "grafana/sono.json"] {
            #expect(makefile.contains("/share/sono/\(file.prefix { $0 != "/" }) integrations/\(file)\n"))
            #expect(sono.contains("/usr/share/sono/\(file)"))
        }
        for title in ["sono-doctor", "sono-verify", "sono-serve"] {
            #expect(try page(title).contains(" as root"), "\(title)")
        }
    }

    @Test("the sample pipeline and sono-pipeline(5) name every solver that there is")
    func solvers() throws {
        let help = try Sono.run(["help", "bench"]).output.replacing(/\s+/, with: " ")
        let values = try #require(help.firstMatch(of: /model's own: ([a-z0-9, -]+)\./)).output.1
        let names = values.split(separator: ", ")
        #expect(names.count >= 7)
        for path in ["pipeline.d/example.yaml.sample", "man/sono-pipeline.5"] {
            let text = try String(contentsOf: Self.source.appending(path: path), encoding: .utf8)
                .replacing(/\\f[IR]/, with: " ").replacing("\\", with: "")
            let words = Set(text.split { !$0.isLetter && !$0.isNumber && $0 != "-" })
            #expect(Set(names).subtracting(words) == [], "\(path)")
        }
    }

    @Test("man names every option that the help names, with nothing lost on the way")
    func options() throws {
        let scratch = try Scratch()
        try Sono.run(
            [Self.source.appending(path: "man/generate.py").path, Sono.executable.path, scratch.path],
            executable: URL(fileURLWithPath: "/usr/bin/python3"))
        for command in ["serve", "results", "train"] {
            let help = try Sono.run(["help", command]).output
            let page = try String(contentsOfFile: scratch("man1/sono-\(command).1"), encoding: .utf8)
                .replacing("\\", with: "")
            for match in help.matches(of: /(?m)^  (--[a-z-]+)/) {
                #expect(page.contains(match.output.1), "\(command): \(match.output.1)")
            }
        }
    }

    @Test(
        "each shell parses its completions", arguments: ["bash", "zsh", "fish"].filter { exists("/usr/bin/\($0)") })
    func completions(_ shell: String) throws {
        let script = try Sono.run(["--generate-completion-script", shell])
        #expect(script.status == 0 && script.output.contains("results"))
        let scratch = try Scratch()
        let file = try scratch.write(script.output, to: "completions")
        let parsed = try Sono.run(["-n", file], executable: URL(fileURLWithPath: "/usr/bin/\(shell)"))
        #expect(parsed.status == 0 && parsed.errors.isEmpty, "\(parsed.errors)")
    }

    @Test("bash completes commands, options and the states of a job")
    func bashCompletes() throws {
        let script = try Sono.run(["--generate-completion-script", "bash"])
        let scratch = try Scratch()
        let file = try scratch.write(script.output, to: "completions")
        func complete(_ words: String...) throws -> [String] {
            let line = words.map { "'\($0)'" }.joined(separator: " ")
            let run = try Sono.run(
                [
                    "-c",
                    """
                    source '\(file)'
                    COMP_WORDS=(\(line)); COMP_CWORD=\(words.count - 1)
                    COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
                    cur="${COMP_WORDS[$COMP_CWORD]}"; prev="${COMP_WORDS[$COMP_CWORD - 1]}"
                    $(complete -p sono | sed 's/.*-F \\([^ ]*\\).*/\\1/') sono "$cur" "$prev"
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """,
                ], executable: URL(fileURLWithPath: "/bin/bash"))
            return run.output.split(separator: "\n").map(String.init)
        }
        #expect(try complete("sono", "res").contains("results"))
        #expect(try complete("sono", "results", "--fol").contains("--follow"))
        #expect(try complete("sono", "jobs", "--state", "").contains("failed"))
    }
}
