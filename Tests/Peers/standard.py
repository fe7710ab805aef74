"""The standard table: what `sono bench` says of four shapes, with each instruction set that this processor has."""

from sono import bench, load, micro, say, table

SHAPES = [(384, 96), (512, 128), (512, 256), (1024, 256)]
STEPS, CLASSES = 4, 100


def main():
    throughput, latency, missing, report = [], [], [], None
    for kernel in ("avx512", "avx2"):
        for d, h in SHAPES:
            shape = f"{d},{h},{CLASSES}"
            # Latency is the same question for both instruction sets.
            batches = "1,32,256,4096" if kernel == "avx512" or missing else "4096"
            say(f"sono bench --shape {shape} --steps {STEPS}, {kernel} (load {load():.1f})")
            one = bench("--shape", shape, "--steps", STEPS, "--batches", batches, "--repeats", 5, kernel=kernel)
            if one["kernel"] != kernel:
                missing.append(kernel)
                break
            report = report or one
            forms = list(dict.fromkeys(cost["form"] for cost in one["costs"]))
            for form in forms:
                costs = [cost for cost in one["costs"] if cost["form"] == form]
                solve, refine = (
                    next(cost for cost in costs if cost["part"] == part and cost["rows"] == 4096)
                    for part in ("position", "refinement"))
                throughput.append([
                    f"D={d} H={h}", kernel, form, f"{solve['operations'] / 1e6:.2f}",
                    micro(solve["processor_seconds_per_row"]), f"{solve['operations_per_second'] / 1e9:.1f}",
                    f"{100 * solve['share_of_peak']:.0f} %", micro(refine["processor_seconds_per_row"]),
                    f"{1 / refine['processor_seconds_per_row']:,.0f}", f"{one['peak'] / 1e9:.1f}",
                ])
                for cost in costs:
                    if cost["part"] == "refinement" and len(batches) > 4:
                        times = [micro(cost[quantile]) for quantile in ("p50", "p95", "p99")]
                        latency.append([f"D={d} H={h}", form, cost["rows"], *times, cost["repeats"]])
    if report is None:
        return print("this processor has neither AVX-512 nor AVX2: run `sono bench` by hand")
    machine = report["machine"]
    print(f"{report['date'][:10]}, {machine['processor']}, {machine['cores']} cores, load {machine['load']:.1f} to "
          f"{load():.1f}; {report['solver']}, {report['steps']} steps, {report['evaluations']} evaluations, "
          f"{report['activation']}, initial velocity {report['velocity']}, C={CLASSES}, float32, one thread.")
    print("CPU time a row in batches of 4,096, median; operations executed, matrix products only.")
    for kernel in missing:
        print(f"{kernel} is not there on this processor.")
    print()
    print(table(
        ["shape", "kernel", "form", "Mflop/row", "x(T) us/row", "GFLOP/s", "of peak", "refine+classify us/row",
         "rows/s", "peak GFLOP/s"], throughput))
    print("\nWall time of one batch, refine+classify, microseconds.\n")
    print(table(["shape", "form", "rows", "p50", "p95", "p99", "repeats"], latency))


if __name__ == "__main__":
    main()
