# Short names for what this repository's README and .ci/run do in full. `just` alone lists them.

# list the recipes
default:
    @{{ just_executable() }} --list --unsorted

# run the server on the sample zone: no root, no broker
run *args='serve --journal examples/zones/sample.jsonl':
    cargo run --release -- {{ args }}

# all tests that need nothing but a Rust toolchain
test *args:
    cargo test --workspace --locked {{ args }}

# format the code
fmt:
    cargo fmt --all

# every lint is an error
clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# the tests of what reads queries and hands the kernel pointers, under AddressSanitizer; needs a nightly toolchain
asan:
    RUSTFLAGS=-Zsanitizer=address cargo +nightly test --locked -p zone-model -p dns-wire --lib --tests --target {{ arch() }}-unknown-linux-gnu

# the documentation; a broken link is an error
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

# bans, licences and sources of the dependencies
deny:
    .ci/deny

# a single-node Kafka on 127.0.0.1:9092; needs a JDK (17 or later) and mvn
kafka-up:
    deploy/kafka/up

# stop it and keep its data; `just kafka-down --wipe` removes that too
kafka-down *args:
    deploy/kafka/down {{ args }}

# a topic for zones on it: NAME PARTITIONS
kafka-topic name='dns' partitions='3' *args:
    deploy/kafka/topic {{ name }} {{ partitions }} {{ args }}

# what the parts of an answer cost, in figures that a later change can be held against
bench *args:
    cargo bench --locked -p zone-model -p dns-wire -p zone-store {{ args }}

# everything that docs/performance.md shows, measured anew beside other name servers; PARTS alone renews these
bench-peers *parts:
    bench-peers/all {{ parts }}

# everything that must hold before a change lands
ci:
    bash .ci/run
