"""`make bench`: the benchmarks that need nothing but this repository."""

from firmground.eval.bench.index import main

if __name__ == "__main__":
    main()
