/// Scratch memory of one worker, aligned to cache lines; zeros at first, so that padding which nobody writes is
/// harmless.
public struct Workspace<S: KernelScalar>: ~Copyable {
    public let base: UnsafeMutablePointer<S>
    public let count: Int

    public init(count: Int) {
        self.count = max(1, count)
        let bytes = self.count * MemoryLayout<S>.stride
        base = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            .initializeMemory(as: S.self, repeating: 0, count: self.count)
    }

    deinit {
        UnsafeMutableRawPointer(base).deallocate()
    }
}
