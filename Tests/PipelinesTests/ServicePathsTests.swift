import Pipelines
import Testing

@Suite("where a service keeps what")
struct ServicePathsTests {
    @Test("the installed service needs no options, one below a root that root, any other each path that differs")
    func options() {
        #expect(ServicePaths.system.options == "")
        #expect(ServicePaths(root: "/tmp/here").options == " --root /tmp/here")
        var paths = ServicePaths.system
        paths.state = "/data/state"
        paths.run = "/data/run"
        #expect(paths.options == " --state-directory /data/state --run /data/run")
        paths = ServicePaths(root: "/a")
        paths.spool = "/b"
        #expect(paths.options == " --config /a --state-directory /a/state --spool /b --run /a/run")
    }

    @Test("what a shell would not take as it stands is quoted")
    func quoted() {
        #expect(ServicePaths(root: "/tmp/my files").options == " --root '/tmp/my files'")
        #expect(ServicePaths(root: "/tmp/a'b").options == #" --root '/tmp/a'\''b'"#)
        #expect(ServicePaths(root: "/tmp/$(x)").options == " --root '/tmp/$(x)'")
        #expect(ServicePaths(root: "/tmp/été").options == " --root '/tmp/été'")
    }

    @Test("a suggested start is systemd's for the installed service, and names the same places for any other")
    func start() {
        #expect(ServicePaths.system.startCommand == "systemctl start sono")
        #expect(ServicePaths(root: "/tmp/here").startCommand == "sono serve --root /tmp/here")
    }
}
