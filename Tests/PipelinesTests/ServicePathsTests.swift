import Pipelines
import Testing

@Suite("where a service keeps what")
struct ServicePathsTests {
    @Test("a suggested start is systemd's for the installed service, and names the same places for any other")
    func start() {
        #expect(ServicePaths.system.startCommand == "systemctl start sono")
        #expect(ServicePaths(root: "/home/a b").startCommand == "sono serve --root '/home/a b'")
        var moved = ServicePaths.system
        moved.spool = "/srv/spool"
        #expect(moved.startCommand == "sono serve --spool /srv/spool")
    }
}
