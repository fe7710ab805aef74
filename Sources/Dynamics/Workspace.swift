/// Scratch memory of one worker, aligned to cache lines; its contents are undefined at first.
public struct Workspace<S: KernelScalar>: ~Copyable {
    public let base: UnsafeMutablePointer<S>
    public let count: Int

    public init(count: Int) {
        self.count = max(1, count)
        let bytes = self.count * MemoryLayout<S>.stride
        base = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            .bindMemory(to: S.self, capacity: self.count)
    }

    deinit {
        UnsafeMutableRawPointer(base).deallocate()
    }
}
