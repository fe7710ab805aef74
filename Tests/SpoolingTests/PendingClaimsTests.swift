import Failures
import Spooling
import Testing

@Suite("Claims that are not complete yet")
struct PendingClaimsTests {
    let start = Monotonic.now
    let token = ClaimToken.random()
    let truncated = Failure(.incomplete, "the end is missing")
    let corrupt = Failure(.corruptSafetensors, "the header is not JSON")

    private func at(_ seconds: Double) -> Monotonic.Instant { start + .milliseconds(Int64(seconds * 1000)) }
    private func stamp(_ size: Int64, modified: Int64 = 1) -> FileStamp {
        FileStamp(inode: 1, size: size, modified: modified, changed: modified)
    }

    private func examined(_ failure: Failure, size: Int64 = 5) -> PendingClaims {
        var claims = PendingClaims(settle: .seconds(2), incompleteAfter: .seconds(30))
        claims.add(token, stamp: stamp(size), at: at(0))
        #expect(claims.nextDeadline == at(0))
        #expect(claims.step([token: stamp(size)], at: at(0)) == [.examine(token)])
        claims.incomplete(token, failure)
        return claims
    }

    @Test("a claimed file is examined at once and not twice")
    func examinesOnce() {
        var claims = PendingClaims()
        claims.add(token, stamp: stamp(5), at: at(0))
        #expect(claims.step([token: stamp(5)], at: at(0)) == [.examine(token)])
        #expect(claims.tokens.isEmpty)
        #expect(claims.nextDeadline == nil)
        #expect(claims.step([:], at: at(60)) == [])
        claims.remove(token)
        #expect(claims.count == 0)
    }

    @Test("a truncated file is waited for, then given up as incomplete after 30 s without growth")
    func givesUp() {
        var claims = examined(truncated)
        for second in stride(from: 2.0, to: 30, by: 2) {
            #expect(claims.nextDeadline == at(second))
            #expect(claims.step([token: stamp(5)], at: at(second)) == [])
        }
        #expect(claims.nextDeadline == at(30))
        #expect(claims.step([token: stamp(5)], at: at(30)) == [.giveUp(token, truncated)])
        #expect(claims.step([token: stamp(5)], at: at(60)) == [])
        #expect(claims.nextDeadline == nil)
        claims.remove(token)
        #expect(claims.count == 0)
    }

    @Test("a file that grows is examined again when it has kept still, as often as it takes")
    func grows() {
        var claims = examined(truncated)
        #expect(claims.step([token: stamp(6)], at: at(29)) == [])
        #expect(claims.step([token: stamp(7)], at: at(30.5)) == [])
        #expect(claims.nextDeadline == at(32.5))
        #expect(claims.step([token: stamp(7)], at: at(32.5)) == [.examine(token)])
        claims.incomplete(token, truncated)
        #expect(claims.step([token: stamp(7)], at: at(60.4)) == [])
        #expect(claims.step([token: stamp(7)], at: at(60.5)) == [.giveUp(token, truncated)])
    }

    @Test("growth during the examination is noticed after it")
    func growsMeanwhile() {
        var claims = PendingClaims()
        claims.add(token, stamp: stamp(5), at: at(0))
        _ = claims.step([token: stamp(5)], at: at(0))
        claims.incomplete(token, truncated)
        #expect(claims.step([token: stamp(9)], at: at(50)) == [])
        #expect(claims.step([token: stamp(9)], at: at(52)) == [.examine(token)])
    }

    @Test("a file that is allocated at its full size and filled bit by bit has as long a pause as one that grows")
    func preallocated() {
        var claims = examined(corrupt)
        #expect(claims.step([token: stamp(5)], at: at(29)) == [])
        #expect(claims.step([token: stamp(5, modified: 2)], at: at(29.5)) == [])
        #expect(claims.step([token: stamp(5, modified: 2)], at: at(31.5)) == [.examine(token)])
        claims.incomplete(token, corrupt)
        #expect(claims.step([token: stamp(5, modified: 2)], at: at(59)) == [])
        #expect(claims.step([token: stamp(5, modified: 2)], at: at(59.5)) == [.giveUp(token, corrupt)])
    }

    @Test("a file whose bytes changed between two passes goes back to waiting")
    func changedBetweenPasses() {
        var claims = PendingClaims()
        claims.add(token, stamp: stamp(5), at: at(0))
        _ = claims.step([token: stamp(5)], at: at(0))
        claims.remove(token)
        claims.changed(token, stamp: stamp(6), at: at(1))
        #expect(claims.step([token: stamp(6)], at: at(2)) == [])
        #expect(claims.nextDeadline == at(3))
        #expect(claims.step([token: stamp(6)], at: at(3)) == [.examine(token)])
    }

    @Test("what could not be carried out is tried again at its time, or when the file has changed")
    func retries() {
        var claims = examined(truncated)
        _ = claims.step([token: stamp(5)], at: at(30))
        claims.retry(token, at: at(70))
        #expect(claims.nextDeadline == at(70))
        #expect(claims.step([token: stamp(5)], at: at(69)) == [])
        #expect(claims.step([token: stamp(5)], at: at(70)) == [.examine(token)])
        claims.retry(token, at: at(200))
        #expect(claims.step([token: stamp(6)], at: at(80)) == [])
        #expect(claims.step([token: stamp(6)], at: at(82)) == [.examine(token)])
    }

    @Test(
        "a file that cannot be looked at is not taken for gone: it has another look in a minute, the others meanwhile")
    func unknown() {
        let other = ClaimToken.random()
        var claims = PendingClaims()
        claims.add(token, stamp: stamp(5), at: at(0))
        claims.add(other, stamp: stamp(5), at: at(0))
        #expect(claims.step([other: stamp(5)], unknown: [token], at: at(0)) == [.examine(other)])
        #expect(claims.nextDeadline == at(60))
        #expect(claims.step([token: stamp(5)], at: at(60)) == [.examine(token)])
    }

    @Test("a file that is gone from work is reported, once")
    func vanished() {
        var claims = examined(truncated)
        #expect(claims.step([:], at: at(1)) == [.vanished(token)])
        #expect(claims.step([:], at: at(2)) == [])
    }

    @Test("claims are examined in the order they came, however many come and go")
    func order() {
        var claims = PendingClaims()
        let tokens = (0..<200).map { _ in ClaimToken.random() }
        for token in tokens { claims.add(token, stamp: stamp(1), at: at(0)) }
        for token in tokens.prefix(150) { claims.remove(token) }
        let stamps = Dictionary(uniqueKeysWithValues: tokens.map { ($0, stamp(1)) })
        #expect(claims.step(stamps, at: at(0)) == tokens.suffix(50).map { .examine($0) })
    }
}
