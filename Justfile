# What developers run. `just check` is exactly what CI runs.

default: check

# fmt, clippy, boundaries, all tests
check:
    ./.ci/run

fmt:
    cargo fmt --all

lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Which way imports may point (docs/architecture.md, "Three crates")
boundaries:
    ./scripts/boundaries

test:
    ./scripts/test

# Criterion benches, some five minutes on two cores; the other figures of docs/performance.md name their commands
bench:
    cargo bench -p benches

# What the SMS pool promises, measured at a carrier of its own; some four minutes
bench-sms *ARGS:
    cargo build --profile bench -p gateway --bin cordboard
    cargo run --profile bench -p benches --bin sms -- {{ARGS}}

# What reading through the cache spares the store, with and without a Redis behind it (just bench-cache --redis URL)
bench-cache *ARGS:
    cargo run --profile bench -p benches --bin cache -- {{ARGS}}

# What the store promises: pages of a million calls, a restart with 100,000 live ones, the group commit, three times five
# minutes without Postgres; some half an hour and 4 GB of disk, on a Postgres of its own
bench-store *ARGS:
    cargo build --profile bench -p gateway --bin cordboard
    cargo run --profile bench -p benches --bin store -- {{ARGS}}

# The long forms of the tests: 500 kills per store, 1,000 power cuts, more cases, more calls. What they have shown is
# printed at the end as rows for docs/reliability.md
verify:
    rm -f target/proof.md
    KILLS=500 CUTS=1000 TROUBLES=100 PROPTEST_CASES=20000 PROOF_TABLE="{{justfile_directory()}}/target/proof.md" ./scripts/test
    cargo run --profile bench -p benches --bin live_calls -- --calls 100000
    just bench-sms
    sort target/proof.md

run *ARGS:
    cargo run --release -- {{ARGS}}
