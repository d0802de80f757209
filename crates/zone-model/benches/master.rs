//! How long a master file of a million A and AAAA records takes, from the file to validated RRsets; beside it, on
//! the same file in the same run, BIND's `named-compilezone -F raw` and Knot's `kzonecheck`, where they are
//! installed.
//!
//! `cargo bench -p zone-model --bench master`; what is printed last is the ratio of the medians.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use zone_model::master::{Settings, no_includes, print, read, read_zone};
use zone_model::validate::validate;

const RECORDS: usize = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    let directory = std::env::temp_dir().join(format!("zone-model-bench-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory for the files");
    for (order, shuffled) in [("in order", false), ("in no order", true)] {
        println!("{RECORDS} A and AAAA records, owners {order}");
        let file = directory.join("zone");
        fs::write(&file, zone(shuffled)).expect("the zone file");
        compare(&file, &directory.join("raw"));
    }
    fs::remove_dir_all(&directory).expect("the directory is removed");
    divan::main();
}

/// All of them in turn, so that a change of the machine's speed meets all.
fn compare(file: &Path, raw: &Path) {
    let zone_file = file.display().to_string();
    let raw_file = raw.display().to_string();
    let bind = ["-q", "-i", "none", "-F", "raw", "-o", &raw_file, "example.com", &zone_file];
    let knot = ["-o", "example.com", &zone_file];
    let mut ours = Vec::new();
    let mut others = [("named-compilezone", &bind[..], Vec::new()), ("kzonecheck", &knot[..], Vec::new())];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let found = parse_and_validate(file);
        ours.push(start.elapsed());
        assert_eq!(found, RECORDS + 3);
        for (whose, arguments, times) in &mut others {
            let Some(program) = installed(whose) else { continue };
            let start = Instant::now();
            let status = Command::new(program).args(*arguments).stdout(Stdio::null()).status();
            assert!(status.expect("it runs").success());
            times.push(start.elapsed());
            if *whose == "named-compilezone" {
                // Owner, type, TTL and RDATA of a record take more than this: it has read all of them.
                let written = fs::metadata(raw).expect("what BIND wrote").len();
                assert!(written > 20 * RECORDS as u64, "BIND wrote {written} bytes");
            }
        }
    }
    let own = median(&mut ours);
    println!("  {:<20} {own:>10.3?}", "stream-dns");
    for (program, _, mut times) in others {
        if times.is_empty() {
            println!("  {program:<20} not installed");
        } else {
            let median = median(&mut times);
            let ratio = own.as_secs_f64() / median.as_secs_f64();
            println!("  {program:<20} {median:>10.3?}   ratio {ratio:.2}");
        }
    }
}

fn parse_and_validate(file: &Path) -> usize {
    let octets = fs::read(file).expect("the zone file");
    let settings = Settings::new("example.com.".parse().expect("a name"));
    let read = read_zone("zone", &octets, &settings, &mut no_includes).expect("a zone");
    assert!(validate(&read.zone).is_empty());
    read.zone.record_count()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn installed(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let system = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")];
    std::env::split_paths(&folders)
        .chain(system)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// A file as hosting zones look: two records a name, TTLs and the class written out.
fn zone(shuffled: bool) -> String {
    let mut text = String::with_capacity(64 * RECORDS);
    text.push_str("$ORIGIN example.com.\n$TTL 3600\n@ IN SOA ns hostmaster 1 7200 3600 1209600 300\n@ IN NS ns\nns IN A 192.0.2.1\n");
    for number in 0..RECORDS / 2 {
        // A step that is prime to the count visits every number once.
        let number = if shuffled { number * 314_159 % (RECORDS / 2) } else { number };
        let (high, low) = (number / 256 % 65_536, number % 256);
        let _ = writeln!(text, "host-{number:07} 300 IN A 10.{}.{}.{low}", high / 256, high % 256);
        let _ = writeln!(text, "host-{number:07} 300 IN AAAA 2001:db8:{:x}::{low:x}", high);
    }
    text
}

/// Parts of it, on a hundredth of the file.
#[divan::bench_group]
mod parts {
    use super::{Settings, no_includes, print, read, read_zone, validate};

    fn settings() -> Settings {
        Settings::new("example.com.".parse().expect("a name"))
    }

    fn text() -> String {
        super::zone(true).lines().take(10_003).collect::<Vec<_>>().join("\n")
    }

    #[divan::bench]
    fn records_alone(bencher: divan::Bencher<'_, '_>) {
        let (text, settings) = (text(), settings());
        bencher.bench(|| {
            let mut octets = 0;
            read("zone", text.as_bytes(), &settings, &mut no_includes, &mut |record| {
                octets += record.rdata.len()
            })
            .map(|()| octets)
        });
    }

    #[divan::bench]
    fn a_zone_of_them(bencher: divan::Bencher<'_, '_>) {
        let (text, settings) = (text(), settings());
        bencher.bench(|| read_zone("zone", text.as_bytes(), &settings, &mut no_includes));
    }

    #[divan::bench]
    fn validated(bencher: divan::Bencher<'_, '_>) {
        let zone = read_zone("zone", text().as_bytes(), &settings(), &mut no_includes).expect("a zone").zone;
        bencher.bench(|| validate(&zone));
    }

    #[divan::bench]
    fn printed(bencher: divan::Bencher<'_, '_>) {
        let zone = read_zone("zone", text().as_bytes(), &settings(), &mut no_includes).expect("a zone").zone;
        bencher.bench(|| print(&zone, &super::PRINT));
    }
}

const PRINT: zone_model::master::PrintSettings =
    zone_model::master::PrintSettings { relative: false, default_ttl: 300 };
